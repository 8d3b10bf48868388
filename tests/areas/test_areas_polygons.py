"""Polygons onto zones: shares against plain shapely, overlaps, territories."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from drawn_areas import X0, Y0, apart, array, codes, polygons, square
from hypothesis import given, settings
from hypothesis import strategies as st

from qpv_data.areas.polygon_zones import PolygonZones
from qpv_data.areas.polygons import usable
from qpv_data.areas.shares import Shares
from qpv_data.areas.zones import Cibles, cibles, planes
from qpv_data.problems import FeedError, Problem
from qpv_data.zonages.perimeters import polygons_of

L93 = "EPSG:2154"


def shared(sources: list, zones: Cibles, crs: str = L93) -> Shares:
    onto = PolygonZones(zones)
    return onto.shares(onto.cut(array(sources), crs, "essai"))


def dense(shares: Shares, sources: int, zones: int) -> np.ndarray:
    table = np.zeros((sources, zones))
    table[shares.source, shares.zone] = shares.share
    return table


@given(st.lists(polygons(), min_size=1, max_size=6), st.lists(polygons(), min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_shares_are_the_areas_that_plain_shapely_finds(sources: list, zones: list) -> None:
    found = shared(sources, planes(codes(len(zones)), array(zones), L93))
    expected = shapely.area(shapely.intersection(array(sources)[:, None], array(zones)[None, :]))
    whole = shapely.area(array(sources))
    assert np.allclose(dense(found, len(sources), len(zones)), expected / whole[:, None], atol=1e-9)
    assert np.allclose(found.area, found.share * whole[found.source])
    union = shapely.union_all(array(zones))
    assert np.allclose(found.covered, shapely.area(shapely.intersection(array(sources), union)) / whole, atol=1e-7)


@given(st.lists(polygons(), min_size=1, max_size=6), st.lists(polygons(), min_size=1, max_size=6), st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_order_of_sources_and_of_zones_changes_nothing(sources: list, zones: list, rng) -> None:
    names = codes(len(zones))
    first = shared(sources, planes(names, array(zones), L93))
    by_zone, by_source = rng.sample(range(len(zones)), len(zones)), rng.sample(range(len(sources)), len(sources))
    again = shared(
        [sources[i] for i in by_source], planes([names[i] for i in by_zone], array([zones[i] for i in by_zone]), L93)
    )
    expected = dense(first, len(sources), len(zones))[by_source]
    assert (dense(again, len(sources), len(zones)) == expected).all()


@given(st.lists(polygons(), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_zone_equal_to_a_source_gets_exactly_all_of_it(sources: list) -> None:
    found = dense(shared(sources, planes(codes(len(sources)), array(sources), L93)), len(sources), len(sources))
    assert (np.diag(found) == 1.0).all()


@given(polygons(), polygons(), st.integers(1, 999))
@settings(max_examples=80, deadline=None)
def test_splitting_a_zone_in_two_splits_its_value(source, zone, at: int) -> None:
    left = zone.intersection(shapely.box(X0 - 1, Y0 - 1, X0 + at, Y0 + 2000))
    right = zone.intersection(shapely.box(X0 + at, Y0 - 1, X0 + 2000, Y0 + 2000))
    halves = [h for h in map(polygons_of, (left, right)) if h is not None and h.area > 0]
    whole = dense(shared([source], planes(["Z"], array([zone]), L93)), 1, 1).sum()
    parts = dense(shared([source], planes(codes(len(halves)), array(halves), L93)), 1, len(halves)).sum()
    assert parts == pytest.approx(whole, abs=1e-8)


@given(st.lists(polygons(), min_size=1, max_size=5), st.lists(polygons(), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_zones_that_do_not_overlap_cover_the_sum_of_their_shares(sources: list, zones: list) -> None:
    zones = apart(zones)
    found = shared(sources, planes(codes(len(zones)), array(zones), L93))
    assert np.allclose(dense(found, len(sources), len(zones)).sum(axis=1), found.covered, atol=1e-7)


def test_a_source_in_two_overlapping_zones_is_in_both_and_covered_once() -> None:
    zones = planes(["A", "B"], array([square(0, 0, 100), square(50, 0, 100)]), L93)
    found = shared([square(60, 10, 20)], zones)
    assert found.share.tolist() == [1.0, 1.0]
    assert found.covered.tolist() == [1.0]


def test_sources_that_only_touch_a_zone_share_nothing_with_it() -> None:
    found = shared([square(100, 0, 50), square(100, 100, 50)], planes(["A"], array([square(0, 0, 100)]), L93))
    assert len(found) == 0


def test_a_small_zone_in_a_vast_source_is_not_lost() -> None:
    vast = square(0, 0, 200_000)
    found = shared([vast], planes(["A"], array([square(1000, 1000, 1)]), L93))
    assert found.area[0] == pytest.approx(1.0)


def test_nothing_shared_is_an_answer() -> None:
    assert len(shared([], planes(["A"], array([square(0, 0, 1)]), L93))) == 0
    assert len(shared([square(0, 0, 1)], planes([], array([]), L93))) == 0


def test_degrees_are_refused_where_metres_are_needed() -> None:
    for crs in ("EPSG:4326", "EPSG:3857"):
        with pytest.raises(FeedError, match="mètres") as told:
            planes(["A"], array([square(0, 0, 1)]), crs)
        assert told.value.probleme is Problem.CRS_INATTENDU


def test_zones_in_degrees_are_measured_in_their_territories() -> None:
    toulouse, fort_de_france = shapely.box(1.44, 43.60, 1.45, 43.61), shapely.box(-61.07, 14.60, -61.06, 14.61)
    zones = cibles(["T", "F"], array([toulouse, fort_de_france]), "EPSG:4326")
    assert {p.crs for p in zones.plans} == {"EPSG:2154", "EPSG:5490"}
    assert zones.codes == ("F", "T")
    found = shared([fort_de_france, toulouse, shapely.box(1.445, 43.60, 1.455, 43.61)], zones, "EPSG:4326")
    assert found.zone.tolist() == [0, 1, 1]
    assert found.share[:2].tolist() == [1.0, 1.0]
    assert found.share[2] == pytest.approx(0.5, abs=1e-6)


def test_zones_out_of_every_territory_are_named() -> None:
    with pytest.raises(FeedError, match="Z1, Z2"):
        cibles(["Z1", "Z2"], array([shapely.box(0, 0, 1, 1), shapely.box(20, 45, 21, 46)]), "EPSG:4326")


def test_a_code_is_that_of_one_zone() -> None:
    with pytest.raises(FeedError) as told:
        cibles(["A", "A"], array([square(0, 0, 1), square(5, 5, 1)]), L93)
    assert told.value.probleme is Problem.DOUBLON


def test_sources_are_repaired_or_set_aside_with_their_reason() -> None:
    bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    flat = shapely.Polygon([(0, 0), (1, 1), (2, 2), (0, 0)])
    solid = shapely.from_wkt("POLYGON Z ((0 0 5, 10 0 5, 10 10 5, 0 0 5))")
    sound, absent, without = usable(array([bow, None, shapely.Polygon(), shapely.Point(0, 0), flat, solid]))
    assert sound[0].is_valid
    assert sound[0].area == 50
    assert absent.tolist() == [False, True, True, False, False, False]
    assert without.tolist() == [3, 4]
    assert not sound[5].has_z


def test_many_sources_on_many_zones_agree_with_shapely() -> None:
    rng = np.random.default_rng(2)
    at = rng.uniform(0, 3000, (600, 2))
    sources = [square(x, y, s) for (x, y), s in zip(at, rng.uniform(5, 200, 600), strict=True)]
    circles = shapely.buffer(
        shapely.points(rng.uniform(0, 3000, (40, 2)) + np.array([X0, Y0])), rng.uniform(50, 400, 40)
    )
    found = shared(sources, planes(codes(40), circles, L93))
    expected = shapely.area(shapely.intersection(array(sources)[:, None], circles[None, :]))
    assert np.allclose(dense(found, 600, 40) * shapely.area(array(sources))[:, None], expected, atol=1e-5)
