"""The database of a run, and empty ones whose rows a test writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from qpv_data.schemas import PUBLISHED

_BLANK = {"VARCHAR": "x", "BIGINT": 0, "INTEGER": 0, "DOUBLE": 0.0, "BOOLEAN": False, "DATE": "2024-01-01"}


def base_of(out: Path) -> Path:
    """The database of the last release of the `--out` of a run, of its narrowest audience."""
    return out / "qpv.duckdb"


def insert(con: duckdb.DuckDBPyConnection, table: str, **said: Any) -> None:
    """A row of a published table; columns that are never null have a value of their type, others none."""
    needed = set(PUBLISHED[table].non_nulles) - set(said)
    types = {c: t for c, t, *_ in con.execute(f"DESCRIBE {table}").fetchall()}
    row = {c: _BLANK.get(types[c], "2024-01-01") for c in types if c in needed} | said
    marks = ", ".join("?" for _ in row)
    con.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))
