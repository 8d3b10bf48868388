"""The probability of being inside, against simulation, quadrature, and what any probability must satisfy."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from drawn_shapes import polygons, star
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ndtr

from qpv_data.uncertainty.gaussian import REACH, sigma_of_radius
from qpv_data.uncertainty.probability import ZoneProbabilities, exclusive, probability_inside

SIGMAS = st.sampled_from([0.5, 5.0, 20.0, 80.0, 300.0, 5000.0])
SEEDS = st.integers(0, 2**32 - 1)
EXACT = 1e-12


def at(x: float, y: float, sigma: float, shape: shapely.Geometry) -> float:
    return float(probability_inside(np.array([x]), np.array([y]), sigma, shape)[0])


def drawn_points(seed: int, shape: shapely.Geometry, number: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Anywhere about the shape, on its vertices and on its edges."""
    rng = np.random.default_rng(seed)
    xmin, ymin, xmax, ymax = shape.bounds
    x, y = rng.uniform(xmin - 100, xmax + 100, number), rng.uniform(ymin - 100, ymax + 100, number)
    vertices = shapely.get_coordinates(shape)
    some = rng.integers(0, len(vertices) - 1, 4)
    x[:2], y[:2] = vertices[some[:2]].T
    x[2:4], y[2:4] = ((vertices[some[2:]] + vertices[some[2:] + 1]) / 2).T
    return x, y


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_a_rectangle_is_the_product_of_two_normal_laws(seed: int) -> None:
    rng = np.random.default_rng(seed)
    (a, c), (b, d) = np.sort(rng.uniform(-300, 300, (2, 2)), axis=1)
    assume(a < c and b < d)
    x, y, sigma = rng.uniform(-400, 400, 50), rng.uniform(-400, 400, 50), rng.uniform(0.1, 500, 50)
    expected = (ndtr((c - x) / sigma) - ndtr((a - x) / sigma)) * (ndtr((d - y) / sigma) - ndtr((b - y) / sigma))
    turn = np.deg2rad(rng.uniform(0, 360))
    box = shapely.affinity.rotate(shapely.box(a, b, c, d), np.rad2deg(turn), origin=(0, 0))
    found = probability_inside(x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn), sigma, box)
    assert np.abs(found - expected).max() < EXACT


@settings(max_examples=12, deadline=None)
@given(polygons(), SEEDS, SIGMAS)
def test_a_simulation_agrees_within_four_standard_errors(shape: shapely.Geometry, seed: int, sigma: float) -> None:
    n, rng = 100_000, np.random.default_rng(seed)
    x, y = drawn_points(seed, shape, 6)
    shapely.prepare(shape)
    for px, py, p in zip(x, y, probability_inside(x, y, sigma, shape), strict=True):
        moved = rng.normal(0, sigma, (2, n))
        inside = shapely.contains_xy(shape, px + moved[0], py + moved[1]).mean()
        assert abs(inside - p) <= 4 * math.sqrt(p * (1 - p) / n) + 4 / n


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.floats(3, 200))
def test_a_quadrature_over_the_angle_agrees(seed: int, sigma: float) -> None:
    rng = np.random.default_rng(seed)
    shape = shapely.Polygon(star(rng, (0.0, 0.0), 150.0, 9).exterior)
    assume(shape.is_valid and shape.contains(shapely.Point(0, 0)))
    a = shapely.get_coordinates(shape)
    total = 0.0
    for (ax, ay), (bx, by) in itertools.pairwise(a):
        start, end = math.atan2(ay, ax), math.atan2(by, bx)
        end = start + math.remainder(end - start, 2 * math.pi)
        length = math.hypot(bx - ax, by - ay)
        normal, h = math.atan2(ax - bx, by - ay), abs(ax * by - ay * bx) / length

        def density(t: float, h: float = h, normal: float = normal) -> float:
            r = h / (math.cos(t - normal) * sigma)
            return -math.expm1(-r * r / 2) / (2 * math.pi)

        total += quad(density, start, end, epsabs=1e-13, epsrel=1e-12, limit=200)[0]
    assert at(0, 0, sigma, shape) == pytest.approx(abs(total), abs=1e-10)


@settings(max_examples=60, deadline=None)
@given(polygons(), SEEDS, SIGMAS)
def test_inside_and_the_rest_of_the_plane_share_certainty(shape: shapely.Geometry, seed: int, sigma: float) -> None:
    x, y = drawn_points(seed, shape)
    around = shapely.box(*(np.array(shape.bounds) + 20 * sigma * np.array([-1, -1, 1, 1]) + [-200, -200, 200, 200]))
    inside = probability_inside(x, y, sigma, shape)
    rest = probability_inside(x, y, sigma, shapely.difference(around, shape))
    assert ((inside >= 0) & (inside <= 1)).all()
    assert np.abs(inside + rest - 1).max() < EXACT


