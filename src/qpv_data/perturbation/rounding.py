"""Controlled rounding: every cell a multiple of the base next to its value, and every margin the sum of its cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from qpv_data.perturbation.programme import Programme
from qpv_data.problems import FeedError, Problem
from qpv_data.secret.cells import Bools, Ints, Table
from qpv_data.secret.equations import equations

Floats = NDArray[np.float64]
_FAR = 10_000.0  # cost of one base beyond the two multiples next to a value, whose own cost is under 50
_NEVER = 1e-9


@dataclass(frozen=True)
class Rounding:
    """`value`: the rounded cells, in units of the table's last decimal, as `base`. `beyond`: those that are not one of
    the two multiples next to their value (the value itself when it is one): none when the rounding is strict."""

    base: int
    value: Ints
    beyond: Bools

    @property
    def strict(self) -> bool:
        return not self.beyond.any()


def round_table(table: Table, base: int, draw: Floats | None = None, name: str = "tableau") -> Rounding:
    """Round every cell to a multiple of `base`, all margins of all hierarchies adding up exactly.

    Without `draw` each cell goes as near as the margins let it. With one, a number of [0, 1) a cell, a cell wishes to
    go up when its draw is under the fraction of a base by which it exceeds the multiple below: on average it would
    not move. Where margins contradict wishes, the weakest give way.

    A table of three dimensions or linked hierarchies may have no strict rounding: cells may then go one base further,
    as few as can be, zeros staying. The answer is verified before it is given. Raises FeedError when there is none.
    """
    scale = base * 10**table.decimals
    floor, over = np.divmod(table.measures.value, scale)
    rows = equations(table)
    near = 1.0 - 2.0 * over / scale if draw is None else _wishes(draw, over / scale)
    room = (over > 0).astype(np.float64)
    sides = -(rows @ floor).astype(np.float64)
    steps = Programme(rows, sides, near, np.zeros(len(table)), room).solve()
    if steps is None:
        steps = _further(rows, sides, near, room, floor, table.measures.value > 0)
    if steps is None:
        message = f"aucun arrondi à la base {base} n'additionne toutes les marges à moins de deux bases"
        remedy = "prendre une base plus petite, ou séparer les hiérarchies liées en deux tableaux"
        raise FeedError(name, Problem.CONTROLE_NON_TENU, message, remedy)
    value = (floor + np.rint(steps).astype(np.int64)) * scale
    rounding = Rounding(scale, value, np.abs(value - table.measures.value) >= np.where(over > 0, scale, 1))
    verify(table, rounding)
    return rounding


def _wishes(draw: Floats, fraction: Floats) -> Floats:
    """The cost of going up: the logit of the draw less that of the fraction. Of cells under one fixed margin, those of
    least cost go up: that is Pareto sampling, in which each goes up with a probability very near to its fraction."""
    kept, inside = np.clip(draw, _NEVER, 1 - _NEVER), np.clip(fraction, _NEVER, 1 - _NEVER)
    return np.asarray(np.log(kept / (1 - kept)) - np.log(inside / (1 - inside)))


def _further(rows: sp.csr_matrix, sides: Floats, near: Floats, room: Floats, floor: Ints, some: Bools) -> Floats | None:
    """The same where a cell that is not a zero may go one base more, up or down, at a great cost."""
    n = len(near)
    up, down = some.astype(np.float64), (floor > 0).astype(np.float64)
    programme = Programme(
        sp.hstack([rows, rows, -rows]).tocsr(),
        sides,
        np.concatenate([near, np.full(2 * n, _FAR)]),
        np.zeros(3 * n),
        np.concatenate([room, up, down]),
    )
    found = programme.solve()
    return None if found is None else found[:n] + found[n : 2 * n] - found[2 * n :]


def verify(table: Table, rounding: Rounding) -> None:
    """Multiples, additivity, distance under two bases, zeros: in whole numbers, knowing nothing of the search."""
    value, true = rounding.value, table.measures.value
    assert not (value % rounding.base).any(), "une case n'est pas un multiple de la base"
    assert (value >= 0).all(), "une case est négative"
    assert not (equations(table) @ value).any(), "des marges arrondies ne s'additionnent pas"
    assert (np.abs(value - true) < 2 * rounding.base).all(), "une case est à deux bases ou plus de sa valeur"
    assert not value[true == 0].any(), "un zéro a bougé"
