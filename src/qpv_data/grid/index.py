"""A grid over the zones of one CRS, and the zone of each point.

Most points are answered by one look-up in the blocks, some by a second one in their block's cells, and only those
in a cell that edges cross by an exact test. Everything is read-only arrays: threads share a grid safely.
"""

from __future__ import annotations

import itertools
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
# Points a turn, and edges tested a turn: the arrays of a turn stay in the processor's cache.
_TURN, _EDGES = 1 << 15, 1 << 14


@dataclass(frozen=True)
class Grid:
    """Labels: 0 outside, then the sets of zones that hold a whole cell, then records (in `fine`) or blocks (`coarse`).

    `combo_at[k] : combo_at[k + 1]` are the zones, in `combo_zone`, of label k. Record r (label less the number of
    sets) has entries `record_at[r] : record_at[r + 1]`: a zone, and the edges to test, `entry_start` and
    `entry_count` in `edge_list`: none when the cell is wholly in the zone, negative for a ray to the
    right. `coarse` is of 16 bits when its labels are few enough: it then stays in the processor's cache.
    """

    frame: Frame
    zones: int
    coarse: NDArray[np.uint16] | Labels
    fine: Labels
    combo_at: Labels
    combo_zone: Labels
    record_at: Labels
    entry_zone: Labels
    entry_start: Labels
    entry_count: Labels
    edge_list: Labels
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
        rows, label = self._blocks(x, y)
        f, mask = self.frame, self.frame.fan - 1
        x, y = x[rows], y[rows]
        with np.errstate(over="ignore"):  # far beyond the frame: left out just below
            x -= f.x0
            x *= 1.0 / f.step
            y -= f.y0
            y *= 1.0 / f.step
        if len(rows) and not (x.min() >= 0 and y.min() >= 0 and x.max() < f.nx and y.max() < f.ny):
            kept = np.flatnonzero((x >= 0) & (y >= 0) & (x < f.nx) & (y < f.ny))
            rows, label, x, y = rows[kept], label[kept], x[kept], y[kept]
        cell = y.astype(np.int32)
        cell &= mask
        cell <<= f.shift
        column = x.astype(np.int32)
        column &= mask
        cell += column
        deep = label >= self.sets
        if deep.all():
            label = self._fine(label, cell)
        else:
            chosen = np.flatnonzero(deep)
            label[chosen] = self._fine(label[chosen], cell[chosen])
        kept = np.flatnonzero(label != 0)
        return rows[kept], label[kept]

    def _fine(self, label: Labels, cell: Labels) -> Labels:
        place = label.astype(np.int64)
        place -= self.sets
        place <<= 2 * self.frame.shift
        place += cell
        return self.fine.take(place)

    def _blocks(self, x: Floats, y: Floats) -> tuple[Ints, Labels]:
        """Rows of the points in a block that is not outside, and its label; some that are beyond the frame too."""
        f, size = self.frame, min(_TURN, len(x))
        inverse, across = 1.0 / (f.step * f.fan), f.blocks[0]
        scaled, at, column = np.empty(size), np.empty(size, np.int32), np.empty(size, np.int32)
        rows, labels = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
        with np.errstate(
            invalid="ignore", over="ignore"
        ):  # what is not finite, or far, is cast to anything, and left out later
            for start in range(0, len(x), size or 1):
                n = min(size, len(x) - start)
                for values, origin, into in ((y, f.y0, at), (x, f.x0, column)):
                    np.subtract(values[start : start + n], origin, out=scaled[:n])
                    np.multiply(scaled[:n], inverse, out=scaled[:n])
                    np.copyto(into[:n], scaled[:n], casting="unsafe")
                np.multiply(at[:n], across, out=at[:n])
                np.add(at[:n], column[:n], out=at[:n])
                label = self.coarse.take(at[:n], mode="clip")
                met = np.flatnonzero(label != 0)
                labels.append(label[met].astype(np.int32))
                met += start
                rows.append(met)
        return np.concatenate(rows), np.concatenate(labels)

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
        owner, zone = self.members(label[whole], every=True)
        pairs = [(rows[whole][owner], zone)]
        doubtful = np.flatnonzero(label >= self.sets)
        if len(doubtful):
            at = rows[doubtful]
            owner, entry = self._entries(label[doubtful])
            held = self._held(x[at], y[at], owner, entry, arbiter)
            pairs.append((at[owner[held]], self.entry_zone[entry[held]]))
        row, zone = np.concatenate([p for p, _ in pairs]), np.concatenate([z for _, z in pairs])
        order = np.lexsort((zone, row))
        return row[order], zone[order]

    def members(self, label: Labels, *, every: bool) -> tuple[Ints, Labels]:
        """(position, zone) for labels that are sets of zones: their first zone, or all of them."""
        if every:
            owner, place = _expand(self.combo_at, label)
            return owner, self.combo_zone[place]
        return np.arange(len(label)), self.combo_zone[self.combo_at[label]]

    def _entries(self, label: Labels) -> tuple[Ints, Ints]:
        return _expand(self.record_at, label - self.sets)

    def _held(self, x: Floats, y: Floats, owner: Ints, entry: Ints, arbiter: Arbiter) -> Bools:
        """Whether the zone of each entry holds its owner's point."""
        count = self.entry_count[entry]
        held: Bools = count == 0
        test = np.flatnonzero(count)
        asked = [np.zeros(0, np.int64)]
        for turn in turns(np.abs(count[test])):
            part = test[turn]
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
        edge = self.edge_list.take(place)
        ax, ay, bx, by = (of.take(edge) for of in (self.ax, self.ay, self.bx, self.by))
        crossed, unsure = crossings(px, py, ax, ay, bx, by, (count > 0)[pair])
        return np.bitwise_xor.reduceat(crossed, begins), np.logical_or.reduceat(unsure, begins)


def turns(sizes: Labels) -> list[slice]:
    """Slices of things whose sizes sum to about _EDGES, one thing at least."""
    total = np.cumsum(sizes, dtype=np.int64)
    if not len(total):
        return []
    marks = np.searchsorted(total, np.arange(_EDGES, int(total[-1]), _EDGES))
    limits = sorted({0, *marks.tolist(), len(sizes)})
    return [slice(a, b) for a, b in itertools.pairwise(limits)]


def _expand(limits: Labels, which: Labels) -> tuple[Ints, Ints]:
    """(position in `which`, place) of every place from limits[k] to limits[k + 1], for each k of `which`."""
    begin, number = limits[which].astype(np.int64), (limits[which + 1] - limits[which]).astype(np.int64)
    if len(number) and number.max() == 1 and number.min() == 1:
        return np.arange(len(which)), begin
    owner = np.repeat(np.arange(len(which)), number)
    return owner, np.arange(len(owner)) + np.repeat(begin - (np.cumsum(number) - number), number)
