"""Where the reasoning of the grid could be wrong: each place that a proof leans on, attacked on purpose."""

from __future__ import annotations

import time
import tracemalloc
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import shapely
from drawn_zones import around, hard_points
from rational_oracle import held, held_by_shapely, told_apart

from qpv_data.grid.build import build_grid
from qpv_data.grid.front import front_of
from qpv_data.grid.raster import framed
from qpv_data.grid.zone_index import ZoneIndex, index_zones
from qpv_data.projection import moved_points


def indexed(shapes: list[Any]) -> tuple[ZoneIndex, Any]:
    array = np.empty(len(shapes), dtype=object)
    array[:] = shapes
    assert shapely.is_valid(array).all()
    return index_zones([f"{n:06d}" for n in range(len(shapes))], array), array


def matrix(index: ZoneIndex, x: Any, y: Any, regle: Any) -> Any:
    rows, zone = index.every(x, y, index.judge(regle))
    answer = np.zeros((len(x), len(index.codes)), dtype=bool)
    answer[rows, zone] = True
    assert answer.sum() == len(rows)
    return answer


def proven(shapes: list[Any], x: Any, y: Any, *, rationals: bool = True) -> ZoneIndex:
    """Both rules, all pairs and first ones, against shapely and rationals."""
    index, zones = indexed(shapes)
    for regle in ("couvre", "contient"):
        expected = held_by_shapely(zones, x, y, regle)
        if rationals:
            known = told_apart(x, y)
            assert (held(zones, x[known], y[known], regle) == expected[known]).all()
        assert (matrix(index, x, y, regle) == expected).all()
        rows, zone = index.first(x, y, index.judge(regle))
        assert rows.tolist() == np.flatnonzero(expected.any(axis=1)).tolist()
        assert zone.tolist() == expected[rows].argmax(axis=1).tolist()
    return index


def lattice(low: float, high: float, step: float) -> tuple[Any, Any]:
    """Every point of a lattice, with its neighbours one ulp away."""
    line = np.arange(low, high + step / 2, step)
    x, y = np.meshgrid(line, line)
    return around(x.ravel(), y.ravel())


# Parity on a row's middle line, half-open rules, runs between crossed cells -------------------------------------


def test_vertices_on_every_middle_line_and_border_of_the_rows_do_not_upset_the_parity() -> None:
    """Teeth whose points are on multiples of a sixty-fourth: on borders and middles of cells of a sixteenth or less."""
    teeth = [(k / 64, 0.5 + (k % 3) / 64) for k in range(65)]
    comb = shapely.Polygon([(0, 0), *teeth, (1, 0)])
    index = proven([comb], *lattice(-1 / 32, 1 + 1 / 32, 1 / 32))
    assert index.layers[0].grid.frame.step >= 1 / 64


def test_stairs_whose_treads_lie_on_borders_and_middles_of_rows() -> None:
    stairs = [(0.0, 0.0)]
    for k in range(16):
        stairs += [(k / 16, (k + 1) / 16), ((k + 1) / 16, (k + 1) / 16)]
    below = shapely.Polygon([*stairs, (1, 0)])
    above = shapely.Polygon([*stairs[1:-1], (0, 1)])
    proven([below, above], *lattice(-1 / 32, 1 + 1 / 32, 1 / 32))


def test_an_edge_that_climbs_by_one_ulp_over_a_whole_zone_crosses_the_middle_of_a_row_where_it_can() -> None:
    up = float(np.nextafter(0.5, 1))
    for left, right in [(0.5, up), (up, 0.5), (float(np.nextafter(0.5, 0)), up)]:
        shape = shapely.Polygon([(0, 0), (1, 0), (1, right), (0.5, 0.5), (0, left)])
        x, y = around(np.linspace(0, 1, 65), np.full(65, 0.5))
        proven([shape, shapely.Polygon([(0, left), (1, right), (0.5, 1)])], x, y)


