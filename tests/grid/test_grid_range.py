"""From a micrometre to a billion: the sizes, places and numbers of zones that the index answers for, and those it refuses."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import pytest
import shapely
from drawn_zones import hard_points
from rational_oracle import held, held_by_shapely, told_apart

from qpv_data.grid.layers import FARTHEST
from qpv_data.grid.zone_index import ZoneIndex, index_zones


def indexed(shapes: list[Any]) -> tuple[ZoneIndex, Any]:
    array = np.empty(len(shapes), dtype=object)
    array[:] = shapes
    return index_zones([f"{n:06d}" for n in range(len(shapes))], array), array


def matrix(index: ZoneIndex, x: Any, y: Any, regle: Any) -> Any:
    rows, zone = index.every(x, y, index.judge(regle))
    answer = np.zeros((len(x), len(index.codes)), dtype=bool)
    answer[rows, zone] = True
    return answer


def circle(x: float, y: float, radius: float) -> Any:
    """A dozen corners, as they are rounded there."""
    return shapely.Point(x, y).buffer(radius, quad_segs=3)


def test_the_range_is_a_billion_either_way() -> None:
    assert FARTHEST == 1e9


PLACES = [(0.0, 0.0), (-3.7, 2.1), (1e6 + 0.3, -7e6), (-1e9 + 5, 1e9 - 5), (5.5e8, -9.9e8)]
SIZES = [1e-6, 1e-3, 1.0, 977.3, 1e6, 4e8]


@pytest.mark.parametrize(
    ("place", "size"), [(p, s) for p in PLACES for s in SIZES if max(map(abs, p)) + 2 * s <= FARTHEST]
)
def test_a_zone_of_any_size_anywhere_in_range_is_answered_as_rationals_do(
    place: tuple[float, float], size: float
) -> None:
    x0, y0 = place
    around_it = [circle(x0, y0, size), circle(x0 + size, y0, size / 2), shapely.box(x0, y0, x0 + size, y0 + size)]
    shapes = [s for s in around_it if s.is_valid and s.area > 0]  # the smallest are rounded to nothing far away
    assert shapes
    index, zones = indexed(shapes)
    x, y = hard_points(zones, [layer.grid.frame for layer in index.layers], 5, count=8)
    for regle in ("couvre", "contient"):
        expected = held_by_shapely(zones, x, y, regle)
        assert (matrix(index, x, y, regle) == expected).all()
        known = told_apart(x, y)
        assert (held(zones, x[known], y[known], regle) == expected[known]).all()


def test_a_zone_that_fills_the_whole_range_holds_its_own_corners() -> None:
    index, _ = indexed([shapely.box(-1e9, -1e9, 1e9, 1e9)])
    x, y = np.array([-1e9, 1e9, 0.0, np.nextafter(1e9, 2e9), -1e300]), np.array([-1e9, 1e9, 1e9, 0.0, 0.0])
    assert matrix(index, x, y, "couvre")[:, 0].tolist() == [True, True, True, False, False]
    assert not matrix(index, x, y, "contient").any()


@pytest.mark.parametrize("beyond", [np.nextafter(1e9, 2e9), -1.1e9, 1e300])
def test_coordinates_beyond_the_range_are_refused_with_the_limit(beyond: float) -> None:
    with pytest.raises(ValueError, match=r"1e\+09"):
        indexed([shapely.box(min(beyond, 0), 0, max(beyond, 0), 1)])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # shapely's, on making the ring
def test_coordinates_that_are_not_finite_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match=r"finite|beyond \d"):
        indexed([shapely.box(0, 0, 1, 1), shapely.Polygon([(0, 0), (1, 0), (1, bad), (0, 0)])])


@pytest.mark.parametrize(
    "shape", [shapely.Point(0, 0), shapely.LineString([(0, 0), (1, 1)]), shapely.Point(0, 0).buffer(1).exterior]
)
def test_what_is_not_a_polygon_is_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match="polygon"):
        indexed([shapely.box(0, 0, 1, 1), shape])


def test_no_zone_at_all_answers_nothing_to_any_point() -> None:
    index, _ = indexed([])
    x = np.array([0.0, np.nan, 1e300])
    for ask in (index.first, index.every):
        rows, zone = ask(x, x, index.judge())
        assert len(rows) == len(zone) == 0


def test_no_point_at_all_is_answered_by_nothing() -> None:
    index, _ = indexed([shapely.box(0, 0, 1, 1)])
    for ask in (index.first, index.every):
        rows, zone = ask(np.zeros(0), np.zeros(0), index.judge())
        assert len(rows) == len(zone) == 0


def test_points_that_are_nowhere_say_nothing_and_warn_of_nothing() -> None:
    bad = [np.nan, np.inf, -np.inf, 1e300, -1e300, 1.7e308, -1.7e308]
    x, y = (v.ravel() for v in np.meshgrid([*bad, 0.5], [*bad, 0.5]))
    territories = [shapely.box(0, 0, 1, 1), shapely.box(5e8, 0, 5e8 + 1, 1)]
    for shapes in (territories[:1], territories, [shapely.box(0, 0, 1e-6, 1e-6)]):
        index, zones = indexed(shapes)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert (matrix(index, x, y, "couvre") == held_by_shapely(zones, x, y, "couvre")).all()


def test_all_points_missing_say_nothing_whatever_the_number_of_layers() -> None:
    index, _ = indexed([shapely.box(0, 0, 1, 1), shapely.box(1e8, 0, 1e8 + 1, 1)])
    x = np.full(5, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(index.first(x, x, index.judge())[0]) == 0


@pytest.mark.parametrize("apart", [1e4, 1e6, 3e7, 1e8, 9e8])
def test_territories_far_apart_are_each_answered(apart: float) -> None:
    rng = np.random.default_rng(7)
    shapes = [
        circle(cx + dx, cy + dy, r)
        for cx, cy in [(0, 0), (apart, 0), (-apart, apart / 2), (apart, -apart)]
        for dx, dy, r in rng.uniform((0, 0, 20), (5000, 5000, 300), (8, 3))
    ]
    index, zones = indexed(shapes)
    x, y = hard_points(zones, [layer.grid.frame for layer in index.layers], 3, count=40)
    for regle in ("couvre", "contient"):
        assert (matrix(index, x, y, regle) == held_by_shapely(zones, x, y, regle)).all()


def test_fifty_thousand_small_zones_are_answered() -> None:
    rng = np.random.default_rng(1)
    centre = rng.uniform(0, 1e6, (50_000, 2))
    boxes = shapely.box(centre[:, 0], centre[:, 1], centre[:, 0] + 40, centre[:, 1] + 40)
    index = index_zones([f"{n:06d}" for n in range(len(boxes))], boxes)
    start = time.perf_counter()
    x, y = (centre[:20_000] + rng.uniform(-20, 60, (20_000, 2))).T
    x, y = np.concatenate([x, centre[:, 0]]), np.concatenate([y, centre[:, 1]])
    rows, zone = index.every(x, y, index.judge())
    assert time.perf_counter() - start < 20
    tree = shapely.STRtree(boxes)
    point, box = tree.query(shapely.points(x, y), predicate="intersects")
    order = np.lexsort((box, point))
    assert rows.tolist() == point[order].tolist()
    assert zone.tolist() == box[order].tolist()


@pytest.fixture(scope="module")
def tiling() -> tuple[ZoneIndex, Any]:
    """3,000 cells that share out a country: every edge but the coast is two zones'."""
    rng = np.random.default_rng(2)
    box = shapely.box(100_000, 6_050_000, 1_240_000, 7_110_000)
    seeds = shapely.MultiPoint(rng.uniform(box.bounds[:2], box.bounds[2:], (3000, 2)))
    cells = [c.intersection(box) for c in shapely.voronoi_polygons(seeds, extend_to=box).geoms]
    return indexed(cells)


def test_every_point_of_a_country_shared_out_in_zones_is_in_one_and_no_crack_loses_a_point(
    tiling: tuple[ZoneIndex, Any],
) -> None:
    index, zones = tiling
    rng = np.random.default_rng(3)
    xy = rng.uniform((100_001, 6_050_001), (1_239_999, 7_109_999), (200_000, 2))
    rows, _ = index.first(xy[:, 0].copy(), xy[:, 1].copy(), index.judge())
    assert rows.tolist() == list(range(len(xy)))
    corners = shapely.get_coordinates(zones)
    x, y = corners[:, 0].copy(), corners[:, 1].copy()
    rows, zone = index.every(x, y, index.judge())
    point, cell = shapely.STRtree(zones).query(shapely.points(x, y), predicate="intersects")
    order = np.lexsort((cell, point))
    assert rows.tolist() == point[order].tolist()
    assert zone.tolist() == cell[order].tolist()
    assert len(set(rows)) == len(x)
