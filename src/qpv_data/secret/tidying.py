"""Show again what is hidden for nothing: cells that every target can do without."""

from __future__ import annotations

import numpy as np

from qpv_data.secret.cells import Bools, Ints
from qpv_data.secret.moves import Block, limits
from qpv_data.secret.witnesses import Pool


def tidy(block: Block, hidden: Bools, asked: Bools, pool: Pool) -> None:
    """Show again, the dearest first, each cell that is hidden but not `asked` and that no target needs: those whose
    witness it is in have another among the cells that are still hidden. Changes `hidden` and `pool`.

    `block`: alone, and all its targets reached.
    """
    inside = np.flatnonzero(hidden)
    sub = block.only(hidden)
    at = np.searchsorted(inside, pool.targets.cell)
    free = np.ones(len(sub), np.bool_)
    users: list[set[int]] = [set() for _ in inside]
    for t, witness in pool.proof.items():
        for cell in np.searchsorted(inside, witness.cells):
            users[cell].add(t)
    extra = np.flatnonzero(~asked[inside])
    for cell in extra[np.argsort(-sub.weight[extra], kind="stable")]:
        free[cell] = False
        if not _without(sub, free, sorted(users[cell]), pool, at, inside, users):
            free[cell] = True
    hidden[inside[~free]] = False


def _without(
    sub: Block, free: Bools, concerned: list[int], pool: Pool, at: Ints, inside: Ints, users: list[set[int]]
) -> bool:
    """Give the targets concerned another witness, among the cells that are free; nothing changes when one has none."""
    before = {t: pool.proof[t] for t in concerned}
    pool.reached[concerned] = False
    rooms = limits(sub, free)
    short = np.ones(len(sub))
    for t in concerned:
        if pool.reached[t]:
            continue
        amount = float(pool.targets.amount[t])
        move = sub.solve((short, short), rooms, (int(at[t]), amount if pool.targets.up[t] else -amount))
        whole = None if move is None else sub.whole(move)
        if whole is None:
            pool.reached[concerned] = True
            pool.proof.update(before)
            return False
        pool.add(inside, whole)
    for t, witness in before.items():
        for cell in np.searchsorted(inside, witness.cells):
            users[cell].discard(t)
        for cell in np.searchsorted(inside, pool.proof[t].cells):
            users[cell].add(t)
    return True
