"""Sums by group, exact: every addition is one of integers, and the total alone is rounded, once.

So neither threads, nor batches, nor the order of rows change a bit of a sum. A float64 is an integer of 53 bits times
a power of two: it is cut into limbs of 27 bits, aligned on exponents that are multiples of 32, and each limb is
summed apart (numpy adds them in float64, exactly: 2^31 × 2^22 rows < 2^53).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qpv_data.arrays import distinct
from qpv_data.grid.edges import Floats, Ints

_LIMB, _LIMBS, _SPAN = 27, 4, 32
_MASK = (1 << _LIMB) - 1
_MOST = 1 << 22
Limbs = dict[int, NDArray[np.int64]]


@dataclass
class ExactSums:
    """Sums of `groups` groups. `limbs[e]`: (4, groups) sums of limbs worth 2^(32 e − 53); `absents`: values left out
    because they are null or NaN; `infinis`: sum of the infinite ones, when there are."""

    groups: int
    limbs: Limbs = field(default_factory=dict)
    infinis: Floats | None = None

    def add(self, group: Ints, values: Floats) -> None:
        """Add values (float64, no NaN) to their groups."""
        for start in range(0, len(values), _MOST):
            self._add(group[start : start + _MOST], values[start : start + _MOST])

    def _add(self, group: Ints, values: Floats) -> None:
        finite = np.isfinite(values)
        if not finite.all():
            with np.errstate(invalid="ignore"):
                found: Floats = np.bincount(group[~finite], values[~finite], self.groups).astype(np.float64)
                self.infinis = found if self.infinis is None else self.infinis + found
            group, values = group[finite], values[finite]
        fraction, exponent = np.frexp(values)
        mantissa = (fraction * 2.0**53).astype(np.int64)
        level = exponent >> 5
        shift = (exponent & 31).astype(np.int64)
        low, high = (mantissa & _MASK) << shift, (mantissa >> _LIMB) << shift
        parts = (low & _MASK, low >> _LIMB, high & _MASK, high >> _LIMB)
        for e in distinct(level):
            chosen = slice(None) if (level == e).all() else np.flatnonzero(level == e)
            sums = self.limbs.setdefault(int(e), np.zeros((_LIMBS, self.groups), np.int64))
            for n, part in enumerate(parts):
                sums[n] += np.bincount(group[chosen], part[chosen], self.groups).astype(np.int64)

    def merge(self, other: ExactSums) -> None:
        """Add the sums of another, over the same groups."""
        for e, limbs in other.limbs.items():
            self.limbs[e] = self.limbs[e] + limbs if e in self.limbs else limbs
        if other.infinis is not None:
            self.infinis = other.infinis if self.infinis is None else self.infinis + other.infinis

    def regrouped(self, to: Ints, groups: int) -> ExactSums:
        """The same sums, group g becoming `to[g]` of `groups`; several may become one."""
        moved = ExactSums(groups)
        for e, limbs in self.limbs.items():
            target = np.zeros((_LIMBS, groups), np.int64)
            for n in range(_LIMBS):
                np.add.at(target[n], to, limbs[n])
            moved.limbs[e] = target
        if self.infinis is not None:
            moved.infinis = np.zeros(groups)
            with np.errstate(invalid="ignore"):
                np.add.at(moved.infinis, to, self.infinis)
        return moved

    def totals(self, which: Ints) -> list[float]:
        """The sums of some groups, each rounded once, to the nearest float64."""
        return [self._infinite(g) or _scaled(*self._exact(g)) for g in which.tolist()]

    def whole_totals(self, which: Ints) -> list[int]:
        """The sums of some groups of whole numbers, exact."""
        exact = (self._exact(g) for g in which.tolist())
        return [whole << exponent if exponent >= 0 else whole >> -exponent for whole, exponent in exact]

    def _infinite(self, g: int) -> float:
        return 0.0 if self.infinis is None else float(self.infinis[g])

    def _exact(self, g: int) -> tuple[int, int]:
        """(whole, exponent): the sum is whole × 2^exponent."""
        total, lowest = 0, min(self.limbs, default=0)
        for e, limbs in self.limbs.items():
            a, b, c, d = (int(v) for v in limbs[:, g])
            total += (a + (b << _LIMB) + (c << _LIMB) + (d << 2 * _LIMB)) << (_SPAN * (e - lowest))
        return total, _SPAN * lowest - 53


def _scaled(whole: int, exponent: int) -> float:
    """whole × 2^exponent, correctly rounded; infinite beyond the largest float64."""
    try:
        return float(whole << exponent) if exponent >= 0 else whole / (1 << -exponent)
    except OverflowError:
        return math.inf if whole > 0 else -math.inf
