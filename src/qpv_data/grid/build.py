"""Build a `Grid` from the geometries of zones: draw their edges, label the cells, list the edges to test."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpv_data.arrays import distinct
from qpv_data.grid.edges import Ints, edges_of
from qpv_data.grid.index import Grid
from qpv_data.grid.raster import (
    Frame,
    Runs,
    Strips,
    anchor_blocks_of_runs,
    cells_of_runs,
    crossed_cells,
    inner_runs,
    strips_of,
)


def build_grid(geometries: NDArray[Any], frame: Frame) -> Grid:
    """The grid of valid polygons, in the frame's CRS. Zones are numbered as given: of several, the first one wins.

    `frame` holds them all. Raises ValueError for geometries that are not polygons or not finite.
    """
    edges = edges_of(geometries)
    if not len(edges):
        raise ValueError("no zone has an edge")
    strips = strips_of(edges, frame)
    zone_of_strip = edges.zone[strips.edge]
    crossed = crossed_cells(strips, zone_of_strip, frame)
    runs = inner_runs(strips, zone_of_strip, crossed, frame)
    spaces = _Spaces(crossed[1], frame)
    owner, shared = _owners(runs, spaces, len(geometries), frame)
    entries = _Entries(spaces.of_cells(crossed[1]), crossed[0], owner, shared)
    combos = _combinations(entries, len(geometries), owner)
    first_record = len(combos[0]) - 1  # labels: 0 outside, 1… the combinations, then the records
    record_of = np.flatnonzero(entries.mixed)
    owner[entries.position[record_of]] = first_record + np.arange(len(record_of))
    kept = entries.mixed[entries.group]
    lists = _EdgeLists(strips, zone_of_strip, crossed, frame)
    start, count = lists.of_entries(entries.crossed[kept])
    fine, coarse = np.split(owner.astype(np.int32), [spaces.touched * frame.fan**2])
    coarse[spaces.blocks] = first_record + np.arange(spaces.touched)
    sizes = np.diff(entries.limits)[record_of]
    return Grid(
        frame=frame,
        zones=len(geometries),
        coarse=coarse.astype(np.uint16) if coarse.max() < 1 << 16 else coarse,
        fine=fine,
        combo_at=combos[0].astype(np.int32),
        combo_zone=combos[1].astype(np.int32),
        record_at=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32),
        entry_zone=entries.zone[kept].astype(np.int32),
        entry_start=start,
        entry_count=count,
        edge_list=lists.edge,
        ax=edges.ax,
        ay=edges.ay,
        bx=edges.bx,
        by=edges.by,
    )


class _Spaces:
    """Positions of cells: those of touched blocks one after the other, then every block as one."""

    def __init__(self, crossed: Ints, frame: Frame) -> None:
        self._frame = frame
        across, along = frame.blocks
        self.blocks = distinct(self._block(crossed))
        self.touched = len(self.blocks)
        self._number = np.full(across * along, -1, dtype=np.int64)
        self._number[self.blocks] = np.arange(self.touched)
        self.size = self.touched * frame.fan**2 + across * along

    def _block(self, cell: Ints) -> Ints:
        row, column = cell // self._frame.nx, cell % self._frame.nx
        return (row >> self._frame.shift) * self._frame.blocks[0] + (column >> self._frame.shift)

    def of_cells(self, cell: Ints) -> Ints:
        """Position of cells, −1 where the block is not touched."""
        number = self._number[self._block(cell)]
        mask, shift = self._frame.fan - 1, self._frame.shift
        row, column = cell // self._frame.nx & mask, cell % self._frame.nx & mask
        return np.where(number < 0, -1, (((number << shift) | row) << shift) | column)

    def of_blocks(self, block: Ints) -> Ints:
        """Position of whole blocks, −1 where the block is touched."""
        return np.where(self._number[block] < 0, self.touched * self._frame.fan**2 + block, -1)


def _owners(runs: Runs, spaces: _Spaces, zones: int, frame: Frame) -> tuple[Ints, tuple[Ints, Ints]]:
    """Owner (zone + 1, 0 none) of each position, and the (position, zone) claims of positions claimed several times."""
    owner = np.zeros(spaces.size, dtype=np.int64)
    shared: list[tuple[Ints, Ints]] = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    inner = ((z, spaces.of_cells(c)) for z, c in cells_of_runs(runs, spaces.blocks, frame))
    blocks = ((z, spaces.of_blocks(b)) for z, b in anchor_blocks_of_runs(runs, frame))
    for zone, position in itertools.chain(inner, blocks):
        zone, position = zone[position >= 0], position[position >= 0]
        before = owner[position]
        shared.append((position[before > 0], before[before > 0] - 1))
        owner[position] = zone + 1
        lost = owner[position] != zone + 1
        shared.append((position[lost], zone[lost]))
    return owner, (np.concatenate([p for p, _ in shared]), np.concatenate([z for _, z in shared]))


class _Entries:
    """The (position, zone) pairs of the positions that are crossed, or in several zones; sorted by both."""

    def __init__(self, at: Ints, zone: Ints, owner: Ints, shared: tuple[Ints, Ints]) -> None:
        several = distinct(np.concatenate([at, shared[0]]))
        owned = several[owner[several] > 0]
        position = np.concatenate([at, shared[0], owned])
        zones = np.concatenate([zone, shared[1], owner[owned] - 1])
        crossed = np.concatenate([np.arange(len(at)), np.full(len(shared[0]) + len(owned), -1)])
        order = np.lexsort((zones, position))
        position, zones, crossed = position[order], zones[order], crossed[order]
        new = np.ones(len(order), dtype=bool)
        new[1:] = (position[1:] != position[:-1]) | (zones[1:] != zones[:-1])
        position, self.zone, self.crossed = position[new], zones[new], crossed[new]
        begins = np.flatnonzero(np.concatenate([[True], position[1:] != position[:-1]])[: len(position)])
        self.position = position[begins]
        self.limits = np.append(begins, len(position))
        self.group = np.repeat(np.arange(len(self.position)), np.diff(self.limits))
        self.mixed = np.bincount(self.group, self.crossed >= 0, minlength=len(self.position)) > 0


def _combinations(entries: _Entries, zones: int, owner: Ints) -> tuple[Ints, Ints]:
    """(limits, zones) of every label that is a set of zones; sets of several zones are written in `owner`.

    Label 0 is no zone, label k + 1 is zone k alone, then the sets of several.
    """
    sizes = np.diff(entries.limits)
    limits, members = [np.arange(zones + 1)], [np.arange(zones)]
    label = zones + 1
    for size in np.unique(sizes[~entries.mixed]):
        groups = np.flatnonzero(~entries.mixed & (sizes == size))
        table = entries.zone[entries.limits[groups][:, None] + np.arange(size)]
        sets, which = np.unique(table, axis=0, return_inverse=True)
        owner[entries.position[groups]] = label + which.reshape(-1)
        limits.append(limits[-1][-1] + size * np.arange(1, len(sets) + 1))
        members.append(sets.reshape(-1))
        label += len(sets)
    at = np.concatenate(limits)
    return np.concatenate([[0], at]), np.concatenate(members)


class _EdgeLists:
    """Edges of each zone and row, nearest the left end first, then again nearest the right end first."""

    def __init__(self, strips: Strips, zone: Ints, crossed: tuple[Ints, Ints], frame: Frame) -> None:
        self._nx, self._crossed = frame.nx, crossed
        key = zone * frame.ny + strips.row
        left, right = key * frame.nx + strips.first, key * frame.nx + (frame.nx - 1 - strips.last)
        by_left, by_right = np.argsort(left, kind="stable"), np.argsort(right, kind="stable")
        self._left, self._right = left[by_left], right[by_right]
        self.edge = np.concatenate([strips.edge[by_left], strips.edge[by_right]]).astype(np.int32)
        self._ny = frame.ny

    def of_entries(self, which: Ints) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Start in `edge` and count of edges to test, for crossed pairs `which`; −1 gives none: wholly inside.

        Count > 0: the edges that a ray to the left from the cell may meet; < 0: to the right. The shorter of both.
        """
        found = np.flatnonzero(which >= 0)
        zone, cell = (c[which[found]] for c in self._crossed)
        group = (zone * self._ny + cell // self._nx) * self._nx
        column = cell % self._nx
        starts, counts = [], []
        for keys, reach in ((self._left, column), (self._right, self._nx - 1 - column)):
            first = np.searchsorted(keys, group)
            starts.append(first)
            counts.append(np.searchsorted(keys, group + reach, side="right") - first)
        leftwards = counts[0] <= counts[1]
        start: NDArray[np.int32] = np.zeros(len(which), np.int32)
        count: NDArray[np.int32] = np.zeros(len(which), np.int32)
        start[found] = np.where(leftwards, starts[0], starts[1] + len(self._left))
        count[found] = np.where(leftwards, counts[0], -counts[1])
        return start, count
