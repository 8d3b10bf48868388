"""Measure the ground that the zones of two generations share, in the projected CRS of their territory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from qpv_data.passage.model import Contour, Generation

_ARCS = 16  # segments a quarter of circle: widths are held to 0.2 % of the tolerance
_SEARCH_M = 0.5  # the widest disc is searched to this radius

Shapes = NDArray[Any]


class Link(NamedTuple):
    """Zones `depart` and `arrivee` (their ranks) share `aire` m². Ground of the old zone outside the new one is lost,
    ground of the new one outside the old one is gained: areas in m², and greatest widths in metres, 0 where it is
    nowhere wider than the tolerance."""

    depart: int
    arrivee: int
    aire: float
    aire_perdue: float
    aire_gagnee: float
    perdue: float
    gagnee: float
    inchange: bool


def links(old: Generation, new: Generation, tolerance: float) -> list[Link]:
    """The links of two generations, sorted by both ranks.

    Ground counts when a disc as wide as the tolerance fits in it somewhere: a contour moved by less than the
    tolerance, however it moves, makes no such ground. Zones are linked when the ground that they share counts. A
    zone too narrow for any such disc is linked when more than half of it is shared. Two zones are unchanged when
    neither has ground outside the other that counts, and each has more than half of itself in the other.
    """
    found: list[Link] = []
    for here, there in _by_territory(old, new):
        left, right = _arrays(old, here), _arrays(new, there)
        i, j = shapely.STRtree(right).query(left, predicate="intersects")
        a, b = left[i], right[j]
        shared = shapely.intersection(a, b)
        area = shapely.area(shared)
        counted = _counts(shared, tolerance)
        thin = np.flatnonzero(~counted & (area > 0))
        counted[thin] = _mostly_in_narrow(a[thin], b[thin], area[thin], tolerance)
        kept = np.flatnonzero(counted)
        a, b, area = a[kept], b[kept], area[kept]
        beyond = (shapely.difference(a, b), shapely.difference(b, a))
        lost, gained = (_widths(shapes, tolerance) for shapes in beyond)
        same = (lost == 0) & (gained == 0) & (2 * area > np.maximum(shapely.area(a), shapely.area(b)))
        columns = (here[i[kept]], there[j[kept]], area, *(shapely.area(s) for s in beyond), lost, gained, same)
        found += [Link(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]
    return sorted(found)


def remainder(zone: Any, others: list[Any]) -> tuple[float, float]:
    """Ground of `zone` in none of the others, and ground that those count more than once, in m²."""
    shapes = np.array(others, dtype=object)
    parts = shapely.intersection(zone, shapes)
    outside = shapely.area(shapely.difference(zone, shapely.union_all(shapes)))
    twice = shapely.area(parts).sum() - shapely.area(shapely.union_all(parts))
    return float(outside), max(float(twice), 0.0)


def drawn(generation: Generation) -> list[int]:
    """Ranks of the zones that have an area."""
    return [n for n, c in enumerate(generation.contours) if c.aire > 0]


def _by_territory(old: Generation, new: Generation) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Ranks of the zones with an area, territory by territory: one territory is one CRS."""

    def places(generation: Generation) -> dict[tuple[str, int], list[int]]:
        ranks: dict[tuple[str, int], list[int]] = {}
        for n in drawn(generation):
            ranks.setdefault(_place(generation.contours[n]), []).append(n)
        return ranks

    here, there = places(old), places(new)
    for place in sorted(here.keys() & there.keys()):
        yield np.array(here[place], dtype=np.intp), np.array(there[place], dtype=np.intp)


def _place(contour: Contour) -> tuple[str, int]:
    assert contour.territoire is not None
    assert contour.epsg is not None
    return contour.territoire, contour.epsg


def _arrays(generation: Generation, ranks: NDArray[np.intp]) -> Shapes:
    shapes = np.empty(len(ranks), dtype=object)
    shapes[:] = [generation.contours[n].geometrie for n in ranks]
    return shapes


def _eroded(shapes: Shapes, tolerance: float) -> Shapes:
    """Where the centre of a disc as wide as the tolerance can be: empty when it fits nowhere."""
    eroded: Shapes = shapely.buffer(shapes, -tolerance / 2, quad_segs=_ARCS)
    return eroded


def _counts(shapes: Shapes, tolerance: float) -> NDArray[np.bool_]:
    counted: NDArray[np.bool_] = ~shapely.is_empty(_eroded(shapes, tolerance))
    return counted


def _mostly_in_narrow(a: Shapes, b: Shapes, shared: NDArray[Any], tolerance: float) -> NDArray[np.bool_]:
    """Whether over half of a zone is shared, and that zone is nowhere wider than the tolerance."""
    answer = np.zeros(len(a), dtype=bool)
    for shapes in (a, b):
        rows = np.flatnonzero(2 * shared > shapely.area(shapes))
        answer[rows[~_counts(shapes[rows], tolerance)]] = True
    return answer


def _widths(shapes: Shapes, tolerance: float) -> NDArray[np.float64]:
    """Greatest width of each, in metres: the widest disc that fits, to 1 m and 0.1 % below; 0 under the tolerance."""
    widths = np.zeros(len(shapes))
    eroded = _eroded(shapes, tolerance)
    for n in np.flatnonzero(~shapely.is_empty(eroded)):
        widths[n] = round(tolerance + 2 * _widest(eroded[n]), 1)
    return widths


def _widest(shape: Any) -> float:
    """Radius of the widest disc. Parts too small to hold a wider one than is known are passed over."""
    parts = shapely.get_parts(shape)
    areas = shapely.area(parts)
    best = 0.0
    for n in np.argsort(-areas, kind="stable"):
        if np.sqrt(areas[n] / np.pi) <= best:
            break
        best = max(best, float(shapely.maximum_inscribed_circle(parts[n], tolerance=_SEARCH_M).length))
    return best
