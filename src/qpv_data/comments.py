"""What each table, view and column means, as plain text: the words of the dictionary, for files that carry them.

One source of truth: `documentation/dictionnaire.yml` for what a release publishes, `vues.yml` for what its DuckDB file
adds. They make docs/dictionnaire.md, the comments of the database and the metadata of the Parquet files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

_FOLDER = Path(__file__).with_name("documentation")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
Sorte = Literal["table", "vue", "macro"]


@cache
def texts() -> dict[str, dict[str, Any]]:
    """Published table → `titre` and `colonnes`, a text each in Markdown, in the order of the page."""
    return _read("dictionnaire.yml")


@cache
def added_texts() -> dict[str, dict[str, Any]]:
    """What the database adds → `sorte`, `titre`, `colonnes`, and `comme`: the tables whose columns it shows again."""
    return _read("vues.yml")


def table_comments() -> dict[str, str]:
    """Published table → what it holds and its grain, without Markdown."""
    return {table: plain(text["titre"]) for table, text in texts().items()}


def column_comments(table: str) -> dict[str, str]:
    """Column of a published table → what it means, without Markdown. Raises KeyError for a table that is not one."""
    return {column: plain(text) for column, text in texts()[table]["colonnes"].items()}


def added_comments(sorte: Sorte) -> dict[str, str]:
    """Table, view or macro of the database alone → what it holds, without Markdown, in the order of the page."""
    return {name: plain(text["titre"]) for name, text in added_texts().items() if text["sorte"] == sorte}


def meanings(name: str, columns: Iterable[str]) -> dict[str, str]:
    """Column of what the database adds → what it means, in Markdown: its own words, else those of the table that it is
    from. Raises LookupError for a column that nobody explains."""
    text = added_texts()[name]
    sources = [text["colonnes"], *(texts()[table]["colonnes"] for table in text.get("comme", ()))]
    found = {}
    for column in columns:
        said = next((source[column] for source in sources if column in source), None)
        if said is None:
            raise LookupError(f"{name}.{column} n'est expliquée ni dans vues.yml ni par les tables {text.get('comme')}")
        found[column] = str(said)
    return found


def plain(text: str) -> str:
    """Markdown as a comment: the words of links alone, no backquotes, one line."""
    return " ".join(_LINK.sub(r"\1", text).replace("`", "").split())


def _read(file: str) -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = yaml.safe_load((_FOLDER / file).read_text("utf-8"))
    return content
