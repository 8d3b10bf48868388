"""Received texts made ready for SQL, in memory: trimmed, pseudonymised, one row a value of a cell that holds several.

Nothing is written before: a direct identifier goes no further than this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qpv_data.clause.model import ClauseBase, Colonne, TypeColonne
from qpv_data.conforming_plain import plain_of, plain_type, plain_values
from qpv_data.pseudonyms import pseudonymised
from qpv_data.texts import BLANKS, trimmed


def kept_columns(clause: ClauseBase) -> tuple[Colonne, ...]:
    """The columns that are read: direct identifiers that are dropped are left where they were received."""
    return tuple(c for c in clause.colonnes if c.lue)


def note_of(column: Colonne) -> str:
    """Name of the text of a column's companion, before SQL."""
    return f"_note_{column.nom}"


def read_columns(clause: ClauseBase) -> tuple[Colonne, ...]:
    """What is read of the file: the columns that are kept and not made of others, and the notes that go with them."""
    kept = tuple(c for c in kept_columns(clause) if c.calcul is None)
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
    """`_rang` (from 0, one a row), `_ligne`, `_rejet`, the texts, what is plain of them, `geometrie` (WKB)."""
    texts = [(c.nom, pa.string()) for c in read_columns(clause)]
    fixed = [("_rang", pa.int64()), ("_ligne", pa.int64()), ("_rejet", pa.string())]
    plain = [(plain_of(c), kind) for c, kind in _plain(clause)]
    return pa.schema([*fixed, *texts, *plain, *([("geometrie", pa.binary())] if geometry else [])])


def _plain(clause: ClauseBase) -> list[tuple[Colonne, pa.DataType]]:
    kinds = ((c, plain_type(c, clause.format)) for c in kept_columns(clause))
    return [(c, kind) for c, kind in kinds if kind is not None]


def ready_rows(
    rows: Iterable[pa.RecordBatch], clause: ClauseBase, key: bytes | None, tally: Tally, *, geometry: bool
) -> Iterator[pa.RecordBatch]:
    """Batches of `ready_schema`: texts without blanks at their ends, null when nothing is left. `key`: the feed's."""
    schema = ready_schema(clause, geometry)
    columns = read_columns(clause)
    exploded, plain = [c for c in columns if c.eclater], _plain(clause)
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
        for column, _ in plain:
            made[plain_of(column)] = plain_values(made[column.nom], column, clause.format)
        n = len(made["_ligne"])
        made["_rang"] = pa.array(np.arange(tally.recues, tally.recues + n), pa.int64())
        ready = pa.record_batch([made[f.name] for f in schema], schema=schema)
        tally.add(ready)
        yield ready


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
