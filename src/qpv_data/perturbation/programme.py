"""Steps of a table: whole numbers that satisfy its equations, found with HiGHS."""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from qpv_data.secret.moves import quiet

Floats = NDArray[np.float64]
_WHOLE = 1e-6
NODES, WIDENINGS = 5_000, 5
"""Nodes of branch and bound for one part of a table; times that a part without an answer takes its neighbours in."""
SMALL, GAP = 300, 0.02
"""Steps of a part that is solved to the least cost; beyond, an answer this near to it will do: proving more is long."""


@dataclass(frozen=True)
class Programme:
    """Minimise `cost @ z` where `rows @ z = sides` and `lower <= z <= upper`, z being whole. All bounds are finite."""

    rows: sp.csr_matrix
    sides: Floats
    cost: Floats
    lower: Floats
    upper: Floats

    def solve(self) -> Floats | None:
        """An answer, whole; None when branch and bound found none in the nodes that it was given.

        The linear programme's answer is often whole already. What it leaves in fractions is settled part by part, the
        rest held, each part growing until it has an answer; then all at once.
        """
        relaxed = self._run(np.ones(len(self.cost), np.bool_), np.zeros(len(self.cost)), whole=False)
        if relaxed is None:
            return None
        answer, broken = np.rint(relaxed), np.abs(relaxed - np.rint(relaxed)) > _WHOLE
        for _ in range(WIDENINGS):
            if not broken.any():
                break
            broken = self._settle(answer, broken)
        if broken.any():
            whole = self._run(np.ones(len(self.cost), np.bool_), answer, whole=True)
            if whole is None:
                return None
            answer = np.rint(whole)
        return None if np.abs(self.rows @ answer - self.sides).max(initial=0.0) > _WHOLE else answer

    def _settle(self, answer: Floats, broken: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Make parts whole in `answer`; gives what is still to settle: parts without an answer, and what is around."""
        left = np.zeros_like(broken)
        touched = self.rows[:, broken]
        _, label = sp.csgraph.connected_components(abs(touched.T) @ abs(touched), directed=False)
        ranks = np.flatnonzero(broken)
        for part in range(label.max() + 1):
            free = np.zeros_like(broken)
            free[ranks[label == part]] = True
            found = self._run(free, answer, whole=True)
            if found is None:
                near = self.rows[np.flatnonzero(np.diff(self.rows[:, free].tocsr().indptr))]
                left |= free
                left[near.indices] = True
            else:
                answer[free] = np.rint(found[free])
        return left

    def _run(self, free: NDArray[np.bool_], held: Floats, *, whole: bool) -> Floats | None:
        """The best values of the free steps, the others being `held`; None when there are none."""
        columns = self.rows[:, free]
        touched = np.flatnonzero(np.diff(columns.tocsr().indptr))
        sides = (self.sides - self.rows @ np.where(free, 0.0, held))[touched]
        matrix = columns[touched].tocsc().astype(np.float64)
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = matrix.shape[1], matrix.shape[0]
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = self.cost[free], self.lower[free], self.upper[free]
        lp.row_lower_ = lp.row_upper_ = sides
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
        highs = quiet()
        if whole:
            lp.integrality_ = [highspy.HighsVarType.kInteger] * matrix.shape[1]
            highs.setOptionValue("mip_max_nodes", NODES)
            highs.setOptionValue("mip_rel_gap", 0.0 if matrix.shape[1] <= SMALL else GAP)
        highs.passModel(lp)
        highs.run()
        good = highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        if not good and not (whole and highs.getInfo().primal_solution_status == 2):
            return None
        answer = held.copy()
        answer[free] = np.asarray(highs.getSolution().col_value)
        return answer