def test_nested_squares_whose_sides_are_those_of_cells_leave_runs_of_no_and_of_one_cell() -> None:
    squares = [shapely.box(k / 16, k / 16, 1 - k / 16, 1 - k / 16) for k in range(8)]
    frames = [shapely.difference(a, b) for a, b in pairwise(squares)]
    x, y = lattice(0, 1, 1 / 32)
    proven(frames, x, y, rationals=False)
    proven(squares, x, y, rationals=False)


def test_rings_that_touch_at_a_vertex_on_borders_and_middles_of_cells() -> None:
    hole_at_corner = shapely.Polygon([(0, 0), (1, 0), (1, 1), (0, 1)], [[(0, 0), (0.5, 0.25), (0.25, 0.5)]])
    holes_in_a_row = shapely.Polygon(
        [(2, 0), (3, 0), (3, 1), (2, 1)],
        [
            [(2.125, 0.5), (2.25, 0.25), (2.5, 0.5), (2.25, 0.75)],
            [(2.5, 0.5), (2.75, 0.25), (2.875, 0.5), (2.75, 0.75)],
        ],
    )
    hourglass = shapely.MultiPolygon(
        [shapely.Polygon([(4, 0), (5, 0), (4.5, 0.5)]), shapely.Polygon([(4, 1), (4.5, 0.5), (5, 1)])]
    )
    island = shapely.MultiPolygon(
        [shapely.Polygon([(6, 0), (7, 0), (7, 1), (6, 1)], [[(6.25, 0.25), (6.75, 0.25), (6.5, 0.75)]]),
         shapely.Polygon([(6.5, 0.25), (6.5625, 0.375), (6.4375, 0.375)])]
    )  # fmt: skip
    shapes = [hole_at_corner, holes_in_a_row, hourglass, island]
    for n, shape in enumerate(shapes):
        line = np.arange(0, 1 + 1 / 64, 1 / 32)
        x, y = np.meshgrid(2 * n + line, line)
        proven([shape], *around(x.ravel(), y.ravel()), rationals=False)
    proven(shapes, *hard_points(np.array(shapes, dtype=object), [], 4, count=60))


def test_long_oblique_edges_keep_their_columns_in_the_rows_they_cross() -> None:
    """Slopes from nearly flat to nearly upright, at large offsets, where the rounding of the columns is largest."""
    rng = np.random.default_rng(5)
    for offset in (0.0, 6.5e6, 9.9e8):
        shapes = []
        for angle in np.concatenate([10.0 ** -np.arange(1, 9), np.pi / 2 - 10.0 ** -np.arange(1, 9)]):
            a = np.array([offset, offset]) + rng.uniform(0, 100, 2)
            b = a + 1000 * np.array([np.cos(angle), np.sin(angle)])
            shapes.append(shapely.Polygon([a, b, a + rng.uniform(300, 900, 2) * (-1, 1)]))
        index, zones = indexed(shapes)
        x, y = hard_points(zones, [layer.grid.frame for layer in index.layers], 6, count=150)
        for regle in ("couvre", "contient"):
            assert (matrix(index, x, y, regle) == held_by_shapely(zones, x, y, regle)).all()


def test_dozens_of_zones_on_one_cell_and_hundreds_of_different_sets_of_zones() -> None:
    rng = np.random.default_rng(8)
    corner = rng.uniform(0, 60, (60, 2))
    boxes = [shapely.box(*c, *(c + rng.uniform(5, 60, 2))) for c in corner]
    shapes = boxes + boxes[:20]  # and some of them twice
    index, zones = indexed(shapes)
    assert index.layers[0].grid.sets > 150
    x, y = hard_points(zones, [layer.grid.frame for layer in index.layers], 6, count=300)
    for regle in ("couvre", "contient"):
        assert (matrix(index, x, y, regle) == held_by_shapely(zones, x, y, regle)).all()


