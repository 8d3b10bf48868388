"""A workbook for people: a readme, the indicators, and a sheet of values a theme, a column a period."""

from __future__ import annotations

import itertools
import re
import tempfile
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from qpv_data.clause.expressions import literal
from qpv_data.exports.archive import settled
from qpv_data.exports.readable import query
from qpv_data.inert import inert_text

_LABELS = ("Type de zone", "Code de la zone", "Zone", "Indicateur", "Modalité", "Unité")
_WIDTHS = (26, 16, 32, 44, 24, 18)
_ROWS = 10_000
_NO_OBJECT = "sans objet"
"""A line that is nothing else is left out: the indicator is not for that kind of zone. The CSV has it."""
_CORE = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" \
xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><dc:creator>qpv-data</dc:creator>\
<dcterms:created xsi:type="dcterms:W3CDTF">{day}T00:00:00Z</dcterms:created>\
<dcterms:modified xsi:type="dcterms:W3CDTF">{day}T00:00:00Z</dcterms:modified></cp:coreProperties>"""


def write_workbook(
    con: duckdb.DuckDBPyConnection, parts: Sequence[tuple[str, list[str]]], day: str, target: Path
) -> None:
    """Write the values of the view `lisibles`, after the `parts` of its readme. `day`: the release's, ISO.

    A cell is a number, or a word where there is none (`secret`, `non livrée`, …), or nothing for a period that the
    indicator does not have. Rows are written as they are read: memory does not grow with them.
    """
    book = Workbook(write_only=True)
    _readme(book, parts)
    _indicators(book, con)
    for (theme,) in con.execute("SELECT DISTINCT theme FROM lisibles ORDER BY theme").fetchall():
        _values(book, con, theme)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        saved = Path(folder) / "classeur.xlsx"
        book.save(saved)
        settled(saved, target, {"docProps/core.xml": _CORE.format(day=day).encode()})


def _readme(book: Workbook, parts: Sequence[tuple[str, list[str]]]) -> None:
    sheet = book.create_sheet("Lisez-moi")
    sheet.column_dimensions["A"].width = 110
    for n, (title, lines) in enumerate(parts):
        if n:
            sheet.append([])
        sheet.append([_bold(sheet, title)])
        for line in lines:
            sheet.append([_wrapped(sheet, line)])


def _indicators(book: Workbook, con: duckdb.DuckDBPyConnection) -> None:
    answer = con.execute(query("indicateurs"))
    names, rows = [d[0] for d in answer.description or []], answer.fetchall()
    sheet = book.create_sheet("Indicateurs")
    _head(sheet, names, (16, 44, 34, 70, 18, 14, 18, 34, 44, 34, 60), len(rows), frozen="C2")
    for row in rows:
        sheet.append([_wrapped(sheet, v) if isinstance(v, str) else v for v in row])


def _values(book: Workbook, con: duckdb.DuckDBPyConnection, theme: str) -> None:
    con.execute(f"CREATE OR REPLACE VIEW lisibles_du_theme AS SELECT * FROM lisibles WHERE theme = {literal(theme)}")
    periods, lines = _extent(con)
    place = {period: n for n, period in enumerate(periods, len(_LABELS))}
    sheet = book.create_sheet(sheet_name(theme, book.sheetnames))
    _head(sheet, [*_LABELS, *periods], (*_WIDTHS, *[12] * len(periods)), lines, frozen="D2")
    for _, cells in itertools.groupby(_rows(con), key=lambda r: r[-3:]):
        line: list[Any] = [None] * (len(_LABELS) + len(periods))
        for cell in cells:
            if line[0] is None:
                line[: len(_LABELS)] = [_text(v) for v in cell[:6]]
            line[place[cell[6]]] = cell[7] if cell[8] is None else _text(cell[8])
        if any(v != _NO_OBJECT for v in line[len(_LABELS) :] if v is not None):
            sheet.append(line)


def _rows(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    """The rows of sql/exporter/tableau.sql, a few at a time."""
    answer = con.execute(query("tableau"))
    while found := answer.fetchmany(_ROWS):
        yield from found


def _extent(con: duckdb.DuckDBPyConnection) -> tuple[list[str], int]:
    """The periods of a theme, in time and a year before its quarters, and the lines that its sheet will have."""
    asked = "SELECT DISTINCT periode, periode_debut FROM lisibles_du_theme ORDER BY periode_debut, periode"
    keys = "SELECT DISTINCT zonage, code_zone, indicateur, modalite FROM lisibles_du_theme"
    periods = [p for p, _ in con.execute(asked).fetchall()]
    counted = f"SELECT count(*) FROM ({keys} WHERE statut <> '{_NO_OBJECT}')"
    (lines,) = con.execute(counted).fetchone() or (0,)
    return periods, int(lines)


def sheet_name(theme: str, taken: Sequence[str]) -> str:
    """A name that Excel takes for a sheet: at most 31 characters, none of []:*?/\\, unlike those taken whatever the
    case."""
    name = re.sub(r"[\[\]:*?/\\]", " ", theme).strip(" '")[:31] or "valeurs"
    others, n, free = {t.lower() for t in taken}, 2, name
    while free.lower() in others:
        free, n = f"{name[: 30 - len(str(n))]} {n}", n + 1
    return free


def _head(sheet: Any, names: Sequence[str], widths: Sequence[int], lines: int, frozen: str) -> None:
    """The first row, which stays in sight and filters the `lines` under it. Before any row: the sheet is a stream."""
    for n, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(n)].width = width
    sheet.freeze_panes = frozen
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(names))}{lines + 1}"
    sheet.append([_bold(sheet, name) for name in names])


def _bold(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, _text(text))
    cell.font = Font(bold=True)
    return cell


def _wrapped(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, _text(text))
    cell.alignment = Alignment(wrap_text=True, vertical="top")
    return cell


@lru_cache(4096)
def _text(value: str) -> str:
    """A text that no spreadsheet runs, without the control characters that a workbook cannot hold."""
    return inert_text(ILLEGAL_CHARACTERS_RE.sub("", value))
