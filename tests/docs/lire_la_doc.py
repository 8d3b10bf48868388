"""Read a Markdown page as its reader does: the files it gives, the commands it shows, the answers it promises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

REPOSITORY = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w*)[ \t]*([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_TABLE = re.compile(r"\s*((?:^\|.*\|\n?)+)", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """A file to write, a command with what it prints, or a query with the rows that it gives."""

    kind: Literal["file", "command", "query"]
    text: str
    name: str = ""
    answer: tuple[tuple[str, ...], ...] = ()


def steps(page: Path) -> Iterator[Step]:
    """The steps of a page, in order. Fences without a path that are neither `console` nor `sql` are prose."""
    text = page.read_text("utf-8")
    for fence in _FENCE.finditer(text):
        language, name, body = fence.groups()
        if language == "console":
            yield from _commands(body)
        elif language == "sql":
            table = _TABLE.match(text, fence.end())
            yield Step("query", body, answer=cells(table.group(1)) if table else ())
        elif name:
            yield Step("file", body, name.strip())


def _commands(body: str) -> Iterator[Step]:
    for block in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        command, _, printed = block.partition("\n")
        yield Step("command", command, answer=tuple((line,) for line in printed.splitlines()))


def cells(table: str) -> tuple[tuple[str, ...], ...]:
    """The rows of a Markdown table under its header."""
    lines = [line.strip().strip("|").split("|") for line in table.strip().splitlines()]
    return tuple(tuple(cell.strip() for cell in line) for line in lines[2:])


def shown(value: object) -> str:
    """A value as the pages write it: nothing for a null, no decimals for a whole number."""
    if value is None:
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)
