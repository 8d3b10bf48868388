"""What each large contributor of a feed knows of it: its own records, aggregated as all of them are.

For the attack as a partner (`attack_releases(…, partners=files)`): a landlord among several, a company among the
others. It is as confidential as the records. A feed that one partner delivers alone has none: that partner knows all of
it, and nobody else is in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from qpv_data.aggregate import aggregate, cells_path
from qpv_data.clause.expressions import literal, quote
from qpv_data.clause.model import ClauseJeu, Indicateur
from qpv_data.coverage import ZoneTable
from qpv_data.engine import engine, replacing, scratch, sql_path
from qpv_data.locate import DECLARED
from qpv_data.zonages.quarters import Quarters

LARGEST = 4
"""Contributors who are taken for partners, and each pair of them: the attack is made once for each."""


def partner_files(
    clause: ClauseJeu, located: Mapping[str, Path], *, periodes: Sequence[str], table: ZoneTable, zonages: Path,
    folder: Path, travail: Path, quarters: Quarters | None = None, most: int = LARGEST,
) -> list[Path]:  # fmt: skip
    """Write a Parquet for each of the contributors with most records, at most `most`: `indicateur, modalite, zonage,
    code_zone, periode, valeur`, for figures that are not nothing.

    Files are named by rank, `<jeu>-contributeur-1.parquet` the largest; ties by name. None for a feed without a
    threshold or without `contributeur`, nor when one contributor brings every record. `located`, `periodes`, `table`,
    `zonages` and `quarters` as `aggregate` takes them. Raises FeedError as it does.
    """
    column = clause.secret.contributeur
    if clause.secret.regime != "seuil" or column is None or not located:
        return []
    made = []
    with engine(travail) as con:
        for rank, name in enumerate(_largest(con, list(located.values()), column, most), start=1):
            with scratch(travail) as work:
                own = {key: _records_of(con, path, column, name, work / path.name) for key, path in located.items()}
                aggregate(
                    clause, own, periodes=periodes, table=table, zonages=zonages, aggregated=work / "cellules",
                    travail=travail, quarters=quarters,
                )  # fmt: skip
                made.append(_write(con, clause, work / "cellules", folder / f"{clause.id}-contributeur-{rank}.parquet"))
    return made


def _named(path: Path, column: str) -> str:
    return quote(DECLARED + column if DECLARED + column in pq.read_schema(path).names else column)


def _largest(con: duckdb.DuckDBPyConnection, files: Sequence[Path], column: str, most: int) -> list[str]:
    selects = [f"SELECT CAST({_named(p, column)} AS VARCHAR) AS nom FROM read_parquet({sql_path(p)})" for p in files]
    query = f"SELECT nom FROM ({' UNION ALL '.join(selects)}) WHERE nom IS NOT NULL GROUP BY nom"
    found = [str(n) for (n,) in con.execute(f"{query} ORDER BY count(*) DESC, nom LIMIT {max(most, 2)}").fetchall()]
    return found[:most] if len(found) > 1 else []


def _records_of(con: duckdb.DuckDBPyConnection, path: Path, column: str, name: str, target: Path) -> Path:
    rows = (
        f"SELECT * FROM read_parquet({sql_path(path)}) WHERE CAST({_named(path, column)} AS VARCHAR) = {literal(name)}"
    )
    with replacing(target) as draft:
        con.execute(f"COPY ({rows}) TO {sql_path(draft)} (FORMAT parquet, COMPRESSION zstd)")
    return target


def _write(con: duckdb.DuckDBPyConnection, clause: ClauseJeu, cells: Path, target: Path) -> Path:
    selects = [
        f"SELECT {literal(i.id)} AS indicateur, modalite, zonage, code_zone, periode, CAST({_held(i)} AS DOUBLE) AS"
        f" valeur FROM read_parquet({sql_path(cells_path(cells, i.id))}) WHERE {_held(i)} > 0"
        for i in clause.indicateurs
        if not i.extreme
    ]
    rows = f"{' UNION ALL '.join(selects)} ORDER BY indicateur, zonage, code_zone, periode, modalite"
    with replacing(target) as draft:
        con.execute(f"COPY ({rows}) TO {sql_path(draft)} (FORMAT parquet, COMPRESSION zstd)")
        draft.chmod(0o600)
    return target


def _held(indicateur: Indicateur) -> str:
    return "n_distincts" if indicateur.distinct is not None else "somme_numerateur"
