"""Lengths of lines inside zones: streets, cycle lanes, networks.

A zone holds its edge, as it does for points: a line along it is inside. Along an edge that two zones share, it is
inside both, once in each, and the length held by several zones is said apart, so that totals close.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from qpv_data.zonages.crs import Geometries

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Longueurs:
    """Pairs, aligned, sorted by line then zone: length of the line in the zone, metres.

    `total`: length of each line. `covered`: its length in some zone, counted once where several hold it.
    """

    line: Ints
    zone: NDArray[np.int32]
    length: Floats
    total: Floats
    covered: Floats


class LineZones:
    """Zones ready to be asked about lines. Prepared for GEOS, from copies of its own: one thread at a time."""

    def __init__(self, geometries: Geometries, number: NDArray[np.int32]) -> None:
        self._zones: Geometries = shapely.from_wkb(shapely.to_wkb(geometries))
        self._number = number
        shapely.prepare(self._zones)
        self._bounds = shapely.bounds(self._zones)
        self._tree = shapely.STRtree(self._zones)

    def lengths(self, lines: Geometries) -> Longueurs:
        """Length of each line in each zone. Lines and multilines of the zones' CRS, in metres; missing ones are none.

        A line wholly in a zone is not cut; another is cut segment by segment, so that one that goes back over
        itself counts each time.
        """
        line, zone = self._tree.query(lines)
        total = shapely.length(lines)
        held = shapely.covers(self._zones[zone], lines[line])
        near = np.flatnonzero(~held)
        near = near[shapely.intersects(self._zones[zone[near]], lines[line[near]])]
        cut = self._cut(lines, line[near], zone[near])
        # What no zone holds whole is covered by the union of its cut parts, segment by segment.
        covered = np.zeros(len(lines))
        covered += np.bincount(*_covered(cut), minlength=len(lines))  # whole numbers when there is none
        covered[line[held]] = total[line[held]]
        length = np.where(held, total[line], 0.0)
        length[near] = np.bincount(cut.pair, weights=(cut.end - cut.start) * cut.size, minlength=len(near))
        length = np.minimum(length, total[line])
        kept = np.flatnonzero(length > 0)
        kept = kept[np.lexsort((zone[kept], line[kept]))]
        return Longueurs(line[kept], self._number[zone[kept]], length[kept], total, np.minimum(covered, total))

    def _cut(self, lines: Geometries, line: Ints, zone: Ints) -> _Parts:
        """The parts in a zone of the segments of a line, for pairs (line, zone)."""
        which, place = np.unique(line, return_inverse=True)
        ends, owner = _segments(lines[which])
        first, last = np.searchsorted(owner, place), np.searchsorted(owner, place, side="right")
        count = last - first
        pair = np.repeat(np.arange(len(line)), count)
        segment = np.arange(len(pair)) + np.repeat(first - (np.cumsum(count) - count), count)
        low, high = ends.min(axis=1)[segment], ends.max(axis=1)[segment]
        box = self._bounds[zone[pair]]
        near = np.flatnonzero(((high >= box[:, :2]) & (low <= box[:, 2:])).all(axis=1))
        pair, segment = pair[near], segment[near]
        drawn, areas = shapely.linestrings(ends[segment]), self._zones[zone[pair]]
        whole = shapely.covers(areas, drawn)
        crossed = np.flatnonzero(~whole)
        crossed = crossed[shapely.intersects(areas[crossed], drawn[crossed])]
        pieces, of = shapely.get_parts(shapely.intersection(drawn[crossed], areas[crossed]), return_index=True)
        straight = (shapely.get_type_id(pieces) == shapely.GeometryType.LINESTRING) & ~shapely.is_empty(pieces)
        of = crossed[of[straight]]
        start, end = _along(pieces[straight], ends[segment[of]])
        every = np.concatenate([np.flatnonzero(whole), of])
        start = np.concatenate([np.zeros(len(every) - len(of)), start])
        end = np.concatenate([np.ones(len(every) - len(of)), end])
        size = np.hypot(*(ends[:, 1] - ends[:, 0]).T)
        segment = segment[every]
        return _Parts(pair[every], which[owner[segment]], segment, start, end, size[segment])


@dataclass(frozen=True)
class _Parts:
    """Parts of segments, aligned: the pair and the line they are of, their segment, of length `size`, and where they
    start and end on it, from 0 to 1."""

    pair: Ints
    line: Ints
    segment: Ints
    start: Floats
    end: Floats
    size: Floats


def _segments(lines: Geometries) -> tuple[Floats, NDArray[Any]]:
    """Both ends of every segment of some length, (n, 2, 2), and the line it is of, ascending."""
    parts, of = shapely.get_parts(lines, return_index=True)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    kept = (part[1:] == part[:-1]) & (xy[1:] != xy[:-1]).any(axis=1)
    return np.stack([xy[:-1][kept], xy[1:][kept]], axis=1), of[part[1:][kept]]


def _along(pieces: Geometries, ends: Floats) -> tuple[Floats, Floats]:
    """Where straight pieces of segments start and end on them, from 0 to 1."""
    bounds = shapely.get_coordinates(shapely.get_point(pieces, [[0], [-1]])).reshape(2, -1, 2)
    way = ends[:, 1] - ends[:, 0]
    square = np.maximum((way * way).sum(axis=1), np.finfo(float).tiny)
    t = np.clip(((bounds - ends[:, 0]) * way).sum(axis=2) / square, 0.0, 1.0)
    return t.min(axis=0), t.max(axis=0)


def _covered(cut: _Parts) -> tuple[Ints, Floats]:
    """(line, length) whose sums are the union of the parts of each segment: those of several zones may overlap."""
    order = np.lexsort((cut.start, cut.segment))
    segment = cut.segment[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = segment[1:] != segment[:-1]
    # One running maximum for all segments: each is moved two further than the one before, and none reaches the next.
    shift = 2.0 * np.cumsum(new)
    start, end = cut.start[order] + shift, cut.end[order] + shift
    reached = np.zeros(len(order))
    reached[1:] = np.maximum.accumulate(end)[:-1]
    return cut.line[order], np.maximum(end - np.maximum(start, reached), 0.0) * cut.size[order]