@settings(max_examples=40, deadline=None)
@given(SEEDS, SIGMAS)
def test_the_parts_of_a_partition_sum_to_the_whole(seed: int, sigma: float) -> None:
    rng = np.random.default_rng(seed)
    sites = shapely.multipoints(rng.uniform(-300, 300, (12, 2)))
    frame = shapely.box(-400, -400, 400, 400)
    cells = shapely.get_parts(shapely.voronoi_polygons(sites, extend_to=frame))
    parts = np.array([shapely.intersection(c, frame) for c in cells], dtype=object)
    x, y = rng.uniform(-500, 500, (2, 20))
    summed = sum(probability_inside(x, y, sigma, p) for p in parts)
    assert np.abs(summed - probability_inside(x, y, sigma, frame)).max() < 1e-9, "cells meet to a rounding"


@settings(max_examples=40, deadline=None)
@given(polygons(), SEEDS, SIGMAS)
def test_moving_turning_and_scaling_everything_changes_nothing(
    shape: shapely.Geometry, seed: int, sigma: float
) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-500, 2500, 20), rng.uniform(-500, 500, 20)
    turn, scale, shift = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 2), rng.uniform(-1e4, 1e4, 2)
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = shapely.transform(shape, lambda c: c @ matrix.T + shift)
    mx, my = matrix @ np.array([x, y]) + shift[:, None]
    here, there = probability_inside(x, y, sigma, shape), probability_inside(mx, my, sigma * scale, moved)
    assert np.abs(here - there).max() < 1e-9


