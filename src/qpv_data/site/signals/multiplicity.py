"""How many false alerts many comparisons give: Benjamini and Hochberg (1995), Benjamini and Yekutieli (2001)."""

from __future__ import annotations

import numpy as np

from qpv_data.site.signals.model import Floats

FALSE_ALERTS = 0.05
"""Expected part of false alerts among signals, at most."""


def adjusted(p: Floats, *, any_dependence: bool = False) -> Floats:
    """q-values of n p-values, in their order: a comparison is a signal at rate q when its q-value is at most q.

    Step-up of Benjamini and Hochberg; with `any_dependence`, times 1 + 1/2 + … + 1/n (Benjamini and Yekutieli).
    Raises ValueError for a p-value that is not between 0 and 1.
    """
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("a p-value is between 0 and 1")
    n = len(p)
    order = np.argsort(p, kind="stable")
    price = float(np.sum(1 / np.arange(1, n + 1))) if any_dependence else 1.0
    stepped = np.minimum.accumulate((price * n * p[order] / np.arange(1, n + 1))[::-1])[::-1]
    q = np.empty(n)
    q[order] = np.minimum(stepped, 1.0)
    return q
