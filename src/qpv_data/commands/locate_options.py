"""What the options of `qpv-data locate` ask of each other."""

from __future__ import annotations

from pathlib import Path

import typer


def coherent(
    zonage: list[str] | None,
    zones: Path | None,
    code: str | None,
    compte: bool,
    par: str | None,
    somme: list[str] | None,
    sortie: Path | None,
    regle: str,
) -> None:
    """Raise BadParameter when options contradict each other."""
    if bool(zonage) == (zones is not None):
        raise typer.BadParameter("donner --zonage NOM ou --zones FICHIER, l'un des deux")
    if (zones is None) != (code is None):
        raise typer.BadParameter("--code accompagne --zones")
    if (par or somme) and not compte:
        raise typer.BadParameter("--par et --somme accompagnent --compte")
    if sortie is None and not compte:
        raise typer.BadParameter("donner -o FICHIER, ou --compte pour voir des nombres")
    if sortie is not None and sortie.suffix.lower() not in (".parquet", ".csv"):
        raise typer.BadParameter(f"-o {sortie.name} : .parquet ou .csv")
    if regle not in ("couvre", "contient"):
        raise typer.BadParameter("--regle : couvre ou contient")


def legible(decimale: str, separateur: str | None, zonage: list[str] | None, tampon: list[float] | None) -> str | None:
    """The separator, a written `\\t` being a tab. Raises BadParameter."""
    if decimale not in (".", ","):
        raise typer.BadParameter("--decimale : . ou ,")
    separateur = "\t" if separateur == "\\t" else separateur
    if separateur is not None and (len(separateur) != 1 or separateur in '"\r\n' or not separateur.isascii()):
        raise typer.BadParameter("--separateur : un seul caractère, par exemple ;")
    for option, asked in (("--zonage", zonage or []), ("--tampon", tampon or [])):
        if len({f"{one:g}" if isinstance(one, float) else one for one in asked}) < len(asked):
            raise typer.BadParameter(f"{option} : la même valeur deux fois")
    return separateur


def keep_inputs(points: list[Path], zones: Path | None, target: Path | None) -> None:
    """Raise FeedError when the output would take the place of what is read."""
    from qpv_data.points.reading import files_of
    from qpv_data.problems import FeedError, Problem

    read = {p.resolve() for p in [*files_of(points), *([zones] if zones is not None else [])]}
    if target is not None and target.resolve() in read:
        message = "la sortie est aussi un fichier lu, qui serait perdu"
        raise FeedError(target.name, Problem.ECRITURE_IMPOSSIBLE, message, "donner un autre nom à -o")
