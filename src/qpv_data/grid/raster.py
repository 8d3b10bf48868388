"""Which cells of a grid the edges cross, and which ones lie wholly inside a zone.

Cells are enlarged by a margin when edges are drawn, many times what floating point can lose: a cell that is not
crossed is on one side of every edge, whatever the rounding of a point's own cell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from qpv_data.arrays import distinct, expanded, turns
from qpv_data.grid.edges import Edges, Ints

_CHUNK = 2_000_000


@dataclass(frozen=True)
class Frame:
    """A grid's cells: `nx` × `ny` squares of side `step` (a power of two) from (x0, y0), rows upwards.

    `margin`, same unit: by how much a cell is enlarged when edges are drawn. `fan`: cells a side of a block, 2^shift.
    """

    x0: float
    y0: float
    step: float
    nx: int
    ny: int
    shift: int
    margin: float

    @property
    def fan(self) -> int:
        """Cells a side of a block."""
        return 1 << self.shift

    @property
    def blocks(self) -> tuple[int, int]:
        """Blocks along x and along y."""
        return self.nx >> self.shift, self.ny >> self.shift


def framed(bounds: tuple[float, float, float, float], step: float, shift: int, margin: float) -> Frame:
    """The smallest frame of whole blocks that holds `bounds` (xmin, ymin, xmax, ymax), with a ring of blocks around.

    The ring is outside every zone: a point beyond the frame can be moved to it.
    """
    block = step * (1 << shift)
    x0 = (math.floor((bounds[0] - 2 * margin) / block) - 1) * block
    y0 = (math.floor((bounds[1] - 2 * margin) / block) - 1) * block
    nx = math.floor((bounds[2] + 2 * margin - x0) / block) + 2
    ny = math.floor((bounds[3] + 2 * margin - y0) / block) + 2
    return Frame(x0, y0, step, nx << shift, ny << shift, shift, margin)


@dataclass(frozen=True)
class Strips:
    """One line an edge and row of cells that it meets: columns `first` to `last` that it may touch there.

    `crosses`: the column where the edge crosses the row's middle line, −1 when it does not (half-open: the lower
    end is on the line, the upper one is not).
    """

    edge: Ints
    row: Ints
    first: Ints
    last: Ints
    crosses: Ints


def strips_of(edges: Edges, frame: Frame) -> Strips:
    """Cut every edge by the rows of the frame."""
    m, inv = frame.margin, 1.0 / frame.step
    low = np.floor((edges.ay - m - frame.y0) * inv).astype(np.int64)
    high = np.floor((edges.by + m - frame.y0) * inv).astype(np.int64)
    edge, row = expanded(low, high)
    ax, ay, bx, by = edges.ax[edge], edges.ay[edge], edges.bx[edge], edges.by[edge]
    floor_of_row = frame.y0 + row * frame.step
    rise, run = by - ay, bx - ax
    flat = rise == 0
    rise[flat] = 1.0
    # The computed ends lie beyond the true ones: the margin is far above the rounding of these lines.
    t0 = np.clip((floor_of_row - m - ay) / rise, 0.0, 1.0)
    t1 = np.clip((floor_of_row + frame.step + m - ay) / rise, 0.0, 1.0)
    t0[flat], t1[flat] = 0.0, 1.0
    xa, xb = ax + t0 * run, ax + t1 * run
    first = np.floor((np.minimum(xa, xb) - m - frame.x0) * inv).astype(np.int64)
    last = np.floor((np.maximum(xa, xb) + m - frame.x0) * inv).astype(np.int64)
    middle = floor_of_row + frame.step / 2
    crossing = (ay <= middle) & (middle < by)
    column = np.floor((ax + (middle - ay) / rise * run - frame.x0) * inv).astype(np.int64)
    crosses = np.where(crossing, np.clip(column, first, last), -1)
    return Strips(edge, row, first, last, crosses)


def crossed_cells(strips: Strips, zone: Ints, frame: Frame) -> tuple[Ints, Ints]:
    """(zone, cell) of every cell that an edge of the zone may touch, sorted by zone then cell; cell = row·nx + column.

    In: `zone` of each strip.
    """
    found: list[Ints] = []
    size = frame.nx * frame.ny
    if int(zone.max(initial=0) + 1) * size >= 2**62:
        raise ValueError("too many zones for so fine a grid")
    for part in turns(strips.last - strips.first + 1, _CHUNK):
        strip, column = expanded(strips.first[part], strips.last[part])
        strip += part.start
        keys = zone[strip] * size + strips.row[strip] * frame.nx + column
        found.append(distinct(keys))
    keys = distinct(np.concatenate(found)) if len(found) > 1 else found[0]
    return keys // size, keys % size


@dataclass(frozen=True)
class Runs:
    """Runs of cells wholly inside a zone: columns `first` to `last` of `row`."""

    zone: Ints
    row: Ints
    first: Ints
    last: Ints


def inner_runs(strips: Strips, zone: Ints, cells: tuple[Ints, Ints], frame: Frame) -> Runs:
    """The runs between crossed cells where a zone's parity is odd.

    On the middle line of a row, the parity changes only in crossed cells: one count a cell, then a running sum.
    """
    size = frame.nx * frame.ny
    keys = cells[0] * size + cells[1]
    met = strips.crosses >= 0
    hit = zone[met] * size + strips.row[met] * frame.nx + strips.crosses[met]
    counts = np.bincount(np.searchsorted(keys, hit), minlength=len(keys))
    inside = (np.cumsum(counts) & 1).astype(bool)[:-1]
    row_of = keys // frame.nx  # of zone and row at once: a row is never shared by two zones
    column = keys % frame.nx
    gap = inside & (column[1:] - column[:-1] > 1)
    if (inside & (row_of[1:] != row_of[:-1])).any():
        raise ValueError("a ring is not closed")  # an odd number of crossings on a line
    at = np.flatnonzero(gap)
    return Runs(cells[0][at], cells[1][at] // frame.nx, column[at] + 1, column[at + 1] - 1)


def cells_of_runs(runs: Runs, blocks: Ints, frame: Frame) -> Iterator[tuple[Ints, Ints]]:
    """(zone, cell) of every cell of the runs that is in one of `blocks` (sorted), in pieces.

    A vast zone has few blocks that edges touch, and cells by the billion in the others: these are never listed.
    """
    s, across = frame.shift, frame.blocks[0]
    base = (runs.row >> s) * across
    first = np.searchsorted(blocks, base + (runs.first >> s))
    last = np.searchsorted(blocks, base + (runs.last >> s), side="right") - 1
    for part in turns(np.maximum(last - first + 1, 0), _CHUNK):
        run, place = expanded(first[part], last[part])
        run += part.start
        left = (blocks[place] - base[run]) << s
        begin, end = np.maximum(runs.first[run], left), np.minimum(runs.last[run], left + frame.fan - 1)
        for piece in turns(end - begin + 1, _CHUNK):
            owner, column = expanded(begin[piece], end[piece])
            owner = run[owner + piece.start]
            yield runs.zone[owner], runs.row[owner] * frame.nx + column


def anchor_blocks_of_runs(runs: Runs, frame: Frame) -> Iterator[tuple[Ints, Ints]]:
    """(zone, block) of every block whose first cell is in a run, in pieces; block = row of blocks · blocks along x +
    column of blocks."""
    s, across = frame.shift, frame.blocks[0]
    kept = np.flatnonzero(runs.row & (frame.fan - 1) == 0)
    first, last = (runs.first[kept] + frame.fan - 1) >> s, runs.last[kept] >> s
    for part in turns(np.maximum(last - first + 1, 0), _CHUNK):
        run, column = expanded(first[part], last[part])
        run = kept[run + part.start]
        yield runs.zone[run], (runs.row[run] >> s) * across + column
