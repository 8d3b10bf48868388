"""Everything of an audience for people: tables, a workbook, perimeters, and a zip a contrat de ville."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from qpv_data.engine import replacing
from qpv_data.exports.contracts import write_contracts
from qpv_data.exports.csv import write_csv
from qpv_data.exports.folder import AudienceFolder
from qpv_data.exports.geojson import write_geojson
from qpv_data.exports.lisezmoi import sections, write_text
from qpv_data.exports.readable import query, readable, zone_blocks
from qpv_data.exports.xlsx import write_workbook

WORKBOOK_VALUES = 2_000_000
"""Past this, no workbook of the whole is written: it would take minutes, and no spreadsheet would open it well."""
FILES = (
    ("indicateurs.xlsx", "les valeurs en tableaux, une feuille par thème, une colonne par période"),
    ("valeurs.csv", "les mêmes, une ligne par valeur, avec numérateurs, dénominateurs et statuts"),
    ("indicateurs.csv", "les indicateurs : définition, unité, producteur, licence"),
    ("perimetres.geojson", "les contours des zones (longitude, latitude)"),
    ("contrats/", "une archive par contrat de ville, avec les mêmes fichiers pour ses quartiers et ses communes"),
)


def write_whole(folder: AudienceFolder, target: Path) -> Iterator[Path]:
    """Write the files of `FILES` in `target`, then the contracts' archives; yields each as it is whole.

    A file that exists is replaced. Memory does not grow with the release, whose workbook is left out when it has more
    than WORKBOOK_VALUES values; the contracts have theirs.
    """
    target.mkdir(parents=True, exist_ok=True, mode=folder.rights())
    with readable(folder, target) as con:
        large = _count(con) > WORKBOOK_VALUES
        parts = sections(folder, "Indicateurs des quartiers prioritaires", FILES[1:] if large else FILES)
        yield from _write(con, folder, target, parts, large)
    yield from write_contracts(folder, target / "contrats")


def _write(
    con: duckdb.DuckDBPyConnection, folder: AudienceFolder, target: Path, parts: Sequence[tuple[str, list[str]]],
    large: bool,
) -> Iterator[Path]:  # fmt: skip
    with replacing(target / "LISEZ-MOI.txt") as draft, draft.open("wb") as sink:
        write_text(parts, sink)
    yield target / "LISEZ-MOI.txt"
    with replacing(target / "indicateurs.csv") as draft, draft.open("wb") as sink:
        write_csv(con, query("indicateurs"), sink)
    yield target / "indicateurs.csv"
    with replacing(target / "valeurs.csv") as draft, draft.open("wb") as sink:
        chosen = "CREATE OR REPLACE VIEW choisies AS SELECT * FROM valeurs"
        write_csv(con, query("csv"), sink, [f"{chosen} WHERE {block}" for block in zone_blocks(con)])
        con.execute(chosen)
    yield target / "valeurs.csv"
    with replacing(target / "perimetres.geojson") as draft, draft.open("wb") as sink:
        write_geojson(folder, None, sink)
    yield target / "perimetres.geojson"
    if not large:
        with replacing(target / "indicateurs.xlsx") as draft:
            write_workbook(con, parts, f"{folder.publication()['publiee_le']:%Y-%m-%d}", draft)
        yield target / "indicateurs.xlsx"


def _count(con: duckdb.DuckDBPyConnection) -> int:
    (rows,) = con.execute("SELECT count(*) FROM valeurs").fetchone() or (0,)
    return int(rows)
