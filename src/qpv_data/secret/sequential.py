"""Complementary suppression of a block by a sequence of linear programmes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qpv_data.secret.cells import Bools, Ints
from qpv_data.secret.moves import Block, Floats, limits
from qpv_data.secret.nearby import among_circuits
from qpv_data.secret.rounding import whole_move
from qpv_data.secret.witnesses import Pool, Witness

_NOTHING = 1e-3
"""Cost of moving what is hidden already: not 0, so that moves stay short."""


def protect_block(block: Block, hidden: Bools, pool: Pool, known: Mapping[int, Witness] | None = None) -> Ints:
    """Hide what is needed for the targets of the block to be reached. Gives the targets that are not.

    `hidden`: over the cells of the system, changed in place; what is not published counts as hidden. Targets are taken
    in their order; what a move needs is hidden, and the move is kept as a witness. `known`: witnesses that would do,
    whose cells are all in the block.
    """
    at = block.local(pool.targets.cell)
    free = hidden[block.cells]
    lift(block, free, pool, at)
    missed = []
    for target in np.flatnonzero((at >= 0) & ~pool.reached):
        if pool.reached[target]:
            continue
        before = None if known is None else _in_block(block, known[int(target)])
        move = before if before is not None and not before[~free].any() else None  # it hides nothing more: no better
        if move is None:
            move = cheapest(block, free, pool, int(target), int(at[target]), known=before)
        if move is None:
            missed.append(target)
            continue
        free |= move != 0
        pool.add(block.cells, move)
        assert pool.reached[target], "le déplacement trouvé n'atteint pas ce qui était demandé"
    hidden[block.cells] |= free
    return np.array(missed, dtype=np.int64)


def lift(block: Block, free: Bools, pool: Pool, at: Ints) -> None:
    """Reach as many targets as one can without hiding anything more, many of them in one move."""
    for up in (True, False):
        while True:
            waiting = np.flatnonzero((at >= 0) & ~pool.reached & (pool.targets.up == up))
            if not len(waiting):
                break
            move = block.solve(*_lifting(block, free, pool, waiting, at[waiting], up), None)
            whole = None if move is None else block.whole(move)
            if whole is None or not pool.add(block.cells, whole):
                break


def _lifting(
    block: Block, free: Bools, pool: Pool, waiting: Ints, at: Ints, up: bool
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Gain 1 for each target reached, at most once; no other move pays."""
    amounts = pool.targets.amount[waiting].astype(np.float64)
    costs = [np.full(len(block), _NOTHING / amounts.max()) for _ in range(2)]
    rooms = list(limits(block, free))
    side = 0 if up else 1
    costs[side][at] = -1.0 / amounts
    rooms[side][at] = np.minimum(rooms[side][at], amounts)
    return (costs[0], costs[1]), (rooms[0], rooms[1])


def _in_block(block: Block, witness: Witness) -> Ints:
    move = np.zeros(len(block), dtype=np.int64)
    move[block.local(witness.cells)] = witness.change
    return move


def cheapest(
    block: Block,
    free: Bools,
    pool: Pool,
    target: int,
    at: int,
    barred: Bools | None = None,
    known: Ints | None = None,
) -> Ints | None:
    """The move that reaches one target and hides least, in whole numbers; None when the block has none.

    `barred`: cells of the block that stay still. `known`: a move that reaches the target, for want of a better one.
    """
    amount = float(pool.targets.amount[target])
    signed = amount if pool.targets.up[target] else -amount
    if signed < 0 and block.room[at] < amount:
        return None
    cost = hiding_costs(block, free, amount)
    if barred is None and block.circuits is not None:
        return among_circuits(block, free, cost, (at, signed), known)
    rooms = limits(block, np.ones(len(block), np.bool_) if barred is None else ~barred)
    return whole_move(block, cost, rooms, (at, signed), known)


def hiding_costs(block: Block, free: Bools, amount: float) -> tuple[Floats, Floats]:
    """What one unit of move costs, so that a cell that can carry the whole move costs its weight, and one that cannot
    costs as much for what it carries."""
    down = np.where(block.room > 0, np.minimum(block.room, amount), 1.0)
    nothing = _NOTHING / amount
    return np.where(free, nothing, block.weight / amount), np.where(free, nothing, block.weight / down)
