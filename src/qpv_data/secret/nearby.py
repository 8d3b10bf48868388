"""The move that reaches one target in a block that crosses three axes or more, among its cheapest circuits.

There a programme of all the cells takes ten times longer than one of a few hundred, and often ends on a fraction.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qpv_data.secret.cells import Bools, Ints
from qpv_data.secret.circuits import Circuit
from qpv_data.secret.moves import Block, Floats, limits
from qpv_data.secret.rounding import spread, whole_move

COUNT = 60
"""Circuits around a target whose cells may move, besides what is hidden…"""
LARGE = 1_000
"""… in a block of more cells than that; in a smaller one all may."""


def among_circuits(
    block: Block, free: Bools, cost: tuple[Floats, Floats], fixed: tuple[int, float], known: Ints | None
) -> Ints | None:
    """The move that hides least, the move of one cell being given, in whole numbers; None when there is none.

    `cost`: of each cell going up by one, and down by one. `free`: what is hidden already. `known`: a move that does.
    """
    near = free.copy()
    near[fixed[0]] = True
    first = None
    for circuit in _around(block, cost, fixed):
        near[circuit.cells] = True
        if first is None and (first := _move(block, circuit, fixed[1])) is not None and free[first != 0].all():
            return first
    everything = np.ones(len(block), np.bool_)
    kept = near if len(block) > LARGE else everything
    others = [move for move in (first, known) if move is not None]
    best = min(others, key=lambda move: _hides(block, free, move), default=None)
    found = _programme(block, kept, cost, fixed, best)
    if found is None and best is None and not kept.all():
        found = _programme(block, everything, cost, fixed, None)
    if found is None or (best is not None and _hides(block, free, best) < _hides(block, free, found)):
        return best
    return found


def _programme(
    block: Block, kept: Bools, cost: tuple[Floats, Floats], fixed: tuple[int, float], best: Ints | None
) -> Ints | None:
    """The move found by a programme in which only the cells of the mask may move; `best` for want of it."""
    if kept.all():
        return whole_move(block, cost, limits(block, kept), fixed, best)
    sub = block.only(kept)
    within = int(np.count_nonzero(kept[: fixed[0]])), fixed[1]
    known = best[kept] if best is not None and kept[best != 0].all() else None
    few = cost[0][kept], cost[1][kept]
    move = whole_move(sub, few, limits(sub, np.ones(len(sub), np.bool_)), within, known)
    return None if move is None else spread(move, kept)


def _around(block: Block, cost: tuple[Floats, Floats], fixed: tuple[int, float]) -> Iterator[Circuit]:
    assert block.circuits is not None
    at, signed = fixed
    up, down = cost[0], np.where(block.room > 0, cost[1], np.inf)
    return block.circuits.around(at, (up, down) if signed > 0 else (down, up), COUNT)


def _move(block: Block, circuit: Circuit, signed: float) -> Ints | None:
    """The whole move along a circuit, when every cell of it has room."""
    change = circuit.sign * int(signed)
    if (change < -block.room[circuit.cells]).any():
        return None
    move = np.zeros(len(block), dtype=np.int64)
    move[circuit.cells] = change
    return move


def _hides(block: Block, free: Bools, move: Ints) -> float:
    return float(block.weight[(move != 0) & ~free].sum())
