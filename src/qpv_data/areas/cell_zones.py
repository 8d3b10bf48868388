"""Cells onto zones: each grid met gets its own coverage, made once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from qpv_data.areas.cells import Cells, Grille
from qpv_data.areas.coverage import Coverage, coverage
from qpv_data.areas.points import Points
from qpv_data.areas.shares import Ints, Shares, placed, shares_of, together
from qpv_data.areas.weights import CellPoints
from qpv_data.areas.zones import Cibles, Plan


@dataclass(frozen=True)
class _Grid:
    """The zones in a grid's CRS, and what they hold of its cells."""

    plan: Plan
    pas: int

    @cached_property
    def coverage(self) -> Coverage:
        return coverage(self.plan.cover.geometries, self.pas)

    @cached_property
    def points(self) -> CellPoints:
        return CellPoints(self.coverage, self.plan.cover.geometries)

    def shares(self, row: Ints, column: Ints, *, by_points: bool) -> Shares:
        near, entry = self.coverage.pairs(row, column)
        inside = self.coverage.share[entry]
        points = self.points.shares(row[near], column[near], entry) if by_points else None
        areas = np.full(len(row), float(self.pas) ** 2)
        part = self.coverage.zone[entry].astype(np.int64)
        return shares_of(areas, self.plan.cover, self.plan.number, near, part, inside, points)


class CellZones:
    """Zones to share cells onto, in the grids' own systems; cells of grids where no zone is are outside."""

    def __init__(self, zones: Cibles) -> None:
        self._zones = zones
        self._plans: dict[str, Plan] = {}
        self._grids: dict[Grille, _Grid] = {}
        self._by_points = False

    def weigh(self, points: Points, grids: set[Grille]) -> None:
        """From now on, share divided cells by these points; `grids`: every grid that cells will be in."""
        self._by_points = True
        points.pour([(g.crs, self._grid(g).points.add) for g in sorted(grids, key=lambda g: (g.crs, g.pas))])

    def shares(self, cells: Cells) -> Shares:
        """What each cell gives to each zone; one that was refused gives nothing."""
        parts = []
        for place, grille in enumerate(cells.grids):
            own = cells.grid == place
            grid = self._grid(grille)
            if own.all():
                parts.append(grid.shares(cells.row, cells.column, by_points=self._by_points))
                continue
            rows = np.flatnonzero(own)
            found = grid.shares(cells.row[rows], cells.column[rows], by_points=self._by_points)
            parts.append(placed(found, rows, len(cells)))
        return together(parts, len(cells))

    def _grid(self, grille: Grille) -> _Grid:
        if grille not in self._grids:
            if grille.crs not in self._plans:
                self._plans[grille.crs] = self._zones.moved_to(grille.crs)
            self._grids[grille] = _Grid(self._plans[grille.crs], grille.pas)
        return self._grids[grille]
