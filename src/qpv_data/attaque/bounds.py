"""Bounds of every target: propagation first, then linear programs whose feasible tables are pooled, then integers.

Each feasible table widens the interval of every cell at once, so most programs are never solved.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from qpv_data.attaque.judge import TOLERANCE, Standard
from qpv_data.attaque.programs import InfeasibleError, Program, Solved
from qpv_data.attaque.propagate import Bounds, propagate
from qpv_data.attaque.rank import Determined, components, determined
from qpv_data.attaque.system import Bools, Ints, System, contradiction

_SECONDS_WHOLE = 10.0  # a program in whole numbers gives up past this, and the real bound stands


class Method(StrEnum):
    """What gave a bound."""

    RANG = "rang"
    BORNES = "bornes"
    PROGRAMME = "programme"
    ENTIERS = "entiers"


@dataclass
class Analysis:
    """Bounds per cell of the system, in 1/scale: proven, so at least as wide as the truth, and tight for `broken`.

    `method`: what gave them, a code per cell (position in `Method`, −1 none). `programs`: how many were solved;
    `abandoned`: past their time, so that a bound may be wider than it could.
    `duals`: (cell, 1 for its upper bound or −1) → equation among unknowns → weight, for bounds that programs gave.
    """

    system: System
    determined: Determined
    propagated: Bounds
    low: Ints
    high: Ints
    method: NDArray[np.int8]
    broken: Bools
    unproven: Bools
    programs: int = 0
    abandoned: int = 0
    duals: dict[tuple[int, int], dict[int, float]] = field(default_factory=dict)


_CODE = {m: i for i, m in enumerate(Method)}


def analyse(system: System, exhaustive: bool = False) -> Analysis:
    """Attack every target. `exhaustive`: tight bounds, in whole numbers when narrow, for all and not for findings."""
    found = determined(system)
    u = found.unknowns
    low, high = system.low.copy(), system.high.copy()
    at = u.cells[found.known]
    if wrong := at[(found.value[found.known] < low[at]) | (found.value[found.known] > high[at])].tolist():
        raise contradiction(system, wrong)
    low[at] = high[at] = found.value[found.known]
    method = np.full(len(low), -1, np.int8)
    method[at] = _CODE[Method.RANG]
    bounds = propagate(u.matrix, u.rhs, low[u.cells], high[u.cells], system.integer[u.cells])
    if bool((crossed := bounds.low > bounds.high).any()):
        raise contradiction(system, u.cells[crossed].tolist())
    moved = u.cells[((bounds.high_row >= 0) | (bounds.low_row >= 0)) & ~found.known]
    method[moved] = _CODE[Method.BORNES]
    low[u.cells], high[u.cells] = bounds.low, bounds.high
    analysis = Analysis(system, found, bounds, low, high, method, np.zeros(len(low), bool), np.zeros(len(low), bool))
    _solve_all(analysis, exhaustive)
    rule = Standard.of(system, np.arange(len(low)))
    analysis.broken = rule.broken(analysis.low, analysis.high) & system.targets
    return analysis


def _solve_all(analysis: Analysis, exhaustive: bool) -> None:
    """One component at a time, among the cells that nothing has fixed yet."""
    u = analysis.determined.unknowns
    low, high = analysis.low[u.cells], analysis.high[u.cells]
    free = np.flatnonzero(low < high)
    if not len(free):
        return
    matrix = u.matrix[:, free].tocsr()
    rhs = u.rhs - u.matrix @ np.where(low == high, low, 0)
    filled = np.flatnonzero(np.diff(matrix.indptr) > 0)
    matrix, rhs = matrix[filled], rhs[filled]
    rule = Standard.of(analysis.system, u.cells)
    targets = analysis.system.targets[u.cells] & ~rule.harmless(low, high)
    wanted = targets if exhaustive else targets & ~rule.broken(low, high)
    of_trees = _Trees(matrix)
    for rows, cols in components(matrix):
        if not wanted[free[cols]].any():
            continue
        if analysis.propagated.settled and of_trees.holds(rows, cols):
            continue
        part = matrix[rows][:, cols].tocsr()
        work = _Component(analysis, u.cells[free[cols]], filled[rows], part, rhs[rows], exhaustive)
        try:
            work.run(np.flatnonzero(wanted[free[cols]]))
        except InfeasibleError:
            raise contradiction(analysis.system, work.cells.tolist()) from None


class _Trees:
    """Which components are trees, told without cutting them out of the matrix: real feeds have tens of thousands."""

    def __init__(self, matrix: sparse.csr_matrix) -> None:
        self.length = np.diff(matrix.indptr)
        others = np.concatenate(([0], np.cumsum(np.abs(matrix.data) != 1)))
        self.units = others[matrix.indptr[1:]] == others[matrix.indptr[:-1]]

    def holds(self, rows: Ints, cols: Ints) -> bool:
        """Equations of ±1 that no cycle links: bounds that nothing moves are then reached, in whole units too."""
        return bool(self.length[rows].sum() == len(rows) + len(cols) - 1 and self.units[rows].all())


class _Component:
    """One connected component: its program, the feasible tables seen, the cells that remain to be settled."""

    def __init__(
        self, analysis: Analysis, cells: Ints, rows: Ints, matrix: sparse.csr_matrix, rhs: Ints, exhaustive: bool
    ) -> None:
        self.analysis, self.cells, self.rows, self.exhaustive = analysis, cells, rows, exhaustive
        system = analysis.system
        self.low, self.high = analysis.low[cells], analysis.high[cells]
        self.rule = Standard.of(system, cells)
        self.program = Program(matrix, rhs, self.low, self.high, system.integer[cells])
        self.least, self.most = np.full(len(cells), np.inf), np.full(len(cells), -np.inf)
        self.whole = system.integer[cells]

    def run(self, wanted: Ints) -> None:
        """Settle every wanted column."""
        left = self._pooled(wanted)
        for column in left.tolist():
            if self.exhaustive or not self._settled()[column]:
                self._settle(int(column))
        self.analysis.low[self.cells], self.analysis.high[self.cells] = self.low, self.high

    def _settled(self) -> Bools:
        return self.rule.settled(self.least, self.most)

    def _pooled(self, wanted: Ints) -> Ints:
        """A few tables that push many cells at once, while they settle some."""
        left = wanted
        generator = np.random.default_rng(len(self.cells))
        while len(left) > 1:
            for sign in (1.0, -1.0):
                self._maximise(left, sign * generator.uniform(0.5, 1.5, len(left)))
            if self.exhaustive:
                return wanted
            remaining = left[~self._settled()[left]]
            if len(remaining) > 0.8 * len(left):
                return remaining
            left = remaining
        return left

    def _maximise(self, columns: Ints, weights: NDArray[np.float64], whole: bool = False) -> Solved | None:
        seconds = _SECONDS_WHOLE if whole else 120.0
        solved = self.program.maximise(columns, weights, whole, seconds)
        self.analysis.programs += 1
        if solved is None:
            self.analysis.abandoned += 1
        else:
            self._pool(solved.point)
        return solved

    def _pool(self, point: NDArray[np.float64]) -> None:
        """A table in fractions of a unit is not a table of units: what it reaches counts for one unit less."""
        fractional = np.abs(point - np.rint(point))[self.whole].max(initial=0.0) > TOLERANCE
        margin = np.where(self.whole, float(fractional), 0.0)
        np.minimum(self.least, np.ceil(point + margin - TOLERANCE) if fractional else point, out=self.least)
        np.maximum(self.most, np.floor(point - margin + TOLERANCE) if fractional else point, out=self.most)

    def _settle(self, column: int) -> None:
        """Tight bounds of one cell, as far as the rule needs them."""
        self._push(column, 1)
        if self.rule.derivable[column] and not self.exhaustive:
            if self.high[column] >= self.rule.threshold[column] and self._nearly(column):
                self._push(column, 1, whole=True)
            return
        if not self.exhaustive and self._settled()[column]:
            return
        self._push(column, -1)
        width = self.high[column] - self.low[column]
        if self.whole[column] and (0 < width < 2 or self._nearly(column)):
            self._push(column, 1, whole=True)
            self._push(column, -1, whole=True)

    def _nearly(self, column: int) -> bool:
        """The bound reaches k, and no table in whole units does."""
        k = self.rule.threshold[column]
        return bool(self.whole[column] and k > 0 and k <= self.high[column] <= k + 1 and self.most[column] < k)

    def _push(self, column: int, sign: int, whole: bool = False) -> None:
        reached = (
            self.most[column] >= self.high[column] - TOLERANCE
            if sign > 0
            else (self.least[column] <= self.low[column] + TOLERANCE)
        )
        if reached:
            return
        solved = self._maximise(np.array([column]), np.array([float(sign)]), whole)
        if solved is None:
            return
        bound = self._proven(column, sign, solved, whole)
        method = _CODE[Method.ENTIERS if whole else Method.PROGRAMME]
        if not whole:
            kept = np.flatnonzero(np.abs(solved.dual) > TOLERANCE)
            weights = dict(zip(self.rows[kept].tolist(), solved.dual[kept].tolist(), strict=True))
            self.analysis.duals[int(self.cells[column]), sign] = weights
        if sign > 0 and bound < self.high[column]:
            self.high[column], self.analysis.method[self.cells[column]] = max(bound, self.low[column]), method
        elif sign < 0 and -bound > self.low[column]:
            self.low[column], self.analysis.method[self.cells[column]] = min(-bound, self.high[column]), method

    def _proven(self, column: int, sign: int, solved: Solved, whole: bool) -> int:
        """Upper bound of sign·x in 1/scale: from the dual in exact arithmetic, rounded to whole units where it may."""
        claimed = int(np.floor(solved.value + TOLERANCE) if self.whole[column] else np.ceil(solved.value - TOLERANCE))
        if whole:
            return claimed
        exact = self.program.proven(column, sign, solved.dual)
        if exact is not None:
            top, denominator = exact
            bound = top // denominator if self.whole[column] else -(-top // denominator)
            if bound <= claimed:
                return int(bound)
        self.analysis.unproven[self.cells[column]] = True
        return claimed
