"""A grid over the zones of one CRS, and the zone of each point.

Most points are answered by one look-up in a sieve small enough for the processor's cache, some by a second one in
the blocks, a few by a third one in their block's cells, and only those in a cell that edges cross by an exact test. Everything is read-only arrays: threads share a grid safely.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpv_data.grid.edges import Floats, Ints
from qpv_data.grid.exact import Bools, crossings
from qpv_data.grid.raster import Frame

Labels = NDArray[np.int32]
# Answers for pairs (index of a point among those asked, zone): whether the zone holds the point. See fallback.py.
Arbiter = Callable[[Floats, Floats, Labels], Bools]
# Points a turn, and close calls a turn: the arrays of a turn stay in the processor's cache.
_TURN, _CLOSE = 1 << 15, 1 << 12


@dataclass(frozen=True)
class Grid:
    """Labels: 0 outside, then the sets of zones that hold a whole cell, then records (in `fine`) or blocks (`coarse`).

    `combo_at[k] : combo_at[k + 1]` are the zones, in `combo_zone`, of label k. Record r (label less the number of
    sets) has entries `record_at[r] : record_at[r + 1]`: a zone, and the edges to test, `entry_start` and
    `entry_count` in `ax`, `ay`, `bx`, `by`: none when the cell is wholly in the zone, negative for a ray to the
    right. `sieve`: 1 for each square of 2^sieve_shift cells a side where a block is not outside.
    """

    frame: Frame
    zones: int
    sieve_shift: int
    sieve: NDArray[np.uint8]
    coarse: Labels
    fine: Labels
    combo_at: Labels
    combo_zone: Labels
    record_at: Labels
    entry_zone: Labels
    entry_start: Labels
    entry_count: Labels
    ax: Floats
    ay: Floats
    bx: Floats
    by: Floats

    @property
    def sets(self) -> int:
        """Number of labels that are sets of zones, the empty one included: from there on, records."""
        return len(self.combo_at) - 1

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """xmin, ymin, xmax, ymax of the cells: no zone reaches out of them."""
        f = self.frame
        return f.x0, f.y0, f.x0 + f.nx * f.step, f.y0 + f.ny * f.step

    def labels(self, x: Floats, y: Floats) -> tuple[Ints, Labels]:
        """Rows, ascending, of the points in a cell that is not outside, and the cell's label.

        In: coordinates in the grid's CRS; NaN and infinite ones are in no cell.
        """
        rows = self._sieved(x, y)
        x, y = x[rows], y[rows]
        f = self.frame
        x -= f.x0
        x *= 1.0 / f.step
        y -= f.y0
        y *= 1.0 / f.step
        if len(rows) and not (x.min() >= 0 and y.min() >= 0 and x.max() < f.nx and y.max() < f.ny):
            kept = np.flatnonzero((x >= 0) & (y >= 0) & (x < f.nx) & (y < f.ny))
            rows, x, y = rows[kept], x[kept], y[kept]
        column, row = x.astype(np.int32), y.astype(np.int32)
        block = row >> f.shift
        block *= f.blocks[0]
        block += column >> f.shift
        label = self.coarse.take(block)
        deep = np.flatnonzero(label >= self.sets)
        mask = f.fan - 1
        place = (label[deep] - self.sets).astype(np.int64) << (2 * f.shift)
        place += ((row[deep] & mask) << f.shift) + (column[deep] & mask)
        label[deep] = self.fine.take(place)
        kept = np.flatnonzero(label)
        return rows[kept], label[kept]

    def _sieved(self, x: Floats, y: Floats) -> Ints:
        """Rows of the points that may be in a block that is not outside: all of those, and some others."""
        f, size = self.frame, min(_TURN, len(x))
        inverse = 1.0 / (f.step * (1 << self.sieve_shift))
        across = -(-f.nx >> self.sieve_shift)
        scaled, square = np.empty(size), np.empty((2, size), np.int32)
        found = [np.zeros(0, np.int64)]
        with np.errstate(invalid="ignore"):  # what is not finite, or far, is cast to anything, and left out later
            for start in range(0, len(x), size or 1):
                n = min(size, len(x) - start)
                for values, origin, into in ((y, f.y0, square[0]), (x, f.x0, square[1])):
                    np.subtract(values[start : start + n], origin, out=scaled[:n])
                    np.multiply(scaled[:n], inverse, out=scaled[:n])
                    np.copyto(into[:n], scaled[:n], casting="unsafe")
                at, column = square[0, :n], square[1, :n]
                np.multiply(at, across, out=at)
                np.add(at, column, out=at)
                met = np.flatnonzero(self.sieve.take(at, mode="clip").view(np.bool_))
                met += start
                found.append(met)
        return np.concatenate(found)

    def first(self, x: Floats, y: Floats, arbiter: Arbiter) -> tuple[Ints, Labels]:
        """Rows, ascending, of the points inside a zone, and that zone: the first of several."""
        rows, label = self.labels(x, y)
        doubtful = np.flatnonzero(label >= self.sets)
        zone = self.combo_zone[self.combo_at[np.where(label < self.sets, label, 0)]]
        if len(doubtful):
            at = rows[doubtful]
            owner, entry = self._entries(label[doubtful])
            held = self._held(x[at], y[at], owner, entry, arbiter)
            best = np.full(len(doubtful), self.zones, dtype=np.int32)
            np.minimum.at(best, owner[held], self.entry_zone[entry[held]])
            zone[doubtful] = best
            kept = np.flatnonzero(zone < self.zones)
            rows, zone = rows[kept], zone[kept]
        return rows, zone

    def every(self, x: Floats, y: Floats, arbiter: Arbiter) -> tuple[Ints, Labels]:
        """Every pair (row, zone) of a point and a zone that holds it, sorted by both."""
        rows, label = self.labels(x, y)
        whole = np.flatnonzero(label < self.sets)
        owner, place = _expand(self.combo_at, label[whole])
        pairs = [(rows[whole][owner], self.combo_zone[place])]
        doubtful = np.flatnonzero(label >= self.sets)
        if len(doubtful):
            at = rows[doubtful]
            owner, entry = self._entries(label[doubtful])
            held = self._held(x[at], y[at], owner, entry, arbiter)
            pairs.append((at[owner[held]], self.entry_zone[entry[held]]))
        row, zone = np.concatenate([p for p, _ in pairs]), np.concatenate([z for _, z in pairs])
        order = np.lexsort((zone, row))
        return row[order], zone[order]

    def _entries(self, label: Labels) -> tuple[Ints, Ints]:
        return _expand(self.record_at, label - self.sets)

    def _held(self, x: Floats, y: Floats, owner: Ints, entry: Ints, arbiter: Arbiter) -> Bools:
        """Whether the zone of each entry holds its owner's point."""
        count = self.entry_count[entry]
        held = count == 0
        test = np.flatnonzero(count)
        asked = [np.zeros(0, np.int64)]
        for start in range(0, len(test), _CLOSE):
            part = test[start : start + _CLOSE]
            held[part], unsure = self._odd(x, y, owner[part], count[part], self.entry_start[entry[part]])
            asked.append(part[unsure])
        close = np.concatenate(asked)
        if len(close):
            held[close] = arbiter(x[owner[close]], y[owner[close]], self.entry_zone[entry[close]])
        return held

    def _odd(self, x: Floats, y: Floats, point: Ints, count: Labels, start: Labels) -> tuple[Bools, Bools]:
        """Whether the ray from each point crosses an odd number of its edges, and whether that is uncertain."""
        number = np.abs(count).astype(np.int64)
        ends = np.cumsum(number)
        begins = ends - number
        pair = np.repeat(np.arange(len(point)), number)
        place = np.arange(len(pair)) + (start - begins)[pair]
        px, py = x[point][pair], y[point][pair]
        edges = [of.take(place) for of in (self.ax, self.ay, self.bx, self.by)]
        crossed, unsure = crossings(px, py, *edges, (count > 0)[pair])
        return np.bitwise_xor.reduceat(crossed, begins), np.logical_or.reduceat(unsure, begins)


def _expand(limits: Labels, which: Labels) -> tuple[Ints, Ints]:
    """(position in `which`, place) of every place from limits[k] to limits[k + 1], for each k of `which`."""
    begin, number = limits[which].astype(np.int64), (limits[which + 1] - limits[which]).astype(np.int64)
    if len(number) and number.max() == 1 and number.min() == 1:
        return np.arange(len(which)), begin
    owner = np.repeat(np.arange(len(which)), number)
    return owner, np.arange(len(owner)) + np.repeat(begin - (np.cumsum(number) - number), number)
