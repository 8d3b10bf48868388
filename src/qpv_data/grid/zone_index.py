"""An index over one zoning in one CRS: layers of grids, the codes of the zones, and the judge of close calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qpv_data.grid.edges import Floats, Ints
from qpv_data.grid.fallback import Judge, Regle
from qpv_data.grid.index import Arbiter, Labels
from qpv_data.grid.layers import Layer, layers_of


@dataclass(frozen=True)
class ZoneIndex:
    """Zones numbered in the order of their codes, sorted: the first of several is the smallest code.

    `wkb`: their geometries, read only for close calls. Safe to share between threads.
    """

    codes: tuple[str, ...]
    layers: tuple[Layer, ...]
    wkb: Callable[[], Sequence[bytes]]

    def judge(self, regle: Regle = "couvre") -> Judge:
        """Who decides for points on an edge, or closer to it than floating point can tell."""
        return Judge(self.geometries, regle)

    def geometries(self) -> NDArray[Any]:
        import shapely

        decoded: NDArray[Any] = shapely.from_wkb(np.array(self.wkb(), dtype=object))
        return decoded

    def first(self, x: Floats, y: Floats, judge: Arbiter) -> tuple[Ints, Labels]:
        """Rows, ascending, of the points inside a zone, and the number of that zone: the smallest code of several.

        In: coordinates in the zones' CRS, contiguous float64; NaN and infinite ones are in no zone.
        """
        return self._ask(x, y, judge, every=False)

    def every(self, x: Floats, y: Floats, judge: Arbiter) -> tuple[Ints, Labels]:
        """Every pair (row, number of a zone that holds it), sorted by both."""
        return self._ask(x, y, judge, every=True)

    def _ask(self, x: Floats, y: Floats, judge: Arbiter, *, every: bool) -> tuple[Ints, Labels]:
        found = []
        for layer, rows in met(self.layers, x, y):
            ask = layer.grid.every if every else layer.grid.first
            arbiter = _numbered(judge, layer)
            row, zone = ask(x, y, arbiter) if rows is None else ask(x[rows], y[rows], arbiter)
            found.append((row if rows is None else rows[row], layer.zones[zone]))
        return joined(found)


def _numbered(judge: Arbiter, layer: Layer) -> Arbiter:
    """A layer numbers its own zones: the judge knows those of the zoning."""
    own = layer.zones
    return lambda x, y, zone: judge(x, y, own[zone])


def met(layers: Sequence[Layer], x: Floats, y: Floats) -> list[tuple[Layer, Ints | None]]:
    """The layers that points reach, each with the rows to ask it: None is all of them."""
    if not len(x) or not layers:
        return []
    if len(layers) == 1:
        return [(layers[0], None)]
    # Missing coordinates are in no extent: fmin and fmax pass over them.
    west, east, south, north = (float(f.reduce(v)) for v in (x, y) for f in (np.fmin, np.fmax))
    near = []
    for layer in layers:
        xmin, ymin, xmax, ymax = layer.grid.bounds
        if west < xmax and east >= xmin and south < ymax and north >= ymin:
            near.append(layer)
    if len(near) == 1:
        return [(near[0], None)]
    answer: list[tuple[Layer, Ints | None]] = []
    for layer in near:
        xmin, ymin, xmax, ymax = layer.grid.bounds
        rows = np.flatnonzero((x >= xmin) & (x < xmax) & (y >= ymin) & (y < ymax))
        if len(rows):
            answer.append((layer, rows))
    return answer


def joined(found: Sequence[tuple[Ints, Labels]]) -> tuple[Ints, Labels]:
    """The answers of several layers as one, rows ascending."""
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int32)
    if len(found) == 1:
        return found[0]
    row, zone = np.concatenate([r for r, _ in found]), np.concatenate([z for _, z in found])
    order = np.lexsort((zone, row))
    return row[order], zone[order]


def index_zones(codes: Sequence[str], geometries: NDArray[Any], margin: float = 0.0) -> ZoneIndex:
    """Index valid polygons under their codes, in any order; codes are distinct.

    Raises ValueError for a code met twice, a geometry that is no polygon, or coordinates beyond FARTHEST.
    """
    import shapely

    if len(codes) != len(geometries):
        raise ValueError(f"{len(codes)} codes for {len(geometries)} zones")
    if len(set(codes)) != len(codes):
        raise ValueError("a code is met twice")
    order = sorted(range(len(codes)), key=lambda i: codes[i])
    ordered = geometries[order]
    return ZoneIndex(tuple(codes[i] for i in order), layers_of(ordered, margin), lambda: list(shapely.to_wkb(ordered)))
