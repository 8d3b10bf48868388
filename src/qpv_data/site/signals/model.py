"""What is compared, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Kind(StrEnum):
    """What stands out: a level, a change beside others' changes, a change beside the quarter's own past ones."""

    LEVEL = "niveau"
    CHANGE = "evolution"
    OWN = "rupture"


class Measure(StrEnum):
    """What a value is: a share of units, units per inhabitant, or a level of which only the value is known."""

    SHARE = "part"
    RATE = "taux"
    LEVEL = "niveau"


@dataclass(frozen=True)
class Series:
    """One indicator in the quarters of one group of comparable ones.

    Matrices are zones × periods, NaN where nothing is published. `numerators`, `denominators`: of shares and rates,
    counts if `counts`; of levels, the denominators that say how much each value rests on, or NaN. `noise`: standard
    error of the numerators from positions, 0 if none is declared. `quantum`: what the last published decimal is worth.
    `pairs`: (before, after) of the change that is compared; None when no two periods may be. `run`: the consecutive
    periods, all comparable, that end with the last one.
    """

    indicator: str
    measure: Measure
    counts: bool
    flow: bool
    quantum: float
    factor: float
    zones: tuple[str, ...]
    periods: tuple[str, ...]
    values: Floats
    numerators: Floats
    denominators: Floats
    noise: Floats
    pair: tuple[int, int] | None
    run: tuple[int, ...]


@dataclass(frozen=True)
class Compared:
    """The comparisons of one kind made in one series: n zones (their places in it), and what a sentence needs.

    `values`, `references` are levels, or changes; `before` the level at the start of a change (NaN for a level),
    `after` the last level. `scores`: normal scores of the comparisons, positive above, 0 when the descriptions disagree
    on the direction. `told`: gaps that are large enough to be told. `count`: comparators of each, the other quarters or
    the past changes.
    """

    kind: Kind
    series: Series
    zones: Ints
    values: Floats
    references: Floats
    before: Floats
    after: Floats
    scores: Floats
    told: Bools
    count: int
