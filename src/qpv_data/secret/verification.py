"""Prove that a suppression is enough, from its witnesses alone and in whole numbers; and the intervals it leaves."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from qpv_data.secret.cells import Bools, Ints
from qpv_data.secret.equations import System
from qpv_data.secret.moves import Block, limits
from qpv_data.secret.primary import Targets
from qpv_data.secret.witnesses import Witness


def verify(system: System, hidden: Bools, targets: Targets, proof: dict[int, Witness]) -> None:
    """Assert that every target has a witness: equal on what is published, above what a reader grants, far enough.

    Integer arithmetic; knows nothing of how the witnesses were found.
    """
    for t in range(len(targets)):
        at = np.flatnonzero(proof[t].cells == targets.cell[t])
        moved = int(proof[t].change[at].sum())
        assert (moved if targets.up[t] else -moved) >= targets.amount[t], "une case reste trop bien connue"
    witnesses = list({id(w): w for w in proof.values()}.values())
    if not witnesses:
        return
    cells = np.concatenate([w.cells for w in witnesses])
    change = np.concatenate([w.change for w in witnesses])
    starts = np.concatenate([[0], np.cumsum([len(w.cells) for w in witnesses])])
    moves = sp.csc_matrix((change, cells, starts), shape=(len(system.value), len(witnesses)))
    assert all((np.diff(w.cells) > 0).all() for w in witnesses), "un témoin nomme deux fois une case"
    assert (hidden & system.movable)[cells].all(), "un témoin change une case publiée"
    assert (system.value[cells] + change >= system.least[cells]).all(), "un témoin descend sous ce qui est connu"
    assert not (system.rows @ moves).count_nonzero(), "un témoin rompt une équation"


def intervals(system: System, hidden: Bools, cells: Ints) -> np.ndarray:
    """Bounds, cells × 2, that the equations leave to hidden cells: what a reader works out, infinity when nothing
    bounds. Not in whole numbers."""
    block = Block(system, np.flatnonzero(hidden & system.movable))
    bounds = np.repeat(system.value[cells].astype(np.float64)[:, None], 2, axis=1)
    at = block.local(np.asarray(cells, dtype=np.int64))
    rooms = limits(block, np.ones(len(block), np.bool_))
    for n in np.flatnonzero(at >= 0):
        for side, sign in ((0, 1.0), (1, -1.0)):
            cost = np.zeros(len(block))
            cost[at[n]] = sign
            move = block.solve((cost, -cost), rooms, None)
            bounds[n, side] = -sign * np.inf if move is None else system.value[cells[n]] + move[at[n]]
    return bounds
