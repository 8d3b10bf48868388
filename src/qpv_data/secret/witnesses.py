"""Witnesses: tables that a reader cannot exclude, each shown by its difference with the true one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from qpv_data.secret.cells import Bools, Ints
from qpv_data.secret.primary import Targets


@dataclass(frozen=True)
class Witness:
    """A move in whole numbers: `change[i]` of the cell `cells[i]`, never 0; every other cell keeps its value."""

    cells: Ints
    change: Ints

    def times(self, factor: int) -> Witness:
        return Witness(self.cells, self.change * factor)


@dataclass
class Pool:
    """Which targets are reached, and by which witness. Each move serves as often and as far as it can."""

    targets: Targets
    room: Ints
    """Of every cell of the system: how far down a reader may put it."""
    proof: dict[int, Witness] = field(default_factory=dict)
    reached: Bools = field(init=False)

    def __post_init__(self) -> None:
        self.reached = np.zeros(len(self.targets), dtype=np.bool_)
        self._order = np.argsort(self.targets.cell, kind="stable")
        self._sorted = self.targets.cell[self._order]

    def add(self, cells: Ints, change: Ints) -> int:
        """Take a move in: its multiples up and down reach every target that they can. How many are new."""
        moved = np.flatnonzero(change)
        cells, change = cells[moved], change[moved]
        first = np.searchsorted(self._sorted, cells, "left")
        if not (np.searchsorted(self._sorted, cells, "right") > first).any():
            return 0
        base = change // np.gcd.reduce(np.abs(change))
        found = 0
        for sign in (1, -1):
            step = base * sign
            down = step < 0
            factor = int((self.room[cells[down]] // -step[down]).min()) if down.any() else _FAR
            if factor:
                found += self._reach(cells, step, factor)
        return found

    def only_reached(self) -> Pool:
        """The pool without the targets that it does not reach."""
        kept = np.flatnonzero(self.reached)
        asked = Targets(self.targets.cell[kept], self.targets.up[kept], self.targets.amount[kept])
        other = Pool(asked, self.room)
        other.reached[:] = True
        other.proof = {n: self.proof[int(t)] for n, t in enumerate(kept)}
        return other

    def _reach(self, cells: Ints, step: Ints, factor: int) -> int:
        first = np.searchsorted(self._sorted, cells, "left")
        last = np.searchsorted(self._sorted, cells, "right")
        found = 0
        for n in np.flatnonzero(last > first):
            for t in self._order[first[n] : last[n]]:
                own = step[n] if self.targets.up[t] else -step[n]
                if self.reached[t] or own <= 0:
                    continue
                times = -(-int(self.targets.amount[t]) // int(own))
                if times <= factor:
                    self.reached[t], self.proof[int(t)] = True, Witness(cells, step * times)
                    found += 1
        return found


_FAR = 1 << 40
