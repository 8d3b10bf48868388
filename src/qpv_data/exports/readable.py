"""Published values in the words of their readers: names of zones, titles, statuses in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from qpv_data.clause.expressions import literal
from qpv_data.engine import engine, sql_path
from qpv_data.exports.folder import AudienceFolder
from qpv_data.resources import sql_dir

# The published columns that readable values need: the others would only fill the disk.
_COLUMNS = (
    "zonage, code_zone, indicateur, modalite, periode, periode_debut, valeur, numerateur, denominateur,"
    " statut_observation, statut_diffusion, qualite, publication"
)
# A number without exponent nor superfluous zeros, its decimals after a comma: by its own shortest text, since a double
# made a decimal shows digits that nobody wrote. What has no room in 38 digits keeps that text.
NUMBER = """CREATE TEMP MACRO nombre(x) AS CASE
  WHEN x = trunc(x) AND abs(x) < 1e15 THEN CAST(CAST(x AS BIGINT) AS VARCHAR)
  ELSE replace(coalesce(rtrim(rtrim(CAST(TRY_CAST(CAST(x AS VARCHAR) AS DECIMAL(38, 9)) AS VARCHAR), '0'), '.'),
    CAST(x AS VARCHAR)), '.', ',') END"""
STATE = """CREATE TEMP MACRO etat(d, o) AS CASE d WHEN 'secret' THEN 'cachée : secret'
    WHEN 'masque_producteur' THEN 'cachée par son producteur'
    WHEN 'embargo' THEN 'sous embargo'
    WHEN 'diffusee' THEN
      CASE o WHEN 'normale' THEN 'diffusée'
        WHEN 'provisoire' THEN 'provisoire'
        WHEN 'estimee' THEN 'estimée'
        WHEN 'imputee' THEN 'imputée'
        WHEN 'rupture' THEN 'diffusée, rupture de série'
        WHEN 'non_livree' THEN 'non livrée'
        WHEN 'non_significative' THEN 'non significative'
        WHEN 'sans_objet' THEN 'sans objet'
        ELSE replace(o, '_', ' ') END
    ELSE replace(d, '_', ' ') END"""

BLOCK_ROWS = 500_000
THEMES = {
    "demographie": "démographie", "economie": "économie", "education": "éducation",
    "equipements": "équipements", "mobilite": "mobilité", "sante": "santé", "securite": "sécurité",
}  # fmt: skip
"""Themes whose id is written otherwise by those who read them; any other is its id without underscores."""


@contextmanager
def readable(folder: AudienceFolder, work: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection on the tables of an audience, in bounded memory that spills under `work`.

    Views `valeurs`, `lisibles` (sql/exporter/lisibles.sql) of the rows of `choisies`, which is `valeurs` until it is
    replaced; macros `nombre`, `etat` and `theme`.
    """
    with engine(work) as con:
        values = ", ".join(sql_path(p) for p in folder.values())
        reading = f"read_parquet([{values}], hive_partitioning = true, hive_types_autocast = false)"
        con.execute(f"CREATE VIEW valeurs AS SELECT {_COLUMNS} FROM {reading}")
        con.execute("CREATE VIEW choisies AS SELECT * FROM valeurs")
        for name in ("indicateurs", "modalites", "clauses", "zones_communes", "zones_contrats"):
            con.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({sql_path(folder.path(name))})")
        con.register("zones", folder.table("zones").drop_columns(["geometrie", "bbox"]))
        con.execute(f"CREATE TABLE zones_lisibles AS {query('zones')}")
        con.execute(NUMBER)
        con.execute(STATE)
        cases = " ".join(f"WHEN '{theme}' THEN '{words}'" for theme, words in THEMES.items())
        con.execute(f"CREATE MACRO theme(t) AS CASE t {cases} ELSE replace(t, '_', ' ') END")
        con.execute(f"CREATE VIEW lisibles AS {query('lisibles')}")
        yield con


def zone_blocks(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Conditions on `valeurs` that cut it into runs of zones of about BLOCK_ROWS rows, in order of zoning and code.

    The files are sorted by zone: a run is read without the rest, and sorted in memory. Sorting 20 M rows at once
    spills gigabytes.
    """
    counted = "SELECT zonage, code_zone, count(*) FROM valeurs GROUP BY ALL ORDER BY ALL"
    blocks: list[tuple[str, str, str]] = []
    held = 0
    for zoning, zone, rows in con.execute(counted).fetchall():
        if blocks and blocks[-1][0] == zoning and held + rows <= BLOCK_ROWS:
            blocks[-1], held = (zoning, blocks[-1][1], zone), held + rows
        else:
            blocks.append((zoning, zone, zone))
            held = rows
    return [f"zonage = {literal(z)} AND code_zone BETWEEN {literal(a)} AND {literal(b)}" for z, a, b in blocks]


def query(name: str) -> str:
    """The text of sql/exporter/<name>.sql."""
    return (sql_dir() / "exporter" / f"{name}.sql").read_text("utf-8")
