"""What each interval means for the rule, and what a feasible table already proves about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpv_data.attaque.system import Bools, Ints, System

Floats = NDArray[np.float64]
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Standard:
    """The rule, column by column. In 1/scale."""

    threshold: Ints
    hidden: Bools
    derivable: Bools
    scale: int

    @classmethod
    def of(cls, system: System, cells: Ints) -> Standard:
        """The rule of these cells."""
        return cls(system.threshold[cells], system.hidden[cells], system.derivable[cells], system.scale)

    def broken(self, low: Ints, high: Ints) -> Bools:
        """Intervals that say too much. Hidden counts: under k, or narrower than 1. Hidden amounts: exact. What no
        row publishes: some unit, and fewer than k."""
        counts = self.threshold > 0
        under = counts & (high < self.threshold)
        narrow = high - low < np.where(counts, self.scale, 1)
        return np.asarray((self.hidden & (under | narrow)) | (self.derivable & under & (high > 0)))

    def settled(self, least: Floats, most: Floats) -> Bools:
        """Feasible tables that reach `least` and `most` prove that no attack breaks the rule here."""
        counts = self.threshold > 0
        high_enough = ~counts | (most >= self.threshold - TOLERANCE)
        wide = most - least >= np.where(counts, self.scale, 1) - TOLERANCE
        return np.asarray(np.where(self.hidden, high_enough & wide, ~self.derivable | high_enough))

    def harmless(self, low: Ints, high: Ints) -> Bools:
        """Nobody: a cell that is no population, whatever the tables."""
        return np.asarray(~self.hidden & (~self.derivable | (self.threshold == 0) | ((high <= 0) & (low >= 0))))
