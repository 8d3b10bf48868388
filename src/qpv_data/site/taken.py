"""Answers that are long to compute, taken once in a file that each process reads a block of quarters at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from qpv_data.engine import sql_path
from qpv_data.resources import sql_dir


def take(con: duckdb.DuckDBPyConnection, name: str, work: Path) -> Path:
    """Write the rows of sql/site/<name>.sql under `work`, as Parquet. They have `zonage` and `code_zone`, and are
    sorted by code, so that a block is read without the rest."""
    query, target = (sql_dir() / "site" / f"{name}.sql").read_text("utf-8"), work / f"{name}.parquet"
    con.execute(f"COPY ({query}) TO {sql_path(target)} (FORMAT parquet, ROW_GROUP_SIZE 20000)")
    return target


def rows_of(
    con: duckdb.DuckDBPyConnection, columns: str, source: Path, block: Sequence[tuple[str, str]]
) -> list[tuple[Any, ...]]:
    """`columns` of the rows of some quarters, (zonage, code) each, in the order of the file."""
    sql = (
        f"SELECT {columns} FROM read_parquet({sql_path(source)})"
        " WHERE code_zone BETWEEN ? AND ? AND list_contains(?, zonage || ' ' || code_zone)"
    )
    codes = [code for _, code in block]
    return con.execute(sql, [min(codes), max(codes), [f"{z} {c}" for z, c in block]]).fetchall()
