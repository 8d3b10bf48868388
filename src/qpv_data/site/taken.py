"""Answers that are long to compute, taken once in files that each process reads a block of quarters at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from qpv_data.clause.expressions import literal
from qpv_data.engine import sql_path
from qpv_data.resources import sql_dir

BATCH = 25
"""Indicators asked for at once: conditions that are written out reach the tables under a view, and memory does not grow
with the indicators."""


def take(con: duckdb.DuckDBPyConnection, name: str, work: Path, choices: Sequence[str]) -> Path:
    """Write the rows of sql/site/<name>.sql in a folder under `work`, a Parquet a choice. They have `zonage` and
    `code_zone`, and each file is sorted by them, so that a block is read without the rest."""
    query, target = (sql_dir() / "site" / f"{name}.sql").read_text("utf-8"), work / name
    target.mkdir()
    for rank, choice in enumerate(choices or ["false"]):
        path = target / f"{rank:05}.parquet"
        con.execute(f"COPY ({query.format(choix=choice)}) TO {sql_path(path)} (FORMAT parquet, ROW_GROUP_SIZE 20000)")
    return target


def by_indicator(names: Sequence[str]) -> Iterator[str]:
    """Conditions that choose some indicators, all of them once."""
    listed = sorted(names)
    for start in range(0, len(listed), BATCH):
        yield f"indicateur IN ({', '.join(map(literal, listed[start : start + BATCH]))})"


def by_period(last: Mapping[str, str]) -> Iterator[str]:
    """The same, each indicator at its period."""
    for period in sorted(set(last.values())):
        for chosen in by_indicator([name for name, p in last.items() if p == period]):
            yield f"periode = {literal(period)} AND {chosen}"


def rows_of(
    con: duckdb.DuckDBPyConnection, columns: str, source: Path, block: Sequence[tuple[str, str]]
) -> list[tuple[Any, ...]]:
    """`columns` of the rows of some quarters, (zonage, code) each; those of a quarter in the order of the files."""
    files = ", ".join(sql_path(path) for path in sorted(source.iterdir()))
    sql = (
        f"SELECT {columns} FROM read_parquet([{files}])"
        " WHERE code_zone BETWEEN ? AND ? AND list_contains(?, zonage || ' ' || code_zone)"
    )
    codes = [code for _, code in block]
    return con.execute(sql, [min(codes), max(codes), [f"{z} {c}" for z, c in block]]).fetchall()
