"""Bounds of a sum of weights, each counted or not with its own probability, independently of the others.

A weight is that of a geocode: everything at one place under one error is in or out together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from qpv_data.uncertainty.boundaries import Floats

NIVEAU = 0.9
"""Probability, at least, that the true sum is between the bounds."""

Methode = Literal["exacte", "majoree"]
_SETS, _WORK = 12, 5e7  # the subsets of 12 weights, and steps of a convolution: a fraction of a second
_NOISE = 1e-12


@dataclass(frozen=True)
class Bounds:
    """`bas` ≤ the headline figure ≤ `haut`. `exacte`: quantiles of the very law; `majoree`: no narrower than them."""

    bas: float
    haut: float
    methode: Methode


def moments(weights: Floats, p: Floats) -> tuple[float, float]:
    """Mean and variance of the sum: Σ w p and Σ w² p (1 − p)."""
    return float(np.sum(weights * p)), float(np.sum(weights**2 * p * (1.0 - p)))


def bounds(certain: float, headline: float, weights: Floats, p: Floats, *, exact: bool = True) -> Bounds:
    """Bounds of `certain` + Σ w B, B = 1 with the probability p, that hold with the probability NIVEAU at least.

    In: weights (any sign, one a geocode), probabilities in [0, 1], `headline` the figure of the exact points. Each
    tail is at most (1 − NIVEAU) / 2. The exact law is taken where it can be: weights that are multiples of a common
    unit, or few of them. Else weights are rounded outwards to a lattice, or Bernstein's inequality bounds the tails,
    whichever is narrower: both cover, by construction. `exact=False` is Bernstein's alone, which depends on the
    weights by their mean, variance and maximum only. Never beyond what is possible, [certain + Σ w⁻, certain + Σ w⁺],
    and always around the headline, which probability alone may leave out: see docs/decisions/incertitude.md.
    """
    kept = (weights != 0) & (p > 0)
    weights, p = weights[kept], p[kept]
    # A negative weight that counts is a positive one that does not.
    base = certain + float(np.sum(weights[weights < 0]))
    p, weights = np.where(weights < 0, 1.0 - p, p), np.abs(weights)
    method: Methode = "exacte"
    low, high = _quantiles_exact(weights, p) if exact else (None, None)
    if low is None or high is None:
        method = "majoree"
        low, high = _bernstein(weights, p)
        if exact:
            inner = _quantiles_lattice(weights, p)
            low, high = max(low, inner[0]), min(high, inner[1])
    total = float(np.sum(weights))
    low, high = base + min(max(low, 0.0), total), base + max(min(high, total), 0.0)
    return Bounds(min(low, headline), max(high, headline), method)


def _quantiles_exact(weights: Floats, p: Floats) -> tuple[float, float] | tuple[None, None]:
    if not len(weights):
        return 0.0, 0.0
    whole = np.rint(weights)
    if np.array_equal(whole, weights) and whole.max() < 2**31:
        unit = int(np.gcd.reduce(whole.astype(np.int64)))
        steps = whole.astype(np.int64) // unit
        if len(weights) * float(steps.sum()) <= _WORK:
            low, high = _tails(np.cumsum(_convolved(steps, p)))
            return float(low * unit), float(high * unit)
    if len(weights) <= _SETS:
        sums, law = np.zeros(1), np.ones(1)
        for w, q in zip(weights, p, strict=True):
            sums, law = np.concatenate([sums, sums + w]), np.concatenate([law * (1.0 - q), law * q])
        order = np.argsort(sums, kind="stable")
        low, high = _tails(np.cumsum(law[order]))
        return float(sums[order][low]), float(sums[order][high])
    return None, None


def _quantiles_lattice(weights: Floats, p: Floats) -> tuple[float, float]:
    """Each weight rounded up for the upper bound, down for the lower one, to a step that the work allows."""
    cells = int(min(max(_WORK / len(weights), 256), 16384))
    step = float(np.sum(weights)) / cells
    down, up = np.floor(weights / step).astype(np.int64), np.ceil(weights / step).astype(np.int64)
    low, _ = _tails(np.cumsum(_convolved(down, p)))
    _, high = _tails(np.cumsum(_convolved(up, p)))
    return low * step, high * step


def _convolved(steps: np.ndarray[tuple[int, ...], np.dtype[np.int64]], p: Floats) -> Floats:
    """Law of Σ step B over 0 … Σ steps."""
    law = np.zeros(int(steps.sum()) + 1)
    law[0], end = 1.0, 1
    for step, q in zip(steps.tolist(), p.tolist(), strict=True):
        moved = law[:end] * q
        law[:end] *= 1.0 - q
        law[step : step + end] += moved
        end += step
    return law


def _tails(cumulated: Floats) -> tuple[int, int]:
    """Places of the quantiles: the mass strictly before the first, and strictly after the second, is at most a tail."""
    tail = (1.0 - NIVEAU) / 2.0
    last = len(cumulated) - 1
    low = int(np.searchsorted(cumulated, tail - _NOISE, side="right"))
    high = int(np.searchsorted(cumulated, 1.0 - tail + _NOISE, side="left"))
    return min(low, last), min(high, last)


def _bernstein(weights: Floats, p: Floats) -> tuple[float, float]:
    """P(|S − E S| ≥ t on one side) ≤ exp(−t² / 2(v + m t / 3)), solved for t at one tail (Bernstein, 1924; see
    Boucheron, Lugosi and Massart, « Concentration inequalities », 2013, corollary 2.11)."""
    mean, variance = moments(weights, p)
    largest = float(np.max(weights * np.maximum(p, 1.0 - p), initial=0.0))
    surprise = math.log(2.0 / (1.0 - NIVEAU))
    slack = largest * surprise / 3.0
    t = slack + math.sqrt(slack * slack + 2.0 * variance * surprise)
    return mean - t, mean + t
