"""The scales on which levels are compared, and how little a value can vary on each.

A gap must stand out on every scale of its measure: the one that evens out the hazard of counts (arcsine, square root:
Anscombe, 1948) and the one on which skewed differences between quarters become even (logit, logarithm).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qpv_data.site.signals.model import Floats, Measure, Series


@dataclass(frozen=True)
class Scale:
    """`of(numerators, denominators, values)` gives the levels; `slope(r)` what a small step of the ratio is worth."""

    of: Callable[[Floats, Floats, Floats], Floats]
    slope: Callable[[float], float]


_SHARES = (
    Scale(
        lambda x, d, _: np.arcsin(np.sqrt(np.clip((x + 0.375) / (d + 0.75), 0.0, 1.0))),
        lambda r: 0.5 / np.sqrt(r * (1 - r)),
    ),
    Scale(lambda x, d, _: np.log((x + 0.5) / (d - x + 0.5)), lambda r: 1 / (r * (1 - r))),
)
_RATES = (
    Scale(lambda x, d, _: np.sqrt((x + 0.375) / d), lambda r: 0.5 / np.sqrt(r)),
    Scale(lambda x, d, _: np.log((x + 0.5) / d), lambda r: 1 / r),
)
_IDENTITY = Scale(lambda _x, _d, v: v, lambda _: 1.0)
_LOG = Scale(lambda _x, _d, v: np.log(v), lambda r: 1 / r)


def _shares_of_sums(factor: float, quantum: float) -> tuple[Scale, Scale]:
    """Those of shares, for amounts: no unit is counted, and the last published decimal keeps logits finite.

    A share and what is left of it are as unusual as each other, which a logarithm would not say.
    """
    half = quantum / factor / 2
    return (
        Scale(lambda _x, _d, v: np.arcsin(np.sqrt(v / factor)), lambda r: 0.5 / factor / _spread(r / factor) ** 0.5),
        Scale(
            lambda _x, _d, v: np.log((v / factor + half) / (1 - v / factor + half)),
            lambda r: 1 / factor / _spread(r / factor),
        ),
    )


def _spread(share: float) -> float:
    inside = min(max(share, 1e-6), 1 - 1e-6)
    return inside * (1 - inside)


def scales(series: Series, values: Floats) -> tuple[Scale, ...]:
    """The scales of a series, given the values that are compared."""
    if series.counts and series.measure is Measure.SHARE:
        return _SHARES
    if series.counts and series.measure is Measure.RATE:
        return _RATES
    if series.measure is Measure.SHARE and bool((values >= 0).all() and (values <= series.factor).all()):
        return _shares_of_sums(series.factor, series.quantum)
    return (_IDENTITY, _LOG) if bool((values > 0).all()) else (_IDENTITY,)


def ratio(series: Series, values: Floats) -> float:
    """The middle of the compared ratios (values themselves for what is no count), inside where scales have a slope."""
    middle = float(np.median(values)) / (series.factor if series.counts else 1.0)
    if not series.counts:
        return middle if middle > 0 else 1.0
    return min(max(middle, 1e-6), 1 - 1e-6) if series.measure is Measure.SHARE else max(middle, 1e-9)


def hazard(series: Series, denominators: Floats, middle: float) -> Floats:
    """Variance of the ratios of counts by chance alone: binomial of shares, Poisson of rates; 0 of what is no count."""
    if not series.counts:
        return np.zeros(len(denominators))
    return middle * (1 - middle if series.measure is Measure.SHARE else 1.0) / denominators


def grain(series: Series, denominators: Floats, noise: Floats) -> Floats:
    """Variance that no ratio can be under: one unit, or the published decimal, and the error of positions."""
    if not series.counts:
        return np.full(len(noise), series.quantum**2)
    return (1.0 + noise**2) / denominators**2
