"""Cells of the right size, and zones far apart in grids of their own: what makes an index small and quick.

Nothing here changes an answer: sizes trade memory for the share of points that need an exact test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpv_data.arrays import distinct
from qpv_data.grid.build import build_grid
from qpv_data.grid.edges import Floats, Ints
from qpv_data.grid.index import Grid
from qpv_data.grid.raster import Frame, framed

FARTHEST = 1e9
"""The largest coordinate, in size, that is indexed: the answers are proven up to there."""

# Cells a side of a middling zone: measured, finer cells cost memory and build time for little; up to four times as many
# where edges are short before the zone, so that few of them cross a cell.
_CELLS_ACROSS, _MOST_ACROSS = 16, 64
_MAX_BLOCKS, _MAX_CELLS = 1 << 22, 1 << 25
_SHIFTS = (3, 4, 5)


@dataclass(frozen=True)
class Layer:
    """A grid, and the number in the zoning of each of its zones, ascending."""

    grid: Grid
    zones: NDArray[np.int32]


def layers_of(geometries: NDArray[Any], margin: float = 0.0) -> tuple[Layer, ...]:
    """Grids over valid polygons of one CRS, each over zones of its own.

    `margin`: how far from an edge a cell counts as crossed, at least; same unit as the coordinates.
    Raises ValueError: an empty geometry, coordinates that are not finite, or beyond FARTHEST.
    """
    if not len(geometries):
        return ()
    import shapely  # only to build: reading an index back does without

    if (shapely.is_missing(geometries) | shapely.is_empty(geometries)).any():
        raise ValueError("an empty geometry cannot be indexed")
    bounds = shapely.bounds(geometries)
    largest = np.abs(shapely.get_coordinates(geometries)).max()
    if not np.isfinite(largest):
        raise ValueError("coordinates are not finite")
    if largest > FARTHEST:
        raise ValueError(f"coordinates beyond {FARTHEST:g} cannot be indexed")
    whole = np.arange(len(geometries), dtype=np.int32)
    return tuple(
        Layer(build_grid(geometries[part], frame), part) for part, frame in _split(geometries, whole, bounds, margin)
    )


def _split(
    geometries: NDArray[Any], part: NDArray[np.int32], bounds: Floats, margin: float
) -> Iterator[tuple[NDArray[np.int32], Frame]]:
    """Zones that fit one grid together; else on either side of an empty band; else in larger cells."""
    sizes = _Sizes(geometries[part], bounds[part], margin)
    frame = sizes.frame()
    while frame is None:
        halves = _apart(bounds[part], sizes.least_gap())
        if halves is not None:
            for half in halves:
                yield from _split(geometries, part[half], bounds, margin)
            return
        sizes.step *= 2
        frame = sizes.frame()
    yield part, frame


class _Sizes:
    """How large the cells and blocks of some zones are to be."""

    def __init__(self, geometries: NDArray[Any], bounds: Floats, margin: float) -> None:
        import shapely

        self._extent, self._margin = _extent(bounds), margin
        self._largest = float(np.abs(bounds).max())
        self._length = float(shapely.length(geometries).sum())
        self._xy = shapely.get_coordinates(geometries)
        side, edge = float(np.sqrt(np.median(shapely.area(geometries)))), self._length / len(self._xy)
        wanted = max(min(side / _CELLS_ACROSS, edge), side / _MOST_ACROSS)
        self.step = 2.0 ** round(np.log2(max(wanted, self._largest * 2.0**-36, 2.0**-60)))

    def frame(self) -> Frame | None:
        """The frame whose fan makes the grid smallest; None when that is too large."""
        sizes = {}
        west, south, east, north = self._extent
        for shift in _SHIFTS:
            block = self.step * (1 << shift)
            blocks = ((east - west) / block + 3) * ((north - south) / block + 3)
            if blocks <= _MAX_BLOCKS:
                # Blocks that edges touch, about: those of the vertices, and one for each length of a block.
                corners = np.floor(self._xy / block).astype(np.int64)
                met = len(distinct(corners[:, 0] * (1 << 32) + corners[:, 1]))
                touched = min(blocks, self._length / block + met)
                # Blocks weigh more: every point looks one up, and they should stay in the processor's cache.
                sizes[4 * blocks + touched * (1 << 2 * shift)] = shift
        if not sizes or min(sizes) > _MAX_CELLS:
            return None
        return framed(self._extent, self.step, sizes[min(sizes)], self._reach())

    def _reach(self) -> float:
        return float(max(self._margin, self.step * 2.0**-14, 64 * np.spacing(self._largest)))

    def least_gap(self) -> float:
        """The narrowest empty band that is worth a cut."""
        return float(4 * self._reach() + 3 * self.step * (1 << _SHIFTS[0]))


def _extent(bounds: Floats) -> tuple[float, float, float, float]:
    low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _apart(bounds: Floats, least: float) -> tuple[Ints, Ints] | None:
    """The zones on either side of the widest empty band, if one is wider than `least`."""
    best: tuple[float, int, float] | None = None
    for axis in (0, 1):
        order = np.argsort(bounds[:, axis], kind="stable")
        reached = np.maximum.accumulate(bounds[order, axis + 2])[:-1]
        gaps = bounds[order[1:], axis] - reached
        if len(gaps) and (best is None or gaps.max() > best[0]):
            at = int(gaps.argmax())
            best = float(gaps[at]), axis, float(reached[at])
    if best is None or best[0] <= least:
        return None
    before = bounds[:, best[1] + 2] <= best[2]
    return np.flatnonzero(before), np.flatnonzero(~before)
