"""The distance to the boundary is GEOS', whatever the shape, the cap and the number of points."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import shapely
from drawn_shapes import polygons, star
from hypothesis import given, settings
from hypothesis import strategies as st

from qpv_data.uncertainty.boundaries import Boundaries
from qpv_data.uncertainty.distance import distance_to_boundary_m, distances

RING = shapely.Polygon([(0, 0), (100, 0), (100, 100), (0, 100)], [[(40, 40), (60, 40), (60, 60), (40, 60)]])


def of(x: list[float], y: list[float], *shapes: shapely.Geometry, cap_m: float | None = None) -> list[float]:
    codes = [f"Z{n}" for n in range(len(shapes))]
    found = distance_to_boundary_m(np.array(x), np.array(y), codes, np.array(shapes, dtype=object), cap_m)
    return [float(v) for v in found]


def brute(x: float, y: float, shapes: np.ndarray) -> float:
    """By GEOS: the boundary of the first zone that covers the point, else the nearest."""
    at = shapely.Point(x, y)
    away = shapely.distance(at, shapely.boundary(shapes))
    held = np.flatnonzero(shapely.covers(shapes, at))
    return float(away[held[0]] if len(held) else away.min())


def test_a_hole_has_a_boundary_too_and_a_point_on_one_is_at_zero() -> None:
    assert of([50, 20, 70, 0, 110, 40, 50], [50, 20, 50, 50, 100, 50, 10], RING) == [10, 20, 10, 0, 10, 0, 10]


def test_the_zone_that_holds_the_point_counts_even_when_another_boundary_is_nearer() -> None:
    inner = shapely.box(20, 20, 30, 30)
    assert of([25], [25], shapely.box(0, 0, 100, 100), inner) == [25]
    assert of([25], [25], inner, shapely.box(0, 0, 100, 100)) == [5]
    assert of([31], [25], shapely.box(0, 0, 100, 100), inner) == [25]


def test_a_place_that_is_no_number_has_no_distance() -> None:
    found = of([np.nan, np.inf, 1, 5], [1, 1, -np.inf, 5], shapely.box(0, 0, 10, 10))
    assert np.isnan(found[:3]).all()
    assert found[3] == 5


def test_no_point_and_no_zone_are_answers_too() -> None:
    assert of([], [], RING) == []
    none = np.zeros(0, dtype=object)
    assert np.isnan(distance_to_boundary_m(np.array([1.0]), np.array([1.0]), [], none)).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(polygons(), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_it_is_the_distance_that_geos_finds(shapes: list[shapely.Geometry], seed: int) -> None:
    drawn = np.array(shapes, dtype=object)
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-800, 3800, 60), rng.uniform(-800, 800, 60)
    vertices = shapely.get_coordinates(drawn)
    x[:10], y[:10] = vertices[rng.integers(0, len(vertices), 10)].T
    codes = [f"Z{n}" for n in range(len(shapes))]
    whole = distance_to_boundary_m(x, y, codes, drawn)
    expected = np.array([brute(a, b, drawn) for a, b in zip(x, y, strict=True)])
    assert np.allclose(whole, expected, atol=1e-9, rtol=0)
    capped = distance_to_boundary_m(x, y, codes, drawn, cap_m=150.0)
    assert np.array_equal(np.isnan(capped), ~(whole <= 150.0))
    assert np.allclose(capped[whole <= 150], whole[whole <= 150], atol=1e-9, rtol=0)


def test_of_two_zones_at_the_same_distance_the_smallest_code_wins() -> None:
    shapes = np.array([shapely.box(10, 0, 20, 10), shapely.box(-20, 0, -10, 10)], dtype=object)
    outside = np.full(3, -1)
    for cap in (None, 15.0):
        _, zone = distances(np.array([0.0, 0.5, -0.5]), np.full(3, 5.0), Boundaries(shapes), outside, cap)
        assert zone.tolist() == [0, 0, 1]


def test_a_cap_includes_its_own_distance() -> None:
    assert of([110.0, 110.001], [50, 50], RING, cap_m=10)[0] == 10
    assert np.isnan(of([110.001], [50], RING, cap_m=10)).all()


def test_threads_share_boundaries_and_find_what_one_finds() -> None:
    rng = np.random.default_rng(7)
    shapes = np.array([star(rng, (2000.0 * k, 0.0), 900, 60) for k in range(20)], dtype=object)
    shared = Boundaries(shapes)
    x, y = rng.uniform(-1000, 40_000, 20_000), rng.uniform(-1500, 1500, 20_000)
    outside = np.full(len(x), -1)
    alone = distances(x, y, Boundaries(shapes), outside, 400.0)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: distances(x, y, shared, outside, 400.0), range(12)):
            assert np.array_equal(found[0], alone[0], equal_nan=True)
            assert np.array_equal(found[1], alone[1])


def test_what_is_no_polygon_or_has_no_finite_coordinates_is_refused() -> None:
    with pytest.raises(ValueError, match="polygons"):
        Boundaries(np.array([shapely.LineString([(0, 0), (1, 1)])], dtype=object))
    with pytest.raises(ValueError, match="finite"):
        Boundaries(np.array([shapely.Polygon([(0, 0), (1, np.inf), (1, 1)])], dtype=object))
