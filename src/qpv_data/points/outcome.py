"""What became of every row: inside, outside, or of unknown place and why; the three sum to what was read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from qpv_data.points.batch import Placed
from qpv_data.problems import FeedError, Problem


@dataclass
class Outcome:
    """How many rows, and what became of them. `lus` = `dedans` + `dehors` + the sum of `inconnus`."""

    lus: int = 0
    dedans: int = 0
    dehors: int = 0
    inconnus: Counter[str] = field(default_factory=Counter)
    corriges: int = 0

    def add(self, placed: Placed) -> None:
        """Count a batch."""
        self.lus += placed.lus
        self.dedans += len(placed.dedans)
        self.dehors += placed.dehors
        self.inconnus += placed.reasons()
        self.corriges += placed.corriges

    def merge(self, other: Outcome) -> None:
        """Count what another counted."""
        self.lus += other.lus
        self.dedans += other.dedans
        self.dehors += other.dehors
        self.inconnus += other.inconnus
        self.corriges += other.corriges

    def verify(self, nom: str) -> None:
        """Raise FeedError unless every row has one outcome."""
        if self.lus != self.dedans + self.dehors + self.inconnus.total() or min(self.dedans, self.dehors) < 0:
            message = f"{self.lus} lus ≠ {self.dedans} dedans + {self.dehors} dehors + {self.inconnus.total()} inconnus"
            raise FeedError(nom, Problem.TOTAUX_INEGAUX, message, "signaler ce défaut du logiciel")
