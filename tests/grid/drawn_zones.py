"""Zones drawn at random for the grid, valid and as awkward as they come, and the points that are hardest for them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely.affinity import scale, translate

Floats = NDArray[np.float64]
# (x and y of the origin, size of a unit): metres, degrees, negative, tiny far away, large.
SETTINGS = [
    (0.0, 0.0, 1.0),
    (652_103.7, 6_862_311.1, 37.3),
    (2.3522, 48.8566, 1e-4),
    (-61.53, -16.24, 1e-3),
    (-1e9, 1e9 - 16, 1.0),
    (1e6, -1e6, 1e-6),
    (1e9 - 1, 1e9 - 1, 1e-5),
    (-5e8, -5e8, 6e7),
    (0.0, 0.0, 1e-9),
]


@dataclass(frozen=True)
class Drawn:
    """Codes, in any order, and their valid zones; `seed` for the points."""

    codes: list[str]
    zones: NDArray[Any]
    seed: int


def placed(zone: Any, setting: tuple[float, float, float]) -> Any:
    """A zone drawn on small whole numbers, moved and scaled: rounded, so not always valid any more."""
    ox, oy, size = setting
    return shapely.transform(zone, lambda xy: xy * size + (ox, oy))


@st.composite
def pixel_zones(draw: st.DrawFn) -> list[Any]:
    """Zones that share out half-cells of a lattice: whole edges and vertices in common, holes, parts that touch."""
    side = draw(st.integers(1, 4))
    owners = draw(st.lists(st.integers(-1, 2), min_size=2 * side * side, max_size=2 * side * side))
    bent = draw(st.booleans())
    shifts = np.random.default_rng(draw(st.integers(0, 99))).integers(-3, 4, (side + 1, side + 1, 2)) / 16.0 * bent

    def corner(i: int, j: int) -> tuple[float, float]:
        return i + float(shifts[i, j, 0]), j + float(shifts[i, j, 1])

    halves: dict[int, list[Any]] = {}
    for k, owner in enumerate(owners):
        i, j = divmod(k // 2, side)
        across = (corner(i, j), corner(i + 1, j + 1))
        halves.setdefault(owner, []).append(shapely.Polygon([*across, corner(i + 1, j) if k % 2 else corner(i, j + 1)]))
    return [shapely.coverage_union_all(parts) for owner, parts in sorted(halves.items()) if owner >= 0]


@st.composite
def star_zones(draw: st.DrawFn) -> list[Any]:
    """Stars around one centre, one within the other or overlapping; some with a hole of the same shape."""
    found = []
    for _ in range(draw(st.integers(1, 3))):
        count = draw(st.integers(3, 12))
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        angle = np.sort(rng.uniform(0, 2 * math.pi, count))
        # Slivers: some rays are a thousand times shorter.
        radius = rng.uniform(0.5, 2.0, count) * np.where(rng.random(count) < 0.2, 1e-3, 1.0)
        star = shapely.Polygon(np.column_stack([2 + radius * np.cos(angle), 2 + radius * np.sin(angle)]))
        if draw(st.booleans()):
            hole = scale(star, 0.5, 0.5, origin=(2, 2)).exterior
            star = shapely.Polygon(star.exterior, [hole])
        found.append(star)
    return found


_whole = st.tuples(st.integers(0, 4), st.integers(0, 4))


@st.composite
def ring_zones(draw: st.DrawFn) -> list[Any]:
    """Any ring on a small lattice: mostly triangles, with collinear and doubled vertices; the same zone twice."""
    found = []
    for corners in draw(st.lists(st.lists(_whole, min_size=3, max_size=5), min_size=1, max_size=4)):
        ring = [p for p in corners for _ in range(draw(st.integers(1, 2)))]
        if draw(st.booleans()):
            middle = ((ring[0][0] + ring[-1][0]) / 2, (ring[0][1] + ring[-1][1]) / 2)
            ring.append(middle)
        found.append(shapely.Polygon(ring))
    if draw(st.booleans()):
        found.append(found[0])
    return found


@st.composite
def needle_zones(draw: st.DrawFn) -> list[Any]:
    """Needles of the least width that floats can draw, alone and as a spike on a square."""
    x, y = draw(st.floats(0.1, 3.9)), draw(st.floats(0.1, 0.9))
    up = float(np.nextafter(x, 9.0))
    needle = shapely.Polygon([(x, y), (x + draw(st.floats(-0.05, 0.05)), 4.0), (up, y)])
    spiked = shapely.Polygon([(0, 0), (4, 0), (4, 1), (up, 1), (x, 3), (x, 1), (0, 1)])
    flat = shapely.Polygon([(0, y), (4, y), (4, float(np.nextafter(y, 9.0)))])
    # Squares as well: the size of cells follows the middling zone, and needles alone would have very many.
    return [needle, spiked, flat, *(shapely.box(n, 2, n + 2, 4) for n in range(3))]


@st.composite
def drawn_zones(draw: st.DrawFn) -> Drawn:
    """One to a few valid zones of one CRS, with codes in an order of their own."""
    family = st.one_of(pixel_zones(), star_zones(), ring_zones(), needle_zones())
    setting = draw(st.sampled_from(SETTINGS))
    zones = [placed(zone, setting) for zone in draw(family)]
    if draw(st.integers(0, 3)) == 0:
        zones += [placed(translate(zone, 1000 * draw(st.integers(1, 9)), 0), setting) for zone in draw(star_zones())]
    kept = [zone for zone in zones if zone.area > 0 and shapely.is_valid(zone) and np.abs(zone.bounds).max() <= 1e9]
    codes = draw(st.permutations([f"QN{n:05d}M" for n in range(len(kept))]))
    array = np.empty(len(kept), dtype=object)
    array[:] = kept
    return Drawn(list(codes), array, draw(st.integers(0, 2**32 - 1)))


def around(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Each point, and its eight neighbours one ulp away."""
    xs = [x, np.nextafter(x, -np.inf), np.nextafter(x, np.inf)]
    ys = [y, np.nextafter(y, -np.inf), np.nextafter(y, np.inf)]
    pairs = [(a, b) for a in xs for b in ys]
    return np.concatenate([a for a, _ in pairs]), np.concatenate([b for _, b in pairs])


