"""Prove that a suppression is enough, from its witnesses alone and in whole numbers; and the intervals it leaves."""

from __future__ import annotations

import numpy as np

from qpv_data.secret.cells import Bools, Ints
from qpv_data.secret.equations import System
from qpv_data.secret.moves import Block, limits
from qpv_data.secret.primary import Targets
from qpv_data.secret.witnesses import Witness


def verify(system: System, hidden: Bools, targets: Targets, proof: dict[int, Witness]) -> None:
    """Assert that every target has a witness: equal on what is published, above what a reader grants, far enough.

    Integer arithmetic; knows nothing of how the witnesses were found.
    """
    columns = system.rows.tocsc()
    seen: set[int] = set()
    for t in range(len(targets)):
        witness = proof[t]
        at = np.flatnonzero(witness.cells == targets.cell[t])
        change = int(witness.change[at[0]]) if len(at) else 0
        assert (change if targets.up[t] else -change) >= targets.amount[t], "une case reste trop bien connue"
        if id(witness) in seen:
            continue
        seen.add(id(witness))
        assert (np.diff(witness.cells) > 0).all(), "un témoin nomme deux fois une case"
        assert (hidden[witness.cells] & system.movable[witness.cells]).all(), "un témoin change une case publiée"
        moved = system.value[witness.cells] + witness.change
        assert (moved >= system.least[witness.cells]).all(), "un témoin descend sous ce qui est connu"
        assert not (columns[:, witness.cells] @ witness.change).any(), "un témoin rompt une équation"


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
