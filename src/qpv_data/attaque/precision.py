"""What the digits of a ratio give away: the fraction behind it, and the count behind a rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Rounded:
    """A published number and its half-width: the truth is within [value − half, value + half]."""

    value: Fraction
    half: Fraction

    @property
    def low(self) -> Fraction:
        return self.value - self.half

    @property
    def high(self) -> Fraction:
        return self.value + self.half


def rounded(value: float, decimals: int) -> Rounded:
    """A number published with `decimals`."""
    unit = Fraction(1, 10**decimals)
    return Rounded(Fraction(round(Fraction(repr(float(value))) / unit)) * unit, unit / 2)


def simplest(low: Fraction, high: Fraction) -> Fraction:
    """The fraction of least denominator in [low, high], by continued fractions."""
    whole = math.ceil(low)
    if whole <= high:
        return Fraction(whole)
    part = math.floor(low)
    inner = simplest(1 / (high - part), 1 / (low - part))
    return part + 1 / inner


def reconstructed(ratio: Rounded, largest: int) -> list[Fraction]:
    """The fractions of [low, high] with a denominator at most `largest`: at most two, for one is enough to identify.

    Within [0, 1] numerator and denominator are known up to a common factor when the list has one.
    """
    first = simplest(ratio.low, ratio.high)
    if first.denominator > largest:
        return []
    left = _below(first, ratio.low, largest)
    right = _above(first, ratio.high, largest)
    return [first, *[f for f in (left, right) if f is not None]][:2]


def _below(fraction: Fraction, low: Fraction, largest: int) -> Fraction | None:
    """The next fraction under `fraction` among denominators up to `largest`, when it is still in the interval."""
    if fraction.denominator == 1:
        near = fraction - Fraction(1, largest)
    else:
        q = pow(fraction.numerator, -1, fraction.denominator)
        q += (largest - q) // fraction.denominator * fraction.denominator
        near = Fraction((fraction.numerator * q - 1) // fraction.denominator, q)
    return near if near >= low else None


def _above(fraction: Fraction, high: Fraction, largest: int) -> Fraction | None:
    mirrored = _below(-fraction, -high, largest)
    return None if mirrored is None else -mirrored


def numerator_bounds(rate: Rounded, factor: Fraction, denominator: int | Fraction) -> tuple[Fraction, Fraction]:
    """(rate ± half) × N / factor: the real bounds of the count behind a rate of known denominator."""
    ends = [rate.low * denominator / factor, rate.high * denominator / factor]
    return min(ends), max(ends)


def whole(bounds: tuple[Fraction, Fraction]) -> tuple[int, int]:
    """The whole numbers in real bounds; low > high when there are none."""
    return math.ceil(bounds[0]), math.floor(bounds[1])
