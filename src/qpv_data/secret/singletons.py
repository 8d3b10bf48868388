"""Contributors who are alone in a cell know its value: what they could work out of the others."""

from __future__ import annotations

import numpy as np

from qpv_data.secret.cells import Bools, Ints, Table
from qpv_data.secret.equations import System
from qpv_data.secret.repair import reach
from qpv_data.secret.witnesses import Pool


def singletons(table: Table) -> Bools:
    """Cells that one contributor, or one unit, makes alone. None in a table of counts: being alone in a cell, one
    knows that it is at least 1, which the published zeros have told everyone."""
    measures = table.measures
    alone = (measures.units == 1) | (measures.first == measures.value)
    return np.asarray(alone & (measures.value > 0) & (not table.counts))


def protect_from_singletons(table: Table, system: System, hidden: Bools, pool: Pool) -> None:
    """Give every target a witness in which no cell of a lone contributor moves, but those that hold the target or are
    in it: such contributors, even all together, cannot then exclude it. Hides what it takes. Changes `pool`.
    """
    alone = np.flatnonzero(singletons(table))
    if not len(alone):
        return
    for target in range(len(pool.targets)):
        cell = int(pool.targets.cell[target])
        barred = alone if cell >= len(table) else alone[~akin(table, alone, cell)]
        if np.isin(pool.proof[target].cells, barred).any():
            del pool.proof[target]
            pool.reached[target] = False
            reach(table, system, hidden, pool, target, barred)


def akin(table: Table, cells: Ints, cell: int) -> Bools:
    """Which of `cells` hold the cell, or are held by it: on each axis, one node holds the other, all the same way."""
    own = np.unravel_index(cell, table.shape)
    above, below = np.ones(len(cells), np.bool_), np.ones(len(cells), np.bool_)
    for axis, mine, ranks in zip(table.axes, own, np.unravel_index(cells, table.shape), strict=True):
        shared = np.asarray((axis.holds[ranks] @ axis.holds[[int(mine)]].T).todense()).ravel()
        size = np.asarray(axis.holds.sum(axis=1)).ravel()
        above &= shared == size[mine]
        below &= shared == size[ranks]
    return above | below
