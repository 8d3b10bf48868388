"""A row as received, whatever the format of its file, and the headers that its columns are found by."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import pyarrow as pa

from qpv_data.clause.model import Colonne
from qpv_data.problems import FeedError, Problem, Rejet, cited

Heard = Callable[[Sequence[str]], object]
"""What is told the headers of a file."""
UNDECODABLE = re.compile("[\ud800-\udfff]")  # what surrogateescape makes of the bytes it cannot read


class RawRow(NamedTuple):
    """One row as received: its line (or element number), its texts, or why it is not a row."""

    ligne: int
    valeurs: tuple[str | None, ...] | None
    rejet: Rejet | None = None


def raw_schema(columns: Sequence[Colonne], geometry: bool) -> pa.Schema:
    """`_ligne`, `_rejet`, then one text column a clause column, then `geometrie` (WKB) for vector files."""
    fields = [("_ligne", pa.int64()), ("_rejet", pa.string()), *((c.nom, pa.string()) for c in columns)]
    return pa.schema([*fields, ("geometrie", pa.binary())] if geometry else fields)


def batch_of(rows: Iterable[RawRow], columns: Sequence[Colonne]) -> pa.RecordBatch:
    """Rows as a batch of `raw_schema`, without geometries."""
    # Three lists, and not one of rows: the collector of cycles would visit each row again and again.
    lines, texts, faults = list[int](), list[tuple[str | None, ...]](), list[Rejet | None]()
    unread = (None,) * len(columns)
    for line, values, fault in rows:
        lines.append(line)
        texts.append(values or unread)
        faults.append(fault)
    by_column = zip(*texts, strict=True) if texts else ((),) * len(columns)
    arrays = [pa.array(lines, pa.int64()), pa.array(faults, pa.string())]
    return pa.record_batch(
        [*arrays, *(pa.array(values, pa.string()) for values in by_column)], schema=raw_schema(columns, geometry=False)
    )


def match_headers(
    jeu: str, headers: Sequence[str], columns: Sequence[Colonne], heard: Heard | None = None
) -> list[int]:
    """Index of each column's header: the first of its names that the file has. All absent ones are listed.

    `heard` is told the headers, whether or not they are as expected.
    """
    clean = [h.strip().removeprefix("\ufeff").strip() for h in headers]
    if heard is not None:
        heard(clean)
    indexes, absent = [], []
    for column in columns:
        found = next((clean.index(s.strip()) for s in column.source if s.strip() in clean), None)
        if found is None:
            close = difflib.get_close_matches(column.source[0], [h for h in clean if h.isprintable() and h], n=1)
            absent.append(" / ".join(column.source) + (f" (proche : {cited(close[0])})" if close else ""))
        indexes.append(-1 if found is None else found)
    if absent:
        raise FeedError(
            jeu,
            Problem.ENTETE_INATTENDU,
            f"colonnes absentes de l'en-tête : {', '.join(absent)}",
            "corriger `colonnes.source`, ou prévenir le producteur",
        )
    return indexes


def legible(number: int, values: tuple[str | None, ...]) -> RawRow:
    """The row, unless bytes that cannot be read are in a column that is."""
    if any(v is not None and not v.isascii() and UNDECODABLE.search(v) for v in values):
        return RawRow(number, None, Rejet.ENCODAGE_INVALIDE)
    return RawRow(number, values)
