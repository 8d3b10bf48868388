"""Tails as the release itself shows them: quarters that differ more widely than a normal law says are no signals.

Nothing says that differences between quarters are normal, even on a good scale. The scores of all the comparisons of a
kind are put together, each side apart (Efron, 2004: an empirical null). The law of no signal is the lightest Student
law whose far tail, for the width of its body, reaches theirs; it only ever makes a p-value larger.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import stdtr, stdtrit

from qpv_data.site.signals.model import Compared, Floats

BODY = 0.2
"""Part of the scores beyond the place, on each side, that gives the width of the body."""
BEYOND = 20
"""Scores beyond the place that gives the tail."""
RAREST = 0.0025
"""Least part of the scores beyond that place: signals rarer than this do not thicken the tail that they are held to."""
ENOUGH = 1000
"""Scores that it takes to read a tail; with fewer, ASSUMED degrees of freedom are taken, and with too few to read it at
RAREST, no more than them."""
ASSUMED = 20.0
_NORMAL = 1e9
_FREEDOMS = np.array([_NORMAL, 60, 40, 30, 20, 15, 12, 10, 9, 8, 7, 6, 5, 4.5, 4, 3.5, 3, 2.5, 2, 1.7, 1.4, 1.2, 1])


def tail(scores: Floats) -> tuple[float, float]:
    """Scale and degrees of freedom of the law of no signal, on the upper side of these scores."""
    n = len(scores)
    if n < ENOUGH:
        return 1.0, ASSUMED
    ordered, far = np.sort(scores), max(BEYOND / n, RAREST)
    body, reached = ordered[n - int(BODY * n)], ordered[n - int(far * n)]
    if body <= 0:
        return 1.0, ASSUMED
    within = np.flatnonzero(stdtrit(_FREEDOMS, far) / stdtrit(_FREEDOMS, BODY) >= reached / body)
    freedom = float(_FREEDOMS[within[0]] if len(within) else _FREEDOMS[-1])
    scale = float(body / -stdtrit(freedom, BODY))
    if far > RAREST:  # signals are further than what is read: no narrower nor lighter than with too few to read
        return max(scale, 1.0), min(freedom, ASSUMED)
    return scale, freedom


def p_values(compared: Sequence[Compared]) -> list[Floats]:
    """Two-sided p-values of comparisons, in their order; 1 where the gap is not worth telling."""
    tails = {
        (kind, side): tail(side * np.concatenate([c.scores for c in compared if c.kind is kind]))
        for kind in sorted({c.kind for c in compared})
        for side in (-1, 1)
    }
    return [_of(one, tails[one.kind, -1], tails[one.kind, 1]) for one in compared]


def _of(one: Compared, below: tuple[float, float], above: tuple[float, float]) -> Floats:
    p = np.ones(len(one.scores))
    for side, (scale, freedom) in ((-1, below), (1, above)):
        here = one.told & (np.sign(one.scores) == side)
        size = np.abs(one.scores[here])
        p[here] = 2 * np.maximum(stdtr(_NORMAL, -size), stdtr(freedom, -size / scale))
    return np.minimum(p, 1.0)
