"""Bounds by propagation: each equation bounds each of its cells by the bounds of the others, until nothing moves.

Integers throughout, so a bound found here is a proof. It is quick, and it spares most linear programs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from qpv_data.attaque.system import INFINITE, Bools, Ints

_ROUNDS = 40
_NONE = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Bounds:
    """`low`, `high` per column in 1/scale; `low_row`, `high_row`: the equation that gave the bound, −1 if given.

    `settled`: nothing moves any more.
    """

    low: Ints
    high: Ints
    low_row: Ints
    high_row: Ints
    settled: bool


def propagate(matrix: sparse.csr_matrix, rhs: Ints, low: Ints, high: Ints, whole: Bools) -> Bounds:
    """Tightest bounds that equations taken one at a time give. `whole`: the column moves by whole units of 1/scale."""
    coo = matrix.tocoo()
    rows, cols, coefs = coo.row.astype(np.int64), coo.col.astype(np.int64), coo.data.astype(np.int64)
    now = Bounds(low.copy(), high.copy(), np.full(len(low), -1, np.int64), np.full(len(low), -1, np.int64), True)
    if not len(rows):
        return now
    changed = True
    for _ in range(_ROUNDS):
        most, least = _implied(rows, cols, coefs, rhs, now)
        up, down = _quotients(coefs, most, least, whole[cols])
        changed = _tighten(now.high, now.high_row, cols, rows, up) | _tighten_low(now, cols, rows, down)
        if not changed or bool((now.low > now.high).any()):
            break
    return replace(now, settled=not changed)


def _implied(rows: Ints, cols: Ints, coefs: Ints, rhs: Ints, now: Bounds) -> tuple[Ints, Ints]:
    """For each entry, the largest and the smallest that coefficient × cell can be; ±INFINITE for no bound."""
    at_low, at_high = now.low[cols], now.high[cols]
    positive = coefs > 0
    smallest = np.where(positive, at_low, at_high)
    largest = np.where(positive, at_high, at_low)
    most = _rest(rows, coefs, smallest, rhs, np.abs(smallest) >= INFINITE)
    least = _rest(rows, coefs, largest, rhs, np.abs(largest) >= INFINITE)
    return np.where(most == _NONE, INFINITE, most), np.where(least == _NONE, -INFINITE, least)


def _rest(rows: Ints, coefs: Ints, ends: Ints, rhs: Ints, infinite: Bools) -> Ints:
    """rhs − Σ of the other entries at these ends, or _NONE when one of them is infinite."""
    term = np.where(infinite, 0, coefs * np.where(infinite, 0, ends))
    total = np.zeros(len(rhs), np.int64)
    np.add.at(total, rows, term)
    endless = np.bincount(rows[infinite], minlength=len(rhs))
    others = endless[rows] - infinite
    return np.where(others > 0, _NONE, rhs[rows] - (total[rows] - term))


def _quotients(coefs: Ints, most: Ints, least: Ints, whole: Bools) -> tuple[Ints, Ints]:
    """Upper and lower bound of the cell itself, rounded inwards when it moves by whole units, else outwards."""
    positive = coefs > 0
    size = np.abs(coefs)
    top = np.where(positive, most, -least)
    bottom = np.where(positive, least, -most)
    upper = np.where(whole, top // size, -(-top // size))
    lower = np.where(whole, -(-bottom // size), bottom // size)
    upper = np.where(np.abs(top) >= INFINITE, INFINITE, upper)
    lower = np.where(np.abs(bottom) >= INFINITE, -INFINITE, lower)
    return upper, lower


def _tighten(high: Ints, high_row: Ints, cols: Ints, rows: Ints, up: Ints) -> bool:
    better = np.flatnonzero(up < high[cols])
    if not len(better):
        return False
    order = better[np.lexsort((up[better], cols[better]))]
    first = order[np.r_[True, np.diff(cols[order]) > 0]]
    high[cols[first]], high_row[cols[first]] = up[first], rows[first]
    return True


def _tighten_low(now: Bounds, cols: Ints, rows: Ints, down: Ints) -> bool:
    negated = -now.low
    changed = _tighten(negated, now.low_row, cols, rows, -down)
    now.low[:] = -negated
    return changed


def exact_bound(
    matrix: sparse.csr_matrix, rhs: Ints, low: Ints, high: Ints, cost: Ints, dual: NDArray[np.float64]
) -> tuple[int, int] | None:
    """A proven upper bound of cost·x from an approximate dual, as (numerator, denominator); None without a bound.

    For any y, cost·x = y·rhs + (cost − yᵀA)·x: exact in integers once y is rounded to multiples of 1/denominator.
    """
    for denominator in (1, 2, 6, 12, 60, 840):
        y = np.rint(dual * denominator).astype(np.int64)
        if denominator < 840 and np.abs(dual * denominator - y).max(initial=0.0) > 1e-6:
            continue
        reduced = denominator * cost - matrix.T @ y
        end = np.where(reduced > 0, high, low)
        moving = reduced != 0
        if (np.abs(end[moving]) >= INFINITE).any():
            return None
        total = sum(int(a) * int(b) for a, b in zip(y[y != 0], rhs[y != 0], strict=True))
        total += sum(int(a) * int(b) for a, b in zip(reduced[moving], end[moving], strict=True))
        return total, denominator
    return None
