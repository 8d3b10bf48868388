"""Numbers and days that are plainly written, read as they come; whatever else they may be is left to the SQL.

`12,50` and `31/12/2024` are most of what feeds hold, and regular expressions cost ten times what reading them does.
What is read here is what the SQL would have given: the SQL looks at nothing but what stays null.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qpv_data.clause.model import Colonne, Format, TypeColonne
from qpv_data.texts import BLANKS

_TYPES = {TypeColonne.NOMBRE: pa.float64(), TypeColonne.ENTIER: pa.int64(), TypeColonne.DATE: pa.date32()}
_DIGITS = b"0123456789"
_LONGEST = 40
_MARK = re.compile(r"%[dmY]|[-/. ]?")
_WIDTHS = {"%d": 2, "%m": 2, "%Y": 4}
_EPOCH = np.datetime64("1970-01-01", "D")

Integers = np.ndarray[Any, np.dtype[np.int64]]


def plain_of(column: Colonne) -> str:
    """Name of what was read as it came, before SQL."""
    return f"_d_{column.nom}"


def plain_type(column: Colonne, fmt: Format) -> pa.DataType | None:
    """The type in which a column's plain values are read; None when SQL has its say in every text."""
    changed = (
        column.transformation, column.recodage, column.corrections, column.completer, column.note, column.calcul
    )  # fmt: skip
    kind = _TYPES.get(column.type)
    if kind is None or any(changed) or (fmt.milliers and column.type is not TypeColonne.DATE):
        return None
    if column.type is TypeColonne.DATE and _layout(column) is None:
        return None
    return kind


def plain_values(texts: pa.StringArray, column: Colonne, fmt: Format) -> pa.Array:
    """The values of trimmed texts; null for what is not plain, what is null, and what the clause says is a mask."""
    if column.masques:
        masks = pa.array([m.strip(BLANKS) for m in column.masques], pa.string())
        texts = pc.if_else(pc.is_in(texts, value_set=masks), pa.scalar(None, pa.string()), texts)
    if texts.null_count == len(texts):
        return pa.nulls(len(texts), _TYPES[column.type])
    if column.type is TypeColonne.DATE:
        layout = _layout(column)
        assert layout is not None
        return _days(texts, layout)
    return _numbers(texts, _TYPES[column.type], column.decimale or fmt.decimale)


def _numbers(texts: pa.StringArray, kind: pa.DataType, decimal: str) -> pa.Array:
    unread = pa.nulls(len(texts), kind)
    mark = decimal.encode() if kind == pa.float64() else b""
    offsets, content = _buffers(texts)
    written = content[offsets[0] : offsets[-1]].tobytes()
    if int(np.diff(offsets).max()) > _LONGEST or written.translate(None, _DIGITS + mark + b"-"):
        return unread
    if mark == b",":
        valid, places, _ = texts.buffers()
        dotted = pa.py_buffer(content.tobytes().translate(bytes.maketrans(b",", b".")))
        texts = pa.Array.from_buffers(
            pa.string(), len(texts), [valid, places, dotted], texts.null_count, offset=texts.offset
        )
    try:
        return pc.cast(texts, kind)
    except pa.ArrowInvalid:
        return unread


def _layout(column: Colonne) -> tuple[tuple[str, int], ...] | None:
    """(mark, place) of each part of the first format, when its days, months and years have their full width."""
    plain = [f for f in column.format_date if not f.endswith("%z")]
    parts = _MARK.findall(plain[0])[:-1] if plain else []
    if not parts or "".join(parts) != plain[0] or sorted(p for p in parts if p in _WIDTHS) != ["%Y", "%d", "%m"]:
        return None
    made, place = [], 0
    for part in parts:
        made.append((part, place))
        place += _WIDTHS.get(part, len(part))
    return tuple(made)


def _days(texts: pa.StringArray, layout: Sequence[tuple[str, int]]) -> pa.Array:
    part, place = layout[-1]
    width = place + _WIDTHS.get(part, len(part))
    offsets, content = _buffers(texts)
    chosen = np.flatnonzero(np.diff(offsets) == width)
    starts = offsets[:-1][chosen].astype(np.int64)
    found: dict[str, Integers] = {}
    good = np.ones(len(chosen), bool)
    for mark, at in layout:
        if mark in _WIDTHS:
            number = np.zeros(len(chosen), np.int64)
            for n in range(_WIDTHS[mark]):
                digit = content[starts + at + n].astype(np.int64) - 48
                good &= (digit >= 0) & (digit <= 9)
                number = number * 10 + digit
            found[mark] = number
        else:
            for n, byte in enumerate(mark.encode()):
                good &= content[starts + at + n] == byte
    year, month, day = found["%Y"], found["%m"], found["%d"]
    good &= (year >= 1000) & (month >= 1) & (month <= 12) & (day >= 1)
    first = ((np.where(good, year, 1970) - 1970) * 12 + np.where(good, month, 1) - 1).astype("datetime64[M]")
    start, after = first.astype("datetime64[D]"), (first + 1).astype("datetime64[D]")
    good &= day <= (after - start).astype(np.int64)
    days = np.zeros(len(texts), np.int32)
    days[chosen] = np.where(good, (start - _EPOCH).astype(np.int64) + day - 1, 0)
    unread = np.ones(len(texts), bool)
    unread[chosen] = ~good
    return pa.array(days, pa.int32(), mask=unread).cast(pa.date32())


def _buffers(texts: pa.StringArray) -> tuple[np.ndarray[Any, np.dtype[np.int32]], np.ndarray[Any, np.dtype[np.uint8]]]:
    _, places, content = texts.buffers()
    offsets = np.frombuffer(places, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return offsets, np.frombuffer(content, np.uint8) if content is not None else np.empty(0, np.uint8)
