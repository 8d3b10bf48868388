"""Bounds hold as often as they say, against the very law and against simulations in which a geocode's error is shared."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from drawn_shapes import star
from hypothesis import given, settings
from hypothesis import strategies as st

from qpv_data.uncertainty.bounds import NIVEAU, bounds, moments
from qpv_data.uncertainty.probability import probability_inside

TAIL = (1 - NIVEAU) / 2
WHOLE = st.integers(-50, 200).map(float)
REAL = st.floats(-1e6, 1e6, allow_subnormal=False).filter(lambda w: w == 0 or abs(w) > 1e-6)
PROBABILITY = st.floats(0, 1)


def law(weights: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every sum of a subset, and its probability."""
    sums, mass = np.zeros(1), np.ones(1)
    for w, q in zip(weights, p, strict=True):
        sums, mass = np.concatenate([sums, sums + w]), np.concatenate([mass * (1 - q), mass * q])
    return sums, mass


@pytest.mark.parametrize("exact", [True, False])
@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(WHOLE | REAL, PROBABILITY), max_size=11), st.floats(-1e6, 1e6), st.data())
def test_each_tail_is_at_most_its_share(
    exact: bool, drawn: list[tuple[float, float]], certain: float, data: st.DataObject
) -> None:
    weights, p = np.array([d[0] for d in drawn]), np.array([d[1] for d in drawn])
    sums, mass = law(weights, p)
    headline = certain + float(data.draw(st.sampled_from(sorted(set(sums.tolist())))))
    found = bounds(certain, headline, weights, p, exact=exact)
    slack = 1e-9 * (1 + abs(certain) + np.abs(weights).sum())
    assert mass[certain + sums < found.bas - slack].sum() <= TAIL + 1e-9
    assert mass[certain + sums > found.haut + slack].sum() <= TAIL + 1e-9
    assert found.bas <= headline <= found.haut
    assert certain + sums.min() - slack <= found.bas
    assert found.haut <= certain + sums.max() + slack


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9).map(float), st.floats(0.01, 0.99)), min_size=1, max_size=11))
def test_the_exact_bounds_are_the_quantiles_and_no_wider(drawn: list[tuple[float, float]]) -> None:
    weights, p = np.array([d[0] for d in drawn]), np.array([d[1] for d in drawn])
    sums, mass = law(weights, p)
    order = np.argsort(sums, kind="stable")
    at, cumulated = sums[order], np.cumsum(mass[order])
    low, high = at[np.searchsorted(cumulated, TAIL)], at[np.searchsorted(cumulated, 1 - TAIL)]
    found = bounds(0.0, float(low), weights, p)
    assert found.methode == "exacte"
    if np.abs(cumulated - TAIL).min() > 1e-9 and np.abs(cumulated - 1 + TAIL).min() > 1e-9:
        assert (found.bas, found.haut) == (low, high)


@pytest.mark.parametrize(("number", "kind"), [(40, "units"), (200, "units"), (60, "amounts"), (3000, "amounts")])
def test_many_geocodes_are_covered_as_often_as_said_in_a_simulation(number: int, kind: str) -> None:
    rng, trials = np.random.default_rng(number), 20_000
    weights = rng.integers(1, 30, number).astype(float) if kind == "units" else rng.lognormal(8, 1.5, number)
    p = rng.beta(0.6, 0.6, number)
    found = bounds(0.0, float(weights[p > 0.5].sum()), weights, p)
    assert found.methode == ("exacte" if kind == "units" else "majoree")
    drawn = np.concatenate([(rng.random((trials // 20, number)) < p) @ weights for _ in range(20)])
    covered = ((drawn >= found.bas) & (drawn <= found.haut)).mean()
    assert covered >= NIVEAU - 4 * np.sqrt(NIVEAU * (1 - NIVEAU) / trials)
    mean, variance = moments(weights, p)
    assert abs(drawn.mean() - mean) < 4 * np.sqrt(variance / trials)
    assert found.haut - found.bas < 4.9 * np.sqrt(variance) + 4 * weights.max(), "no wider than Bernstein's"


def test_all_the_records_of_a_tower_move_together() -> None:
    """Displaced points, counted by GEOS: a geocode's records share one error, and the bounds hold all the same."""
    rng, trials = np.random.default_rng(5), 4_000
    zone = shapely.Polygon(star(rng, (0.0, 0.0), 300.0, 14).exterior)
    places = rng.uniform(-320, 320, (45, 2))
    records = rng.integers(1, 60, 45).astype(float)  # dwellings at each of them
    sigma = rng.choice([10.0, 40.0], 45)
    p = probability_inside(places[:, 0], places[:, 1], sigma, zone)
    inside = shapely.contains_xy(zone, *places.T)
    found = bounds(0.0, float(records[inside].sum()), records, p)
    shapely.prepare(zone)
    moved = places[None] + rng.normal(size=(trials, 45, 2)) * sigma[None, :, None]
    counts = shapely.contains_xy(zone, moved[..., 0], moved[..., 1]) @ records
    covered = ((counts >= found.bas) & (counts <= found.haut)).mean()
    assert covered >= NIVEAU - 4 * np.sqrt(NIVEAU * (1 - NIVEAU) / trials)
    alone = bounds(0.0, found.bas, np.ones(int(records.sum())), np.repeat(p, records.astype(int)))
    assert alone.haut - alone.bas < 0.6 * (found.haut - found.bas), "errors taken apart would look far too sure"


def test_nothing_uncertain_is_the_figure_itself() -> None:
    for weights, p in [([], []), ([3.0], [0.0]), ([0.0], [0.5])]:
        found = bounds(7.0, 7.0, np.array(weights), np.array(p))
        assert (found.bas, found.haut, found.methode) == (7, 7, "exacte")
    sure = bounds(7.0, 10.0, np.array([3.0]), np.array([1.0]))
    assert (sure.bas, sure.haut) == (10, 10)


def test_the_headline_is_kept_inside_even_where_it_is_improbable() -> None:
    found = bounds(0.0, 40.0, np.ones(40), np.full(40, 0.51))
    assert found.haut == 40
    assert 10 < found.bas < 20


def test_a_negative_amount_lowers_the_sum_where_it_counts() -> None:
    found = bounds(100.0, 100.0, np.array([-30.0]), np.array([0.5]))
    assert (found.bas, found.haut) == (70, 100)


def test_bernstein_depends_on_the_weights_by_their_moments_and_maximum_alone() -> None:
    p = np.full(4, 0.5)
    one = bounds(0.0, 10.0, np.array([10.0, 6.0, 8.0, 0.0]), p, exact=False)
    other = bounds(0.0, 10.0, np.array([0.0, 8.0, 6.0, 10.0]), p, exact=False)
    assert (one.bas, one.haut, one.methode) == (other.bas, other.haut, "majoree")
