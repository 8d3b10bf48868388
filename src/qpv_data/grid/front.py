"""Points in one CRS, zones in another: the zones are moved, and only close calls are decided in the zones' own CRS.

The zones' CRS is the reference: there their edges are straight, and there the answer is defined. Moving points costs
ten times a look-up, so the zones' edges are moved instead, into the points' CRS, where they become slightly curved.
A cell that no moved edge comes near (`margin`) is on one side of every true edge; points in the other cells are moved
and asked in the reference. The answer is the reference's, always.

What the margin holds (measured on every edge, in the points' unit): twice the distance between a moved edge and the
straight line that is drawn for it, edges being cut every kilometre; four times what going to the points' CRS and back
loses; the rounding of a grid. Only a pair of CRSs that one operation joins is taken (`exact_pair`): where PROJ would
choose among several, place by place, points are moved.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpv_data.grid.edges import Floats, Ints
from qpv_data.grid.index import Arbiter, Labels
from qpv_data.grid.layers import Layer, layers_of
from qpv_data.grid.zone_index import ZoneIndex, joined, met
from qpv_data.projection import moved_points

_CUT_METRES, _CUT_DEGREES = 1_000.0, 0.01
_BETWEEN = (0.25, 0.5, 0.75)
# Beyond this share of a middling zone's side, the margin would leave no cell to answer.
_WIDEST = 0.05


@dataclass(frozen=True)
class Front:
    """Grids over the moved zones, in the points' CRS; numbers are those of the reference's zones.

    `margin`: in the points' unit; `margin_m`: the same in metres, or the reference's unit.
    """

    source: str
    target: str
    layers: tuple[Layer, ...]
    margin: float
    margin_m: float

    def first(self, x: Floats, y: Floats, reference: ZoneIndex, judge: Arbiter) -> tuple[Ints, Labels]:
        """As `ZoneIndex.first`, for points in `source`."""
        return self._ask(x, y, reference, judge, every=False)

    def every(self, x: Floats, y: Floats, reference: ZoneIndex, judge: Arbiter) -> tuple[Ints, Labels]:
        """As `ZoneIndex.every`, for points in `source`."""
        return self._ask(x, y, reference, judge, every=True)

    def _ask(self, x: Floats, y: Floats, reference: ZoneIndex, judge: Arbiter, *, every: bool) -> tuple[Ints, Labels]:
        close = [np.zeros(0, np.int64)]
        found: list[tuple[Ints, Labels]] = []
        for layer, rows in met(self.layers, x, y):
            grid = layer.grid
            row, label = grid.labels(x, y) if rows is None else grid.labels(x[rows], y[rows])
            doubtful = label >= grid.sets
            row = row if rows is None else rows[row]
            close.append(row[doubtful])
            sure = np.flatnonzero(~doubtful)
            owner, zone = grid.members(label[sure], every=every)
            found.append((row[sure][owner], layer.zones[zone]))
        # A cell of one layer may reach over another's: a point is then sure in one and doubtful in the other, and the
        # reference alone answers it.
        asked = np.unique(np.concatenate(close))
        if len(asked):
            found = [(row[kept], zone[kept]) for row, zone in found for kept in [~np.isin(row, asked)]]
            moved = moved_points(self.source, self.target, x[asked], y[asked])
            row, zone = (reference.every if every else reference.first)(*moved, judge)
            found.append((asked[row], zone))
        return joined(found)


@lru_cache(maxsize=256)
def exact_pair(source: str, target: str) -> bool:
    """Whether PROJ knows one way from `source` to `target`, and back, and lacks no grid for it."""
    from pyproj.transformer import TransformerGroup

    for a, b in ((source, target), (target, source)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # "a better grid is missing": it is counted below
            group = TransformerGroup(a, b, always_xy=True)
        if len(group.transformers) != 1 or group.unavailable_operations:
            return False
    return True


def front_of(geometries: NDArray[Any], source: str, target: str) -> Front | None:
    """A front over polygons drawn in `target`, for points in `source`.

    None when it cannot be proven safe: several operations join the CRSs, a zone reaches beyond what `source` can
    say, or the margin is not small before the zones. Points are then moved, one and all.
    """
    import shapely
    from pyproj import CRS

    if not len(geometries) or not exact_pair(source, target):
        return None
    geographic = CRS.from_user_input(target).is_geographic
    cut = shapely.segmentize(geometries, _CUT_DEGREES if geographic else _CUT_METRES)
    margin = _margin(cut, source, target)
    moved = _moved(cut, target, source)
    if margin is None or not np.isfinite(shapely.get_coordinates(moved)).all():
        return None
    scale = float(np.sqrt(np.median(shapely.area(moved)) / np.median(shapely.area(cut))))
    if margin > _WIDEST * float(np.sqrt(np.median(shapely.area(moved)))):
        return None
    layers = layers_of(moved, margin)
    return Front(source, target, layers, margin, margin / scale)


def _moved(geometries: NDArray[Any], source: str, target: str) -> NDArray[Any]:
    import shapely

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(moved_points(source, target, xy[:, 0], xy[:, 1]))

    made: NDArray[Any] = shapely.transform(geometries, move)
    return made


def _margin(cut: NDArray[Any], source: str, target: str) -> float | None:
    import shapely

    rings = shapely.get_rings(shapely.get_parts(cut))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    start, end = xy[:-1][same], xy[1:][same]
    a, b = (np.column_stack(moved_points(target, source, p[:, 0], p[:, 1])) for p in (start, end))
    chord = b - a
    length = np.hypot(chord[:, 0], chord[:, 1])
    length[length == 0] = 1.0
    bend = 0.0
    for t in _BETWEEN:
        between = start + t * (end - start)
        m = np.column_stack(moved_points(target, source, between[:, 0], between[:, 1])) - a
        off = np.abs(chord[:, 0] * m[:, 1] - chord[:, 1] * m[:, 0]) / length
        bend = max(bend, float(off.max(initial=0.0)))
    there = moved_points(source, target, a[:, 0], a[:, 1])
    back = np.column_stack(moved_points(target, source, *there))
    lost = float(np.abs(back - a).max(initial=0.0)) + 64 * float(np.spacing(np.abs(a).max(initial=1.0)))
    margin = 2 * bend + 4 * lost
    return margin if np.isfinite(margin) else None
