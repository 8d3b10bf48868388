"""Contributors who are alone in a cell know its value: what they could work out of the others."""

from __future__ import annotations

import numpy as np

from qpv_data.secret.cells import Bools, Table, finest_shape, held
from qpv_data.secret.equations import System
from qpv_data.secret.primary import crossed_finest
from qpv_data.secret.repair import parts, reach
from qpv_data.secret.witnesses import Pool


def singletons(table: Table) -> Bools:
    """Cells that one contributor, or one unit of any kind, makes alone. None in a table of counts of that unit: being
    alone in a cell, one knows that it is at least 1, which the published zeros have told everyone."""
    measures = table.measures
    alone = (measures.units == 1) | (measures.first == measures.value)
    found = alone & (measures.value > 0) & (not table.counts)
    for other in table.others:
        # One person knows the dwellings of a cell where he is alone, as one household knows its amount.
        found |= (other.units == 1) & (measures.value > 1)
    return np.asarray(found)


def protect_from_singletons(table: Table, system: System, hidden: Bools, pool: Pool) -> None:
    """Give every target a witness in which no cell of a lone contributor moves, but those that share something with
    the target: the others, even all together, cannot then exclude it. Hides what it takes. Changes `pool`.

    Whoever is in the target itself is what the rules of contributors are for: p %, (n, k).
    """
    alone = np.flatnonzero(singletons(table))
    if not len(alone):
        return
    positive = (table.measures.value > 0)[crossed_finest(table)].reshape(finest_shape(table.axes))
    for target in range(len(pool.targets)):
        used = np.intersect1d(pool.proof[target].cells, alone)
        own = parts(system, int(pool.targets.cell[target]), len(table))
        if not all(_meets(table, positive, int(c), own) for c in used):
            barred = np.array([c for c in alone if not _meets(table, positive, int(c), own)], dtype=np.int64)
            del pool.proof[target]
            pool.reached[target] = False
            reach(table, system, hidden, pool, target, barred)


def _meets(table: Table, positive: Bools, cell: int, others: list[int]) -> bool:
    """Whether a cell shares a finest cell that is not zero with one of the others."""
    mine = np.unravel_index(cell, table.shape)
    for other in others:
        theirs = np.unravel_index(other, table.shape)
        shared = [
            np.intersect1d(held(axis, int(a)), held(axis, int(b)))
            for axis, a, b in zip(table.axes, mine, theirs, strict=True)
        ]
        if all(len(s) for s in shared) and positive[np.ix_(*shared)].any():
            return True
    return False
