"""`qpv-data locate`: any file of points, in any zones, outside the pipeline too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from qpv_data.points.files import Request
    from qpv_data.points.outcome import Outcome
    from qpv_data.points.zoning import Zoning


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(locate)


def locate(
    points: Annotated[list[Path], typer.Argument(help="Fichiers Parquet, GeoParquet, CSV ou Arrow, ou leur dossier.")],
    x: Annotated[str | None, typer.Option("--x", help="Colonne des longitudes ou abscisses.")] = None,
    y: Annotated[str | None, typer.Option("--y", help="Colonne des latitudes ou ordonnées.")] = None,
    geometrie: Annotated[
        str | None, typer.Option(help="Colonne de points (GeoParquet) ; d'elle-même celle du fichier, sans --x ni --y.")
    ] = None,
    crs: Annotated[str | None, typer.Option("--crs", help="Système des points, par exemple EPSG:4326.")] = None,
    colonne_epsg: Annotated[str | None, typer.Option(help="Colonne du code EPSG, ligne par ligne.")] = None,
    zonage: Annotated[
        list[str] | None, typer.Option(help="Zonage connu, par exemple qpv2024 ; plusieurs en une passe.")
    ] = None,
    zonages: Annotated[
        Path | None, typer.Option(help="Dossier --out d'une exécution, où prendre les zonages ; sinon les clauses.")
    ] = None,
    clauses: Annotated[Path | None, typer.Option(help="Clauses des zonages. Défaut : referentiels/clauses.")] = None,
    miroir: Annotated[
        Path | None, typer.Option(help="Dossier ou table où les adresses des zonages sont résolues.")
    ] = None,
    zones: Annotated[Path | None, typer.Option(help="Fichier de polygones, à la place d'un zonage connu.")] = None,
    code: Annotated[str | None, typer.Option(help="Colonne du code dans --zones.")] = None,
    zones_crs: Annotated[str | None, typer.Option(help="Système de --zones, si le fichier n'en dit rien.")] = None,
    tampon: Annotated[
        list[float] | None,
        typer.Option(min=0.001, max=1e6, help="Élargir les zones, en mètres ; ajoute un zonage par valeur."),
    ] = None,
    sortie: Annotated[Path | None, typer.Option("--sortie", "-o", help="Fichier à écrire, .parquet ou .csv.")] = None,
    compte: Annotated[bool, typer.Option("--compte", help="Compter par zone au lieu d'écrire des lignes.")] = False,
    par: Annotated[str | None, typer.Option(help="Avec --compte : compter aussi par cette colonne.")] = None,
    somme: Annotated[list[str] | None, typer.Option(help="Avec --compte : sommer cette colonne.")] = None,
    regle: Annotated[
        str, typer.Option(help="couvre : un point du bord est dedans ; contient : il ne l'est pas.")
    ] = "couvre",
    tous: Annotated[
        bool, typer.Option("--tous", help="Ajouter `codes`, tous ceux des zones qui tiennent le point.")
    ] = False,
    distance: Annotated[
        float | None,
        typer.Option(
            min=0.001, help="Ajouter `distance_limite_m`, à la limite la plus proche, jusqu'à tant de mètres."
        ),
    ] = None,
    corriger_axes: Annotated[
        bool, typer.Option("--corriger-axes", help="Échanger x et y là où l'échange seul met le point en France.")
    ] = False,
    decimale: Annotated[str, typer.Option(help="Marque décimale des coordonnées écrites en texte.")] = ".",
    separateur: Annotated[str | None, typer.Option(help="Séparateur du CSV. Défaut : reconnu à l'en-tête.")] = None,
    encodage: Annotated[str, typer.Option(help="Encodage du CSV.")] = "utf-8",
    prefixe: Annotated[str, typer.Option(help="Préfixe des colonnes ajoutées.")] = "",
    fils: Annotated[int | None, typer.Option(min=1, help="Fils d'exécution. Défaut : tous les cœurs.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="N'afficher que les erreurs.")] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Dire le bilan en JSON ; avec --compte sans -o, sur la sortie d'erreur."),
    ] = False,
) -> None:
    """Mettre chaque point dans sa zone : dedans, dehors, ou de lieu inconnu avec la raison.

    La sortie garde les colonnes reçues et ajoute `code` (nul hors zone), `localisation` (dedans, dehors, inconnu) et
    `localisation_motif` (nul sauf si inconnu). Un point du bord est dedans ; de plusieurs zones, le plus petit code.
    Avec --compte, une ligne par zone et catégorie : `code`, la catégorie, `nombre`, `somme_COLONNE`.

    Exemple : qpv-data locate points.parquet --x lon --y lat --crs EPSG:4326 --zonage qpv2024 -o lieux.parquet
    """
    from qpv_data.cli import errors_told

    _coherent(zonage, zones, code, compte, par, somme, sortie, regle)
    separateur = _legible(decimale, separateur, zonage, tampon)
    with errors_told():
        opened = _zonings(zonage or [], zonages, clauses, miroir, zones, code, zones_crs, tampon or [])
        where = {"x": x, "y": y, "geometrie": geometrie, "crs": crs, "colonne_epsg": colonne_epsg, "decimale": decimale}
        request = _request(
            points, where, opened, regle, corriger_axes, tous, distance, prefixe, fils, separateur, encodage
        )
        _keep_inputs(points, zones, sortie)
        absent: list[dict[str, int]] = [{} for _ in request.asked]
        if compte:
            outcomes, absent = _counted(request, par, list(dict.fromkeys(somme or [])), sortie)
        else:
            outcomes = _written(request, sortie)
        if not quiet:
            _tell(request, outcomes, absent, sortie, as_json)


def _coherent(
    zonage: list[str] | None,
    zones: Path | None,
    code: str | None,
    compte: bool,
    par: str | None,
    somme: list[str] | None,
    sortie: Path | None,
    regle: str,
) -> None:
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


def _legible(decimale: str, separateur: str | None, zonage: list[str] | None, tampon: list[float] | None) -> str | None:
    """The separator, a written `\\t` being a tab."""
    if decimale not in (".", ","):
        raise typer.BadParameter("--decimale : . ou ,")
    separateur = "\t" if separateur == "\\t" else separateur
    if separateur is not None and (len(separateur) != 1 or separateur in '"\r\n' or not separateur.isascii()):
        raise typer.BadParameter("--separateur : un seul caractère, par exemple ;")
    for option, asked in (("--zonage", zonage or []), ("--tampon", tampon or [])):
        if len({f"{one:g}" if isinstance(one, float) else one for one in asked}) < len(asked):
            raise typer.BadParameter(f"{option} : la même valeur deux fois")
    return separateur


def _keep_inputs(points: list[Path], zones: Path | None, target: Path | None) -> None:
    """Raise FeedError when the output would take the place of what is read."""
    from qpv_data.points.reading import files_of
    from qpv_data.problems import FeedError, Problem

    read = {p.resolve() for p in [*files_of(points), *([zones] if zones is not None else [])]}
    if target is not None and target.resolve() in read:
        message = "la sortie est aussi un fichier lu, qui serait perdu"
        raise FeedError(target.name, Problem.ECRITURE_IMPOSSIBLE, message, "donner un autre nom à -o")


def _zonings(
    names: Sequence[str],
    folder: Path | None,
    clauses: Path | None,
    miroir: Path | None,
    zones: Path | None,
    code: str | None,
    zones_crs: str | None,
    buffers: Sequence[float],
) -> list[Zoning]:
    widths = [0.0, *buffers]
    if zones is not None:
        from qpv_data.points.opening import open_zones

        return [open_zones(zones, code or "", zones_crs, width) for width in widths]
    from qpv_data.cli import default_clauses, now
    from qpv_data.points.known import composed_folder, open_zoning

    found = []
    for name in names:
        root = (clauses or default_clauses()).resolve()
        inner = folder or composed_folder(name, root, miroir.resolve() if miroir else None, now())
        found += [open_zoning(inner, name, width) for width in widths]
    return found


def _request(
    points: list[Path],
    where: dict[str, Any],
    zonings: list[Zoning],
    regle: Any,
    corriger: bool,
    tous: bool,
    distance: float | None,
    prefixe: str,
    fils: int | None,
    separateur: str | None,
    encodage: str,
) -> Request:
    from qpv_data.points.batch import Placer
    from qpv_data.points.declared import where_of
    from qpv_data.points.files import Asked, Request, threads_here
    from qpv_data.points.metric import Margins
    from qpv_data.points.reading import files_of, open_source

    sources = tuple(open_source(p, separateur=separateur, encodage=encodage) for p in files_of(points))
    asked = []
    for zoning in zonings:
        alone = len(zonings) == 1
        stem = "" if alone else f"{zoning.nom}_"
        names = f"{stem}code" if alone else zoning.nom, f"{stem}localisation", f"{stem}localisation_motif"
        columns = (prefixe + names[0], prefixe + names[1], prefixe + names[2])
        every = f"{prefixe}{stem}codes" if tous else None
        far = None if distance is None else (f"{prefixe}{stem}distance_limite_m", Margins(zoning, distance))
        asked.append(Asked(Placer(zoning, regle=regle, corriger_axes=corriger), columns, every, far))
    return Request(sources, where_of(sources, **where), tuple(asked), fils or threads_here())


def _written(request: Request, target: Path | None) -> list[Outcome]:
    from qpv_data.points.files import write

    assert target is not None
    return write(request, target)


def _counted(
    request: Request, par: str | None, somme: Sequence[str], target: Path | None
) -> tuple[list[Outcome], list[dict[str, int]]]:
    """Outcomes, and the number of values of each summed column that were absent, by zoning."""
    from qpv_data.points.files import count
    from qpv_data.points.tally import table_of

    outcomes, tallies = count(request, par, somme)
    zonings = [a.placer.zoning for a in request.asked]
    tables = [table_of(t, z.codes) for t, z in zip(tallies, zonings, strict=True)]
    _save(tables, [z.nom for z in zonings], target)
    return outcomes, [{name: number for name, number in sorted(t.absents.items()) if number} for t in tallies]


def _save(tables: list[pa.Table], names: list[str], target: Path | None) -> None:
    import sys

    import pyarrow as pa

    from qpv_data.points.rows import write_csv
    from qpv_data.replacing import replacing

    if len(tables) > 1:
        named = [
            t.add_column(0, "zonage", pa.array([n] * len(t), pa.string())) for n, t in zip(names, tables, strict=True)
        ]
        table = pa.concat_tables(named)
    else:
        table = tables[0]
    if target is not None and target.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq

        with replacing(target) as temporary:
            pq.write_table(table, temporary, compression="zstd")
        return
    if target is None:
        sys.stdout.flush()
        write_csv(table, sys.stdout.buffer)
        return
    with replacing(target) as temporary:
        write_csv(table, temporary)


def _tell(
    request: Request, outcomes: list[Outcome], absent: list[dict[str, int]], target: Path | None, as_json: bool
) -> None:
    """The balance of every zoning, on standard error: standard output is for what is asked."""
    from qpv_data.points.balance import balance, sentences

    said = [
        balance(asked.placer.zoning, outcome, lacking)
        for asked, outcome, lacking in zip(request.asked, outcomes, absent, strict=True)
    ]
    if as_json:
        typer.echo(json.dumps(said[0] if len(said) == 1 else said, ensure_ascii=False, indent=1), err=target is None)
        return
    for one in said:
        typer.echo(sentences(one), err=True)
    if target is not None:
        typer.echo(f"→ {target}", err=True)
