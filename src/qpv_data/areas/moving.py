"""Move what is drawn in one CRS to another, edges included: straight lines stay where they were drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from qpv_data.problems import FeedError, Problem
from qpv_data.projection import moved_points, transformer
from qpv_data.zonages.crs import Geometries, same_crs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BOUND_M = 0.001
"""How far a moved edge may lie from where it was drawn, metres: edges are cut until none is further."""

_LOOKS = (0.25, 0.5, 0.75)
_ROUNDS = 4
_PROBES = 200


def move_points(x: Floats, y: Floats, source: str, target: str) -> tuple[Floats, Floats]:
    """Coordinates in `target`; infinite where it is not defined."""
    if same_crs(source, target):
        return x, y
    return moved_points(source, target, x, y)


def move(geometries: Geometries, source: str, target: str, name: str) -> Geometries:
    """Polygons or lines (with their multiple kinds) in `target`, metres, no edge further than BOUND_M from its drawing.

    The very same objects when the CRSs are one. An edge that two geometries share is cut at the same places from
    either side, so neighbours stay neighbours. Moving can cross two edges that nearly touched: see `move_polygons`.
    Raises FeedError crs_inattendu, in the name of the file, when a coordinate has no place in `target`.
    """
    if same_crs(source, target) or not len(geometries):
        return geometries
    moved = geometries.copy()
    kinds = shapely.get_type_id(geometries)
    for family in ((3, 6), (1, 5)):
        rows = np.flatnonzero(np.isin(kinds, family))
        if len(rows):
            moved[rows] = _moved(shapely.force_2d(geometries[rows]), source, target, name)
    return moved


def move_polygons(geometries: Geometries, source: str, target: str, name: str) -> Geometries:
    """Valid polygons, moved and still valid; None where moving collapsed one."""
    if same_crs(source, target):
        return geometries
    return sound(move(geometries, source, target, name))


def sound(geometries: Geometries) -> Geometries:
    """Valid polygons, the very same objects where they already are; None where nothing of one is left."""
    from qpv_data.zonages.perimeters import polygons_of, repair  # only here: it brings the declarations' models

    repaired, reasons = repair(geometries)
    for i in np.flatnonzero(reasons != np.array(None)):
        repaired[i] = polygons_of(repaired[i])
    return repaired


def _moved(shapes: Geometries, source: str, target: str, name: str) -> Geometries:
    kind, xy, ragged = shapely.to_ragged_array(shapes)
    offsets = tuple(np.asarray(o, dtype=np.int64) for o in ragged)
    transform = transformer(source, target).transform
    vertices = int(offsets[0][-1])  # coordinates before the first offset's end only: all of them
    xy = xy[:vertices]
    for _ in range(_ROUNDS):
        pieces = _pieces(xy, offsets[0], transform)
        if pieces is None:
            break
        xy, starts = _cut(xy, offsets[0], pieces)
        offsets = (starts, *offsets[1:])
    there = np.column_stack(transform(xy[:, 0], xy[:, 1]))
    if not np.isfinite(there).all():
        message = f"des coordonnées en {_short(source)} n'ont pas de place en {_short(target)}"
        raise FeedError(name, Problem.CRS_INATTENDU, message, "vérifier le système de coordonnées du fichier")
    shaped: Geometries = shapely.from_ragged_array(kind, there, offsets)
    return shaped


def _pieces(xy: Floats, starts: Ints, transform: Any) -> Ints | None:
    """In how many pieces to cut the edge that begins at each vertex; None when none is to be cut."""
    first = _edges(len(xy), starts)
    length = np.hypot(*(xy[first + 1] - xy[first]).T)
    looked = np.flatnonzero(length > _safe_length(xy, length, transform))
    a, b = xy[first[looked]], xy[first[looked] + 1]
    away = _away(a, b, transform)
    far = away > BOUND_M
    if not far.any():
        return None
    pieces = np.ones(len(xy), dtype=np.int64)
    # The distance falls with the square of the length; twice, because it is looked at in three places only.
    pieces[first[looked[far]]] = np.ceil(np.sqrt(2 * away[far] / BOUND_M)).astype(np.int64)
    return pieces


def _safe_length(xy: Floats, length: Floats, transform: Any) -> float:
    """Length under which no edge can be BOUND_M away: found on the worst of edges tried all over, in every direction.

    The distance grows with the square of the length; it is taken four times as fast as the worst seen.
    """
    longest = float(length.max(initial=0.0))
    if longest == 0:
        return np.inf
    middle = xy[:: max(1, len(xy) // _PROBES)]
    ways = np.array([[1.0, 0.0], [0.0, 1.0], [0.7071, 0.7071], [0.7071, -0.7071]])
    a = np.concatenate([middle - way * longest / 2 for way in ways])
    b = np.concatenate([middle + way * longest / 2 for way in ways])
    worst = float(_away(a, b, transform).max(initial=0.0))
    return longest * float(np.sqrt(BOUND_M / (4 * worst))) if worst > 0 else np.inf


def _away(a: Floats, b: Floats, transform: Any) -> Floats:
    """How far, metres, edges from `a` to `b` pass from the straight line between their moved ends; 0 if nowhere."""
    ta, tb = (np.column_stack(transform(p[:, 0], p[:, 1])) for p in (a, b))
    away = np.zeros(len(a))
    for t in _LOOKS:
        on = a + t * (b - a)
        drawn = np.column_stack(transform(on[:, 0], on[:, 1]))
        with np.errstate(invalid="ignore"):
            away = np.fmax(away, np.hypot(*(drawn - (ta + t * (tb - ta))).T))
    away[~np.isfinite(away)] = 0.0
    return away


def _edges(vertices: int, starts: Ints) -> Ints:
    """The vertices that begin an edge: all but the last of each ring or line."""
    begins = np.ones(vertices, dtype=bool)
    begins[np.asarray(starts[1:]) - 1] = False
    return np.flatnonzero(begins)


def _cut(xy: Floats, starts: Ints, pieces: Ints) -> tuple[Floats, Ints]:
    """Coordinates with the new vertices, and where each ring or line now starts."""
    owner = np.repeat(np.arange(len(xy)), pieces)
    ends = np.cumsum(pieces)
    step = np.arange(len(owner)) - (ends - pieces)[owner]
    after = np.minimum(owner + 1, len(xy) - 1)
    a, b = xy[owner], xy[after]
    # From the lower end up, whichever way the edge runs: both its owners then have the same new vertices.
    down = (a[:, 1] > b[:, 1]) | ((a[:, 1] == b[:, 1]) & (a[:, 0] > b[:, 0]))
    count = pieces[owner]
    t = np.where(down, count - step, step) / count
    low, high = np.where(down[:, None], b, a), np.where(down[:, None], a, b)
    cut = low + t[:, None] * (high - low)
    cut[step == 0] = xy
    return cut, np.concatenate([[0], ends])[np.asarray(starts)]


def _short(crs: str) -> str:
    return crs if len(crs) < 40 else crs[:37] + "…"
