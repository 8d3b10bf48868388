"""Hide less still: several neighbouring cells shown at once, and all that they served served again for less.

`tidying.exchange` tries one cell at a time: it cannot leave a choice where two cells must go together to be replaced.
What is tried is drawn, from the same seed for the same block, and counted: the answer does not depend on the clock.
"""

from __future__ import annotations

import numpy as np

from qpv_data.secret.cells import Bools, Ints
from qpv_data.secret.moves import Block, limits
from qpv_data.secret.sequential import hiding_costs
from qpv_data.secret.tidying import Uses
from qpv_data.secret.witnesses import Pool

TRIES = 1.5
"""Tries for each cell that is hidden and was not asked: five times more would hide 1 % less of them."""
SHOWN, NEAR, SERVED = 5, 200, 20
"""Cells shown at once, at most; cells around them that may move in return; targets served again. With less there is
nowhere to go; with more, programmes are slow and seldom find better."""
NOISE = 0.3
"""How far the price of a cell is changed, so that two tries do not end on the same choice."""


def improve(block: Block, hidden: Bools, asked: Bools, pool: Pool) -> bool:
    """Hide at a lower cost, or at the same one otherwise, a few cells at a time. Changes `hidden` and `pool`, all of
    whose targets have a proof; says whether it did.

    `block`: alone. `asked`: cells that stay hidden.
    """
    search = _Search(block, hidden, asked, pool)
    changed = False
    for _ in range(int(TRIES * (hidden & ~asked).sum())):
        extra = hidden & ~asked
        if not extra.any():
            break
        changed |= search.attempt(extra)
    return changed


class _Search:
    def __init__(self, block: Block, hidden: Bools, asked: Bools, pool: Pool) -> None:
        self.block, self.hidden, self.asked, self.pool = block, hidden, asked, pool
        self.uses = Uses(block, np.arange(len(block), dtype=np.int64), pool)
        # Cells that share an equation. Dense: looking rows up is half of what a try costs when it is sparse.
        self.joined: Bools = (abs(block.rows).T @ abs(block.rows)).toarray() > 0
        self.draw = np.random.default_rng(len(block))

    def attempt(self, extra: Bools) -> bool:
        """Show a few of the cells `extra`, neighbours of one drawn among them, if what they served can do otherwise for
        no more."""
        block = self.block
        near = self._around(int(self.draw.choice(np.flatnonzero(extra))))
        shown = near[extra[near]][: int(self.draw.integers(2, SHOWN + 1))]
        concerned = sorted(set().union(*(self.uses.users[c] for c in shown)))
        if len(concerned) > SERVED:
            return False
        before = self.uses.withdrawn(concerned)
        may = np.zeros(len(block), np.bool_)
        may[near] = True
        for witness in before.values():
            may[witness.cells] = True
        free = self.hidden.copy()
        free[shown] = False
        if not self._serve(concerned, free, np.flatnonzero(may), float(block.weight[shown].sum())):
            self.uses.restored(before)
            return False
        self.uses.renewed(before)
        self.hidden[:] = free
        self._show_unused(np.concatenate([shown, *(w.cells for w in before.values())]))
        return True

    def _around(self, cell: int) -> Ints:
        """A cell, then those that equations join to it, the nearest first; in an order that is drawn when as near."""
        order = near = np.array([cell], dtype=np.int64)
        seen = np.zeros(len(self.block), np.bool_)
        seen[cell] = True
        while len(order) < NEAR and len(near):
            wider = seen | self.joined[near].any(axis=0)
            near = self.draw.permutation(np.flatnonzero(wider & ~seen))
            seen = wider
            order = np.concatenate([order, near])
        return order[:NEAR]

    def _serve(self, concerned: list[int], free: Bools, cells: Ints, most: float) -> bool:
        """Give a witness to each target, moving `cells` alone and hiding `most` at most; what it hides is added to
        `free`. False, half done, when that cannot be."""
        may = np.zeros(len(self.block), np.bool_)
        may[cells] = True
        sub, targets = self.block.only(may), self.pool.targets
        weight = sub.weight
        sub.weight = weight * self.draw.uniform(1 - NOISE, 1 + NOISE, len(weight))
        rooms = limits(sub, np.ones(len(sub), np.bool_))
        if self.draw.random() < 0.5:
            concerned = self.draw.permutation(concerned).tolist()
        spent = 0.0
        for t in concerned:
            if self.pool.reached[t]:
                continue
            amount, at = float(targets.amount[t]), int(np.searchsorted(cells, targets.cell[t]))
            cost = hiding_costs(sub, free[cells], amount)
            move = sub.solve(cost, rooms, (at, amount if targets.up[t] else -amount))
            whole = None if move is None else sub.whole(move)
            if whole is None:
                return False
            new = (whole != 0) & ~free[cells]
            spent += float(weight[new].sum())
            if spent > most + 1e-9:
                return False
            free[cells[new]] = True
            self.pool.add(cells, whole)
        return True

    def _show_unused(self, cells: Ints) -> None:
        for cell in np.unique(cells):
            if not self.asked[cell] and not self.uses.users[cell]:
                self.hidden[cell] = False
