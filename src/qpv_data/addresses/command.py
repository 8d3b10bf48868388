"""What the command `geocoder` does: a file of any kind in, Parquet out."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from qpv_data.addresses.geocode import GeocodeReport, geocode
from qpv_data.addresses.model import URL_ADDOK, URL_GEOPLATEFORME, Geocodeur, Service
from qpv_data.addresses.questions import AddressColumns, PointColumns
from qpv_data.clause.expressions import literal
from qpv_data.clause.model import places_points
from qpv_data.engine import engine, scratch, sql_path
from qpv_data.problems import FeedError, Problem

_COMMAND = "geocoder"


def service_asked(geocodeur: Geocodeur, url: str | None, hote_interne: str | None, *, personnelles: bool) -> Service:
    """The service that the options name."""
    default = URL_GEOPLATEFORME if geocodeur == "geoplateforme" else URL_ADDOK
    return Service(geocodeur, url or default, personnelles, hote_interne)


def point_columns(x: str | None, y: str | None, crs: str | None) -> PointColumns | None:
    """The feed's own point: all three options, or none. Raises FeedError."""
    if x is None and y is None and crs is None:
        return None
    shape = re.fullmatch(r"EPSG:([0-9]{4,6})", crs or "")
    if x is None or y is None or shape is None or not places_points(int(shape[1])):
        message, remedy = "--x, --y et --crs vont ensemble", "les donner tous trois (--crs EPSG:4326), ou aucun"
        raise FeedError(_COMMAND, Problem.CRS_INATTENDU, message, remedy)
    return PointColumns(x, y, int(shape[1]))


def geocode_file(
    fichier: Path, sortie: Path, *, columns: AddressColumns, service: Service, separateur: str | None = None
) -> GeocodeReport:
    """Geocode a Parquet or CSV (UTF-8) file. Raises FeedError: see `geocode`, and for a file that cannot be read."""
    jeu = fichier.stem
    if not fichier.is_file():
        raise FeedError(jeu, Problem.SOURCE_ABSENTE, f"{fichier} introuvable", "vérifier le chemin")
    with fichier.open("rb") as file:
        parquet = file.read(4) == b"PAR1"
    sortie.parent.mkdir(parents=True, exist_ok=True)
    with scratch(sortie.resolve().parent) as folder:
        source = fichier if parquet else _as_parquet(fichier, folder, separateur)
        return geocode(source, sortie, jeu=jeu, columns=columns, service=service)


def _as_parquet(fichier: Path, folder: Path, separateur: str | None) -> Path:
    """The rows of a CSV as text, in order: no code loses its zeros. Its quotes and line breaks are honoured."""
    target = folder / "lignes.parquet"
    mark = f", delim = {literal(separateur)}" if separateur else ""
    read = (
        f"read_csv({sql_path(fichier)}, header = true, all_varchar = true, nullstr = '', quote = '\"', escape = '\"'"
        f"{mark})"
    )
    failure = ""
    with engine(folder) as con:
        try:
            con.execute(f"COPY (SELECT * FROM {read}) TO {sql_path(target)} (FORMAT parquet)")
        except duckdb.Error as e:
            failure = type(e).__name__
    if failure:  # out of the block above: DuckDB's message may quote a row
        message = f"{fichier.name} n'est ni un Parquet, ni un CSV en UTF-8 lisible ({failure})"
        raise FeedError(fichier.stem, Problem.FORMAT_INATTENDU, message, "dire --separateur, ou convertir le fichier")
    return target
