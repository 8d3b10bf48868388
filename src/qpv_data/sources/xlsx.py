"""XLSX workbooks, row by row, as the text that a reader of the sheet sees: nothing is run, nothing is expanded.

A formula gives the value that was saved with it. Memory holds the shared texts and one row.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.cell import range_boundaries

from qpv_data.clause.received import Colonne, Format
from qpv_data.problems import FeedError, Problem, Rejet, cited, listed
from qpv_data.sources.archive import is_workbook
from qpv_data.sources.raw_rows import Heard, RawRow, match_headers
from qpv_data.sources.xml_guard import HostileXmlError, refuse_doctype

_PART_MAX = 300_000_000  # a part that is held in memory: shared texts, styles
_SHEETS = "xl/worksheets/"
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z0-9:$]{1,40})"')
_MERGED_MAX = 100_000
_BROKEN = (
    zipfile.BadZipFile,
    ParseError,
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    OSError,
    EOFError,
)

Cells = list[str | None]


def xlsx_rows(
    path: Path, jeu: str, fmt: Format, columns: Sequence[Colonne], heard: Heard | None = None
) -> Iterator[RawRow]:
    """(row of the sheet from 1, texts, None) of every row below the header that is not blank.

    A cell beyond the header's last name is no row of the table: `nombre_de_champs`. Raises FeedError:
    conteneur_hostile (a DOCTYPE, a part too large), format_inattendu (no workbook, no such sheet, merged cells
    that the clause does not fill), entete_inattendu.
    """
    _inspect(path, jeu)
    with path.open("rb") as file:  # a name without .xlsx would be refused
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            yield from _rows(_filled(path, jeu, fmt, _sheet(book, jeu, fmt.feuille)), jeu, fmt, columns, heard)
        except _BROKEN as e:
            message = f"classeur illisible ({type(e).__name__})"
            raise _unexpected(jeu, message, "demander une nouvelle livraison") from None


def _rows(
    rows: Iterator[tuple[int, Cells]], jeu: str, fmt: Format, columns: Sequence[Colonne], heard: Heard | None
) -> Iterator[RawRow]:
    _, header = next(((n, c) for n, c in rows if n > fmt.lignes_a_sauter), (0, None))
    if header is None:
        message = "feuille vide ou sans en-tête"
        raise FeedError(jeu, Problem.ENTETE_INATTENDU, message, "revoir `format.feuille` et `lignes_a_sauter`")
    names = [" ".join((h or "").split()) for h in header]
    width = max((i for i, name in enumerate(names) if name), default=-1) + 1
    indexes = match_headers(jeu, names[:width], columns, heard)
    for number, cells in rows:
        if not any(cells):
            continue
        if any(cells[width:]):
            yield RawRow(number, None, Rejet.NOMBRE_DE_CHAMPS)
        else:
            yield RawRow(number, tuple(cells[i] if i < len(cells) else None for i in indexes))


def _unexpected(jeu: str, message: str, remede: str) -> FeedError:
    return FeedError(jeu, Problem.FORMAT_INATTENDU, message, remede)


def _inspect(path: Path, jeu: str) -> None:
    """Refuse a document type in any part, and parts that would fill the memory."""
    remede = "ne pas ouvrir ce fichier ; prévenir le producteur"
    try:
        with zipfile.ZipFile(path) as archive:
            if not is_workbook(archive.namelist()):
                raise _unexpected(jeu, "ce n'est pas un classeur XLSX", "vérifier `format.type` et `source.membre`")
            for info in archive.infolist():
                if not info.filename.startswith(_SHEETS) and info.file_size > _PART_MAX:
                    message = f"partie démesurée dans le classeur : {cited(repr(info.filename[:60]))}"
                    raise FeedError(jeu, Problem.CONTENEUR_HOSTILE, message, remede)
                # whatever its name: a relation may call any part a sheet. Pictures are no XML, and no danger.
                with archive.open(info) as part, suppress(ValueError) if _is_other(info) else nullcontext():
                    refuse_doctype(part)
    except HostileXmlError as e:
        raise FeedError(jeu, Problem.CONTENEUR_HOSTILE, f"classeur refusé : {e}", remede) from None
    except _BROKEN as e:
        raise _unexpected(jeu, f"classeur illisible ({type(e).__name__})", "demander une nouvelle livraison") from None


def _is_other(info: zipfile.ZipInfo) -> bool:
    return not info.filename.lower().endswith((".xml", ".rels"))


def _sheet(book: Any, jeu: str, wanted: str | None) -> Any:
    """The declared sheet, else the only one that is shown."""
    sheets = {s.title: s for s in book.worksheets}
    if wanted is not None:
        found = [s for title, s in sheets.items() if title.strip() == wanted.strip()]
    else:
        found = [s for s in sheets.values() if s.sheet_state == "visible"]
    if len(found) == 1:
        return found[0]
    sought = "une seule feuille visible" if wanted is None else f"la feuille {wanted!r}"
    shown = cited(listed(repr(title) for title in sheets)) if sheets else "aucune"
    raise _unexpected(jeu, f"{sought} attendue ; feuilles : {shown}", "déclarer `format.feuille`")


def _filled(path: Path, jeu: str, fmt: Format, sheet: Any) -> Iterator[tuple[int, Cells]]:
    """(row number, texts) of every row; merged cells filled when the clause says so."""
    spans = [b for b in _merged(path, jeu, sheet) if b[3] > fmt.lignes_a_sauter]
    if spans and fmt.cellules_fusionnees == "refuser":
        message = f"{len(spans)} groupes de cellules fusionnées, dont un à la ligne {min(b[1] for b in spans)}"
        remede = "demander un tableau sans fusion, ou déclarer `format.cellules_fusionnees: remplir`"
        raise _unexpected(jeu, message, remede)
    starting: dict[int, list[tuple[int, int, int, int]]] = {}
    for span in spans:
        starting.setdefault(span[1], []).append(span)
    open_spans: list[tuple[tuple[int, int, int, int], str | None]] = []
    sheet.reset_dimensions()  # what the file says of its extent would cut the rows beyond it
    for number, row in enumerate(sheet.iter_rows(), start=1):
        cells = [_text(c) for c in row]
        if spans:
            open_spans = [s for s in open_spans if s[0][3] >= number]
            for span in starting.get(number, ()):
                open_spans.append((span, cells[span[0] - 1] if span[0] <= len(cells) else None))
            for (left, _, right, _), value in open_spans:
                cells += [None] * (right - len(cells))
                cells[left - 1 : right] = [value] * (right - left + 1)
        yield number, cells


def _merged(path: Path, jeu: str, sheet: Any) -> list[tuple[int, int, int, int]]:
    """(first column, first row, last column, last row) of the merged cells, which stand after all rows."""
    found: list[tuple[int, int, int, int]] = []
    with zipfile.ZipFile(path) as archive, archive.open(sheet._worksheet_path.lstrip("/")) as part:
        tail = b""
        while data := part.read(1 << 20):
            text = tail + data
            last = 0
            for m in _MERGED.finditer(text):
                found.append(_bounds(m[1].decode()))
                last = m.end()
            if len(found) > _MERGED_MAX:
                raise _unexpected(jeu, f"plus de {_MERGED_MAX} fusions de cellules", "demander un tableau sans fusion")
            tail = text[max(last, len(text) - 200) :]
    return found


def _bounds(reference: str) -> tuple[int, int, int, int]:
    left, top, right, bottom = (int(b or 0) for b in range_boundaries(reference))
    if not (1 <= left <= right <= 16_384 and 1 <= top <= bottom <= 1_048_576):
        raise ValueError(reference)
    return left, top, right, bottom


def _text(cell: Any) -> str | None:
    value = cell.value
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _duration(value)
    return _number(value, cell.number_format)


def _number(value: int | float, shape: str | None) -> str:
    """Fifteen digits, as spreadsheets show: 0.1 + 0.2 is 0.3. A format of zeros alone is a code: 01053."""
    text = format(Decimal(f"{value:.15g}"), "f")
    if shape and re.fullmatch("0{2,15}", shape) and re.fullmatch("[0-9]+", text):
        return text.zfill(len(shape))
    return text


def _duration(value: timedelta) -> str:
    """Hours beyond 24 stay hours: 25:30:00."""
    total = round(value.total_seconds())
    sign, total = ("-" if total < 0 else ""), abs(total)
    return f"{sign}{total // 3600:02d}:{total % 3600 // 60:02d}:{total % 60:02d}"
