"""Probability that the true place of a point is in a zone, its error being an isotropic Gaussian."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from qpv_data.grid.zone_index import ZoneIndex, index_zones
from qpv_data.uncertainty.boundaries import Boundaries, Floats, Ints
from qpv_data.uncertainty.gaussian import REACH, angle, beyond

# As near to an edge as this (metres, and a part of the coordinates), side and distance are not told apart safely.
_TOUCH_M, _TOUCH = 1e-6, 1e-14
_PAIRS = 1 << 18


def probability_inside(x: Floats, y: Floats, sigma: Floats | float, geometry: Any) -> Floats:
    """P(the true place is in `geometry`) of each point, whose error is Gaussian with deviation `sigma` metres.

    In: coordinates in the geometry's projected CRS (metres), a valid polygon or multipolygon. Out: in [0, 1], within
    1e-12; NaN for a coordinate or a sigma that is not finite, or a negative sigma. Sigma 0: 1 when the geometry covers
    the point, else 0. Sigma > 0 on the boundary is a half on an edge, and the share of the turn at a vertex, in the
    limit of a small sigma. Every edge is summed: see ZoneProbabilities for many points on many zones.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    sigma = np.broadcast_to(np.asarray(sigma, dtype=np.float64), x.shape)
    answer = np.full(len(x), np.nan)
    able = np.isfinite(x) & np.isfinite(y) & np.isfinite(sigma)
    exact = np.flatnonzero(able & (sigma == 0))
    answer[exact] = shapely.covers(geometry, shapely.points(x[exact], y[exact]))
    rows = np.flatnonzero(able & (sigma > 0))
    zone = np.zeros(len(rows), dtype=np.int64)
    answer[rows] = _whole(Boundaries(np.array([geometry], dtype=object)), x[rows], y[rows], sigma[rows], zone)
    return answer


