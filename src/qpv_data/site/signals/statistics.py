"""Levels, changes and own series: each comparison's p-value.

A comparison is made under several descriptions of how quarters differ (two scales, and a dispersion that is the same
for all or shrinks with size), and keeps the largest p-value: what stands out under one description only does not
(intersection–union). The true dispersion, a part common to all and a part by chance, lies between the last two.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri_exp

from qpv_data.site.signals import robust
from qpv_data.site.signals.model import Bools, Compared, Floats, Kind, Measure, Series
from qpv_data.site.signals.scales import Scale, grain, hazard, ratio, scales

MIN_QUARTERS = 8
"""Comparable quarters under which nothing is compared; also the past changes that an own series needs."""
MIN_UNITS = 30.0
"""Least denominator of a share or a mean."""
MIN_EXPECTED = 10.0
"""Least number of units, and of complements for a share, that a value is expected to rest on."""
MIN_GAP = 0.10
"""Least gap, relative to the comparison, that is worth a word however sure it is."""
MIN_POINTS = 0.02
"""Least gap of a share, besides."""
MAX_TIED = 0.5
"""Part of equal values from which the others have no dispersion to compare with."""


def usable(series: Series, columns: tuple[int, ...]) -> Bools:
    """Zones whose values of these periods are published and rest on enough units, as the common ratio expects.

    Expected from the common ratio, never from the zone's own: a quarter is not set aside for being low.
    """
    kept: Bools = np.asarray(np.isfinite(series.values[:, columns]).all(axis=1))
    for column in columns:
        below = np.isfinite(series.denominators[:, column])
        size = np.where(below, series.denominators[:, column], np.inf)
        if series.counts:
            kept &= below & (size > 0)
            middle = ratio(series, series.values[kept, column]) if kept.any() else 0.5
            rare = min(middle, 1 - middle) if series.measure is Measure.SHARE else middle
            kept &= size * rare >= MIN_EXPECTED
        if series.measure is not Measure.RATE:
            kept &= size >= MIN_UNITS
    return kept


def worth(series: Series, gaps: Floats, beside: Floats) -> Bools:
    """Gaps that are large enough to be told, as a part of what they are beside."""
    large: Bools = np.abs(gaps) >= MIN_GAP * np.abs(beside)
    if series.measure is Measure.SHARE:
        large &= np.abs(gaps) >= MIN_POINTS * series.factor
    return large


def tied(values: Floats) -> bool:
    """Whether too many values are one and the same."""
    return bool(np.unique(values, return_counts=True)[1].max() > MAX_TIED * len(values))


def _shapes(sizes: Floats) -> tuple[Floats, ...]:
    """Relative variances: the same for all; by size, when sizes are known."""
    even = np.ones(len(sizes))
    if not np.isfinite(sizes).all():
        return (even,)
    return even, np.median(sizes) / sizes


def _agreed(statistics: list[Floats], logs: list[Floats]) -> Floats:
    """Normal scores of the largest p-value of each comparison; 0 where descriptions disagree on its direction."""
    signs = np.sign(np.stack(statistics))
    agree = (signs == signs[0]).all(axis=0)
    sizes = -ndtri_exp(np.minimum(np.stack(logs).max(axis=0), 0.0) - np.log(2.0))
    return np.where(agree, signs[0] * sizes, 0.0)


def _levels_on(scale: Scale, series: Series, column: int, kept: Bools) -> Floats:
    return scale.of(series.numerators[kept, column], series.denominators[kept, column], series.values[kept, column])


def levels(series: Series) -> Compared | None:
    """Each quarter's last value against those of the others; none if fewer than MIN_QUARTERS or too many equal."""
    last = len(series.periods) - 1
    kept = usable(series, (last,))
    values = series.values[kept, last]
    if kept.sum() < MIN_QUARTERS or tied(values):
        return None
    sizes, middle = series.denominators[kept, last], ratio(series, values)
    floor = hazard(series, sizes, middle) + grain(series, sizes, series.noise[kept, last])
    statistics, logs = [], []
    for scale in scales(series, values):
        y = _levels_on(scale, series, last, kept)
        for shape in _shapes(sizes):
            statistics.append(robust.studentised(y, shape, floor * scale.slope(middle) ** 2))
            logs.append(robust.log_tail(statistics[-1], len(y) - 1))
    scores = _agreed(statistics, logs)
    reference = others_median(values)
    told = worth(series, values - reference, reference) & (np.sign(values - reference) == np.sign(scores))
    nothing = np.full(len(values), np.nan)
    zones = np.flatnonzero(kept)
    return Compared(Kind.LEVEL, series, zones, values, reference, nothing, values, scores, told, len(zones) - 1)


