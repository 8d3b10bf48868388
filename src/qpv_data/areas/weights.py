"""Shares by points: of a source that a zone holds in part, the part of its addresses, dwellings… that are in the zone.

Only points in a source that an edge divides are looked at; the others say nothing that area does not. A point on the
edge of a zone is inside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from qpv_data.areas.coverage import Coverage
from qpv_data.areas.moving import sound
from qpv_data.areas.shares import Floats, Ints
from qpv_data.zonages.crs import Geometries

Every = Callable[[Floats, Floats], tuple[Ints, Ints]]
"""Coordinates to every pair (point, number of a polygon that holds it)."""


def holders(geometries: Geometries) -> Every:
    """Answers which of these valid polygons hold a point; missing ones hold none."""
    from qpv_data.grid.zone_index import index_zones

    known = np.flatnonzero(~shapely.is_missing(geometries) & ~shapely.is_empty(geometries))
    index = index_zones([f"{i:010d}" for i in known], geometries[known])
    judge = index.judge("couvre")

    def every(x: Floats, y: Floats) -> tuple[Ints, Ints]:
        point, which = index.every(np.ascontiguousarray(x), np.ascontiguousarray(y), judge)
        return point, known[which]

    return every


class Tally:
    """Sums of weights: of each divided source, and of each of its pairs with a part of the cover.

    `keys`: source · parts + part, sorted, of the pairs to know.
    """

    def __init__(self, sources: int, parts: int, keys: Ints) -> None:
        self._parts, self._keys = parts, keys
        self._whole, self._within = np.zeros(sources), np.zeros(len(keys))

    def add(self, points: tuple[Ints, Ints], zones: tuple[Ints, Ints], weight: Floats) -> None:
        """Add points: pairs (point, source), pairs (point, part), both sorted by point, and the points' weights."""
        point, source = points
        self._whole += np.bincount(source, weights=weight[point], minlength=len(self._whole))
        held, part = zones
        first, last = np.searchsorted(held, point), np.searchsorted(held, point, side="right")
        count = last - first
        owner = np.repeat(np.arange(len(point)), count)
        at = np.arange(len(owner)) + np.repeat(first - (np.cumsum(count) - count), count)
        key = source[owner] * self._parts + part[at]
        where = np.minimum(np.searchsorted(self._keys, key), max(len(self._keys) - 1, 0))
        known = self._keys[where] == key if len(self._keys) else np.zeros(len(key), dtype=bool)
        self._within += np.bincount(where[known], weights=weight[point[owner[known]]], minlength=len(self._within))

    def shares(self, source: Ints, part: Ints) -> Floats:
        """Share of each pair; NaN for a source without any point, and for a pair that is not among the keys."""
        shares = np.full(len(source), np.nan)
        if not len(self._keys):
            return shares
        key = source * self._parts + part
        where = np.minimum(np.searchsorted(self._keys, key), len(self._keys) - 1)
        known = (self._keys[where] == key) & (self._whole[source] > 0)
        shares[known] = np.minimum(self._within[where[known]] / self._whole[source[known]], 1.0)
        return shares


class CellPoints:
    """Points of the cells that an edge of a zone divides, in the grid's CRS."""

    def __init__(self, coverage: Coverage, geometries: Geometries) -> None:
        self._coverage, self._parts = coverage, len(geometries)
        divided = np.zeros(len(coverage.begin), dtype=bool)
        stretch_of = np.repeat(np.arange(len(coverage.begin)), np.diff(coverage.at))
        divided[stretch_of[coverage.share < 1]] = True
        self._divided = divided
        stretches = np.flatnonzero(divided)
        ends = np.append(coverage.begin[1:], coverage.begin[-1:])
        size = ends[stretches] - coverage.begin[stretches]
        owner = np.repeat(np.arange(len(stretches)), size)
        offset = np.arange(len(owner)) - np.repeat(np.cumsum(size) - size, size)
        self._cells = coverage.begin[stretches[owner]] + offset
        cell, entry = coverage.entries(stretches[owner])
        self._tally = Tally(len(self._cells), self._parts, cell * self._parts + coverage.zone[entry])
        self._holders = holders(sound(geometries)) if len(stretches) else None

    def add(self, x: Floats, y: Floats, weight: Floats) -> None:
        """Add points in the grid's CRS; a cell holds its west and south sides."""
        if self._holders is None:
            return
        row, column = (np.floor(v / self._coverage.pas).astype(np.int64) for v in (y, x))
        near, stretch = self._coverage.places(row, column)
        near = near[self._divided[stretch]]
        source = np.searchsorted(self._cells, self._coverage.cell(row[near], column[near]))
        self._tally.add((np.arange(len(near)), source), self._holders(x[near], y[near]), weight[near])

    def shares(self, row: Ints, column: Ints, entry: Ints) -> Floats:
        """Share, by points, of cells in the parts of these entries: NaN where area is all there is to know."""
        whole = self._coverage.share[entry] == 1
        cell = self._coverage.cell(row, column)
        at = np.searchsorted(self._cells, cell)
        divided = np.flatnonzero((at < len(self._cells)) & ~whole)
        divided = divided[self._cells[at[divided]] == cell[divided]]
        shares = np.full(len(row), np.nan)
        shares[divided] = self._tally.shares(at[divided], self._coverage.zone[entry[divided]].astype(np.int64))
        return shares


class PolygonPoints:
    """Points of the polygons that an edge of a zone divides; pairs (source, part) that they are to share."""

    def __init__(self, sources: Geometries, parts: Geometries, source: Ints, part: Ints, share: Floats) -> None:
        divided = np.flatnonzero(share < 1)
        self._known = np.unique(source[divided])
        self._place = np.full(len(sources), -1, dtype=np.int64)
        self._place[self._known] = np.arange(len(self._known))
        keys = np.unique(self._place[source[divided]] * len(parts) + part[divided])
        self._tally = Tally(len(self._known), len(parts), keys)
        self._within: Every | None = holders(sources[self._known]) if len(divided) else None
        self._holders: Any = holders(parts) if len(divided) else None

    def add(self, x: Floats, y: Floats, weight: Floats) -> None:
        """Add points in the polygons' CRS; one on the edge of two sources counts in both."""
        if self._within is None:
            return
        self._tally.add(self._within(x, y), self._holders(x, y), weight)

    def shares(self, source: Ints, part: Ints) -> Floats:
        """Share, by points, of these pairs: NaN where area is all there is to know."""
        place: NDArray[np.int64] = self._place[source]
        shares = np.full(len(source), np.nan)
        divided = place >= 0
        shares[divided] = self._tally.shares(place[divided], part[divided])
        return shares
