"""Moving what is drawn: edges stay where they were, neighbours stay neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from drawn_areas import array, polygons, square
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from qpv_data.areas.moving import BOUND_M, move, move_polygons
from qpv_data.problems import FeedError, Problem
from qpv_data.zonages.crs import in_metres


@pytest.mark.parametrize(
    ("source", "target", "box"),
    [
        ("EPSG:2154", "EPSG:3035", (130_000, 6_100_000, 1_200_000, 7_050_000)),
        ("EPSG:4326", "EPSG:2154", (-4.5, 42.5, 8.0, 50.8)),
        ("EPSG:4326", "EPSG:5490", (-61.2, 14.4, -60.8, 14.9)),
        ("EPSG:5490", "EPSG:4559", (690_000, 1_590_000, 740_000, 1_640_000)),
        ("EPSG:3857", "EPSG:2154", (-500_000, 5_200_000, 900_000, 6_600_000)),
    ],
)
def test_no_point_of_an_edge_is_further_than_the_bound_from_where_it_was_drawn(
    source: str, target: str, box: tuple[float, ...]
) -> None:
    rng = np.random.default_rng(5)
    xy = np.column_stack([rng.uniform(box[0], box[2], 400), rng.uniform(box[1], box[3], 400)])
    way = rng.normal(0, 1, (400, 2)) * (np.array(box[2:]) - np.array(box[:2])) * 10.0 ** rng.uniform(-4, -1, (400, 1))
    lines = shapely.linestrings(np.stack([xy, xy + way], axis=1))
    moved = move(lines, source, target, "essai")
    for t in np.linspace(0.01, 0.99, 43):
        drawn = xy + t * way
        there = np.column_stack(Transformer.from_crs(source, target, always_xy=True).transform(*drawn.T))
        assert shapely.distance(moved, shapely.points(there)).max() < BOUND_M * 1.01


def test_neighbours_that_share_an_edge_still_share_it_once_moved() -> None:
    a, b = shapely.box(1.0, 45.0, 1.5, 45.5), shapely.box(1.5, 45.0, 2.0, 45.5)
    moved = move_polygons(array([a, b]), "EPSG:4326", "EPSG:2154", "essai")
    assert shapely.get_num_coordinates(moved[0]) > 40  # half a degree bends by tens of metres
    assert shapely.area(shapely.intersection(*moved)) == 0
    assert shapely.union_all(moved).area == pytest.approx(shapely.area(moved).sum(), rel=1e-12)
    assert moved[0].touches(moved[1])


def test_what_is_in_the_right_system_is_left_alone() -> None:
    shapes = array([square(0, 0, 100)])
    assert move_polygons(shapes, "EPSG:2154", "EPSG:2154", "essai")[0] is shapes[0]


@given(st.lists(polygons(), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_moving_there_and_back_keeps_areas(shapes: list) -> None:
    there = move_polygons(array(shapes), "EPSG:2154", "EPSG:3035", "essai")
    back = move_polygons(there, "EPSG:3035", "EPSG:2154", "essai")
    lost = shapely.area(shapely.symmetric_difference(back, array(shapes)))
    assert (lost <= 4 * BOUND_M * shapely.length(array(shapes)) + 1e-3).all()  # PROJ itself loses up to a millimetre


def test_coordinates_without_a_place_are_refused_with_the_name_of_the_file() -> None:
    with pytest.raises(FeedError, match=r"carreaux\.gpkg") as told:
        move(array([shapely.box(1e9, 1e9, 2e9, 2e9)]), "EPSG:4326", "EPSG:2154", "carreaux.gpkg")
    assert told.value.probleme is Problem.CRS_INATTENDU


def test_metres_are_those_of_the_ground() -> None:
    assert in_metres("EPSG:2154")
    assert in_metres("EPSG:3035")
    assert not in_metres("EPSG:4326")
    assert not in_metres("EPSG:3857")
    assert not in_metres("EPSG:3395")
