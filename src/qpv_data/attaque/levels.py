"""How far a bound must stay from the truth of an amount: what an attacker must not come within. Needs the truth."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

_MARGIN = Fraction(3, 10)


def dominance_level(contributions: Sequence[Fraction], share: Fraction, largest: int = 1) -> Fraction:
    """Rule (n, k): Σ of the n largest / share − total. Positive when the cell is sensitive; (300, 20, 10) under
    (1, 85 %) gives 22.94: an upper bound must be at least 352.94."""
    ordered = sorted(contributions, reverse=True)
    return level_of(sum(ordered[:largest], Fraction(0)), sum(ordered, Fraction(0)), share)


def level_of(largest: Fraction, total: Fraction, share: Fraction) -> Fraction:
    """The same, from what the largest bring together and the total."""
    return largest / share - total


def prior_level(contributions: Sequence[Fraction], percent: Fraction) -> Fraction:
    """Rule p %: (p/100) × the largest − what is neither the largest nor the second. Positive when sensitive."""
    ordered = [*sorted(contributions, reverse=True), Fraction(0), Fraction(0)]
    return percent / 100 * ordered[0] - (sum(ordered, Fraction(0)) - ordered[0] - ordered[1])


def few_level(amount: Fraction, units: int, k: int) -> Fraction:
    """Fewer than k units: up to k when the amount is their number, else 30 % of the amount (docs/secret.md)."""
    return Fraction(k) - amount if amount == units else amount * _MARGIN


def within(
    truth: Fraction, low: Fraction | None, high: Fraction | None, above: Fraction, below: Fraction | None = None
) -> bool:
    """Whether bounds come nearer to the truth than `above` it or, where amounts allow, than `below` it (by default, as
    far)."""
    near_above = high is not None and high < truth + above
    near_below = low is not None and low > max(truth - (above if below is None else below), Fraction(0))
    return near_above or near_below