def test_labels_of_blocks_are_right_on_both_sides_of_what_sixteen_bits_hold() -> None:
    """Cells as large as zones, and blocks of eight cells: labels are nearly all zones."""
    rng = np.random.default_rng(3)
    for count, kind in ((60_000, np.uint16), (65_600, np.int32)):
        k = rng.permutation(count)
        cx, cy = (k % 256) * 16.0, (k // 256) * 16.0
        boxes = shapely.box(cx + 3, cy + 3, cx + 13, cy + 13)
        grid = build_grid(boxes, framed((0.0, 0.0, 4096.0, 4112.0), 16.0, 3, 0.001))
        assert grid.coarse.dtype == kind
        x, y = np.concatenate([cx + 8, cx + 3, cx + 15]), np.concatenate([cy + 8, cy + 5, cy + 8])
        rows, zone = grid.first(x, y, lambda px, py, z, all_=boxes: shapely.covers(all_[z], shapely.points(px, py)))
        assert rows.tolist() == list(range(2 * count))
        assert zone.tolist() == 2 * list(range(count))


# The frame, and layers ------------------------------------------------------------------------------------------


def test_points_on_the_border_of_the_frame_and_one_ulp_either_side_are_outside() -> None:
    for shift in (0.0, -7.3, 1e6, -1e9 + 50):
        index, zones = indexed([shapely.box(shift, shift, shift + 1, shift + 1)])
        xmin, ymin, xmax, ymax = index.layers[0].grid.bounds
        sides_x, sides_y = np.meshgrid([xmin, xmax, shift + 0.5], [ymin, ymax, shift + 0.5])
        x, y = around(sides_x.ravel(), sides_y.ravel())
        assert (matrix(index, x, y, "couvre") == held_by_shapely(zones, x, y, "couvre")).all()


def sprinkled(width: float, seed: int = 0) -> tuple[list[Any], Any]:
    """A vast square, and 60 tiny ones in a band beside it: two layers, the cells of the first over the second."""
    rng = np.random.default_rng(seed)
    x0, y0 = 430_000.0, 6_250_000.0
    corner = rng.uniform((x0 + width - 5000, y0 + width / 2), (x0 + width - 400, y0 + width - 1000), (60, 2))
    corner[0, 0] = x0 + width - 400
    tiny = shapely.box(corner[:, 0], corner[:, 1], corner[:, 0] + 100, corner[:, 1] + 100)
    return [*tiny, shapely.box(x0, y0, x0 + width - 8000, y0 + width)], corner + 50


def test_a_point_in_the_bounds_of_two_layers_is_answered_once() -> None:
    shapes, centre = sprinkled(528e3)
    index, zones = indexed(shapes)
    assert len(index.layers) == 2
    (a, b) = sorted((layer.grid.bounds for layer in index.layers), key=lambda bounds: bounds[0])
    assert a[2] > b[0]  # their bounds meet
    x, y = hard_points(zones, [layer.grid.frame for layer in index.layers], 6, count=100)
    x, y = np.concatenate([x, centre[:, 0]]), np.concatenate([y, centre[:, 1]])
    assert (matrix(index, x, y, "couvre") == held_by_shapely(zones, x, y, "couvre")).all()
    rows, _ = index.first(x, y, index.judge())
    assert (np.diff(rows) > 0).all()


def test_in_another_crs_too_a_point_in_the_bounds_of_two_layers_is_answered_once() -> None:
    shapes, centre = sprinkled(528e3)
    index, zones = indexed(shapes)
    front = front_of(zones, "EPSG:32631", "EPSG:2154")
    assert front is not None
    assert len(front.layers) == 2
    east, north = moved_points("EPSG:2154", "EPSG:32631", centre[:, 0], centre[:, 1])
    rows, zone = front.first(east, north, index, index.judge())
    assert rows.tolist() == list(range(60))
    assert zone.tolist() == index.first(centre[:, 0].copy(), centre[:, 1].copy(), index.judge())[1].tolist()
    rows, _ = front.every(east, north, index, index.judge())
    assert rows.tolist() == sorted(rows.tolist())
    assert len(rows) == len(set(rows.tolist()))


@pytest.mark.parametrize("apart", [1.6e7])
def test_territories_far_apart_have_cells_of_the_size_of_their_zones(apart: float) -> None:
    rng = np.random.default_rng(0)
    corner = np.concatenate([rng.uniform(0, 1e4, (50, 2)), apart + rng.uniform(0, 1e4, (50, 2))])
    index, _ = indexed(list(shapely.box(corner[:, 0], corner[:, 1], corner[:, 0] + 500, corner[:, 1] + 500)))
    assert max(layer.grid.frame.step for layer in index.layers) <= 125


# Sizes: memory and time in proportion to the edges, not to areas -------------------------------------------------


def peak_of(work: Any) -> tuple[float, float]:
    """MB allocated at most, and seconds."""
    tracemalloc.start()
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return peak, seconds


def test_one_vast_zone_among_small_ones_is_built_in_little_memory() -> None:
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 90_000, (20, 2))
    shapes = [*shapely.box(corner[:, 0], corner[:, 1], corner[:, 0] + 500, corner[:, 1] + 500)]
    shapes.append(shapely.box(0, 0, 100_000, 100_000))
    peak, _ = peak_of(lambda: indexed(shapes))
    assert peak < 60