def changes(series: Series) -> Compared | None:
    """Each quarter's change over `pair` against those of the others."""
    if series.pair is None:
        return None
    before, after = series.pair
    kept = usable(series, series.pair)
    first, second = series.values[kept, before], series.values[kept, after]
    if kept.sum() < MIN_QUARTERS or tied(second - first):
        return None
    both = np.concatenate([first, second])
    middle, floor, sizes = _change_floor(series, kept, before, after, both)
    statistics, logs = [], []
    for scale in scales(series, both):
        y = _levels_on(scale, series, after, kept) - _levels_on(scale, series, before, kept)
        for shape in _shapes(sizes):
            statistics.append(robust.studentised(y, shape, floor * scale.slope(middle) ** 2))
            logs.append(robust.log_tail(statistics[-1], len(y) - 1))
    scores = _agreed(statistics, logs)
    moves = second - first
    reference = others_median(moves)
    told = worth(series, moves - reference, first) & (np.sign(moves - reference) == np.sign(scores))
    zones = np.flatnonzero(kept)
    return Compared(Kind.CHANGE, series, zones, moves, reference, first, second, scores, told, len(zones) - 1)


def _change_floor(series: Series, kept: Bools, before: int, after: int, both: Floats) -> tuple[float, Floats, Floats]:
    """Middle ratio, least variance of a change, and the size that it rests on.

    The chance of two flows adds up; a stock keeps most of its units, so that its change is only known to be coarser
    than one unit.
    """
    d, e = series.denominators[kept, before], series.denominators[kept, after]
    middle = ratio(series, both)
    floor = grain(series, d, series.noise[kept, before]) + grain(series, e, series.noise[kept, after])
    if series.flow:
        floor = floor + hazard(series, d, middle) + hazard(series, e, middle)
    return middle, floor, 1 / (1 / d + 1 / e)


def own(series: Series) -> Compared | None:
    """Each quarter's last change, less that of the others, against its own past ones; periods follow each other."""
    run = series.run
    if len(run) < MIN_QUARTERS + 2:
        return None
    kept = usable(series, run)
    levels_ = series.values[kept][:, run]
    if kept.sum() < MIN_QUARTERS:
        return None
    before, after = run[-2], run[-1]
    middle, floor, _ = _change_floor(series, kept, before, after, levels_.ravel())
    statistics, logs = [], []
    for scale in scales(series, levels_):
        y = np.stack([_levels_on(scale, series, column, kept) for column in run], axis=1)
        moves = np.diff(y, axis=1)
        moves = moves - np.median(moves, axis=0)
        past, even = moves[:, :-1], np.ones((len(moves), moves.shape[1] - 1))
        found = robust.predicted(moves[:, -1], past, even[:, 0], even, floor * scale.slope(middle) ** 2)
        statistics.append(found)
        logs.append(robust.log_tail(found, past.shape[1]))
    scores = _agreed(statistics, logs)
    moved = levels_[:, -1] - levels_[:, -2]
    reference = others_median(moved)
    still = np.array([tied(np.diff(row)) for row in levels_])
    told = worth(series, moved - reference, levels_[:, -2]) & (np.sign(moved - reference) == np.sign(scores))
    moving = ~still
    return Compared(
        Kind.OWN, series, np.flatnonzero(kept)[moving], moved[moving], reference[moving], levels_[moving, -2],
        levels_[moving, -1], scores[moving], told[moving], len(run) - 2,
    )  # fmt: skip


def others_median(values: Floats) -> Floats:
    """For each of n ≥ 2 values, the median of the n − 1 others."""
    order = np.sort(values)
    rank = np.searchsorted(order, values)
    n = len(values) - 1

    def at(k: int) -> Floats:
        return order[np.where(k < rank, k, k + 1)]

    return at(n // 2) if n % 2 else (at(n // 2 - 1) + at(n // 2)) / 2
