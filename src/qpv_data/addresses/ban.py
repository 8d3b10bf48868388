"""From an extract of the Base Adresse Nationale to the documents that Addok indexes.

In: the national CSV (23 fields, `;`, UTF-8, plain or gzip). Out: one JSON document a line: streets and localities
with their house numbers, and municipalities. Every row read is in a document or is counted with its reason.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from qpv_data.addresses.reading import parent_commune
from qpv_data.engine import engine, replacing, sql_path
from qpv_data.problems import FeedError, Problem

JEU = "ban"
CHAMPS = (
    "id", "id_fantoir", "numero", "rep", "nom_voie", "code_postal", "code_insee", "nom_commune",
    "code_insee_ancienne_commune", "nom_ancienne_commune", "x", "y", "lon", "lat", "type_position", "alias", "nom_ld",
    "libelle_acheminement", "nom_afnor", "source_position", "source_nom_voie", "certification_commune",
    "cad_parcelles",
)  # fmt: skip
# The number by which the BAN says that a place has none.
SANS_NUMERO = 99_999
# Several positions of one address: the one nearest to where people live wins.
POSITIONS = ("entrée", "bâtiment", "cage d’escalier", "logement", "délivrance postale", "parcelle", "segment")
# Namesakes closer than this are one place.
_HOMONYMES_M = 50
_BATCH = 5_000


@dataclass(frozen=True)
class BanReport:
    """`lues = adresses + doubles + Σ rejetees`; `doubles` are further positions of an address already there."""

    lues: int
    adresses: int
    doubles: int
    rejetees: Mapping[str, int]
    documents: int


def write_documents(extracts: Sequence[Path], target: Path, travail: Path) -> BanReport:
    """Write the documents of these extracts, whole or not at all, in a stable order.

    Positions are longitude and latitude in degrees (EPSG:4326). Raises FeedError: a file that is absent, is not the
    BAN's, is cut, or holds no address.
    """
    for path in extracts:
        _check_header(path)
    with engine(travail) as con:
        try:
            con.execute(f"CREATE TABLE lues AS {_read(extracts)}")
        except duckdb.Error as e:
            message = f"extrait illisible ou coupé ({type(e).__name__})"
            raise FeedError(JEU, Problem.SOURCE_TRONQUEE, message, "le télécharger à nouveau") from e
        con.execute(f"CREATE TABLE adresses AS {_KEPT}")
        report = _totals(con)
        with replacing(target) as part, part.open("w", encoding="utf-8") as out:
            written = 0
            for document in _documents(con):
                out.write(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
                written += 1
    return BanReport(report.lues, report.adresses, report.doubles, report.rejetees, written)


def _check_header(path: Path) -> None:
    try:
        with gzip.open(path) if _gzipped(path) else path.open("rb") as file:
            header = file.readline(10_000).decode("utf-8-sig").rstrip("\r\n")
    except FileNotFoundError as e:
        message, remedy = f"{path.name} introuvable", "donner le chemin d'un extrait de la BAN"
        raise FeedError(JEU, Problem.SOURCE_ABSENTE, message, remedy) from e
    except (OSError, EOFError, UnicodeDecodeError) as e:
        message = f"{path.name} illisible ({type(e).__name__})"
        raise FeedError(JEU, Problem.CONTENEUR_INVALIDE, message, "le télécharger à nouveau") from e
    if tuple(header.replace('"', "").split(";")) != CHAMPS:
        message = f"{path.name} n'a pas les {len(CHAMPS)} champs du format CSV national de la BAN"
        raise FeedError(JEU, Problem.ENTETE_INATTENDU, message, "prendre adresses-<département>.csv.gz")


def _gzipped(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _read(extracts: Sequence[Path]) -> str:
    """One row a row of the files, with `motif`, why it cannot be indexed, or null."""
    sources = " UNION ALL BY NAME ".join(
        f"SELECT * FROM read_csv({sql_path(path)}, delim = ';', quote = '\"', escape = '\"', header = true,"
        f" all_varchar = true, strict_mode = true, compression = '{'gzip' if _gzipped(path) else 'none'}')"
        for path in extracts
    )
    return f"""
SELECT *, CASE
  WHEN n IS NULL THEN 'numero_illisible'
  WHEN nullif(trim(nom_voie), '') IS NULL THEN 'voie_absente'
  WHEN NOT coalesce(regexp_full_match(code_insee, '\\d{{5}}|2[AB]\\d{{3}}'), false) THEN 'commune_illisible'
  WHEN NOT coalesce(isfinite(p_lon) AND isfinite(p_lat) AND abs(p_lon) <= 180 AND abs(p_lat) <= 90
    AND (p_lon <> 0 OR p_lat <> 0), false) THEN 'position_absente' END AS motif
FROM (SELECT *, TRY_CAST(numero AS UINTEGER) AS n, TRY_CAST(lon AS DOUBLE) AS p_lon, TRY_CAST(lat AS DOUBLE) AS p_lat
  FROM ({sources}))"""


_PLACE = f"coalesce(list_position([{', '.join(repr(p) for p in POSITIONS)}], lower(type_position)), 99)"
# One row an address: a number, a suffix, a street, a commune, before and after it merged.
_KEPT = f"""
SELECT trim(nom_voie) AS voie, code_insee, coalesce(nom_commune, '') AS nom_commune,
  coalesce(code_postal, '') AS code_postal, coalesce(code_insee_ancienne_commune, '') AS ancienne,
  coalesce(nom_ancienne_commune, '') AS nom_ancienne, n, lower(coalesce(rep, '')) AS suffixe,
  first(id ORDER BY {_PLACE}, id, p_lon, p_lat) AS id,
  first({{'lon': p_lon, 'lat': p_lat}} ORDER BY {_PLACE}, id, p_lon, p_lat) AS point,
  min(nullif(trim(alias), '')) AS alias
