"""How much of each cell of a grid each zone holds, exactly, without cutting a geometry.

Green's theorem, cell by cell: an edge that rises (or falls) through a cell takes from (or gives to) the zone the
part of the cell on its right, and the whole height it crosses in every cell further right. Sums along a row give the
area in each cell: partial where edges pass, constant in between. All of it is array arithmetic, without GEOS.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from qpv_data.arrays import expanded

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]

NOISE = 1e-9
"""A zone that holds less than this part of a cell holds none of it, and all of it beyond 1 − NOISE: what floating
point loses is a thousand times less."""

_PIECES = 2_000_000
_BLOCK = 8


@dataclass(frozen=True)
class Coverage:
    """Stretches of cells of a row, sorted: `begin[k]` ≤ cell < `begin[k + 1]`, cell = (row − row0) · width + column −
    column0, have the entries `at[k] : at[k + 1]`: a zone and the share of each cell that it holds."""

    pas: int
    row0: int
    column0: int
    rows: int
    width: int
    begin: Ints
    at: Ints
    zone: Numbers
    share: Floats
    sieve: NDArray[np.bool_]

    def cell(self, row: Ints, column: Ints) -> Ints:
        """Number of cells within the frame."""
        return (row - self.row0) * self.width + column - self.column0

    def places(self, row: Ints, column: Ints) -> tuple[Ints, Ints]:
        """(index of a cell among those asked, ascending; number of its stretch), for cells that a zone may hold."""
        r, c = row - self.row0, column - self.column0
        near = np.flatnonzero((r >= 0) & (r < self.rows) & (c >= 0) & (c < self.width))
        if not len(near) or not len(self.zone):
            return near[:0], near[:0]
        r, c = r[near], c[near]
        met = np.flatnonzero(self.sieve[(r // _BLOCK) * -(-self.width // _BLOCK) + c // _BLOCK])
        near, cell = near[met], r[met] * self.width + c[met]
        stretch = np.searchsorted(self.begin, cell, side="right") - 1
        found = np.flatnonzero(stretch >= 0)
        return near[found], stretch[found]

    def entries(self, stretch: Ints) -> tuple[Ints, Ints]:
        """(position in `stretch`, entry) of every entry of these stretches."""
        number = self.at[stretch + 1] - self.at[stretch]
        owner = np.repeat(np.arange(len(stretch)), number)
        return owner, np.arange(len(owner)) + np.repeat(self.at[stretch] - (np.cumsum(number) - number), number)

    def pairs(self, row: Ints, column: Ints) -> tuple[Ints, Ints]:
        """(index of a cell among those asked, entry) of every zone that holds a part of it, by cell then zone."""
        near, stretch = self.places(row, column)
        owner, entry = self.entries(stretch)
        return near[owner], entry


@dataclass(frozen=True)
class _Frame:
    pas: int
    row0: int
    column0: int
    rows: int
    width: int


def coverage(geometries: NDArray[Any], pas: int) -> Coverage:
    """Cover the cells of side `pas` with valid polygons, in the grid's CRS; zones are numbered as given.

    A missing geometry holds nothing. Shares are within NOISE of the area of the intersection, divided by the cell's.
    """
    bounds = shapely.bounds(geometries)
    known = np.asarray(np.isfinite(bounds).all(axis=1))
    if not known.any():
        empty = np.zeros(0, dtype=np.int64)
        return Coverage(pas, 0, 0, 0, 0, empty, np.zeros(1, np.int64), empty.astype(np.int32), np.zeros(0), empty > 0)
    column0, row0 = (int(np.floor(bounds[known, i].min() / pas)) for i in (0, 1))
    width = int(np.floor(bounds[known, 2].max() / pas)) - column0 + 1
    rows = int(np.floor(bounds[known, 3].max() / pas)) - row0 + 1
    frame = _Frame(pas, row0, column0, rows, width)
    if rows * width * len(geometries) >= 1 << 62:
        raise ValueError("too many cells for so many zones")
    found = [_stretches(geometries, part, frame) for part in _parts(bounds, known, geometries, pas)]
    zone, first, last, share = (np.concatenate([f[i] for f in found]) for i in range(4))
    begin, at, order = _flattened(first, last, zone)
    sieve = _sieve(first, last, rows, width)
    return Coverage(
        pas, row0, column0, rows, width, begin, at, zone[order].astype(np.int32), share[order].astype(float), sieve
    )


def _parts(bounds: Floats, known: NDArray[np.bool_], geometries: NDArray[Any], pas: int) -> Iterator[Ints]:
    """Zones in groups whose edges make about _PIECES pieces."""
    zones = np.flatnonzero(known)
    pieces = shapely.get_num_coordinates(geometries[zones]) + 2 * shapely.length(geometries[zones]) / pas
    groups = (np.cumsum(pieces) // _PIECES).astype(np.int64)
    for group in np.unique(groups):
        yield zones[groups == group]


def _stretches(geometries: NDArray[Any], zones: Ints, frame: _Frame) -> tuple[Ints, Ints, Ints, Floats]:
    """(zone, first cell, last cell, share) of every stretch of equal share of some zones."""
    pas, width = frame.pas, frame.width
    ax, ay, bx, by, zone = _edges(geometries, zones, frame.row0 * pas, frame.column0 * pas)
    row, piece, ya, yb, xa, xb = _by_rows(ax, ay, bx, by, pas)
    column, part, height, offset = _by_columns(xa, ya, xb, yb, pas)
    owner = piece[part]
    height = np.where(by[owner] > ay[owner], -height, height)  # rising edges have the zone on their left
    key = (zone[owner] * frame.rows + row[part]) * width + column
    order = np.argsort(key, kind="stable")
    key, height, offset = key[order], height[order], offset[order]
    begins = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    key, inside, rise = key[begins], np.add.reduceat(height * (pas - offset), begins), np.add.reduceat(height, begins)
    line, column = key // width, key % width
    before = _running(rise, line)
    partial = (before * pas + inside) / (pas * pas)
    after = (before + rise) / pas
    cell = line % frame.rows * width + column
    gap = np.zeros(len(cell), dtype=np.int64)
    gap[:-1] = np.where(line[1:] == line[:-1], column[1:] - column[:-1] - 1, 0)
    of = line // frame.rows
    every = [(of, cell, cell, partial), (of, cell + 1, cell + gap, np.where(gap > 0, after, 0.0))]
    owner, first, last, share = (np.concatenate([e[i] for e in every]) for i in range(4))
    if share.max() > 1 + 1e-6 or share.min() < -1e-6:
        raise ValueError("a zone holds more than a cell, or less than none: its polygon is not valid")
    kept = share > NOISE
    share = np.where(share > 1 - NOISE, 1.0, share)
    return owner[kept], first[kept], last[kept], share[kept]


def _edges(geometries: NDArray[Any], zones: Ints, y0: int, x0: int) -> tuple[Floats, Floats, Floats, Floats, Ints]:
    """Edges that rise or fall, anticlockwise around what they hold, from an origin on the grid; and their zones."""
    parts, of_part = shapely.get_parts(shapely.orient_polygons(geometries[zones]), return_index=True)
    rings, of_ring = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    xy = xy - np.array([x0, y0], dtype=np.float64)
    kept = (ring[1:] == ring[:-1]) & (xy[1:, 1] != xy[:-1, 1])
    a, b = xy[:-1][kept], xy[1:][kept]
    return a[:, 0], a[:, 1], b[:, 0], b[:, 1], zones[of_part[of_ring[ring[1:][kept]]]]


def _by_rows(
    ax: Floats, ay: Floats, bx: Floats, by: Floats, pas: int
) -> tuple[Ints, Ints, Floats, Floats, Floats, Floats]:
    """Cut edges by the rows of cells: (row, edge, lower y, upper y, and the x of both)."""
    low, high = np.minimum(ay, by), np.maximum(ay, by)
    xl, xh = np.where(ay < by, ax, bx), np.where(ay < by, bx, ax)
    first = np.floor(low / pas).astype(np.int64)
    edge, row = expanded(first, np.maximum(np.ceil(high / pas).astype(np.int64) - 1, first))
    ya, yb = np.maximum(low[edge], row * float(pas)), np.minimum(high[edge], (row + 1) * float(pas))
    xs = [_along(y, low[edge], high[edge], xl[edge], xh[edge]) for y in (ya, yb)]
    return row, edge, ya, yb, xs[0], xs[1]


def _by_columns(xa: Floats, ya: Floats, xb: Floats, yb: Floats, pas: int) -> tuple[Ints, Ints, Floats, Floats]:
    """Cut pieces of a row by its columns: (column, piece, height, mean distance to the column's left side)."""
    left, right = np.minimum(xa, xb), np.maximum(xa, xb)
    yl, yr = np.where(xa <= xb, ya, yb), np.where(xa <= xb, yb, ya)
    first = np.floor(left / pas).astype(np.int64)
    piece, column = expanded(first, np.maximum(np.ceil(right / pas).astype(np.int64) - 1, first))
    start, end = np.maximum(left[piece], column * float(pas)), np.minimum(right[piece], (column + 1) * float(pas))
    ys = [_along(x, left[piece], right[piece], yl[piece], yr[piece]) for x in (start, end)]
    height = np.abs(ys[1] - ys[0])
    upright = left[piece] == right[piece]
    height[upright] = (yb - ya)[piece[upright]]
    return column, piece, height, (start + end) / 2 - column * float(pas)


def _along(at: Floats, a: Floats, b: Floats, va: Floats, vb: Floats) -> Floats:
    """The value at `at` of a line that is `va` at `a` and `vb` at `b`; exact at both ends."""
    span = b - a
    t = (at - a) / np.where(span == 0, 1.0, span)
    value = va + t * (vb - va)
    inner = np.clip(value, np.minimum(va, vb), np.maximum(va, vb))
    result: Floats = np.where(at == a, va, np.where(at == b, vb, inner))
    return result


def _running(rise: Floats, line: Ints) -> Floats:
    """Sum of what precedes on the same line."""
    before = np.cumsum(rise) - rise
    starts = np.flatnonzero(np.concatenate([[True], line[1:] != line[:-1]]))
    base = np.repeat(before[starts], np.diff(np.append(starts, len(line))))
    running: Floats = before - base
    return running


def _flattened(first: Ints, last: Ints, zone: Ints) -> tuple[Ints, Ints, Ints]:
    """Ranges of cells that may overlap, as stretches that do not: (begin, limits of their entries, range of each)."""
    begin = np.unique(np.concatenate([first, last + 1]))
    source, stretch = expanded(np.searchsorted(begin, first), np.searchsorted(begin, last + 1) - 1)
    order = np.lexsort((zone[source], stretch))
    at = np.searchsorted(stretch[order], np.arange(len(begin) + 1))
    return begin, at, source[order]


def _sieve(first: Ints, last: Ints, rows: int, width: int) -> NDArray[np.bool_]:
    """Which squares of _BLOCK cells a side hold a part of a zone; they fit in a processor's cache."""
    across = -(-width // _BLOCK)
    sieve = np.zeros(-(-rows // _BLOCK) * across, dtype=bool)
    row = first // width
    start, column = expanded((first - row * width) // _BLOCK, (last - row * width) // _BLOCK)
    sieve[(row[start] // _BLOCK) * across + column] = True
    return sieve