@settings(max_examples=60, deadline=None)
@given(st.lists(polygons(), min_size=1, max_size=5), SEEDS)
def test_a_zoning_answers_for_each_zone_what_the_whole_polygon_does(shapes: list[shapely.Geometry], seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = exclusive(np.array(shapes, dtype=object))
    codes = np.array([f"Z{n}" for n in range(len(shapes))], dtype=object)
    zones = ZoneProbabilities.of(codes, np.array(shapes, dtype=object))
    x, y = rng.uniform(-600, 3000, 40), rng.uniform(-500, 500, 40)
    vertices = shapely.get_coordinates(np.array(shapes, dtype=object))
    x[:10], y[:10] = vertices[rng.integers(0, len(vertices), 10)].T
    x[10:15], y[10:15] = x[:5] + 1e-9, y[:5] - 1e-9
    sigma = rng.choice([0.0, 1.0, 20.0, 60.0, np.nan], 40)
    rows, zone, p = zones.uncertain(x, y, sigma)
    full = np.zeros((40, len(shapes)))
    for k, shape in enumerate(drawn):
        if not shape.is_empty:
            full[:, k] = probability_inside(x, y, sigma, shape)
    numbers = np.array([int(c[1:]) for c in zones.codes])[zone] if len(zone) else zone
    got = np.where(np.isnan(sigma)[:, None], np.nan, (full > 0.5).astype(float))
    got[rows, numbers] = p
    known = sigma > 0
    assert np.abs(got[known] - full[known]).max(initial=0) < EXACT
    assert not np.isin(rows, np.flatnonzero(~known)).any(), "an exact or unknown error makes nothing uncertain"
    assert got[known].sum(axis=1).max(initial=0) <= 1 + EXACT


def test_no_error_is_inside_or_not_the_boundary_included() -> None:
    square = shapely.box(0, 0, 10, 10)
    found = probability_inside(np.array([5.0, 0, 10, 5, 11]), np.array([5.0, 0, 5, 10, 5]), 0.0, square)
    assert found.tolist() == [1, 1, 1, 1, 0]


@pytest.mark.parametrize("sigma", [1e-9, 1e-3, 0.1])
def test_a_point_on_the_boundary_sees_its_share_of_the_turn(sigma: float) -> None:
    corner = shapely.Polygon([(0, 0), (600_000, 0), (600_000, 600_000)])
    assert at(300_000, 0, sigma, corner) == pytest.approx(1 / 2, abs=1e-12)
    assert at(0, 0, sigma, corner) == pytest.approx(1 / 8, abs=1e-12)
    assert at(600_000, 0, sigma, corner) == pytest.approx(1 / 4, abs=1e-12)


def test_the_probability_crosses_an_edge_without_a_jump() -> None:
    square = shapely.box(600_000, 6_600_000, 600_200, 6_600_200)
    zones = ZoneProbabilities.of(np.array(["A"], dtype=object), np.array([square], dtype=object))
    step = np.concatenate([-np.logspace(0, -12, 60), [0.0], np.logspace(-12, 0, 60)])
    x, y, sigma = 600_000 + step, np.full(len(step), 6_600_100.0), np.full(len(step), 10.0)
    rows, _, p = zones.uncertain(x, y, sigma)
    assert len(rows) == len(step)
    assert (np.diff(p) >= -1e-15).all()
    assert np.abs(p - ndtr((x - 600_000) / 10)).max() < EXACT


def test_beyond_the_reach_it_is_exactly_nought_or_one() -> None:
    square = shapely.box(0, 0, 1000, 1000)
    zones = ZoneProbabilities.of(np.array(["A"], dtype=object), np.array([square], dtype=object))
    away = REACH * 10 + 1e-6
    rows, _, _ = zones.uncertain(np.array([500.0, away, -away]), np.full(3, 500.0), np.full(3, 10.0))
    assert len(rows) == 0
    assert at(away, 500, 10, square) == pytest.approx(1, abs=1e-15)
    assert at(-away, 500, 10, square) < 1e-15


def test_slivers_spikes_and_huge_polygons_keep_their_mass() -> None:
    thin = shapely.box(-500, 0, 500, 1e-6)
    assert at(0, 0, 10, thin) == pytest.approx(1e-6 / (10 * math.sqrt(2 * math.pi)), rel=1e-6)
    earth = shapely.box(-2e7, -2e7, 2e7, 2e7)
    assert at(6e5, 6.6e6, 50, earth) == 1
    half = shapely.box(6e5, -2e7, 2e7, 2e7)
    assert at(6e5 + 50, 6.6e6, 50, half) == pytest.approx(float(ndtr(1)), abs=1e-9)
    spike = shapely.Polygon(
        [(0, 0), (50, 0), (50, 50), (50 + 1e-9, 90), (50 + 2e-9, 50), (100, 50), (100, 100), (0, 100)]
    )
    plain = shapely.Polygon([(0, 0), (50, 0), (50, 50), (100, 50), (100, 100), (0, 100)])
    assert at(70, 60, 15, spike) == pytest.approx(at(70, 60, 15, plain), abs=1e-9)


def test_what_is_no_place_or_no_error_has_no_probability() -> None:
    square = shapely.box(0, 0, 10, 10)
    found = probability_inside(
        np.array([np.nan, 1, 1, 1]), np.array([1, np.inf, 1, 1]), np.array([1, 1, np.nan, -1.0]), square
    )
    assert np.isnan(found).all()


def test_where_zones_overlap_the_smallest_code_has_it_all() -> None:
    shapes = np.array([shapely.box(0, 0, 100, 100), shapely.box(50, 0, 150, 100)], dtype=object)
    zones = ZoneProbabilities.of(np.array(["B", "A"], dtype=object), shapes)
    assert zones.codes == ("A", "B")
    rows, zone, p = zones.uncertain(np.array([75.0, 50.0]), np.full(2, 50.0), np.full(2, 2.0))
    assert (rows.tolist(), zone.tolist()) == ([1, 1], [0, 1])
    assert p.tolist() == pytest.approx([0.5, 0.5], abs=1e-12)
    hidden = np.array([shapely.box(0, 0, 100, 100), shapely.box(20, 20, 30, 30)], dtype=object)
    assert ZoneProbabilities.of(np.array(["A", "B"], dtype=object), hidden).codes == ("A",)


def test_the_radius_of_a_confidence_holds_that_share_of_the_places() -> None:
    rng = np.random.default_rng(3)
    for confidence in (0.5, 0.9, 0.95):
        moved = rng.normal(0, float(sigma_of_radius(30.0, confidence)), (2, 400_000))
        share = (np.hypot(*moved) <= 30).mean()
        assert abs(share - confidence) < 4 * math.sqrt(confidence * (1 - confidence) / 400_000)


@pytest.mark.reel
def test_on_the_real_perimeters_near_edges_answer_as_whole_polygons(donnees_reelles: Path) -> None:
    frame = pyogrio.read_dataframe(donnees_reelles / "qpv2015" / "QP_METROPOLE_LB93.shp")
    shapes = np.array(
        [shapely.union_all(shapely.make_valid(g, method="structure")) for g in frame.geometry], dtype=object
    )
    zones = ZoneProbabilities.of(frame["CODE_QP"].to_numpy().astype(object), shapes)
    rng = np.random.default_rng(11)
    vertices = shapely.get_coordinates(shapes)
    at = vertices[rng.integers(0, len(vertices), 20_000)] + rng.normal(0, 40, (20_000, 2))
    sigma = rng.choice([4.0, 12.0, 40.0], len(at))
    rows, zone, p = zones.uncertain(*(np.ascontiguousarray(c) for c in at.T), sigma)
    assert len(rows) > 10_000
    assert np.bincount(rows, p).max() <= 1 + EXACT
    some = rng.choice(len(rows), 1000, replace=False)
    for r, z, q in zip(rows[some], zone[some], p[some], strict=True):
        whole = probability_inside(at[[r], 0], at[[r], 1], sigma[r], zones.boundaries.geometries[z])[0]
        assert abs(whole - q) < EXACT


def test_a_zone_wholly_under_an_earlier_one_holds_nothing_of_its_own() -> None:
    square = shapely.box(0, 0, 10, 10)
    own = exclusive(np.array([square, square, shapely.box(2, 2, 4, 4)], dtype=object))
    assert [g.area for g in own] == [100, 0, 0]
