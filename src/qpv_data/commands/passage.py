"""`qpv-data passage`: the passage between two generations of zones, as a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pyarrow as pa

    from qpv_data.passage import Generation
    from qpv_data.passage.weights import Points

_DEFAULT_TOLERANCE_M = 12.0  # qpv_data.passage.TOLERANCE_M, which is not imported here so that the help is quick

De = Annotated[str | None, typer.Option("--de", help="Zonage de départ, par exemple qpv2015.")]
Vers = Annotated[str | None, typer.Option("--vers", help="Zonage d'arrivée, par exemple qpv2024.")]
Dossier = Annotated[Path | None, typer.Option("--zonages", help="Dossier zonages/ d'une exécution.")]
Fichier = Annotated[Path | None, typer.Option(help="Fichier de polygones, au lieu d'un zonage du dossier.")]
Code = Annotated[str | None, typer.Option(help="Colonne des codes de ce fichier.")]
Systeme = Annotated[str | None, typer.Option(help="Système de ce fichier, s'il n'en dit aucun.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(passage)


def passage(
    sortie: Annotated[Path, typer.Option("--sortie", "-o", help="Fichier à écrire : .parquet ou .csv.")],
    de: De = None,
    vers: Vers = None,
    zonages: Dossier = None,
    de_zones: Fichier = None,
    de_code: Code = None,
    de_crs: Systeme = None,
    vers_zones: Fichier = None,
    vers_code: Code = None,
    vers_crs: Systeme = None,
    points: Annotated[Path | None, typer.Option(help="Points (adresses, logements), en Parquet ou CSV.")] = None,
    x: Annotated[str | None, typer.Option("--x", help="Colonne des x ou longitudes des points.")] = None,
    y: Annotated[str | None, typer.Option("--y", help="Colonne des y ou latitudes des points.")] = None,
    crs: Annotated[str | None, typer.Option("--crs", help="Système des points, par exemple EPSG:4326.")] = None,
    poids: Annotated[str | None, typer.Option(help="Colonne à sommer. Défaut : compter les points.")] = None,
    tolerance: Annotated[
        float, typer.Option(help="Largeur, en mètres, sous laquelle un écart de contour ne compte pas.")
    ] = _DEFAULT_TOLERANCE_M,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="N'afficher que les erreurs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Répondre en JSON.")] = False,
) -> None:
    """Passer d'une génération de zones à l'autre : qui va où, pour quelle part, et de quelle nature est le lien."""
    if sortie.suffix.lower() not in (".parquet", ".csv"):
        raise typer.BadParameter("donner un nom en .parquet ou .csv", param_hint="--sortie")
    _check_side("de", de, zonages, de_zones, de_code)
    _check_side("vers", vers, zonages, vers_zones, vers_code)
    layer = _points(points, x, y, crs, poids)
    old = _generation(de, zonages, de_zones, de_code, de_crs)
    new = _generation(vers, zonages, vers_zones, vers_code, vers_crs)

    from qpv_data.passage import passage_table
    from qpv_data.passage.summary import counted, summary

    table, weights = passage_table(old, new, tolerance, layer)
    _write(table, sortie)
    if as_json:
        typer.echo(json.dumps(counted(table), ensure_ascii=False, indent=1))
    elif not quiet:
        typer.echo(summary(table, weights))


def _check_side(side: str, zonage: str | None, folder: Path | None, path: Path | None, code: str | None) -> None:
    if path is None and (zonage is None or folder is None):
        message = f"donner --{side} et --zonages, ou --{side}-zones et --{side}-code"
        raise typer.BadParameter(message, param_hint=f"--{side}")
    if path is not None and code is None:
        raise typer.BadParameter("donner la colonne des codes", param_hint=f"--{side}-code")


def _generation(
    zonage: str | None, folder: Path | None, path: Path | None, code: str | None, crs: str | None
) -> Generation:
    """Zones of a file when there is one, else those of the run's folder."""
    from qpv_data.passage.reading import read_composed, read_file

    if path is not None:
        assert code is not None
        return read_file(path, code, crs, zonage or path.stem)
    assert folder is not None
    assert zonage is not None
    return read_composed(folder, zonage)


def _points(path: Path | None, x: str | None, y: str | None, crs: str | None, poids: str | None) -> Points | None:
    given = {"--x": x, "--y": y, "--crs": crs}
    if path is None:
        if extra := [name for name, value in {**given, "--poids": poids}.items() if value is not None]:
            raise typer.BadParameter(f"{', '.join(extra)} sans --points", param_hint="--points")
        return None
    if missing := [name for name, value in given.items() if value is None]:
        raise typer.BadParameter(f"il manque {', '.join(missing)}", param_hint="--points")
    assert x is not None
    assert y is not None
    assert crs is not None

    from qpv_data.passage.reading import read_points

    return read_points(path, x, y, crs, poids)


def _write(table: pa.Table, target: Path) -> None:
    import pyarrow.parquet as pq

    from qpv_data.engine import replacing
    from qpv_data.points.rows import write_csv

    with replacing(target) as draft:
        if target.suffix.lower() == ".csv":
            write_csv(table, draft)
        else:
            pq.write_table(table, draft, compression="zstd")
