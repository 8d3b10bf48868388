"""Polygons onto zones, territory by territory, each in its own projected CRS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from qpv_data.areas.moving import move_polygons
from qpv_data.areas.points import Points
from qpv_data.areas.polygons import Zoned
from qpv_data.areas.shares import Floats, Ints, Shares, placed, shares_of, together
from qpv_data.areas.weights import PolygonPoints
from qpv_data.areas.zones import Cibles, Plan
from qpv_data.zonages.crs import Geometries, lon_lat, same_crs

_AROUND = 0.05
"""Degrees around the zones of a territory where sources are moved to it: far more than the bend of any edge."""


@dataclass(frozen=True)
class _Portion:
    """The pairs of some sources, `rows` of a batch, with the zones of one plan; `shapes`: the divided ones, moved."""

    plan: int
    rows: Ints
    areas: Floats
    source: Ints
    part: Ints
    inside: Floats
    shapes: Geometries


@dataclass(frozen=True)
class Cut:
    """The pairs of a batch of sources, by area."""

    size: int
    portions: tuple[_Portion, ...]


class PolygonZones:
    """Zones to share polygons onto. One thread at a time."""

    def __init__(self, zones: Cibles) -> None:
        self._plans = zones.plans
        self._zoned = [Zoned(plan.cover, plan.number) for plan in zones.plans]
        self._points: dict[int, PolygonPoints] = {}

    def cut(self, sources: Geometries, crs: str, name: str) -> Cut:
        """Pairs of valid polygons of any CRS with the zones."""
        portions = []
        for place, (plan, zoned) in enumerate(zip(self._plans, self._zoned, strict=True)):
            rows = near(sources, crs, plan)
            moved = move_polygons(sources[rows], crs, plan.crs, name)
            source, part, inside = zoned.pairs(moved)
            shapes = np.full(len(moved), None, dtype=object)
            divided = np.unique(source[inside < 1])
            shapes[divided] = moved[divided]
            portions.append(_Portion(place, rows, shapely.area(moved), source, part, inside, shapes))
        return Cut(len(sources), tuple(portions))

    def weigh(self, cuts: list[Cut], points: Points) -> list[Floats]:
        """The shares by points of the pairs of these cuts, portion by portion, in order."""
        tallies, into = [], []
        for place, plan in enumerate(self._plans):
            own = [p for cut in cuts for p in cut.portions if p.plan == place]
            start = np.cumsum([0, *(len(p.rows) for p in own)])
            source = np.concatenate([np.zeros(0, np.int64), *(p.source + s for p, s in zip(own, start, strict=False))])
            part, inside = (np.concatenate([np.zeros(0, k), *(getattr(p, n) for p in own)]) for n, k in _COLUMNS)
            shapes = np.concatenate([np.zeros(0, dtype=object), *(p.shapes for p in own)])
            tally = PolygonPoints(shapes, plan.cover.geometries, source, part, inside)
            tallies.append((tally, source, part, np.cumsum([len(p.source) for p in own])))
            into.append((plan.crs, tally.add))
        points.pour(into)
        by_plan = [iter(np.split(t.shares(source, part), ends[:-1])) for t, source, part, ends in tallies]
        return [next(by_plan[p.plan]) for cut in cuts for p in cut.portions]

    def shares(self, cut: Cut, by_points: list[Floats] | None = None) -> Shares:
        """The shares of a batch: by area, or by points, portion by portion, where they say something."""
        parts = []
        for rank, p in enumerate(cut.portions):
            zoned, points = self._zoned[p.plan], None if by_points is None else by_points[rank]
            found = shares_of(p.areas, zoned.cover, zoned.number, p.source, p.part, p.inside, points)
            parts.append(placed(found, p.rows, cut.size))
        return together(parts, cut.size)


_COLUMNS = (("part", np.int64), ("inside", np.float64))


def near(shapes: Geometries, crs: str, plan: Plan) -> Ints:
    """Positions of the shapes that may meet the zones of a plan: the others are not moved to it."""
    known = ~shapely.is_missing(shapes)
    if same_crs(crs, plan.crs):
        return np.flatnonzero(known)
    west, south, east, north = (b[:, i] for b in [_degrees(plan.geometries, plan.crs)] for i in range(4))
    if not len(west):
        return np.zeros(0, dtype=np.int64)
    bounds = _degrees(shapes, crs)
    with np.errstate(invalid="ignore"):
        met = (bounds[:, 0] <= east.max() + _AROUND) & (bounds[:, 2] >= west.min() - _AROUND)
        met &= (bounds[:, 1] <= north.max() + _AROUND) & (bounds[:, 3] >= south.min() - _AROUND)
    return np.flatnonzero(met & known)


def _degrees(shapes: Geometries, crs: str) -> Floats:
    """Bounds in degrees, from the four corners of the bounds as drawn."""
    xmin, ymin, xmax, ymax = shapely.bounds(shapes).T
    corners = [lon_lat(x, y, crs) for x in (xmin, xmax) for y in (ymin, ymax)]
    lon, lat = np.array([c[0] for c in corners]), np.array([c[1] for c in corners])
    return np.column_stack([lon.min(axis=0), lat.min(axis=0), lon.max(axis=0), lat.max(axis=0)])
