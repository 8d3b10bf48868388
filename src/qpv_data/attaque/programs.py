"""Linear programs over one connected component, warm from one objective to the next."""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from qpv_data.attaque.propagate import exact_bound
from qpv_data.attaque.system import INFINITE, Bools, Ints

_SHORT = 300

Floats = NDArray[np.float64]


class InfeasibleError(Exception):
    """No table satisfies the component."""


@dataclass(frozen=True)
class Solved:
    """A feasible table, its objective, and the dual that bounds it. `optimal`: proven best."""

    point: Floats
    value: float
    dual: Floats
    optimal: bool


class Program:
    """max cost·x subject to matrix @ x = rhs, low ≤ x ≤ high. Values in 1/scale."""

    def __init__(self, matrix: sparse.csr_matrix, rhs: Ints, low: Ints, high: Ints, integer: Bools) -> None:
        self.matrix, self.rhs, self.low, self.high, self.integer = matrix, rhs, low, high, integer
        self._solver = highspy.Highs.__mro__[1]()  # the class itself prints a banner on standard output
        self._solver.setOptionValue("output_flag", False)
        self._solver.setOptionValue("threads", 1)
        self._solver.setOptionValue("presolve", "off" if matrix.shape[1] < 400 else "choose")
        self._solver.passModel(self._model())
        self._whole = False
        self._costed: Ints = np.empty(0, np.int64)

    def _model(self) -> highspy.HighsLp:
        rows, cols = self.matrix.shape
        model = highspy.HighsLp()
        model.num_row_, model.num_col_ = rows, cols
        model.col_cost_ = np.zeros(cols)
        model.col_lower_ = np.where(self.low <= -INFINITE, -highspy.kHighsInf, self.low.astype(float))
        model.col_upper_ = np.where(self.high >= INFINITE, self._far(), self.high.astype(float))
        model.row_lower_ = model.row_upper_ = self.rhs.astype(float)
        model.sense_ = highspy.ObjSense.kMaximize
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = self.matrix.indptr
        model.a_matrix_.index_ = self.matrix.indices
        model.a_matrix_.value_ = self.matrix.data.astype(float)
        return model

    def _far(self) -> float:
        """Beyond anything that the equations hold together: a bound for the solver, never for a proof."""
        given = np.abs(np.concatenate([self.rhs, self.low, np.where(self.high >= INFINITE, 0, self.high)]))
        return 1e3 + 10.0 * float(given[given < INFINITE].sum())

    def maximise(self, columns: Ints, weights: Floats, whole: bool = False, seconds: float = 60.0) -> Solved | None:
        """Best table for Σ weights·x[columns]; `whole` solves in whole numbers. None past `seconds` or unbounded."""
        self._integrality(whole)
        if len(self._costed):
            self._solver.changeColsCost(len(self._costed), self._costed.astype(np.int32), np.zeros(len(self._costed)))
        self._solver.changeColsCost(len(columns), columns.astype(np.int32), weights)
        self._costed = columns
        # A new objective leaves the table feasible, so primal simplex is near when the objective is short.
        self._solver.setOptionValue("simplex_strategy", 4 if len(columns) < _SHORT else 1)
        self._solver.setOptionValue("time_limit", self._solver.getRunTime() + seconds)
        self._solver.run()
        status = self._solver.getModelStatus()
        if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
            raise InfeasibleError
        if status != highspy.HighsModelStatus.kOptimal:
            return None
        solution = self._solver.getSolution()
        value = float(self._solver.getInfo().objective_function_value)
        dual = np.zeros(0) if whole else np.asarray(solution.row_dual)
        return Solved(np.asarray(solution.col_value), value, dual, optimal=True)

    def _integrality(self, whole: bool) -> None:
        if whole == self._whole:
            return
        kinds = np.where(self.integer & whole, 1, 0).astype(np.uint8)
        self._solver.changeColsIntegrality(len(kinds), np.arange(len(kinds), dtype=np.int32), kinds)
        self._whole = whole

    def proven(self, column: int, sign: int, dual: Floats) -> tuple[int, int] | None:
        """Exact bound of sign·x[column] from the dual of its program: (numerator, denominator)."""
        cost = np.zeros(self.matrix.shape[1], np.int64)
        cost[column] = sign
        return exact_bound(self.matrix, self.rhs, self.low, self.high, cost, dual)
