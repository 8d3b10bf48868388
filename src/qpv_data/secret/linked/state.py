"""A linked system while it is protected: what is hidden of it, its witnesses so far, and how targets are reached."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from qpv_data.secret.cells import Bools
from qpv_data.secret.linked.goals import empty_places
from qpv_data.secret.linked.system import Linked
from qpv_data.secret.moves import Block, limits
from qpv_data.secret.primary import Targets
from qpv_data.secret.protection import protect_alone
from qpv_data.secret.repair import reach_near
from qpv_data.secret.sequential import lift
from qpv_data.secret.witnesses import Pool, Witness

_SHORT = 1e-4
"""Cost of any other move, so that what lifts a cell is short."""
NOTHING = Targets(np.zeros(0, np.int64), np.zeros(0, np.bool_), np.zeros(0, np.int64))


@dataclass
class State:
    """A linked system while it is protected. `asked`: what each target was, once it was served."""

    link: Linked
    hidden: Bools
    served: dict[tuple[int, bool], int] = field(default_factory=dict)
    pools: list[Pool] = field(default_factory=list)
    known: set[tuple[int, ...]] = field(default_factory=set)
    looked: int = -1
    """How many cells were hidden when the nearly empty places were last looked for: hidden cells only grow."""

    def widen(self, link: Linked) -> None:
        """Take a system with more cells beyond the last one; witnesses move them as they move their parts."""
        before, self.link = len(self.hidden), link
        rows = link.system.rows[link.system.rows.shape[0] - (len(link.system.value) - before) :].tocsc()
        self.hidden = np.concatenate([self.hidden, np.ones(len(link.system.value) - before, np.bool_)])
        wider: dict[int, Witness] = {}
        for pool in self.pools:
            pool.room = link.system.value - link.system.least
            for target, witness in pool.proof.items():
                if id(witness) not in wider:
                    moves = rows[:, witness.cells] @ witness.change
                    moved = np.flatnonzero(moves)
                    cells = np.concatenate([witness.cells, before + moved])
                    wider[id(witness)] = Witness(cells, np.concatenate([witness.change, moves[moved]]))
                pool.proof[target] = wider[id(witness)]

    def pool(self, asked: Targets) -> Pool:
        """What witnesses known so far give for targets."""
        made = Pool(asked, self.link.system.value - self.link.system.least)
        for witness in {id(w): w for earlier in self.pools for w in earlier.proof.values()}.values():
            made.add(witness.cells, witness.change)
        return made


def reach(state: State, fresh: Targets) -> list[int]:
    """Reach targets, block by block, then what is left in all that equations join. The cells out of reach."""
    if not len(fresh):
        return []
    system = state.link.system
    pool = state.pool(fresh)
    for cells in state.link.blocks():
        block = Block(system, cells)
        at = block.local(fresh.cell)
        own = np.flatnonzero((at >= 0) & ~pool.reached)
        if len(own):
            local = Targets(at[own], fresh.up[own], fresh.amount[own])
            free, proof = protect_alone((block.alone(), state.hidden[block.cells], local), exchanging=False)
            state.hidden[block.cells] |= free
            for t, witness in proof.items():
                pool.proof[int(own[t])] = Witness(block.cells[witness.cells], witness.change)
                pool.reached[own[t]] = True
    nobody = np.zeros(0, np.int64)
    stuck = [
        int(fresh.cell[target])
        for target in np.flatnonzero(~pool.reached).tolist()
        if not pool.reached[target] and not reach_near(system, state.hidden, pool, target, nobody)
    ]
    state.pools.append(pool.only_reached())
    return stuck


def nearly_empty(state: State) -> Targets:
    """Atoms where nothing is, and where a reader works out that there is something under k, or nothing: as much as a
    small number, for there is no telling which. Nothing to do where it is certain that nothing is."""
    if int(state.hidden.sum()) == state.looked:
        return NOTHING  # nothing was hidden since they were all looked at
    state.looked = int(state.hidden.sum())
    empty = empty_places(state.link)
    left = np.flatnonzero([(c, True) not in state.served for c in empty.cell.tolist()])
    pool = state.pool(Targets(empty.cell[left], empty.up[left], empty.amount[left]))
    found = []
    for cells in state.link.blocks():
        block = Block(state.link.system, cells)
        at, free = block.local(pool.targets.cell), state.hidden[block.cells]
        lift(block, free, pool, at)
        for target in np.flatnonzero((at >= 0) & ~pool.reached).tolist():
            if not pool.reached[target] and highest(block, free, pool, target, int(at[target])) > 0:
                found.append(target)
    state.pools.append(pool.only_reached())
    rank = np.array(found, dtype=np.int64)
    return Targets(pool.targets.cell[rank], pool.targets.up[rank], pool.targets.amount[rank])


def highest(block: Block, free: Bools, pool: Pool, target: int, at: int) -> int:
    """How high a reader may put a cell, up to what is asked; the move is kept."""
    cost = np.full(len(block), _SHORT)
    up = cost.copy()
    up[at] = -1.0
    rooms = limits(block, free)
    rooms[0][at] = min(rooms[0][at], float(pool.targets.amount[target]))
    move = block.solve((up, cost), rooms, None)
    if move is None or move[at] < 1e-6:
        return 0
    whole = block.whole(move)
    if whole is not None:
        pool.add(block.cells, whole)
    return 0 if pool.reached[target] else int(np.ceil(move[at] - 1e-6))
