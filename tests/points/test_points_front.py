"""Points in one CRS, zones in another: the answer is that of the zones' CRS, up to the last millimetre beside an edge."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from points_made import drawn, edge_points, holding
from pyproj import CRS, Transformer

from qpv_data.grid.front import exact_pair, front_of
from qpv_data.grid.zone_index import index_zones
from qpv_data.locator import Locator
from qpv_data.projection import moved_points
from qpv_data.zonages.territories import load_territories

PLACES = {t.id: (t.epsg, t.emprises[0]) for t in load_territories()}
FROM = ["EPSG:4326", "EPSG:3857", "EPSG:4258", "EPSG:27572"]
# (points' CRS, zones' CRS, territory)
PAIRS = [
    *(("EPSG:4326", f"EPSG:{epsg}", nom) for nom, (epsg, _) in PLACES.items()),
    *((source, "EPSG:2154", "hexagone") for source in FROM[1:]),
    ("EPSG:2154", "EPSG:4326", "hexagone"),
    ("EPSG:2154", "EPSG:3857", "hexagone"),
    ("EPSG:3857", "EPSG:4326", "hexagone"),
    ("EPSG:5490", "EPSG:4326", "guadeloupe"),
    ("EPSG:2975", "EPSG:4326", "la_reunion"),
    ("EPSG:3297", "EPSG:4326", "polynesie_6s"),
    ("EPSG:3943", "EPSG:2154", "hexagone"),
    ("EPSG:3035", "EPSG:2154", "hexagone"),
]


def moved(source: str, target: str, x: Any, y: Any) -> tuple[Any, Any]:
    mx, my = Transformer.from_crs(source, target, always_xy=True).transform(x, y)
    return np.asarray(mx), np.asarray(my)


def metre(crs: str) -> float:
    """About a metre on the ground, in units of the CRS."""
    return 1e-5 if CRS(crs).is_geographic else 1.0


def place(territory: str, target: str, rng: Any) -> tuple[float, float]:
    """A place well inside a territory, in `target`."""
    west, south, east, north = PLACES[territory][1]
    lon, lat = west + (east - west) * rng.uniform(0.3, 0.7), south + (north - south) * rng.uniform(0.3, 0.7)
    x, y = moved("EPSG:4326", target, [lon], [lat])
    return float(x[0]), float(y[0])


def hard_points(zones: Any, source: str, target: str, seed: int) -> tuple[Any, Any]:
    """In `source`: around edges as `target` draws them, and around those that `source` would draw."""
    unit, own = metre(target), metre(source)
    offsets = [0.0, 1e-3, -1e-3, 1e-2, -1e-2, 0.2, -0.2, 2.0, -2.0]
    near = moved(target, source, *edge_points(zones, seed, [d * unit for d in offsets], 12))
    chords = shapely.transform(zones, lambda xy: np.column_stack(moved(target, source, xy[:, 0], xy[:, 1])))
    straight = edge_points(chords, seed, [d * own for d in offsets], 12)
    bounds = shapely.total_bounds(chords)
    around = np.random.default_rng(seed).uniform(bounds[:2] - 500 * own, bounds[2:] + 500 * own, (150, 2)).T
    return tuple(np.concatenate(v) for v in zip(near, straight, around, strict=True))  # type: ignore[return-value]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: f"{p[0][5:]}-{p[1][5:]}-{p[2]}")
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([30.0, 1000.0, 20_000.0]))
@settings(max_examples=2, deadline=None)
def test_answers_are_those_of_every_point_moved_to_the_zones_system(
    pair: tuple[str, str, str], seed: int, size: float
) -> None:
    source, target, territory = pair
    zones = drawn(seed, *place(territory, target, np.random.default_rng(seed)), size * metre(target), 4)
    locator = Locator.from_zones(["A", "B", "C", "D"], zones, target)
    x, y = hard_points(zones, source, target, seed)
    held = holding(zones, *moved(source, target, x, y))
    assert locator.xy(x, y, crs=source).code.tolist() == ["ABCD"[one[0]] if one else None for one in held]
    rows, codes = locator.pairs(x, y, crs=source)
    every = [(n, "ABCD"[z]) for n, one in enumerate(held) for z in one]
    assert list(zip(rows.tolist(), codes, strict=True)) == every


def test_points_are_moved_one_and_all_where_several_operations_join_the_systems() -> None:
    assert exact_pair("EPSG:4326", "EPSG:2154")
    zones = drawn(1, 700_000.0, 6_600_000.0, 500.0)
    assert front_of(zones, "EPSG:4326", "EPSG:2154") is not None
    assert not exact_pair("EPSG:27572", "EPSG:2154")
    assert front_of(zones, "EPSG:27572", "EPSG:2154") is None


LONG = [
    ("EPSG:4326", "EPSG:2154", (600_000.0, 6_500_000.0), 50_000.0),
    ("EPSG:3857", "EPSG:2154", (600_000.0, 6_500_000.0), 50_000.0),
    ("EPSG:2154", "EPSG:4326", (2.0, 46.0), 0.5),
    ("EPSG:4326", "EPSG:3857", (300_000.0, 5_800_000.0), 50_000.0),
    ("EPSG:4326", "EPSG:2975", (340_000.0, 7_660_000.0), 20_000.0),
    ("EPSG:5490", "EPSG:4326", (-61.6, 16.0), 0.4),
]


@pytest.mark.parametrize(("source", "target", "origin", "length"), LONG)
def test_no_moved_edge_bends_by_more_than_the_margin(
    source: str, target: str, origin: tuple[float, float], length: float
) -> None:
    # Long thin zones in every direction: edges of 50 km, where the bend is the largest.
    x, y = origin
    zones = np.array(
        [shapely.Polygon([(x, y), (x + length * c, y + length * s), (x + length * (c - s), y + length * (s + c))])
         for c, s in ((np.cos(a), np.sin(a)) for a in np.linspace(0, 2, 7))],
        dtype=object,
    )  # fmt: skip
    front = front_of(zones, source, target)
    assert front is not None
    cut = shapely.segmentize(zones, 0.01 if CRS(target).is_geographic else 1000.0)
    xy, ring = shapely.get_coordinates(shapely.get_rings(cut), return_index=True)
    same = np.flatnonzero(ring[1:] == ring[:-1])
    start, end = xy[same], xy[same + 1]
    a, b = (np.column_stack(moved(target, source, *p.T)) for p in (start, end))
    chords = shapely.linestrings(np.stack([a, b], axis=1))
    own = shapely.linestrings(np.stack([start, end], axis=1))
    worst = worst_m = 0.0
    for t in np.linspace(0.02, 0.98, 33):
        between = start + t * (end - start)
        true = np.column_stack(moved(target, source, *between.T))
        worst = max(worst, float(shapely.distance(chords, shapely.points(true)).max()))
        # The same in the zones' unit: a point of the drawn line, moved back, beside the true edge.
        drawn_there = np.column_stack(moved(source, target, *(a + t * (b - a)).T))
        worst_m = max(worst_m, float(shapely.distance(own, shapely.points(drawn_there)).max()))
    # The margin claims twice the worst: the three places where it is measured must have found it.
    assert 0 < 1.8 * worst <= front.margin
    assert worst_m <= front.margin_m
    in_metres = front.margin_m / metre(target)
    assert in_metres < 1.0, "a margin of a metre would leave too few cells to answer"


@pytest.mark.parametrize(("source", "target", "origin", "length"), LONG)
def test_answers_beside_long_edges_are_those_of_the_zones_system(
    source: str, target: str, origin: tuple[float, float], length: float
) -> None:
    x, y = origin
    ring = [
        (x, y),
        (x + length, y + 0.3 * length),
        (x + 0.8 * length, y + length),
        (x + 0.1 * length, y + 0.9 * length),
    ]
    zones = np.array([shapely.Polygon(ring), shapely.box(x, y, x + length, y + length / 50)], dtype=object)
    index = index_zones(["A", "B"], zones)
    front = front_of(zones, source, target)
    assert front is not None
    px, py = hard_points(zones, source, target, 7)
    rows, zone = front.every(px, py, index, index.judge())
    held = holding(zones, *moved_points(source, target, px, py))
    assert list(zip(rows.tolist(), zone.tolist(), strict=True)) == [(n, z) for n, one in enumerate(held) for z in one]


@given(lon=st.floats(-180, 180), lat=st.floats(-90, 90))
@settings(max_examples=40, deadline=None)
def test_any_place_on_earth_is_answered_as_if_moved(lon: float, lat: float) -> None:
    found = EUROPE.xy([lon], [lat], crs="EPSG:4326").code[0]
    x, y = moved("EPSG:4326", "EPSG:2154", [lon], [lat])
    assert found == ("A" if holding(EUROPE_ZONE, x, y)[0] else None)


EUROPE_ZONE = np.array([shapely.box(0.0, 6_000_000.0, 1_300_000.0, 7_200_000.0)], dtype=object)
EUROPE = Locator.from_zones(["A"], EUROPE_ZONE, "EPSG:2154")