FROM lues WHERE motif IS NULL GROUP BY ALL"""


def _extent(more: str) -> str:
    """Metres, near enough, across the addresses of one number, street name and commune."""
    alike = f"OVER (PARTITION BY code_insee, lower(voie), n, suffixe{more})"
    north = f"(max(point.lat) {alike} - min(point.lat) {alike})"
    east = f"(max(point.lon) {alike} - min(point.lon) {alike}) * cos(radians(point.lat))"
    return f"111320 * sqrt(pow({north}, 2) + pow({east}, 2))"


# One row an address, with `ambigu`: `toujours` when the same number, street and commune are elsewhere too, 50 m away
# or more (merged communes), `sans_code_postal` when the postcode tells them apart.
_JUDGED = f"""
SELECT *, CASE WHEN {_extent(", code_postal")} > {_HOMONYMES_M} THEN 'toujours'
  WHEN {_extent("")} > {_HOMONYMES_M} THEN 'sans_code_postal' END AS ambigu
FROM adresses"""
# One row a street: a name, a postcode, a commune, before and after it merged.
_STREETS = f"""
SELECT voie, code_insee, nom_commune, code_postal, ancienne, nom_ancienne, min(alias) AS alias,
  list({{'n': n, 's': suffixe, 'id': id, 'lon': point.lon, 'lat': point.lat, 'ambigu': ambigu}} ORDER BY n, suffixe)
    AS numeros
FROM ({_JUDGED})
GROUP BY ALL ORDER BY code_insee, voie, code_postal, ancienne, nom_commune, nom_ancienne"""
# One row a commune; sums are exact, so that the order of the rows changes nothing.
_MUNICIPALITIES = """
SELECT code_insee, min(nom_commune) AS nom, list_sort(list(DISTINCT code_postal)) AS codes_postaux,
  CAST(sum(CAST(point.lon AS DECIMAL(20, 12))) AS DOUBLE) / count(*) AS lon,
  CAST(sum(CAST(point.lat AS DECIMAL(20, 12))) AS DOUBLE) / count(*) AS lat, count(*) AS adresses
FROM adresses WHERE nom_commune <> '' GROUP BY code_insee ORDER BY code_insee"""


def _totals(con: duckdb.DuckDBPyConnection) -> BanReport:
    found = con.execute("SELECT coalesce(motif, ''), count(*) FROM lues GROUP BY 1 ORDER BY 1").fetchall()
    counts: dict[str, int] = {str(reason): int(n) for reason, n in found}
    good, read = counts.pop("", 0), sum(n for _, n in found)
    row = con.execute("SELECT count(*) FROM adresses").fetchone()
    assert row is not None
    kept = int(row[0])
    assert read == good + sum(counts.values())
    assert kept <= good
    if kept == 0:
        message = f"aucune adresse utilisable sur {read} lignes"
        raise FeedError(JEU, Problem.TROP_PEU_DE_LIGNES, message, "prendre adresses-<département>.csv.gz")
    return BanReport(read, kept, good - kept, counts, 0)


def _documents(con: duckdb.DuckDBPyConnection) -> Iterator[dict[str, Any]]:
    streets = con.execute(_STREETS)
    while rows := streets.fetchmany(_BATCH):
        for row in rows:
            yield _street(*row)
    for code, name, postcodes, lon, lat, count in con.execute(_MUNICIPALITIES).fetchall():
        yield {
            "_id": f"commune-{code}", "id": code, "type": "municipality", "name": name, "city": name,
            "postcode": [p for p in postcodes if p] or [""], "citycode": _codes(code, ""), "lat": lat, "lon": lon,
            "importance": _importance(count),
        }  # fmt: skip


def _street(
    name: str, code: str, city: str, postcode: str, former: str, former_name: str, alias: str | None,
    numbers: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    housed = [n for n in numbers if n["n"] != SANS_NUMERO]
    document: dict[str, Any] = {
        "_id": "|".join((code, postcode, former, name)),
        "id": str(numbers[0]["id"] or "").rsplit("_", 1)[0],
        "type": "street" if housed else "locality",
        "name": [name, alias] if alias and alias != name else name,
        "city": [city, former_name] if former_name and former_name != city else city,
        "postcode": postcode,
        "citycode": _codes(code, former),
        "lat": math.fsum(n["lat"] for n in numbers) / len(numbers),
        "lon": math.fsum(n["lon"] for n in numbers) / len(numbers),
        "importance": _importance(len(numbers)),
    }
    if former:
        document["oldcitycode"] = former
    if housed:
        document["housenumbers"] = {
            f"{n['n']} {n['s']}".strip(): {k: n[k] for k in ("id", "lat", "lon", "ambigu") if n[k]} for n in housed
        }
    return document


def _codes(code: str, former: str) -> list[str] | str:
    """The commune's code first: it is the one that an answer bears; the others only find it."""
    codes = [code, *(c for c in (former, parent_commune(code)) if c and c != code)]
    return codes if len(codes) > 1 else code


def _importance(addresses: int) -> float:
    """From 0 to 1, slowly: among namesakes, the longer street first. 3,000 addresses or more weigh the same."""
    return round(min(1.0, math.log10(1 + addresses) / math.log10(3_000)), 4)
