"""The truth's geometry against shapely: two independent answers to the same questions."""

from __future__ import annotations

import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from qpv_data.demo.geometrie import contains, too_close
from qpv_data.demo.territoire import COMMUNES, IRIS, QPV2015, QPV2024, Zone

points = st.tuples(st.integers(0, 40), st.integers(0, 40))
rings = st.lists(points, min_size=3, max_size=8, unique=True)


@given(rings, points)
def test_a_point_is_inside_exactly_when_shapely_says_so(ring: list[tuple[int, int]], point: tuple[int, int]) -> None:
    polygon = shapely.Polygon(ring)
    assume(polygon.is_valid)
    assume(polygon.boundary.distance(shapely.Point(point)) > 0)
    assert contains([ring], point) == polygon.contains(shapely.Point(point))


@given(rings, points, st.integers(1, 20))
def test_a_point_is_too_close_exactly_when_its_distance_is_below(
    ring: list[tuple[int, int]], point: tuple[int, int], metres: int
) -> None:
    distance = shapely.LinearRing(ring).distance(shapely.Point(point))
    assume(abs(distance - metres) > 1e-9)
    assert too_close([ring], point, metres) == (distance < metres)


def _shape(zone: Zone) -> shapely.MultiPolygon:
    return shapely.MultiPolygon([shapely.Polygon(p[0], p[1:]) for p in zone.parties])


@pytest.mark.parametrize("zones", [QPV2015, QPV2024, IRIS, COMMUNES])
def test_zones_of_one_zoning_do_not_overlap(zones: tuple[Zone, ...]) -> None:
    shapes = [shapely.make_valid(_shape(z)) for z in zones]
    overlaps = [shapely.intersection(a, b).area for i, a in enumerate(shapes) for b in shapes[:i]]
    assert max(overlaps) == 0


def test_the_iris_and_the_communes_tile_the_same_ground() -> None:
    ground = shapely.union_all([_shape(z) for z in COMMUNES])
    assert shapely.union_all([_shape(z) for z in IRIS]).equals(ground)


def test_exactly_one_perimeter_of_each_generation_is_invalid() -> None:
    invalid = [z.code for z in (*QPV2015, *QPV2024) if not _shape(z).is_valid]
    assert invalid == ["QP099009", "QN09910M"]


def test_an_unchanged_quarter_has_the_same_contour_in_both_generations() -> None:
    old = {z.parties for z in QPV2015}
    assert {z.code for z in QPV2024 if z.parties in old} == {z.code for z in QPV2024 if z.code.endswith("I")}
