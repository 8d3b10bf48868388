"""The equations of a table: what any table with the same published cells must satisfy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from qpv_data.secret.cells import Bools, Ints, Table


@dataclass(frozen=True)
class System:
    """Cells, and those beyond the table that can be worked out (unions), under `rows @ x = 0`.

    `least`: the smallest value a reader must grant to a hidden cell. Zeros are published, so a cell that would be
    published and is hidden is known to be at least 1; nothing is said of a cell that is in no release, so 0.
    `movable`: may differ from its value in a reader's mind; the zeros of published cells may not.
    """

    rows: sp.csr_matrix
    value: Ints
    least: Ints
    movable: Bools
    published: Bools
    weight: NDArray[np.float64]

    @cached_property
    def columns(self) -> sp.csr_matrix:
        """Cells × equations."""
        return self.rows.T.tocsr()

    def with_unions(self, unions: list[Ints], values: Ints) -> System:
        """The system with one more cell for each union, never published."""
        added = len(unions)
        lines = sp.lil_matrix((added, len(self.value) + added), dtype=np.int64)
        for n, own in enumerate(unions):
            lines[n, len(self.value) + n] = -1
            for cell in own:
                lines[n, cell] = 1
        wide = sp.csr_matrix(
            (self.rows.data, self.rows.indices, self.rows.indptr), shape=(self.rows.shape[0], lines.shape[1])
        )
        extra = np.zeros(added, dtype=np.int64)
        return replace(
            self,
            rows=sp.vstack([wide, lines.tocsr()]).tocsr(),
            value=np.concatenate([self.value, values]),
            least=np.concatenate([self.least, extra]),
            movable=np.concatenate([self.movable, np.ones(added, np.bool_)]),
            published=np.concatenate([self.published, np.zeros(added, np.bool_)]),
            weight=np.concatenate([self.weight, np.zeros(added)]),
        )


def system_of(table: Table, weight: NDArray[np.float64]) -> System:
    """Every equation of every axis, at every combination of the others' nodes."""
    rows = equations(table)
    assert not (rows @ table.measures.value).any(), "des marges ne s'additionnent pas"
    positive = table.measures.value > 0
    least = np.where(table.published & positive, 1, 0).astype(np.int64)
    return System(rows, table.measures.value, least, positive | ~table.published, table.published, weight)


def equations(table: Table) -> sp.csr_matrix:
    """Equations × cells: -1 on the parent, 1 on each child. An equation with itself (a single child) is kept."""
    numbers = np.arange(len(table), dtype=np.int64).reshape(table.shape)
    blocks = []
    for n, axis in enumerate(table.axes):
        along = np.moveaxis(numbers, n, 0).reshape(len(axis), -1)
        for parent, children in axis.equations:
            columns = along[[parent, *children]].T
            signs = np.ones_like(columns)
            signs[:, 0] = -1
            indptr = np.arange(0, columns.size + 1, columns.shape[1])
            blocks.append(
                sp.csr_matrix(
                    (signs.ravel(), columns.ravel(), indptr), shape=(len(columns), len(table)), dtype=np.int64
                )
            )
    return sp.vstack(blocks).tocsr() if blocks else sp.csr_matrix((0, len(table)), dtype=np.int64)
