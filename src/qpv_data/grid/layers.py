"""Cells of the right size, and zones far apart in grids of their own: what makes an index small and quick.

Nothing here changes an answer: sizes trade memory for the share of points that need an exact test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from qpv_data.grid.build import build_grid
from qpv_data.grid.edges import Floats, Ints
from qpv_data.grid.index import Grid
from qpv_data.grid.raster import Frame, framed

FARTHEST = 1e9
"""The largest coordinate, in size, that is indexed: the answers are proven up to there."""

# Cells a side of a middling zone: measured, finer cells cost memory and build time for little.
_CELLS_ACROSS = 16
_MAX_BLOCKS, _MAX_CELLS = 1 << 22, 1 << 25
_SHIFTS = (3, 4, 5)


@dataclass(frozen=True)
class Layer:
    """A grid, and the number in the zoning of each of its zones, ascending."""

    grid: Grid
    zones: NDArray[np.int32]


def layers_of(geometries: NDArray[Any], margin: float = 0.0) -> tuple[Layer, ...]:
    """Grids over valid polygons of one CRS; a point is in the bounds of one layer at most.

    `margin`: how far from an edge a cell counts as crossed, at least; same unit as the coordinates.
    Raises ValueError beyond FARTHEST.
    """
    bounds = shapely.bounds(geometries)
    if not len(geometries):
        return ()
    if not (np.abs(bounds) <= FARTHEST).all():
        raise ValueError(f"coordinates beyond {FARTHEST:g} cannot be indexed")
    whole = np.arange(len(geometries), dtype=np.int32)
    return tuple(
        Layer(build_grid(geometries[part], frame), part) for part, frame in _split(geometries, whole, bounds, margin)
    )


def _split(
    geometries: NDArray[Any], part: NDArray[np.int32], bounds: Floats, margin: float
) -> Iterator[tuple[NDArray[np.int32], Frame]]:
    frame = _frame(geometries[part], bounds[part], margin)
    if np.prod(frame.blocks) > _MAX_BLOCKS:
        halves = _apart(bounds[part], 4 * frame.margin + 3 * frame.step * frame.fan)
        if halves is not None:
            for half in halves:
                yield from _split(geometries, part[half], bounds, margin)
            return
        while np.prod(frame.blocks) > _MAX_BLOCKS:  # one vast tiling: larger cells
            frame = framed(_extent(bounds[part]), frame.step * 2, frame.shift, frame.margin)
    yield part, frame


def _frame(geometries: NDArray[Any], bounds: Floats, margin: float) -> Frame:
    """The frame that suits these zones, whatever its number of blocks."""
    extent = _extent(bounds)
    largest = float(np.abs(bounds).max())
    typical = float(np.sqrt(np.median(shapely.area(geometries)))) / _CELLS_ACROSS
    step = 2.0 ** round(np.log2(max(typical, largest * 2.0**-36, 2.0**-60)))
    length = float(shapely.length(geometries).sum())
    xy = shapely.get_coordinates(geometries)
    while True:
        # Blocks that edges touch, at most; the fan that makes the whole smallest.
        sizes = {}
        for shift in _SHIFTS:
            block = step * (1 << shift)
            blocks = ((extent[2] - extent[0]) / block + 3) * ((extent[3] - extent[1]) / block + 3)
            corners = np.floor(xy / block).astype(np.int64)
            met = len(np.unique(corners[:, 0] * (1 << 32) + corners[:, 1]))
            touched = min(blocks, length / block + met)
            sizes[4 * blocks + touched * (1 << 2 * shift)] = shift
        least = min(sizes)
        if least <= _MAX_CELLS + _MAX_BLOCKS or length == 0:
            rounding = 64 * np.spacing(largest)
            return framed(extent, step, sizes[least], max(margin, step * 2.0**-14, rounding))
        step *= 2


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
