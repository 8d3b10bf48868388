"""A wide table made long: the headers that a pattern matches become axes and measures, one row a modality.

Insee's tables hold `POP0014_F`, `POP0014_H`, `POP1529_F`…: one row of the file gives one row a pair (age, sex), which
keeps the line of its row. A row that cannot be read stays one row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from qpv_data.clause.model import Colonne, TypeColonne
from qpv_data.clause.received import Deplier
from qpv_data.problems import FeedError, Problem, cited

_ROWS = 100_000  # long rows at once, at most
_REMEDY = "corriger `format.deplier`, ou prévenir le producteur"


@dataclass(frozen=True)
class Unfolding:
    """How to make the long rows of one file.

    `lues`: the columns to read of the wide table. `fixes`: name of each that every long row repeats. `axes`: for a
    clause's column, its value in each modality; `mesures`: the wide column of each modality, None where it has none.
    """

    lues: tuple[Colonne, ...]
    fixes: tuple[str, ...]
    axes: dict[str, tuple[str | None, ...]]
    mesures: dict[str, tuple[str | None, ...]]
    modalites: int


def unfolding(jeu: str, headers: Sequence[str], deplier: Deplier, columns: Sequence[Colonne]) -> Unfolding:
    """Match the headers of a file. Raises FeedError when a measure has no header, or two for one modality."""
    found: dict[tuple[str | None, ...], dict[str, str]] = {}
    axes = deplier.axes
    for header in (h.strip().removeprefix("\ufeff").strip() for h in headers):
        for measure, pattern in deplier.mesures.items():
            if (match := re.fullmatch(pattern, header)) is None:
                continue
            held = found.setdefault(tuple(match.group(a) for a in axes), {})
            if measure in held:
                message = f"deux colonnes pour une modalité de `{measure}` : {cited(f'{held[measure]}, {header}')}"
                raise FeedError(jeu, Problem.ENTETE_INATTENDU, message, _REMEDY)
            held[measure] = header
    absent = [m for m in deplier.mesures if not any(m in held for held in found.values())]
    if absent:
        message = f"aucun en-tête ne répond au motif de : {', '.join(absent)}"
        raise FeedError(jeu, Problem.ENTETE_INATTENDU, message, _REMEDY)
    return _planned(found, axes, deplier, columns)


def _planned(
    found: dict[tuple[str | None, ...], dict[str, str]],
    axes: Sequence[str],
    deplier: Deplier,
    columns: Sequence[Colonne],
) -> Unfolding:
    read: list[Colonne] = []
    fixed: list[str] = []
    by_axis: dict[str, tuple[str | None, ...]] = {}
    by_measure: dict[str, tuple[str | None, ...]] = {}
    for column in columns:
        axis = next((axes.index(s) for s in column.source if s in axes), None)
        measure = next((s for s in column.source if s in deplier.mesures), None)
        if axis is not None:
            by_axis[column.nom] = tuple(modality[axis] for modality in found)
        elif measure is not None:
            names: list[str | None] = []
            for n, held in enumerate(found.values()):
                names.append(f"{column.nom}.{n}" if measure in held else None)
                if measure in held:
                    wide = Colonne.model_construct(nom=f"{column.nom}.{n}", source=(held[measure],))
                    read.append(wide.model_copy(update={"type": TypeColonne.TEXTE}))
            by_measure[column.nom] = tuple(names)
        else:
            read.append(column)
            fixed.append(column.nom)
    return Unfolding(tuple(read), tuple(fixed), by_axis, by_measure, len(found))


def unfolded(
    batches: Iterable[pa.RecordBatch], how: Unfolding, schema: pa.Schema, passed: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """Long batches of `schema`; `passed` are the columns that are not the clause's (line, reject, geometry)."""
    step = max(1, _ROWS // max(1, how.modalites))
    for wide in batches:
        for start in range(0, wide.num_rows, step):
            yield _long(wide.slice(start, step), how, schema.with_metadata(wide.schema.metadata), passed)


def _long(batch: pa.RecordBatch, how: Unfolding, schema: pa.Schema, passed: Sequence[str]) -> pa.RecordBatch:
    n = batch.num_rows
    readable = np.asarray(batch.column("_rejet").is_null())
    counts = np.where(readable, how.modalites, 1)
    rows = np.repeat(np.arange(n), counts)
    rank = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    assert len(rows) == how.modalites * int(readable.sum()) + int((~readable).sum())
    taken, cell = pa.array(rows), pa.array(rank * n + rows)
    modality = pa.array(rank, mask=~np.repeat(readable, counts))
    made = {name: batch.column(name).take(taken) for name in (*passed, *how.fixes)}
    made |= {name: pa.array(values, pa.string()).take(modality) for name, values in how.axes.items()}
    for name, places in how.mesures.items():
        parts = [pa.nulls(n, pa.string()) if place is None else batch.column(place) for place in places]
        made[name] = pa.concat_arrays(parts).take(cell)
    return pa.record_batch([made[f.name] for f in schema], schema=schema)
