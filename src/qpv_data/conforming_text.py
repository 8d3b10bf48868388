"""Received texts made ready for SQL, in memory: trimmed, pseudonymised, one row a value of a cell that holds several.

Nothing is written before: a direct identifier goes no further than this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qpv_data.clause.model import ClauseBase, Colonne, TypeColonne
from qpv_data.pseudonyms import pseudonymised

BLANKS = " \t\r\n\x0b\x0c\u00a0\u202f\ufeff"
_FIRST, _LAST = np.zeros(256, bool), np.zeros(256, bool)
for _blank in BLANKS:
    _FIRST[_blank.encode()[0]] = _LAST[_blank.encode()[-1]] = True


def kept_columns(clause: ClauseBase) -> tuple[Colonne, ...]:
    """The columns that are read: direct identifiers that are dropped are left where they were received."""
    return tuple(c for c in clause.colonnes if c.lue)


def note_of(column: Colonne) -> str:
    """Name of the text of a column's companion, before SQL."""
    return f"_note_{column.nom}"


def read_columns(clause: ClauseBase) -> tuple[Colonne, ...]:
    """What is read of the file: the columns that are kept, and the notes that accompany them."""
    kept = kept_columns(clause)
    notes = [
        Colonne.model_construct(nom=note_of(c), source=c.note.source, type=TypeColonne.TEXTE)
        for c in kept
        if c.note is not None
    ]
    return (*kept, *notes)


@dataclass
class Tally:
    """What went through: rows of the file, rows made of them (more where cells or tables are unfolded), CRS seen."""

    lues: int = 0
    recues: int = 0
    crs: str = ""
    _last: int | None = field(default=None, repr=False)

    def add(self, batch: pa.RecordBatch) -> None:
        """Count a batch that is ready."""
        lines = np.asarray(batch.column("_ligne"))
        if not len(lines):
            return
        self.recues += len(lines)
        self.lues += int(np.count_nonzero(np.diff(lines))) + (self._last != int(lines[0]))
        self._last = int(lines[-1])


def ready_schema(clause: ClauseBase, geometry: bool) -> pa.Schema:
    """`_rang` (from 0, one a row), `_ligne`, `_rejet`, a text a column read, then `geometrie` (WKB)."""
    texts = [(c.nom, pa.string()) for c in read_columns(clause)]
    fixed = [("_rang", pa.int64()), ("_ligne", pa.int64()), ("_rejet", pa.string())]
    return pa.schema([*fixed, *texts, *([("geometrie", pa.binary())] if geometry else [])])


def ready_rows(
    rows: Iterable[pa.RecordBatch], clause: ClauseBase, key: bytes | None, tally: Tally, *, geometry: bool
) -> Iterator[pa.RecordBatch]:
    """Batches of `ready_schema`: texts without blanks at their ends, null when nothing is left. `key`: the feed's."""
    schema = ready_schema(clause, geometry)
    columns = read_columns(clause)
    exploded = [c for c in columns if c.eclater]
    for batch in rows:
        tally.crs = (batch.schema.metadata or {}).get(b"crs_source", b"").decode() or tally.crs
        made = {name: batch.column(name) for name in batch.schema.names}
        for column in columns:
            texts = trimmed(made[column.nom])
            if column.identifiant_direct == "pseudonymiser":
                assert key is not None, "a feed with pseudonyms has a key"
                masks = frozenset(m.strip(BLANKS) for m in column.masques)
                texts = pseudonymised(texts, key, column.normalisation or (), masks)
            made[column.nom] = texts
        for column in exploded:
            made = _exploded(made, column)
        n = len(made["_ligne"])
        made["_rang"] = pa.array(np.arange(tally.recues, tally.recues + n), pa.int64())
        ready = pa.record_batch([made[f.name] for f in schema], schema=schema)
        tally.add(ready)
        yield ready


def trimmed(texts: pa.StringArray) -> pa.StringArray:
    """Each text without the blanks at its ends; null when nothing is left of it."""
    ends = _ends(texts)
    if ends is None:
        return texts
    if _has_blanks(*ends):
        texts = pc.utf8_trim(texts, characters=BLANKS)
        ends = _ends(texts)
        assert ends is not None
    offsets, _ = ends
    full = offsets[1:] > offsets[:-1]
    if full.all():
        return texts
    valid = full if not texts.null_count else full & np.asarray(pc.is_valid(texts))
    bitmap = pa.py_buffer(np.packbits(valid, bitorder="little"))
    _, places, content = texts.buffers()
    if texts.offset:
        places = pa.py_buffer(np.ascontiguousarray(offsets))
    return pa.Array.from_buffers(pa.string(), len(texts), [bitmap, places, content], int((~valid).sum()))


def _ends(texts: pa.StringArray) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None:
    _, places, content = texts.buffers()
    if not len(texts) or places is None or texts.null_count == len(texts):
        return None
    offsets = np.frombuffer(places, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return offsets, np.frombuffer(content, np.uint8) if content is not None else np.empty(0, np.uint8)


def _has_blanks(offsets: np.ndarray[Any, Any], content: np.ndarray[Any, Any]) -> bool:
    """Whether a text may start or end with a blank, from its first and its last byte; empty ones show a neighbour's."""
    if not len(content):
        return False
    first, last = np.take(content, offsets[:-1], mode="clip"), np.take(content, offsets[1:] - 1, mode="clip")
    return bool(np.take(_FIRST, first).any() or np.take(_LAST, last).any())


def _exploded(made: dict[str, pa.Array], column: Colonne) -> dict[str, pa.Array]:
    """One row a distinct value of `column`; a cell that holds none keeps its row."""
    texts = made[column.nom]
    lists = pc.split_pattern(texts, column.eclater)
    parents = np.asarray(pc.list_parent_indices(lists))
    values = trimmed(pc.list_flatten(lists))
    said = np.asarray(pc.is_valid(values))
    parents, codes = parents[said], np.asarray(values.filter(pa.array(said)).dictionary_encode().indices)
    values = values.filter(pa.array(said))
    pairs = parents.astype(np.int64) * (len(values) + 1) + codes
    first = np.sort(np.unique(pairs, return_index=True)[1]) if len(pairs) else np.empty(0, np.int64)
    silent = np.setdiff1d(np.arange(len(texts)), parents)
    rows = np.concatenate([parents[first], silent])
    order = np.argsort(rows, kind="stable")
    picked = pa.array(np.concatenate([first, np.full(len(silent), -1)])[order])
    picked = pc.if_else(pc.less(picked, 0), pa.scalar(None, pa.int64()), picked)
    assert len(np.unique(rows)) == len(texts), "every row has at least one of its own"
    taken = pa.array(rows[order])
    return {name: values.take(picked) if name == column.nom else array.take(taken) for name, array in made.items()}


def named(columns: Sequence[Colonne]) -> list[str]:
    """Names of the conformed columns, statuses included, in the clause's order."""
    return [n for c in columns for n in ((c.nom, f"{c.nom}__statut") if c.a_statut else (c.nom,))]
