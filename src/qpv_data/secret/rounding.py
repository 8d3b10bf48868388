"""Moves in whole numbers, where the cheapest one of a linear programme is not."""

from __future__ import annotations

import numpy as np

from qpv_data.secret.cells import Bools, Ints
from qpv_data.secret.moves import Block, Floats

MULTIPLES = (2, 3, 4, 6)
DRAWS = 6
"""Times that costs are changed a little, to end on another vertex."""
FEW_NODES, NODES = 50, 2_000
"""Of branch and bound: among the cells that the fractional move uses, then among all."""

_Both = tuple[Floats, Floats]
_NOTHING = 1e-9


def whole_move(
    block: Block,
    cost: _Both,
    room: _Both,
    fixed: tuple[int, float],
    known: Ints | None = None,
) -> Ints | None:
    """As `Block.solve`, in whole numbers: of one cell at least the move that is given. None when none was found.

    A move that is not whole is multiplied if room allows, then sought again among the cells that it uses and those that
    cost next to nothing, under costs a little different. Then comes the move that is `known`, or branch and bound.
    """
    move = block.solve(cost, room, fixed)
    if move is None:
        return None
    for times in (1, *MULTIPLES):
        whole = block.whole(move * times)
        if whole is not None:
            return whole
    kept = (np.abs(move) > _NOTHING) | (np.minimum(*cost) < min(1e-2 * cost[0].max(), 1e-2 * cost[1].max()))
    sub, at = block.only(kept), int(np.count_nonzero(kept[: fixed[0]]))
    programme = _kept(cost, kept), _kept(room, kept), (at, fixed[1])
    found = _another_vertex(sub, *programme)
    if found is None and known is not None:
        return known
    if found is None:
        found = sub.solve_whole(*programme, FEW_NODES)
    return spread(found, kept) if found is not None else block.solve_whole(cost, room, fixed, NODES)


def _another_vertex(block: Block, cost: _Both, room: _Both, fixed: tuple[int, float]) -> Ints | None:
    draw = np.random.default_rng(fixed[0])  # the same answer for the same programme
    for _ in range(DRAWS):
        factor = draw.uniform(0.7, 1.3, len(block))
        move = block.solve((cost[0] * factor, cost[1] * factor), room, fixed)
        whole = None if move is None else block.whole(move)
        if whole is not None:
            return whole
    return None


def _kept(sides: _Both, kept: Bools) -> _Both:
    return sides[0][kept], sides[1][kept]


def spread(move: Ints, kept: Bools) -> Ints:
    """A move of `block.only(kept)`, as one of the block."""
    whole = np.zeros(len(kept), dtype=np.int64)
    whole[kept] = move
    return whole
