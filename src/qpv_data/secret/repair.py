"""What blocks could not protect: each target again, in a neighbourhood that grows to the whole table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qpv_data.problems import FeedError, Problem
from qpv_data.secret.cells import Bools, Ints, Table, finest_shape, held
from qpv_data.secret.equations import System
from qpv_data.secret.moves import Block
from qpv_data.secret.primary import crossed_finest
from qpv_data.secret.sequential import cheapest, lift
from qpv_data.secret.witnesses import Pool

FIRST, GROWTH = 3_000, 6


def repair(table: Table, system: System, hidden: Bools, pool: Pool) -> None:
    """Reach every target that is left, hiding what it takes. Changes `hidden` and `pool`."""
    while len(left := np.flatnonzero(~pool.reached)):
        reach(table, system, hidden, pool, int(left[0]), np.zeros(0, dtype=np.int64))


def reach(table: Table, system: System, hidden: Bools, pool: Pool, target: int, barred: Ints) -> None:
    """Reach one target without moving the cells `barred`. Changes `hidden` and `pool`.

    A wider neighbourhood is tried when a narrow one has no move. After the last one, which is all that the equations
    join, comes a move that always exists: a finest cell inside the target, and every cell that holds it.
    Raises FeedError when a target cannot be reached by hiding everything.
    """
    if not reach_near(system, hidden, pool, target, barred):
        _everything_around(table, system, hidden, pool, target, barred)


def reach_near(system: System, hidden: Bools, pool: Pool, target: int, barred: Ints) -> bool:
    """Reach one target by a programme, in a neighbourhood that grows to all that the equations join; False when even
    that has no move. Changes `hidden` and `pool`."""
    size, last = FIRST, -1
    while not pool.reached[target]:
        cells = neighbourhood(system, int(pool.targets.cell[target]), size)
        if len(cells) == last:
            return False
        block = Block(system, cells)
        at, free = block.local(pool.targets.cell), hidden[block.cells]
        still = np.isin(block.cells, barred)
        move = cheapest(block, free, pool, target, int(at[target]), still if len(barred) else None)
        if move is not None:
            _take(block.cells, move, hidden, pool, target)
            if not len(barred):
                lift(block, hidden[block.cells], pool, at)
        size, last = size * GROWTH, len(cells)
    return True


def _take(cells: Ints, move: Ints, hidden: Bools, pool: Pool, target: int) -> None:
    pool.add(cells, move)
    hidden[cells] |= move != 0
    assert pool.reached[target], "le déplacement trouvé n'atteint pas ce qui était demandé"


def neighbourhood(system: System, start: int, size: int) -> Ints:
    """At least `size` cells around one, by the equations that join them, or all that can be reached. Increasing."""
    near = np.array([start], dtype=np.int64)
    while True:
        lines = np.unique(system.columns[near].indices)
        wider = np.unique(system.rows[lines].indices.astype(np.int64))
        wider = np.union1d(near, wider[system.movable[wider]])
        if len(wider) == len(near) or len(near) >= size:
            return near
        near = wider


def _everything_around(table: Table, system: System, hidden: Bools, pool: Pool, target: int, barred: Ints) -> None:
    """Move finest cells inside the target, the largest first, with all that holds them."""
    change = np.zeros(len(system.value), dtype=np.int64)
    left = int(pool.targets.amount[target])
    up = bool(pool.targets.up[target])
    for finest, holders in _inside(table, system, int(pool.targets.cell[target])):
        room = left if up else min(left, int((system.value - system.least)[finest]))
        change[holders] += room if up else -room
        left -= room
        if not left:
            break
    unions = system.rows[system.rows.shape[0] - (len(change) - len(table)) :, : len(table)]
    change[len(table) :] = unions @ change[: len(table)]
    if (
        left
        or change[barred].any()
        or (system.value + change < system.least).any()
        or (change[~system.movable] != 0).any()
    ):
        own = parts(system, int(pool.targets.cell[target]), len(table))
        where = " + ".join(table.name(part) for part in own)
        message = f"impossible de protéger {where}, même en cachant tout ce qui l'entoure"
        raise FeedError("tableau", Problem.CONTROLE_NON_TENU, message, "publier des codes plus larges")
    _take(np.arange(len(change)), change, hidden, pool, target)


def parts(system: System, cell: int, cells: int) -> list[int]:
    """The cells that a union is made of; a cell of the table is its only part."""
    if cell < cells:
        return [cell]
    line = system.rows[system.rows.shape[0] - (len(system.value) - cell)]
    return sorted(int(c) for c in line.indices if c != cell)


def _inside(table: Table, system: System, cell: int) -> Iterator[tuple[int, Ints]]:
    """Finest cells that are not zero inside a cell or union, and for each the cells that hold it."""
    numbers = np.arange(len(table)).reshape(table.shape)
    shape = finest_shape(table.axes)
    finest = crossed_finest(table)
    ranks = np.arange(len(finest)).reshape(shape)
    inside: set[int] = set()
    for part in parts(system, cell, len(table)):
        nodes = np.unravel_index(part, table.shape)
        own = [held(axis, int(node)) for axis, node in zip(table.axes, nodes, strict=True)]
        inside |= set(ranks[np.ix_(*own)].ravel().tolist())
    for f in sorted(inside, key=lambda f: (-int(system.value[finest[f]]), f)):
        if system.value[finest[f]] > 0:
            places = np.unravel_index(f, shape)
            above = [
                np.flatnonzero(a.holds[:, [int(p)]].toarray().ravel()) for a, p in zip(table.axes, places, strict=True)
            ]
            yield int(finest[f]), numbers[np.ix_(*above)].ravel()
