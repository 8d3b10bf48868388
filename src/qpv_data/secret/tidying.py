"""Hide less: without each cell that all targets can do without, or that a cheaper one can replace."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qpv_data.secret.cells import Bools, Ints
from qpv_data.secret.moves import Block, limits
from qpv_data.secret.witnesses import Pool, Witness

_LITTLE = 1e-3
"""Cost of moving what is hidden already: not 0, so that moves stay short."""


def tidy(block: Block, hidden: Bools, asked: Bools, pool: Pool) -> None:
    """Show again, the dearest first, each cell that is hidden but not `asked` and that no target needs: those whose
    witness it is in have another among the cells that are still hidden. Changes `hidden` and `pool`.

    `block`: alone, and all its targets reached.
    """
    inside = np.flatnonzero(hidden)
    uses = Uses(block.only(hidden), inside, pool)
    free = np.ones(len(inside), np.bool_)
    extra = np.flatnonzero(~asked[inside])
    for cell in extra[np.argsort(-uses.block.weight[extra], kind="stable")]:
        free[cell] = False
        if uses.without(int(cell), free, 0.0) is None:
            free[cell] = True
    hidden[inside[~free]] = False


def exchange(block: Block, hidden: Bools, asked: Bools, pool: Pool) -> bool:
    """Show again, the dearest first, each cell that is hidden but not `asked`, hiding others that cost less than it for
    the targets whose witness it is in. Changes `hidden` and `pool`; says whether it did."""
    uses = Uses(block, np.arange(len(block), dtype=np.int64), pool)
    changed = False
    extra = np.flatnonzero(hidden & ~asked)
    for cell in extra[np.argsort(-block.weight[extra], kind="stable")]:
        hidden[cell] = False
        more = uses.without(int(cell), hidden, float(block.weight[cell]))
        if more is None:
            hidden[cell] = True
        else:
            hidden |= more
            changed = True
    return changed


class Uses:
    """Which targets have a cell in their witness. Cells are numbered in the block of the search, `inside` being their
    ranks in the pool's."""

    def __init__(self, block: Block, inside: Ints, pool: Pool) -> None:
        self.block, self.inside, self.pool = block, inside, pool
        self.at = np.searchsorted(inside, pool.targets.cell)
        self.users: list[set[int]] = [set() for _ in inside]
        for t, witness in pool.proof.items():
            self._note(t, witness, True)

    def without(self, cell: int, free: Bools, most: float) -> Bools | None:
        """Give the targets that use a cell, which is not `free`, another witness; what it hides besides, which costs
        less than `most`. None, and nothing changes, when one has no such witness."""
        concerned = sorted(self.users[cell])
        before = self.withdrawn(concerned)
        more = self._moved(cell, free, most, concerned)
        if more is None:
            self.restored(before)
        else:
            self.renewed(before)
        return more

    def withdrawn(self, concerned: Sequence[int]) -> dict[int, Witness]:
        """Targets that are to be given another witness, and the one that each has."""
        self.pool.reached[np.array(concerned, dtype=np.int64)] = False
        return {t: self.pool.proof[t] for t in concerned}

    def restored(self, before: dict[int, Witness]) -> None:
        """Targets have their witnesses back."""
        for t, witness in before.items():
            self.pool.reached[t], self.pool.proof[t] = True, witness

    def renewed(self, before: dict[int, Witness]) -> None:
        """Targets have new witnesses."""
        for t, witness in before.items():
            self._note(t, witness, False)
            self._note(t, self.pool.proof[t], True)

    def _moved(self, cell: int, free: Bools, most: float, concerned: list[int]) -> Bools | None:
        block, pool = self.block, self.pool
        more, spent = np.zeros(len(block), np.bool_), 0.0
        may = np.ones(len(block), np.bool_) if most else free.copy()
        may[cell] = False
        rooms = limits(block, may)
        for t in concerned:
            if pool.reached[t]:
                continue
            amount = float(pool.targets.amount[t])
            open_ = free | more
            price = np.where(open_, _LITTLE, block.weight) / amount
            down = np.where(open_, price, block.weight / np.maximum(np.minimum(block.room, amount), 1.0))
            signed = amount if pool.targets.up[t] else -amount
            move = block.solve((price, down), rooms, (int(self.at[t]), signed))
            whole = None if move is None else block.whole(move)
            if whole is None:
                return None
            new = (whole != 0) & ~open_
            spent += float(block.weight[new].sum())
            if new.any() and spent >= most - 1e-9:
                return None
            more |= new
            pool.add(self.inside, whole)
        return more

    def _note(self, target: int, witness: Witness, used: bool) -> None:
        for cell in np.searchsorted(self.inside, witness.cells):
            (self.users[cell].add if used else self.users[cell].discard)(target)
