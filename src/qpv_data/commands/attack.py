"""`qpv-data attack`: what a publication gives away of what it hides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from qpv_data.attaque.findings import Report

_FOUND = 1


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(attack)


def attack(
    publications: Annotated[
        list[Path] | None, typer.Argument(help="Dossiers de publications d'un même diffuseur, dans l'ordre.")
    ] = None,
    table: Annotated[Path | None, typer.Option(help="Tableau protégé seul, au lieu de publications.")] = None,
    axes: Annotated[Path | None, typer.Option(help="Axes et règle de ce tableau (axes.yml).")] = None,
    connu: Annotated[list[Path] | None, typer.Option(help="Valeurs publiées ailleurs. Peut être répétée.")] = None,
    partenaire: Annotated[
        list[Path] | None, typer.Option(help="Livraison d'un partenaire, qui peut la soustraire. Peut être répétée.")
    ] = None,
    zeros: Annotated[str | None, typer.Option(help="Politique des zéros : publies ou caches.")] = None,
    montrer: Annotated[int, typer.Option(min=0, help="Nombre de constats montrés, chacun avec sa preuve.")] = 20,
    sortie: Annotated[Path | None, typer.Option("--sortie", "-o", help="Fichier JSON à écrire.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="N'afficher que les erreurs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Répondre en JSON.")] = False,
) -> None:
    """Attaquer ce qui est publié : retrouver ou encadrer ce qui est caché. Code 1 s'il y a un constat."""
    _check_usage(publications or [], table, axes, zeros)
    from qpv_data.attaque.refusal import RefusedInputError
    from qpv_data.attaque.single import attack_table
    from qpv_data.problems import FeedError, Problem
    from qpv_data.refusals import errors_told

    published = None if zeros is None else zeros == "publies"
    with errors_told():
        try:
            if table is not None:
                assert axes is not None
                report = attack_table(table, axes, connu or [], partenaire or [], published, montrer)
            else:
                from qpv_data.attaque.releases import attack_releases

                report = attack_releases(publications or [], connu or [], partenaire or [], published, montrer)
        except RefusedInputError as e:
            raise FeedError(e.source, Problem(e.problem), e.message, e.remedy) from None
        if sortie is not None:
            _write(report, sortie)
    _tell(report, montrer, quiet, as_json)
    if report.findings:
        raise typer.Exit(_FOUND)


def _check_usage(publications: list[Path], table: Path | None, axes: Path | None, zeros: str | None) -> None:
    if (table is None) == (not publications):
        raise typer.BadParameter("donner des publications, ou --table et --axes", param_hint="--table")
    if (table is None) != (axes is None):
        raise typer.BadParameter("--table et --axes vont ensemble", param_hint="--axes")
    if zeros not in (None, "publies", "caches"):
        raise typer.BadParameter("publies ou caches", param_hint="--zeros")


def _write(report: Report, target: Path) -> None:
    from qpv_data.replacing import replacing

    with replacing(target) as draft:
        draft.write_text(json.dumps(report.document(), ensure_ascii=False, indent=1) + "\n", "utf-8")


def _tell(report: Report, shown: int, quiet: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report.document(), ensure_ascii=False, indent=1))
        return
    if quiet:
        return
    for finding in report.findings[:shown]:
        typer.echo("\n".join(finding.lines()))
    if len(report.findings) > shown:
        typer.echo(f"… et {len(report.findings) - shown} autres constats (--sortie les écrit tous)")
    kinds = ", ".join(f"{n} {kind}" for kind, n in report.counts().items() if n) or "aucun"
    typer.echo(
        f"{report.published} cellules publiées, {report.hidden} secrètes, {report.derivable} dérivables,"
        f" {report.equations} équations. Constats : {kinds}."
    )
    for note in report.notes:
        typer.echo(f"  {'à revoir : ' if note in report.to_review else ''}{note}")
