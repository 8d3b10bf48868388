"""How far one value is from its comparators, on a robust scale, and how rare that is when it is one of them.

A value is never in its own yardstick: it is predicted from the others (externally studentised residual). Their centre
is a mean trimmed by a tenth at each end, their scale the standard deviation of the same tenth winsorised (Tukey and
McLaughlin, 1963), so that one or two other outliers hide nothing. The law of the statistic under normality is that of
the number of comparators at hand, not that of a large sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]

TRIMMED = 0.1
"""Part of the comparators that is trimmed, then winsorised, at each end; at least one."""
SMALL = 64
"""Up to this many comparators each value has its own yardstick; beyond it they share one."""
_DRAWN, _CELLS, _SEED = 40_000, 1_300_000, 20240401
_GRID = np.exp(np.linspace(np.log(0.05), np.log(60.0), 240))
# Where the drawn yardsticks still say the tail well; beyond, it is drawn on as a power, which is heavier.
_TRUSTED = 1e-5


@dataclass(frozen=True)
class Law:
    """Two-sided tail of the statistic for `count` comparators: `logs[i]` = log P(|T| > grid[i]); `shrunk` = E(s)."""

    logs: Floats
    shrunk: float


def trimmed(count: int) -> int:
    """How many comparators are set aside at each end."""
    return max(1, int(TRIMMED * count))


def yardstick(ordered: Floats) -> tuple[Floats, Floats]:
    """Centres and scales of sorted rows (m × k, k ≥ 3): trimmed means, winsorised standard deviations."""
    k = ordered.shape[1]
    cut = trimmed(k)
    inner = ordered[:, cut : k - cut]
    low, high = inner[:, :1], inner[:, -1:]
    ends = float(cut)
    mean = (inner.sum(axis=1) + ends * (low[:, 0] + high[:, 0])) / k
    squares = ((inner - mean[:, None]) ** 2).sum(axis=1)
    squares += ends * ((low[:, 0] - mean) ** 2 + (high[:, 0] - mean) ** 2)
    return inner.mean(axis=1), np.sqrt(squares / (k - 1))


def law(count: int) -> Law:
    """The law of T for `count` normal comparators; beyond SMALL, of the power of two under it (heavier)."""
    return _law(count if count <= SMALL else 1 << (count.bit_length() - 1))


@cache
def _law(count: int) -> Law:
    """The law of T for `count` normal comparators, by drawing yardsticks and integrating the value itself exactly.

    P(|T| > t) is the mean over yardsticks (m, s) of P(|Y − m| > t·s'), so that a tail of 1e−5 needs no 1e7 draws. The
    stream is numpy's frozen one (NEP 19): the same law on every machine.
    """
    draws = max(400, min(_DRAWN, _CELLS // count))
    drawn = np.random.RandomState(_SEED + count).standard_normal((draws, count))
    centre, scale = yardstick(np.sort(drawn, axis=1))
    shrunk = float(scale.mean())
    reach = scale / shrunk * np.sqrt(1.0 + 1.0 / count)
    tails = np.empty(len(_GRID))
    for i, t in enumerate(_GRID):
        tails[i] = np.mean(ndtr(centre - t * reach) + ndtr(-centre - t * reach))
    with np.errstate(divide="ignore"):
        logs = np.log(tails)
    last = int(np.flatnonzero(tails > _TRUSTED)[-1])
    steps = np.log(_GRID)
    slope = (logs[last] - logs[last - 8]) / (steps[last] - steps[last - 8])
    logs[last + 1 :] = logs[last] + slope * (steps[last + 1 :] - steps[last])
    return Law(logs, shrunk)


def log_tail(statistic: Floats, count: int) -> Floats:
    """log P(|T| > |statistic|) under normality for `count` comparators; 0 where the statistic is 0 or not a number."""
    size = np.nan_to_num(np.abs(statistic), nan=0.0, posinf=_GRID[-1])
    found = np.interp(np.log(np.maximum(size, 1e-300)), np.log(_GRID), law(count).logs)
    return np.where(size <= _GRID[0], 0.0, found)


def studentised(values: Floats, weights: Floats, floors: Floats) -> Floats:
    """Each of n values against the n − 1 others. In: n ≥ 4 values, relative variances of their dispersion (> 0), and
    the least variance that each can have. Out: n statistics, 0 where there is no dispersion at all."""
    n = len(values)
    if n - 1 > SMALL:
        return predicted(values, values[None, :], weights, weights[None, :], floors)
    others = np.arange(n)[None, :] + np.zeros((n, 1), dtype=np.int64)
    others = others[~np.eye(n, dtype=bool)].reshape(n, n - 1)
    return predicted(values, values[others], weights, weights[others], floors)


def predicted(values: Floats, others: Floats, weights: Floats, other_weights: Floats, floors: Floats) -> Floats:
    """Each of n values against its row of comparators. In: `others` n × k, or 1 × k when they are the same for all."""
    k = others.shape[1]
    centre, _ = yardstick(np.sort(others, axis=1))
    _, scale = yardstick(np.sort((others - centre[:, None]) / np.sqrt(other_weights), axis=1))
    variance = (scale / law(k).shrunk) ** 2
    spread = np.maximum(variance * weights, floors) + variance * other_weights.mean(axis=1) / k
    gap = values - centre
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread > 0, gap / np.sqrt(spread), 0.0)
