"""Rank audit: the cells that the equations alone give exactly, whatever their bounds.

Exact arithmetic: integers while peeling, then integers modulo the prime 2^61 − 1. A cell is determined when every
vector of the null space is zero there; one random vector says so but for a chance of 1/p, and the proof that goes
with a finding (`proofs`) is checked over the rationals.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from qpv_data.attaque.system import Bools, Ints, System, Unknowns, contradiction, unknowns

PRIME = (1 << 61) - 1
_LARGEST = 1 << 55  # beyond any sum of published values: the residue of a fraction
_RHS = -1  # the column of the right-hand side in an eliminated row


@dataclass(frozen=True)
class Determined:
    """`known[j]`: unknown j of `unknowns` is exactly recovered; `value[j]` its value in 1/scale.

    `by_row[j]`: the equation (a row of `unknowns.matrix`) that gave it once earlier ones were known; −1 for those
    that only the elimination of several equations gives. `order[j]`: the round that found it. `null`: two random
    vectors of the null space, modulo PRIME: rows of 2 × unknowns, zero where determined.
    """

    unknowns: Unknowns
    known: Bools
    value: Ints
    by_row: Ints
    order: Ints
    null: Ints


def determined(system: System) -> Determined:
    """Every exact recovery by linear algebra."""
    u = unknowns(system)
    found = _peel(u)
    try:
        _eliminate(u, found, system.integer[u.cells])
    except _InconsistentError as e:
        raise contradiction(system, u.cells[e.columns].tolist()) from None
    _verify(system, found)
    return found


def _verify(system: System, found: Determined) -> None:
    """Put the values that were found back in the equations. A residue that does not satisfy them is a fraction: an
    amount may be one, which bounds then give; nothing whole satisfies the equations of numbers of units."""
    u = found.unknowns
    closed = abs(u.matrix) @ (~found.known).astype(np.int64) == 0
    wrong = np.flatnonzero(closed & (u.matrix @ np.where(found.known, found.value, 0) != u.rhs))
    if not len(wrong):
        return
    columns = np.unique(u.matrix[wrong].indices)
    fractions = columns[(found.by_row[columns] < 0) & ~system.integer[u.cells[columns]]]
    if not len(fractions):
        raise contradiction(system, u.cells[columns].tolist())
    found.known[fractions], found.value[fractions] = False, 0


class _InconsistentError(Exception):
    """Equations of a component that contradict each other, whatever the bounds."""

    def __init__(self, columns: Ints) -> None:
        super().__init__()
        self.columns = columns


def _peel(u: Unknowns) -> Determined:
    """Rounds of equations with one unknown left."""
    count = len(u.cells)
    coo = u.matrix.tocoo()
    zeros = np.zeros(count, np.int64)
    null = np.random.default_rng(0).integers(1, PRIME, (2, count), dtype=np.int64)
    found = Determined(u, np.zeros(count, bool), zeros, np.full(count, -1, np.int64), zeros.copy(), null)
    live_row, live_col, live_val = coo.row, coo.col, coo.data
    rhs = u.rhs.copy()
    step = 0
    while len(live_row):
        step += 1
        alone = np.bincount(live_row, minlength=len(rhs)) == 1
        entries = np.flatnonzero(alone[live_row])
        if not len(entries):
            break
        cols, first = np.unique(live_col[entries], return_index=True)
        rows, coefs = live_row[entries][first], live_val[entries][first]
        exact = rhs[rows] % coefs == 0
        cols, rows, coefs = cols[exact], rows[exact], coefs[exact]
        if not len(cols):
            break
        found.known[cols] = True
        found.value[cols] = rhs[rows] // coefs
        found.by_row[cols] = rows
        found.order[cols] = step
        found.null[:, cols] = 0
        gone = found.known[live_col]
        np.subtract.at(rhs, live_row[gone], live_val[gone] * found.value[live_col[gone]])
        live_row, live_col, live_val = live_row[~gone], live_col[~gone], live_val[~gone]
    return found


def _eliminate(u: Unknowns, found: Determined, whole: Bools) -> None:
    """What remains after peeling, one connected component at a time. `whole`: unknowns in whole units."""
    rest = np.flatnonzero(~found.known)
    if not len(rest):
        return
    matrix = u.matrix[:, rest].tocsr()
    rhs = u.rhs - u.matrix @ np.where(found.known, found.value, 0)
    filled = np.flatnonzero(np.diff(matrix.indptr) > 1)
    matrix, rhs = matrix[filled], rhs[filled]
    step = int(found.order.max(initial=0)) + 1
    for rows, cols in components(matrix):
        if len(cols) < 2:
            continue
        try:
            solved = _solve(matrix, rhs, rows)
        except _InconsistentError:
            raise _InconsistentError(rest[cols]) from None
        for col, (value, null) in solved.items():
            target = rest[col]
            found.null[:, target] = null
            if null == (0, 0) and abs(value) >= _LARGEST and whole[target]:
                raise _InconsistentError(rest[cols])
            if null == (0, 0) and abs(value) < _LARGEST:
                found.known[target], found.value[target], found.order[target] = True, value, step


def twins(found: Determined, column: int) -> Ints:
    """Unknowns that become exact for who knows unknown `column`: every null vector is proportional there."""
    first, second = (found.null[i].astype(object) for i in (0, 1))
    if not first[column]:
        return np.empty(0, np.int64)
    same = (first * second[column] - second * first[column]) % PRIME == 0
    same &= first != 0
    same[column] = False
    return np.flatnonzero(same)


def components(matrix: sparse.csr_matrix) -> list[tuple[Ints, Ints]]:
    """Rows and columns of each connected component that has a row."""
    count_rows, count_cols = matrix.shape
    if not count_rows:
        return []
    coo = matrix.tocoo()
    graph = sparse.coo_matrix(
        (np.ones(coo.nnz, np.int8), (coo.row, coo.col + count_rows)), shape=(count_rows + count_cols,) * 2
    )
    number, label = connected_components(graph, directed=False)
    by_row, by_col = label[:count_rows], label[count_rows:]
    row_order, col_order = np.argsort(by_row, kind="stable"), np.argsort(by_col, kind="stable")
    row_cuts = np.searchsorted(by_row[row_order], np.arange(number + 1))
    col_cuts = np.searchsorted(by_col[col_order], np.arange(number + 1))
    return [
        (row_order[row_cuts[i] : row_cuts[i + 1]], col_order[col_cuts[i] : col_cuts[i + 1]])
        for i in range(number)
        if row_cuts[i] < row_cuts[i + 1]
    ]


def _solve(matrix: sparse.csr_matrix, rhs: Ints, rows: Ints) -> dict[int, tuple[int, tuple[int, int]]]:
    """Column → a value that satisfies the component's equations, and its entries in two null vectors."""
    pivots = _triangle(_distinct_rows(matrix, rhs, rows))
    generator = random.Random(len(rows))  # noqa: S311  any vector of the null space will do
    solved: dict[int, tuple[int, int, int]] = {}
    for column, row in reversed(pivots):
        value, first, second = row.get(_RHS, 0), 0, 0
        for other, coefficient in row.items():
            if other in (column, _RHS):
                continue
            if other not in solved:
                solved[other] = (0, generator.randrange(1, PRIME), generator.randrange(1, PRIME))
            point, one, two = solved[other]
            value, first, second = value - coefficient * point, first - coefficient * one, second - coefficient * two
        solved[column] = (value % PRIME, first % PRIME, second % PRIME)
    return {c: (_centred(value), (first, second)) for c, (value, first, second) in solved.items()}