def _whole(boundaries: Boundaries, x: Floats, y: Floats, sigma: Floats, zone: Ints) -> Floats:
    """Probability of each pair (point, zone), from all the edges of the zone: angles, less what is beyond them."""
    answer = np.zeros(len(x))
    size = max(1, _PAIRS // max(1, int(np.bincount(boundaries.zone, minlength=1).max(initial=1))))
    for start in range(0, len(x), size):
        turn = slice(start, start + size)
        owner, edge = boundaries.edges_of(zone[turn])
        px, py, deviation = x[turn][owner], y[turn][owner], sigma[turn][owner]
        terms = angle(*_seen(boundaries, px, py, deviation, edge))
        close = np.flatnonzero(boundaries.distances(px, py, edge) <= REACH * deviation)
        terms[close] -= beyond(*_seen(boundaries, px[close], py[close], deviation[close], edge[close]))
        answer[turn] = np.bincount(owner, terms, minlength=len(x[turn]))
    return np.clip(answer, 0.0, 1.0)


def _seen(b: Boundaries, x: Floats, y: Floats, sigma: Floats, edge: Ints) -> tuple[Floats, Floats, Floats, Floats]:
    """Ends of the edges, from the point, in deviations."""
    return tuple((of[edge] - at) / sigma for of, at in ((b.ax, x), (b.ay, y), (b.bx, x), (b.by, y)))  # type: ignore[return-value]


@dataclass(frozen=True)
class ZoneProbabilities:
    """One zoning in one CRS. `codes`, sorted; a place that several zones hold is the smallest code's alone, so that
    the probabilities of a point never sum to more than 1, and to 1 in a zoning that leaves no gap."""

    codes: tuple[str, ...]
    boundaries: Boundaries
    index: ZoneIndex

    @classmethod
    def of(cls, codes: NDArray[np.object_], geometries: NDArray[Any]) -> ZoneProbabilities:
        """In: distinct codes and valid polygons, aligned, in any order."""
        order = np.argsort(codes.astype(str))
        owned = exclusive(geometries[order])
        names = tuple(str(c) for c in codes[order])
        kept = np.flatnonzero(~shapely.is_empty(owned))
        names, owned = tuple(names[i] for i in kept), owned[kept]
        return cls(names, Boundaries(owned), index_zones(names, owned))

    def uncertain(
        self, x: Floats, y: Floats, sigma: Floats, smallest: float = 0.0, reach: float = REACH
    ) -> tuple[Ints, Ints, Floats]:
        """Pairs (row, number of a zone, p) with `smallest` < p < 1 − `smallest`, sorted by both.

        Every pair that is not there has 0 or 1, according to whether the zone holds the point. Only the edges within
        `reach` deviations are read; a sigma of 0, or that is not finite, has no pair.
        """
        asked = np.flatnonzero(np.isfinite(sigma) & (sigma > 0) & np.isfinite(x) & np.isfinite(y))
        px, py, deviation = x[asked], y[asked], sigma[asked]
        keys, outside, touches = self._masses(px, py, deviation, reach)
        point, zone = np.divmod(keys, max(1, len(self.codes)))
        p = np.isin(keys, self._inside(px, py)).astype(np.float64) - outside
        near = np.flatnonzero(touches)
        p[near] = _whole(self.boundaries, px[point[near]], py[point[near]], deviation[point[near]], zone[near])
        p = np.clip(p, 0.0, 1.0)
        kept = (p > smallest) & (p < 1.0 - smallest)
        return asked[point[kept]], zone[kept], p[kept]

    def _masses(self, x: Floats, y: Floats, sigma: Floats, reach: float) -> tuple[Ints, Floats, NDArray[np.bool_]]:
        """Sorted keys (point × zones + zone) of the pairs with an edge in reach, the signed mass beyond their edges,
        and whether the point touches one."""
        touch = _TOUCH_M + _TOUCH * np.maximum(np.abs(x), np.abs(y))
        found: list[tuple[Ints, Floats, NDArray[np.bool_]]] = []
        for point, edge, distance in self.boundaries.near(x, y, reach * sigma):
            mass = beyond(*_seen(self.boundaries, x[point], y[point], sigma[point], edge))
            key = point * max(1, len(self.codes)) + self.boundaries.zone[edge]
            found.append(_summed(key, mass, distance <= touch[point]))
        if not found:
            return np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.bool_)
        keys, masses, touches = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return _summed(keys, masses, touches)

    def _inside(self, x: Floats, y: Floats) -> Ints:
        rows, zone = self.index.every(np.ascontiguousarray(x), np.ascontiguousarray(y), self.index.judge())
        return rows * max(1, len(self.codes)) + zone


def _summed(key: Ints, mass: Floats, touch: NDArray[np.bool_]) -> tuple[Ints, Floats, NDArray[np.bool_]]:
    keys, at = np.unique(key, return_inverse=True)
    masses: Floats = np.bincount(at, mass, minlength=len(keys)).astype(np.float64)
    return keys, masses, np.bincount(at, touch, minlength=len(keys)) > 0


def exclusive(geometries: NDArray[Any]) -> NDArray[Any]:
    """Each zone less those before it: what it holds when the first of several zones wins. May be empty.

    Zones that only touch are left as they are, to the last bit.
    """
    own = np.array(geometries, dtype=object)
    later, earlier = shapely.STRtree(geometries).query(geometries)
    later, earlier = later[earlier < later], earlier[earlier < later]
    shared = shapely.relate_pattern(geometries[later], geometries[earlier], "T********")
    for a, b in sorted(zip(later[shared], earlier[shared], strict=True)):
        own[a] = _polygons(shapely.difference(own[a], geometries[b]))
    return own


def _polygons(geometry: Any) -> Any:
    """The polygons of a difference, which may leave lines and points behind."""
    parts = [p for p in shapely.get_parts(shapely.get_parts(geometry)) if p.geom_type == "Polygon"]
    if not parts:  # the zone is wholly under those before it
        return shapely.Polygon()
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)
