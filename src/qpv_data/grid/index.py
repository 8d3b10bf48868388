"""A grid over the zones of one CRS, and the zone of each point.

Most points are answered by one look-up in the blocks, some by a second one in their block's cells, and only those
in a cell that edges cross by an exact test. Everything is read-only arrays: threads share a grid safely.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qpv_data.arrays import members, turns
from qpv_data.grid.edges import Floats, Ints
from qpv_data.grid.exact import Bools, crossings
from qpv_data.grid.raster import Frame

Labels = NDArray[np.int32]
# Answers for pairs (index of a point among those asked, zone): whether the zone holds the point. See fallback.py.
Arbiter = Callable[[Floats, Floats, Labels], Bools]
# Points a turn, and edges tested a turn: the arrays of a turn stay in the processor's cache.
_TURN, _EDGES = 1 << 17, 1 << 14


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
        f, size = self.frame, min(_TURN, len(x))
        scaled = np.empty(size)
        column, row, block, across = (np.empty(size, np.int32) for _ in range(4))
        rows, labels = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
        with np.errstate(invalid="ignore", over="ignore"):  # what is not finite, or far, is cast to anything
            for start in range(0, len(x), size or 1):
                n = min(size, len(x) - start)
                for values, origin, into in ((y, f.y0, row), (x, f.x0, column)):
                    np.subtract(values[start : start + n], origin, out=scaled[:n])
                    np.multiply(scaled[:n], 1.0 / f.step, out=scaled[:n])
                    np.copyto(into[:n], scaled[:n], casting="unsafe")
                np.right_shift(row[:n], f.shift, out=block[:n])
                np.multiply(block[:n], f.blocks[0], out=block[:n])
                np.right_shift(column[:n], f.shift, out=across[:n])
                np.add(block[:n], across[:n], out=block[:n])
                # The block of a point beyond the frame is anybody's: its cell is looked at below.
                label = self.coarse.take(block[:n], mode="clip")
                met = np.flatnonzero(label != 0)
                kept, found = self._cells(label[met], column[met], row[met])
                rows.append((met if kept is None else met[kept]) + start)
                labels.append(found)
        return np.concatenate(rows), np.concatenate(labels)

    def _cells(self, block: NDArray[np.uint16] | Labels, column: Labels, row: Labels) -> tuple[Ints | None, Labels]:
        """Which points are in a cell that is not outside (None: all of them), and its label.

        In: the label of each point's block, and the point's cell; both are changed.
        """
        f, mask = self.frame, self.frame.fan - 1
        label = block.astype(np.int32)
        if not len(label):
            return None, label
        beyond = not (column.min() >= 0 and row.min() >= 0 and column.max() < f.nx and row.max() < f.ny)
        inside = np.flatnonzero((column >= 0) & (row >= 0) & (column < f.nx) & (row < f.ny)) if beyond else None
        if inside is not None:
            label, column, row = label[inside], column[inside], row[inside]
        column &= mask
        row &= mask
        row <<= f.shift
        row += column
        if label.min(initial=self.sets) >= self.sets:
            label = self._fine(label, row)
        else:
            deep = np.flatnonzero(label >= self.sets)
            label[deep] = self._fine(label[deep], row[deep])
        kept = np.flatnonzero(label != 0)
        return (kept if inside is None else inside[kept]), label[kept]

    def _fine(self, label: Labels, cell: Labels) -> Labels:
        place = label.astype(np.int64)
        place -= self.sets
        place <<= 2 * self.frame.shift
        place += cell
        return self.fine.take(place)

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
        # Each part is sorted already, and a point is in one of them alone: they are merged.
        order = np.argsort(row, kind="stable")
        return row[order], zone[order]

    def members(self, label: Labels, *, every: bool) -> tuple[Ints, Labels]:
        """(position, zone) for labels that are sets of zones: their first zone, or all of them."""
        if every:
            owner, place = members(self.combo_at, label)
            return owner, self.combo_zone[place]
        return np.arange(len(label)), self.combo_zone[self.combo_at[label]]

    def _entries(self, label: Labels) -> tuple[Ints, Ints]:
        return members(self.record_at, label - self.sets)

    def _held(self, x: Floats, y: Floats, owner: Ints, entry: Ints, arbiter: Arbiter) -> Bools:
        """Whether the zone of each entry holds its owner's point."""
        count = self.entry_count[entry]
        held: Bools = count == 0
        test = np.flatnonzero(count)
        asked = [np.zeros(0, np.int64)]
        for turn in turns(np.abs(count[test]), _EDGES):
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
