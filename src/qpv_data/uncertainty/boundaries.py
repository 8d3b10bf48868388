"""The boundaries of a zoning in one CRS as oriented edges, with a tree that finds those near a point."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from qpv_data.arrays import members

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Edges a leaf of the tree, points a question, and pairs (point, edge) a turn: what bounds the memory.
_RUN, _ASKED, _PAIRS = 8, 1024, 1 << 18


class Boundaries:
    """Every edge of polygons, holes included, the inside of its zone on its left; zones keep their numbers.

    In: valid polygons or multipolygons of one CRS (metres), any of them possibly empty. Threads may share it: GEOS is
    asked under one lock, of geometries that are never prepared, and numpy does the rest.
    Raises ValueError for another type of geometry, or coordinates that are not finite.
    """

    def __init__(self, geometries: NDArray[Any]) -> None:
        kinds = shapely.get_type_id(geometries)
        if not np.isin(kinds, (3, 6)).all():
            raise ValueError("only polygons and multipolygons have a boundary here")
        self.geometries: NDArray[Any] = shapely.orient_polygons(geometries)
        lines: Any = shapely.boundary(self.geometries)
        self.lines = lines
        self._lock = threading.Lock()
        self._edges()
        run = np.flatnonzero(self._starts)
        self._first = np.append(run, len(self.ax)).astype(np.int64)
        self._tree = shapely.STRtree(self._runs())
        self._tree.query(shapely.box(0, 0, 0, 0))  # built here: answering is then only reading
        self._zone_first = np.searchsorted(self.zone, np.arange(len(geometries) + 1)).astype(np.int64)

    def _edges(self) -> None:
        parts, zone_of_part = shapely.get_parts(self.geometries, return_index=True)
        rings, part_of_ring = shapely.get_rings(parts, return_index=True)
        xy, ring = shapely.get_coordinates(rings, return_index=True)
        if not np.isfinite(xy).all():
            raise ValueError("coordinates are not finite")
        kept = (ring[1:] == ring[:-1]) & (xy[1:] != xy[:-1]).any(axis=1)
        a, b, ring = xy[:-1][kept], xy[1:][kept], ring[1:][kept]
        self.ax, self.ay, self.bx, self.by = (np.ascontiguousarray(c) for c in (*a.T, *b.T))
        self.zone: Ints = zone_of_part[part_of_ring[ring]].astype(np.int64)
        within = np.arange(len(ring)) - np.searchsorted(ring, ring)
        self._starts = within % _RUN == 0

    def _runs(self) -> NDArray[Any]:
        """One line a run of consecutive edges of a ring."""
        last = self._first[1:] - 1
        points = np.column_stack([self.ax, self.ay])
        ends = np.column_stack([self.bx[last], self.by[last]])
        lengths = np.diff(self._first) + 1
        coordinates = np.insert(points, self._first[1:], ends, axis=0)
        runs: Any = shapely.linestrings(coordinates, indices=np.repeat(np.arange(len(lengths)), lengths))
        return np.asarray(runs)

    def edges_of(self, zones: Ints) -> tuple[Ints, Ints]:
        """(position in `zones`, edge) for every edge of each of them."""
        return members(self._zone_first, zones)

    def near(self, x: Floats, y: Floats, radius: Floats) -> Iterator[tuple[Ints, Ints, Floats]]:
        """Every pair (point, edge, distance) of an edge within the point's own `radius`, in turns of bounded size.

        A point's pairs may come in several turns; NaN coordinates and radii have none.
        """
        able = np.flatnonzero(np.isfinite(x) & np.isfinite(y) & (radius >= 0) & np.isfinite(radius))
        for start in range(0, len(able), _ASKED):
            rows = able[start : start + _ASKED]
            px, py, r = x[rows], y[rows], radius[rows]
            with self._lock:
                asked, run = self._tree.query(shapely.box(px - r, py - r, px + r, py + r))
            turns = max(1, -(-len(run) * _RUN // _PAIRS))
            for point, place in zip(np.array_split(asked, turns), np.array_split(run, turns), strict=True):
                owner, edge = members(self._first, place)
                row = rows[point[owner]]
                distance = self.distances(x[row], y[row], edge)
                kept = distance <= radius[row]
                if kept.any():
                    yield row[kept], edge[kept], distance[kept]

    def distances(self, x: Floats, y: Floats, edge: Ints) -> Floats:
        """From point i to edge i, in the coordinates' unit."""
        ax, ay = self.ax[edge] - x, self.ay[edge] - y
        dx, dy = self.bx[edge] - self.ax[edge], self.by[edge] - self.ay[edge]
        square = np.maximum(dx * dx + dy * dy, np.finfo(np.float64).tiny)
        along = np.clip(-(ax * dx + ay * dy) / square, 0.0, 1.0)
        found: Floats = np.hypot(ax + along * dx, ay + along * dy)
        return found

    def nearest(self, x: Floats, y: Floats) -> Floats:
        """From each point to the nearest boundary; infinite when there is none."""
        found = np.full(len(x), np.inf)
        with self._lock:
            (point, _), distance = self._tree.query_nearest(
                shapely.points(x, y), return_distance=True, all_matches=False
            )
        found[point] = distance
        return found

    def distances_to_zones(self, x: Floats, y: Floats, zone: Ints) -> Floats:
        """From point i to the boundary of zone i."""
        with self._lock:
            found: Floats = shapely.distance(shapely.points(x, y), self.lines[zone])
        return found
