"""Point in polygon in whole numbers, written without looking at the package: what the grid's answers are held to.

Even-odd over every ring of a zone, in exact rational arithmetic; a point is on the boundary when it is exactly
collinear with an edge and between its ends. Only for valid polygons, where even-odd over all rings is the interior.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

Place = Literal["in", "on", "out"]
Ring = list[tuple[float, float]]


def rings_of(zone: Any) -> list[Ring]:
    """Every ring of a polygon or multipolygon, closed, as plain pairs of floats."""
    parts = zone.geoms if zone.geom_type == "MultiPolygon" else [zone]
    found = []
    for part in parts:
        for ring in (part.exterior, *part.interiors):
            found.append([(float(x), float(y)) for x, y in np.asarray(ring.coords)[:, :2]])
    return found


def turn(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> int:
    """The sign, exact, of the turn from a→b to a→p."""
    fax, fay = Fraction(ax), Fraction(ay)
    value = (Fraction(bx) - fax) * (Fraction(py) - fay) - (Fraction(by) - fay) * (Fraction(px) - fax)
    return (value > 0) - (value < 0)


def place_of(rings: list[Ring], px: float, py: float) -> Place:
    """Where a finite point is. Comparing floats is exact: only the turns need rationals."""
    inside = False
    for ring in rings:
        for (ax, ay), (bx, by) in pairwise(ring):
            if not min(ay, by) <= py <= max(ay, by):
                continue
            if px > max(ax, bx):
                continue
            if px < min(ax, bx):
                inside ^= (ay > py) != (by > py)
                continue
            side = turn(ax, ay, bx, by, px, py)
            if side == 0:
                return "on"
            if (ay > py) != (by > py):
                # The edge is to the right of the point: on its left when it goes up, on its right when it goes down.
                inside ^= (side > 0) == (by > ay)
    return "in" if inside else "out"


def places(zones: NDArray[Any], x: NDArray[np.float64], y: NDArray[np.float64]) -> list[list[Place]]:
    """`places(...)[point][zone]`; a point that is not finite is out of everything."""
    drawn = [rings_of(zone) for zone in zones]
    finite = np.isfinite(x) & np.isfinite(y)
    return [
        [place_of(rings, float(px), float(py)) if ok else "out" for rings in drawn]
        for px, py, ok in zip(x, y, finite, strict=True)
    ]


def held(zones: NDArray[Any], x: NDArray[np.float64], y: NDArray[np.float64], regle: str) -> NDArray[np.bool_]:
    """(points, zones): which zone holds which point, by rationals."""
    kept = ("in", "on") if regle == "couvre" else ("in",)
    rows = [[place in kept for place in row] for row in places(zones, x, y)]
    return np.array(rows, dtype=bool).reshape(len(x), len(zones))


def told_apart(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Points that GEOS itself tells apart from an edge: beside zero, one ulp is 5e-324, and it does not.

    There, the grid answers what shapely does, and rationals are left out of the comparison.
    """
    answer = np.ones(len(x), dtype=bool)
    for values in (x, y):
        answer &= (values == 0) | ~(np.abs(values) < 1e-30)
    return answer


def held_by_shapely(
    zones: NDArray[Any], x: NDArray[np.float64], y: NDArray[np.float64], regle: str
) -> NDArray[np.bool_]:
    """The same by shapely, every pair asked, nothing prepared."""
    predicate = shapely.covers if regle == "couvre" else shapely.contains
    finite = np.isfinite(x) & np.isfinite(y)
    answer = np.zeros((len(x), len(zones)), dtype=bool)
    points = shapely.points(x[finite], y[finite])
    answer[finite] = predicate(zones[None, :], points[:, None])
    return answer