def _centred(residue: int) -> int:
    return residue - PRIME if residue > PRIME // 2 else residue


def _distinct_rows(matrix: sparse.csr_matrix, rhs: Ints, rows: Ints) -> list[dict[int, int]]:
    """Crossed hierarchies say the same thing several times: each equation once."""
    seen: dict[tuple[tuple[int, int], ...], int] = {}
    kept: list[dict[int, int]] = []
    for r in rows.tolist():
        start, end = matrix.indptr[r], matrix.indptr[r + 1]
        pairs = sorted(zip(matrix.indices[start:end].tolist(), matrix.data[start:end].tolist(), strict=True))
        sign = 1 if pairs[0][1] > 0 else -1
        key = tuple((c, sign * v) for c, v in pairs)
        if seen.setdefault(key, sign * int(rhs[r])) != sign * int(rhs[r]):
            raise _InconsistentError(np.array([c for c, _ in key], np.int64))
        if len(seen) > len(kept):
            row = {c: v % PRIME for c, v in key}
            row[_RHS] = sign * int(rhs[r]) % PRIME
            kept.append(row)
    return kept


def _triangle(rows: list[dict[int, int]]) -> list[tuple[int, dict[int, int]]]:
    """Gaussian elimination. Gives pivots with coefficient 1.

    A column that one row holds costs nothing: it goes first. Then the shortest row, on its rarest column.
    """
    holders: dict[int, set[int]] = {}
    for number, row in enumerate(rows):
        for column in row:
            if column != _RHS:
                holders.setdefault(column, set()).add(number)
    queue = [(len(row), number) for number, row in enumerate(rows)]
    heapq.heapify(queue)
    done: set[int] = set()
    pivots: list[tuple[int, dict[int, int]]] = []
    alone = [column for column, found in holders.items() if len(found) == 1]
    while queue:
        if alone:
            held = holders[alone.pop()]
            if len(held) != 1:
                continue
            number = next(iter(held))
            row = rows[number]
        else:
            length, number = heapq.heappop(queue)
            row = rows[number]
            if number in done or length != len(row):
                continue
        done.add(number)
        columns = [c for c in row if c != _RHS]
        for c in columns:
            holders[c].discard(number)
            if len(holders[c]) == 1:
                alone.append(c)
        if not columns:
            if row.get(_RHS, 0):
                raise _InconsistentError(np.empty(0, np.int64))
            continue
        pivot = min(columns, key=lambda c: (len(holders[c]), c))
        _scale(row, pow(row[pivot], -1, PRIME))
        pivots.append((pivot, row))
        for other in list(holders[pivot]):
            _subtract(rows[other], row, rows[other][pivot], holders, other)
            heapq.heappush(queue, (len(rows[other]), other))
    return pivots


def _scale(row: dict[int, int], factor: int) -> None:
    if factor != 1:
        for column in row:
            row[column] = row[column] * factor % PRIME


def _subtract(
    row: dict[int, int], pivot_row: dict[int, int], factor: int, holders: dict[int, set[int]], number: int
) -> None:
    for column, value in pivot_row.items():
        before = row.get(column)
        after = ((before or 0) - factor * value) % PRIME
        if column == _RHS:
            row[_RHS] = after
        elif after:
            row[column] = after
            if before is None:
                holders[column].add(number)
        elif before is not None:
            del row[column]
            holders[column].discard(number)
