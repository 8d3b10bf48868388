"""Several zones at one point: the smallest code is the answer, all the codes are to be had, and none is lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from drawn_zones import around
from rational_oracle import held_by_shapely

from qpv_data.grid.zone_index import ZoneIndex, index_zones


def zones(*shapes: Any) -> Any:
    array = np.empty(len(shapes), dtype=object)
    array[:] = shapes
    return array


def first_codes(index: ZoneIndex, x: Any, y: Any, regle: Any = "couvre") -> list[str | None]:
    answer: list[str | None] = [None] * len(x)
    for row, zone in zip(*index.first(x, y, index.judge(regle)), strict=True):
        answer[row] = index.codes[zone]
    return answer


def all_codes(index: ZoneIndex, x: Any, y: Any, regle: Any = "couvre") -> list[list[str]]:
    answer: list[list[str]] = [[] for _ in x]
    for row, zone in zip(*index.every(x, y, index.judge(regle)), strict=True):
        answer[row].append(index.codes[zone])
    return answer


def test_a_shared_edge_loses_no_point_and_its_points_are_in_both_zones() -> None:
    """The edge is oblique and of awkward floats: most of its computed points are beside it, none in neither zone."""
    a, b = (652_000.1, 6_862_000.7), (652_311.3, 6_863_987.9)
    west = shapely.Polygon([a, b, (650_000.3, 6_863_000.9)])
    east = shapely.Polygon([b, a, (654_000.3, 6_863_000.9)])
    index = index_zones(["B", "A"], zones(west, east))
    t = np.linspace(0, 1, 5001)
    x, y = around(a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]))
    between = (y >= a[1] + 1e-3) & (y <= b[1] - 1e-3)  # a neighbour of an end may be out of both wedges
    expected = held_by_shapely(zones(east, west), x, y, "couvre")
    assert expected[between].any(axis=1).all()
    answers = all_codes(index, x, y)
    assert answers == [[c for c, inside in zip("AB", row, strict=True) if inside] for row in expected]
    for point in (a, b):
        assert all_codes(index, *np.array([[point[0]], [point[1]]])) == [["A", "B"]]
        assert first_codes(index, *np.array([[point[0]], [point[1]]])) == ["A"]
    assert not any(all_codes(index, np.array([a[0], b[0]]), np.array([a[1], b[1]]), "contient"))


def test_seven_zones_on_one_another_are_all_told_and_the_smallest_code_wins() -> None:
    squares = [shapely.box(-n, -n, 10 + n, 10 + n) for n in range(7)]
    codes = ["D", "B", "F", "A", "C", "G", "E"]
    index = index_zones(codes, zones(*squares))
    x = np.array([5.0, 0.0, -0.5, -1.0, -2.5, -6.0, -6.5, 10.0, 16.0])
    y = np.full(len(x), 5.0)
    expected = [
        sorted(c for c, s in zip(codes, squares, strict=True) if shapely.covers(s, shapely.Point(a, 5))) for a in x
    ]
    assert all_codes(index, x, y) == expected
    assert first_codes(index, x, y) == [min(held) if held else None for held in expected]


@pytest.mark.parametrize("codes", [["1", "2"], ["2", "1"], ["10", "9"], ["é", "z"], ["a", "B"]])
def test_the_smallest_code_is_that_of_text_whatever_the_order_of_zones(codes: list[str]) -> None:
    square = shapely.box(0, 0, 1, 1)
    index = index_zones(codes, zones(square, square))
    x, y = np.array([0.5, 0.0, 1.0]), np.array([0.5, 0.3, 1.0])
    assert first_codes(index, x, y) == [min(codes)] * 3
    assert all_codes(index, x, y) == [sorted(codes)] * 3


def test_on_the_boundary_of_the_smallest_code_and_inside_another_each_rule_has_its_own_answer() -> None:
    index = index_zones(["A", "B"], zones(shapely.box(0, 0, 1, 1), shapely.box(-1, -1, 2, 2)))
    x, y = np.array([0.0, 1.0, 0.5, -1.0]), np.array([0.5, 1.0, 0.5, 0.0])
    assert first_codes(index, x, y, "couvre") == ["A", "A", "A", "B"]
    assert first_codes(index, x, y, "contient") == ["B", "B", "A", None]


def test_a_fan_of_zones_that_meet_at_one_vertex_is_told_whole_at_that_vertex() -> None:
    angle = np.linspace(0, 2 * np.pi, 41)[:-1]
    rim = 100 * np.column_stack([np.cos(angle), np.sin(angle)]) + 7
    slices = [shapely.Polygon([(7, 7), rim[i], rim[(i + 1) % 40]]) for i in range(40)]
    codes = [f"{(i * 17) % 40:02d}" for i in range(40)]
    index = index_zones(codes, zones(*slices))
    centre = np.array([7.0])
    assert all_codes(index, centre, centre) == [sorted(codes)]
    assert first_codes(index, centre, centre) == ["00"]
    assert all_codes(index, centre, centre, "contient") == [[]]


def test_a_zone_given_twice_under_one_code_is_refused() -> None:
    square = shapely.box(0, 0, 1, 1)
    with pytest.raises(ValueError, match="code"):
        index_zones(["A", "A"], zones(square, square))
