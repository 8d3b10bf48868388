"""Edges of polygons as arrays: what rasterising and the exact test read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Edges:
    """Edges, aligned: from (ax, ay), the lower end, to (bx, by), the upper one, and the zone that each bounds.

    Horizontal edges are there (ay = by): they never cross a horizontal ray, and a point may lie on them.
    """

    ax: Floats
    ay: Floats
    bx: Floats
    by: Floats
    zone: Ints

    def __len__(self) -> int:
        return len(self.ax)


def edges_of(geometries: NDArray[Any]) -> Edges:
    """Every edge of polygons and multipolygons, holes included; edges of no length are left out.

    Raises ValueError for another type of geometry, or coordinates that are not finite.
    """
    import shapely

    kinds = shapely.get_type_id(geometries)
    if not np.isin(kinds, (3, 6)).all():
        raise ValueError("only polygons and multipolygons can be indexed")
    parts, zone_of_part = shapely.get_parts(geometries, return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    if not np.isfinite(xy).all():
        raise ValueError("coordinates are not finite")
    same = ring[1:] == ring[:-1]
    start, end = xy[:-1][same], xy[1:][same]
    zone = zone_of_part[part_of_ring[ring[1:][same]]].astype(np.int64)
    long = (start != end).any(axis=1)
    start, end, zone = start[long], end[long], zone[long]
    # Upwards, and rightwards when horizontal: the same segment is then the same numbers from either side.
    flip = (start[:, 1] > end[:, 1]) | ((start[:, 1] == end[:, 1]) & (start[:, 0] > end[:, 0]))
    start[flip], end[flip] = end[flip], start[flip].copy()
    ax, ay, bx, by = (np.ascontiguousarray(c) for c in (start[:, 0], start[:, 1], end[:, 0], end[:, 1]))
    return Edges(ax, ay, bx, by, zone)
