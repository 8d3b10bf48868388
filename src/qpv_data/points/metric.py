"""Zones where metres are metres: each in the projected CRS of its territory, for distances and for buffers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpv_data.grid.edges import Floats, Ints
from qpv_data.points.batch import Placed
from qpv_data.points.zoning import Zoning
from qpv_data.problems import FeedError, Problem
from qpv_data.projection import moved_points

if TYPE_CHECKING:
    from qpv_data.uncertainty.boundaries import Boundaries


class Part(NamedTuple):
    """Zones of one territory's projected CRS: `rows`, their places among those given, and their contours there."""

    crs: str
    rows: Ints
    shapes: NDArray[Any]


def metric_parts(nom: str, codes: Sequence[str], geometries: NDArray[Any], crs: str) -> list[Part]:
    """Zones moved to the projected CRS of the territory that the middle of their bounds is in.

    Zones that are in no French territory stay in their own CRS when it is projected in metres.
    Raises FeedError: crs_inattendu, when nowhere to measure them is known.
    """
    import shapely

    from qpv_data.points.ground import Ground
    from qpv_data.zonages.crs import in_metres, reproject
    from qpv_data.zonages.territories import load_territories

    xmin, ymin, xmax, ymax = shapely.bounds(geometries).T
    nowhere = (np.inf, np.inf, -np.inf, -np.inf)
    places = Ground(crs, nowhere, None).territory((xmin + xmax) / 2, (ymin + ymax) / 2)
    systems = np.array([*(f"EPSG:{t.epsg}" for t in load_territories()), crs], dtype=object)[places]
    if (places < 0).any() and not in_metres(crs):
        lost = [c for c, place in zip(codes, places, strict=True) if place < 0]
        message = f"{len(lost)} zones hors de tout territoire français, sans projection où mesurer : {lost[:5]}"
        raise FeedError(nom, Problem.CRS_INATTENDU, message, "donner des zones dans un système projeté en mètres")
    parts = []
    for system in sorted(set(systems)):
        rows = np.flatnonzero(systems == system)
        parts.append(Part(system, rows, reproject(geometries[rows], crs, system)))
    return parts


class Margins:
    """Distances to the boundaries of a zoning, no farther than `cap_m`. Threads share it."""

    def __init__(self, zoning: Zoning, cap_m: float) -> None:
        from qpv_data.uncertainty.boundaries import Boundaries

        self._zoning, self._cap = zoning, cap_m
        found: dict[str, list[tuple[NDArray[np.int32], NDArray[Any]]]] = {}
        for drawn in zoning.drawn:
            if drawn.propre:
                continue  # the same zones are there in their territory's CRS
            for part in metric_parts(zoning.nom, drawn.index.codes, drawn.index.geometries(), drawn.crs):
                found.setdefault(part.crs, []).append((zoning.numbers(drawn)[part.rows], part.shapes))
        self._parts: list[tuple[str, NDArray[np.int32], Boundaries]] = []
        for crs, pieces in sorted(found.items()):
            numbers = np.concatenate([n for n, _ in pieces])
            shapes = np.concatenate([s for _, s in pieces])
            order = np.argsort(numbers)
            self._parts.append((crs, numbers[order], Boundaries(shapes[order])))

    def distances(self, crs: str, x: Floats, y: Floats, placed: Placed) -> Floats:
        """Metres from each point to the boundary of the zone that holds it, else of the nearest; 0 on a boundary.

        NaN beyond the cap, and where the place is unknown.
        """
        return self.nearest(crs, x, y, placed)[0]

    def nearest(self, crs: str, x: Floats, y: Floats, placed: Placed) -> tuple[Floats, Ints]:
        """The same distances, and the number of the zone whose boundary it is: the holder, else the nearest; −1 where
        there is no distance."""
        from qpv_data.uncertainty.distance import distances

        out, whose = np.full(placed.lus, np.nan), np.full(placed.lus, -1, dtype=np.int64)
        known = np.ones(placed.lus, dtype=bool)
        known[placed.inconnus] = False
        holder = np.full(placed.lus, -1, dtype=np.int64)
        holder[placed.dedans] = placed.zone
        for system, numbers, boundaries in self._parts:
            rows = np.flatnonzero(known)
            mx, my = moved_points(crs, system, x[rows], y[rows])
            local = np.searchsorted(numbers, holder[rows])
            mine = (local < len(numbers)) & (holder[rows] >= 0)
            mine[mine] = numbers[local[mine]] == holder[rows][mine]
            # A point held by a zone of another part is measured there.
            asked = mine | (holder[rows] < 0)
            rows, mx, my = rows[asked], mx[asked], my[asked]
            within = np.where(mine, local, -1)[asked]
            metres, zone = distances(mx, my, boundaries, within, self._cap)
            closer = (metres < out[rows]) | (np.isnan(out[rows]) & ~np.isnan(metres))
            out[rows[closer]], whose[rows[closer]] = metres[closer], numbers[zone[closer]]
        return out, whose
