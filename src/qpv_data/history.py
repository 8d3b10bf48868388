"""What earlier releases published: what is out stays out, and new releases hide around it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from qpv_data.engine import sql_path
from qpv_data.releases.journal import PUBLIEE, events, said_on
from qpv_data.releases.layout import ARCHIVES, narrowest, releases_in

HISTOIRE = pa.schema(
    [
        ("indicateur", pa.string()), ("zonage", pa.string()), ("code_zone", pa.string()), ("periode", pa.string()),
        ("modalite", pa.string()), ("numerateur", pa.float64()), ("denominateur", pa.float64()),
        ("cachee", pa.bool_()),
    ]
)  # fmt: skip
_SAID = """
SELECT indicateur, zonage, code_zone, CAST(periode AS VARCHAR) AS periode, modalite, statut_observation,
  statut_diffusion, valeur, numerateur, denominateur, {rank} AS rang
FROM read_parquet({files}, hive_partitioning = true)
"""
_HISTORY = """
SELECT indicateur, zonage, code_zone, periode, modalite, arg_max(numerateur, rang) FILTER (numerateur IS NOT NULL),
  arg_max(struct_pack(d := denominateur), rang) FILTER (numerateur IS NOT NULL).d, bool_and(statut_diffusion = 'secret')
FROM paru
WHERE statut_observation = 'normale' AND list_contains($indicateurs, indicateur)
GROUP BY ALL
"""
_CARRIED = """
SELECT zonage, code_zone, periode, modalite, statut_observation, statut_diffusion, valeur, numerateur, denominateur
FROM paru
WHERE indicateur = $indicateur AND list_contains($periodes, periode)
QUALIFY rang = max(rang) OVER (PARTITION BY periode)
"""


def ledger(sortie: Path) -> list[Path]:
    """Every release of a run's folder, in the order in which readers had them: the roots of those that are there, and
    of those that were withdrawn or put away, which some readers still have."""
    releases, kept = sortie / "releases", sortie / ARCHIVES
    there = [*releases_in(releases), *releases_in(kept)]
    rank = {e.publication: n for n, e in enumerate(events(releases)) if e.evenement == PUBLIEE}
    return sorted(there, key=lambda r: (rank.get(r.name, len(rank)), *said_on(r)))


def register(con: duckdb.DuckDBPyConnection, releases: Sequence[Path], indicators: Iterable[str]) -> None:
    """View `paru`: every row of `releases`, oldest first. Table `histoire`: of each row of `indicators`, the last
    figures that were published, or that it was always hidden (`cachee`)."""
    selects = [
        _SAID.format(rank=rank, files=sql_path(narrowest(release) / "valeurs" / "**" / "*.parquet"))
        for rank, release in enumerate(releases)
    ]
    con.register("histoire_vide", HISTOIRE.empty_table())
    empty = (
        "SELECT indicateur, zonage, code_zone, periode, modalite, NULL::VARCHAR AS statut_observation,"
        " NULL::VARCHAR AS statut_diffusion, numerateur AS valeur, numerateur, denominateur, 0 AS rang"
        " FROM histoire_vide"
    )
    con.execute(f"CREATE OR REPLACE TEMP VIEW paru AS {' UNION ALL '.join(selects) or empty}")
    con.execute("CREATE OR REPLACE TABLE histoire AS SELECT * FROM histoire_vide")
    con.execute(f"INSERT INTO histoire {_HISTORY}", {"indicateurs": sorted(indicators)})


def carry_over(con: duckdb.DuckDBPyConnection, indicateur: str, periods: Iterable[str]) -> None:
    """Tables `en_attente`: the periods whose correction waits, and `reportees`: the rows that the last release that has
    any of each says. From view `paru`."""
    wanted = sorted(periods)
    con.register("en_attente_arrow", pa.table({"periode": pa.array(wanted, pa.string())}))
    con.execute("CREATE OR REPLACE TABLE en_attente AS SELECT * FROM en_attente_arrow")
    con.execute(f"CREATE OR REPLACE TABLE reportees AS {_CARRIED}", {"indicateur": indicateur, "periodes": wanted})