def hard_points(zones: NDArray[Any], frames: list[Any], seed: int, count: int = 12) -> tuple[Floats, Floats]:
    """Vertices, edges' middles and other points of edges, borders of the grid's cells, each with its neighbours one ulp
    away; points between zones' bounds; beyond the frame, huge, NaN and infinite ones.
    """
    rng = np.random.default_rng(seed)
    xy, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(zones)), return_index=True)
    edge = np.flatnonzero(ring[1:] == ring[:-1])
    if len(edge) > count:
        edge = rng.choice(edge, count, replace=False)
    a, b = xy[edge], xy[edge + 1]
    t = rng.random((len(edge), 1))
    exact = [a, (a + b) / 2, a + t * (b - a)]
    low, high = xy.min(axis=0), xy.max(axis=0)
    for frame in frames:
        k = rng.integers(0, (frame.nx + 1, frame.ny + 1), (count // 2, 2))
        corner = np.array([frame.x0, frame.y0]) + k * frame.step
        other = rng.uniform(low, high, corner.shape)
        near = np.array([frame.x0, frame.y0]) + np.round((a - (frame.x0, frame.y0)) / frame.step) * frame.step
        exact += [corner, np.column_stack([corner[:, 0], other[:, 1]]), near, np.column_stack([a[:, 0], near[:, 1]])]
    x, y = around(*np.concatenate(exact).T)
    spread = rng.uniform(low - (high - low) / 4, high + (high - low) / 4, (4 * count, 2))
    odd = [np.nan, np.inf, -np.inf, 1e300, -1e300, 1e9, -1e9, 0.0, -0.0, float(xy[0, 0])]
    odd_x, odd_y = np.meshgrid(odd, [*odd[:-1], float(xy[0, 1])])
    x = np.concatenate([x, spread[:, 0], odd_x.ravel()])
    y = np.concatenate([y, spread[:, 1], odd_y.ravel()])
    return x, y
