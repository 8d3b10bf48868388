"""Answer the questions of a page of SQL: each ```sql block is followed by the table that it gives.

`python tests/docs/repondre.py docs/dix-questions.md data/demo` writes the answers of a run again.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bases import base_of

_BLOCK = re.compile(r"^```sql\n(?P<sql>.*?)^```\n(?:\n(?:^\|[^\n]*\|\n)+)?", re.DOTALL | re.MULTILINE)


def questions(page: str) -> list[str]:
    """The SQL of each block."""
    return [block["sql"] for block in _BLOCK.finditer(page)]


def answered(page: str, con: duckdb.DuckDBPyConnection) -> str:
    """The page with what `con` answers now under each question."""
    return _BLOCK.sub(lambda block: f"```sql\n{block['sql']}```\n\n{_table(con, block['sql'])}", page)


def _table(con: duckdb.DuckDBPyConnection, sql: str) -> str:
    answer = con.execute(sql)
    names = [column[0] for column in answer.description or []]
    rows = [names, ["---"] * len(names), *([_shown(v) for v in row] for row in answer.fetchall())]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _shown(value: object) -> str:
    """As a reader writes it: nothing for a null, no decimals for a whole number."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "oui" if value else "non"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    with duckdb.connect(str(base_of(Path(sys.argv[2]))), read_only=True) as base:
        path.write_text(answered(path.read_text("utf-8"), base), "utf-8")
