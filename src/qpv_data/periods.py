"""Periods: `2024-03` (month), `2024-T3` (quarter), `2024-S2` (half-year), `2024` (year)."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, date
from enum import StrEnum


class Frequence(StrEnum):
    """Month, quarter (*trimestre*), half-year (*semestre*), year (*année*)."""

    M = "M"
    T = "T"
    S = "S"
    A = "A"


_PER_YEAR = {Frequence.M: 12, Frequence.T: 4, Frequence.S: 2, Frequence.A: 1}
_SHAPES = {
    Frequence.M: re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])"),
    Frequence.T: re.compile(r"([0-9]{4})-T([1-4])"),
    Frequence.S: re.compile(r"([0-9]{4})-S([12])"),
    Frequence.A: re.compile(r"([0-9]{4})()"),
}


@dataclass(frozen=True)
class Period:
    """The `rang`-th period of `annee` (from 1). Ordered by its end, so that periods of any frequency compare."""

    annee: int
    rang: int
    frequence: Frequence

    @property
    def debut(self) -> date:
        """First day."""
        months = 12 // _PER_YEAR[self.frequence]
        return date(self.annee, (self.rang - 1) * months + 1, 1)

    @property
    def fin(self) -> date:
        """Last day."""
        month = self.rang * 12 // _PER_YEAR[self.frequence]
        return date(self.annee, month, monthrange(self.annee, month)[1])

    def next(self) -> Period:
        """The period that follows."""
        if self.rang == _PER_YEAR[self.frequence]:
            return Period(self.annee + 1, 1, self.frequence)
        return Period(self.annee, self.rang + 1, self.frequence)

    def __lt__(self, other: Period) -> bool:
        return self.fin < other.fin

    def __le__(self, other: Period) -> bool:
        return self.fin <= other.fin

    def __str__(self) -> str:
        if self.frequence is Frequence.A:
            return f"{self.annee:04d}"
        if self.frequence is Frequence.M:
            return f"{self.annee:04d}-{self.rang:02d}"
        return f"{self.annee:04d}-{self.frequence.value}{self.rang}"


def parse_period(text: str) -> Period:
    """Read a period. Raises ValueError, naming the accepted forms."""
    for frequence, shape in _SHAPES.items():
        if (m := shape.fullmatch(text)) and int(m[1]) > 0:
            return Period(int(m[1]), int(m[2] or 1), frequence)
    raise ValueError(f"période illisible : {text!r} (formes : 2024-T3, 2024-03, 2024-S2, 2024)")


def periods_between(first: Period, last: Period) -> Iterator[Period]:
    """Periods of `first`'s frequency from it to the last that ends no later than `last`, both included."""
    current = first
    while current.fin <= last.fin:
        yield current
        current = current.next()
        if current.annee > MAXYEAR:
            return


def period_of(day: date, frequence: Frequence) -> Period:
    """The period of this frequency that holds `day`."""
    months = 12 // _PER_YEAR[frequence]
    return Period(day.year, (day.month - 1) // months + 1, frequence)
