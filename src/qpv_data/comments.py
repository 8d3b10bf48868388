"""What each published table and column means, as plain text: the words of the dictionary, for files that carry them.

One source of truth, `documentation/dictionnaire.yml`, makes docs/dictionnaire.md, the comments of the DuckDB file and
the metadata of the Parquet files.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_SOURCE = Path(__file__).with_name("documentation") / "dictionnaire.yml"
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


@cache
def texts() -> dict[str, dict[str, Any]]:
    """Table → `titre` and `colonnes`, a text each in Markdown, in the order of the page."""
    content: dict[str, dict[str, Any]] = yaml.safe_load(_SOURCE.read_text("utf-8"))
    return content


def table_comments() -> dict[str, str]:
    """Published table → what it holds and its grain, without Markdown."""
    return {table: plain(text["titre"]) for table, text in texts().items()}


def column_comments(table: str) -> dict[str, str]:
    """Column of a published table → what it means, without Markdown. Raises KeyError for a table that is not one."""
    return {column: plain(text) for column, text in texts()[table]["colonnes"].items()}


def plain(text: str) -> str:
    """Markdown as a comment: the words of links alone, no backquotes, one line."""
    return " ".join(_LINK.sub(r"\1", text).replace("`", "").split())
