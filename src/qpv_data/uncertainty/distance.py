"""Exact planar distance from points to the boundary of a zoning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpv_data.grid.zone_index import ZoneIndex, index_zones
from qpv_data.uncertainty.boundaries import Boundaries, Floats, Ints

TIE_M = 1e-6
"""Two distances closer than this are equal: the smallest code of the zones that reach it wins."""

_TURN = 100_000


def distance_to_boundary_m(
    x: Floats, y: Floats, codes: Sequence[str], geometries: NDArray[Any], cap_m: float | None = None
) -> Floats:
    """Metres from each point to the boundary (rings, holes included) of the zone that holds it, else of the nearest.

    In: coordinates and valid polygons in one projected CRS (metres), the polygons under distinct codes, in any order.
    Of several zones that hold a point, the smallest code. Out: 0 on the boundary; NaN for a coordinate that is not
    finite and, with `cap_m`, for what is farther than it. Raises ValueError as `index_zones` does.
    """
    order = np.array(sorted(range(len(codes)), key=lambda i: codes[i]), dtype=np.int64)
    x, y = (np.ascontiguousarray(v, dtype=np.float64) for v in (x, y))
    held = holders(x, y, index_zones(list(codes), geometries)) if len(codes) else np.full(len(x), -1)
    return distances(x, y, Boundaries(geometries[order]), held, cap_m)[0]


def holders(x: Floats, y: Floats, index: ZoneIndex) -> Ints:
    """Number of the zone that holds each point (a boundary is inside, the smallest code wins), −1 outside."""
    held = np.full(len(x), -1, dtype=np.int64)
    rows, zone = index.first(np.ascontiguousarray(x), np.ascontiguousarray(y), index.judge())
    held[rows] = zone
    return held


def distances(
    x: Floats, y: Floats, boundaries: Boundaries, holder: Ints, cap_m: float | None = None
) -> tuple[Floats, Ints]:
    """(distance, number of the zone whose boundary it is) of each point: the holder's, else the nearest zone's.

    NaN and −1 for a coordinate that is not finite and beyond `cap_m`. Memory is bounded: points go by turns.
    """
    found, zone = np.full(len(x), np.nan), np.full(len(x), -1, dtype=np.int64)
    finite = np.isfinite(x) & np.isfinite(y)
    for start in range(0, len(x), _TURN):
        turn = slice(start, start + _TURN)
        inside = start + np.flatnonzero(finite[turn] & (holder[turn] >= 0))
        found[inside] = boundaries.distances_to_zones(x[inside], y[inside], holder[inside])
        zone[inside] = holder[inside]
        outside = start + np.flatnonzero(finite[turn] & (holder[turn] < 0))
        found[outside], zone[outside] = _nearest(x[outside], y[outside], boundaries, cap_m)
    if cap_m is not None:
        far = ~(found <= cap_m)
        found[far], zone[far] = np.nan, -1
    return found, zone


def _nearest(x: Floats, y: Floats, boundaries: Boundaries, cap_m: float | None) -> tuple[Floats, Ints]:
    """Distance to the nearest boundary and the first of the zones that have it, to the micrometre; NaN and −1 beyond
    `cap_m`: edges are then looked for no farther, which is quick where it is small."""
    if cap_m is None:
        distance = boundaries.nearest(x, y)
    else:
        distance = np.full(len(x), np.inf)
        for point, _, away in boundaries.near(x, y, np.full(len(x), cap_m)):
            np.minimum.at(distance, point, away)
    zone = np.full(len(x), len(boundaries.geometries), dtype=np.int64)
    for point, edge, _ in boundaries.near(x, y, distance * (1 + 1e-12) + TIE_M):
        np.minimum.at(zone, point, boundaries.zone[edge])
    lost = ~np.isfinite(distance)
    distance[lost], zone[lost] = np.nan, -1
    return distance, zone