def test_a_coast_of_very_many_edges_is_asked_in_little_memory() -> None:
    index, _ = indexed([shapely.Point(6e5, 6.5e6).buffer(1000, quad_segs=15_000)])
    angle = np.linspace(0, 2 * np.pi, 5000)
    x, y = 6e5 + 1000.5 * np.cos(angle), 6.5e6 + 1000.5 * np.sin(angle)
    judge = index.judge()
    peak, _ = peak_of(lambda: index.first(x, y, judge))
    assert peak < 60


# What is given that should not be -------------------------------------------------------------------------------


def test_a_third_dimension_changes_nothing() -> None:
    flat = shapely.box(0, 0, 1, 1)
    deep = shapely.force_3d(flat, 7.0)
    x, y = lattice(-0.25, 1.25, 0.25)
    index, _ = indexed([deep])
    assert (matrix(index, x, y, "couvre") == held_by_shapely(np.array([flat]), x, y, "couvre")).all()


def test_columns_of_a_table_that_are_not_contiguous_are_answered_alike() -> None:
    index, zones = indexed([shapely.box(0, 0, 1, 1), shapely.box(0.5, 0.5, 2, 2)])
    xy = np.random.default_rng(1).uniform(-1, 3, (500, 2))
    before = xy.copy()
    expected = held_by_shapely(zones, xy[:, 0], xy[:, 1], "couvre")
    assert (matrix(index, xy[:, 0], xy[:, 1], "couvre") == expected).all()
    assert (matrix(index, xy[::-1, 0], xy[::-1, 1], "couvre") == expected[::-1]).all()
    assert (xy == before).all()  # and what was given is left as it was


@pytest.mark.parametrize(
    "empty",
    [
        pytest.param(shapely.Polygon(), id="polygone vide"),
        pytest.param(shapely.MultiPolygon(), id="multipolygone vide"),
        pytest.param(None, id="absente"),
    ],
)
def test_an_empty_geometry_is_refused_for_what_it_is(empty: Any) -> None:
    array = np.array([shapely.box(0, 0, 1, 1), empty], dtype=object)
    with pytest.raises(ValueError, match="empty"):
        index_zones(["a", "b"], array)


def test_fewer_codes_than_zones_are_refused() -> None:
    with pytest.raises(ValueError, match="code"):
        index_zones(["a"], np.array([shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)]))


def test_coordinates_of_single_precision_are_refused_or_answered_as_the_doubles_they_are() -> None:
    shapes = [shapely.box(652_000 + 10 * k, 6_862_000, 652_010 + 10 * k, 6_862_100) for k in range(20)]
    index, zones = indexed(shapes)
    rng = np.random.default_rng(2)
    x32 = rng.uniform(651_990, 652_210, 5000).astype(np.float32)
    y32 = rng.uniform(6_861_990, 6_862_110, 5000).astype(np.float32)
    expected = held_by_shapely(zones, x32.astype(float), y32.astype(float), "couvre")
    try:
        answer = matrix(index, x32, y32, "couvre")
    except (TypeError, ValueError):
        return
    assert (answer == expected).all()
