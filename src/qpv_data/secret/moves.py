"""The linear programmes: moves of a table that change nothing of what is published, found with HiGHS."""

from __future__ import annotations

from copy import copy

import highspy
import numpy as np
from numpy.typing import NDArray

from qpv_data.secret.cells import Bools, Ints
from qpv_data.secret.circuits import Circuits
from qpv_data.secret.equations import System

Floats = NDArray[np.float64]
_WHOLE = 1e-6
_INF = highspy.kHighsInf


class Block:
    """Some cells of a system, every other one held still: any move found here is one of the whole system.

    `cells`: numbers in the system, increasing; only those that may move are kept. `circuits`: moves that can be found
    without a programme, when it is known which axes the cells cross.
    """

    circuits: Circuits | None = None

    def __init__(self, system: System, cells: Ints) -> None:
        self.cells = cells[system.movable[cells]]
        columns = system.rows[:, self.cells].tocsr()
        self.rows = columns[np.flatnonzero(np.diff(columns.indptr))]
        self.room = (system.value[self.cells] - system.least[self.cells]).astype(np.float64)
        self.weight = system.weight[self.cells]
        self._highs: highspy.Highs | None = None
        self._told: tuple[Floats, Floats, Floats]
        """Costs and bounds that the solver has."""

    def alone(self) -> Block:
        """The same block as a system of its own, its cells numbered from 0."""
        other = copy(self)
        other.cells, other._highs = np.arange(len(self), dtype=np.int64), None
        return other

    def only(self, kept: Bools) -> Block:
        """The block in which only the cells of the mask may move."""
        other = copy(self)
        columns = self.rows[:, kept]
        other.rows = columns[np.flatnonzero(np.diff(columns.indptr))]
        other.cells, other.room, other.weight = self.cells[kept], self.room[kept], self.weight[kept]
        other.circuits = None if self.circuits is None else self.circuits.only(kept)
        other._highs = None
        return other

    def __len__(self) -> int:
        return len(self.cells)

    def local(self, cells: Ints) -> Ints:
        """Ranks in the block of cells of the system, -1 for those that are not in it."""
        at = np.searchsorted(self.cells, cells)
        at[at == len(self.cells)] = 0
        return np.where(self.cells[at] == cells, at, -1) if len(self.cells) else np.full(len(cells), -1)

    def solve(
        self, cost: tuple[Floats, Floats], room: tuple[Floats, Floats], fixed: tuple[int, float] | None
    ) -> Floats | None:
        """The cheapest move: `cost` and `room` of going up and of going down, one cell's move being given or not.

        The basis of the last answer is where the next search starts. None when there is no such move.
        """
        n = len(self)
        highs = self._highs or self._model()
        lower, upper = np.zeros(2 * n), np.concatenate(room)
        if fixed is not None:
            cell, amount = fixed
            lower[cell], upper[cell] = max(amount, 0.0), max(amount, 0.0)
            lower[n + cell], upper[n + cell] = max(-amount, 0.0), max(-amount, 0.0)
        costs, (old_costs, old_lower, old_upper) = np.concatenate(cost), self._told
        if len(new := np.flatnonzero(costs != old_costs).astype(np.int32)):
            highs.changeColsCost(len(new), new, costs[new])
        if len(new := np.flatnonzero((lower != old_lower) | (upper != old_upper)).astype(np.int32)):
            highs.changeColsBounds(len(new), new, lower[new], upper[new])
        self._told = costs, lower, upper
        highs.run()
        if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        answer = np.asarray(highs.getSolution().col_value)
        return np.asarray(answer[:n] - answer[n:])

    def whole(self, move: Floats) -> Ints | None:
        """The move in whole numbers, when it is one."""
        rounded = np.rint(move)
        if np.abs(move - rounded).max(initial=0.0) > _WHOLE:
            return None
        integers = rounded.astype(np.int64)
        return integers if not (self.rows @ integers).any() and bool((integers >= -self.room).all()) else None

    def solve_whole(
        self, cost: tuple[Floats, Floats], room: tuple[Floats, Floats], fixed: tuple[int, float], nodes: int
    ) -> Ints | None:
        """As `solve`, in whole numbers by branch and bound; None too when `nodes` were not enough."""
        n = len(self)
        lp = self._lp(np.concatenate(cost), np.concatenate(room))
        cell, amount = fixed
        lower, upper = np.zeros(2 * n), np.concatenate(room)
        lower[[cell, n + cell]] = upper[[cell, n + cell]] = [max(amount, 0.0), max(-amount, 0.0)]
        lp.col_lower_, lp.col_upper_ = lower, upper
        lp.integrality_ = [highspy.HighsVarType.kInteger] * (2 * n)
        highs = quiet()
        highs.setOptionValue("mip_max_nodes", nodes)
        highs.passModel(lp)
        highs.run()
        if not highs.getInfo().primal_solution_status:
            return None
        answer = np.asarray(highs.getSolution().col_value)
        return self.whole(answer[:n] - answer[n:])

    def _model(self) -> highspy.Highs:
        self._highs = highs = quiet()
        highs.setOptionValue("presolve", "off")  # it would throw the basis away
        nothing = np.zeros(2 * len(self))
        highs.passModel(self._lp(nothing, nothing))
        self._told = nothing, nothing, nothing
        return highs

    def _lp(self, cost: Floats, upper: Floats) -> highspy.HighsLp:
        up = self.rows.tocsc()
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = 2 * up.shape[1], up.shape[0]
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, np.zeros(len(cost)), upper
        lp.row_lower_ = lp.row_upper_ = np.zeros(up.shape[0])
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        # Every cell twice, up then down; by hand, for `scipy.sparse.hstack` takes as long as a small programme.
        lp.a_matrix_.start_ = np.concatenate([up.indptr, up.indptr[1:] + up.nnz])
        lp.a_matrix_.index_ = np.concatenate([up.indices, up.indices])
        lp.a_matrix_.value_ = np.concatenate([up.data, -up.data]).astype(np.float64)
        return lp


class _Silent(highspy.Highs):  # type: ignore[misc]  # it is half typed, and not read
    """HiGHS without Python callbacks: nothing here uses them, and setting them prints a banner on the output."""

    def enableCallbacks(self) -> None:  # noqa: N802  its name in HiGHS
        pass


def quiet() -> highspy.Highs:
    """A silent solver whose answers depend on the programme alone."""
    highs = _Silent()
    for option, value in (("output_flag", False), ("threads", 1), ("random_seed", 1), ("solver", "simplex")):
        highs.setOptionValue(option, value)
    return highs


def limits(block: Block, free: Bools) -> tuple[Floats, Floats]:
    """Room of going up and down: none for a cell that is not `free`."""
    return np.where(free, _INF, 0.0), np.where(free, block.room, 0.0)
