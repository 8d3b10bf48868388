"""The statistics of signals: laws held against draws, procedures against brute force, and what must not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from benchmarks import signaux
from qpv_data.site.signals import calibration, multiplicity, robust, statistics
from qpv_data.site.signals.model import Kind, Measure, Series

PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(PROBABILITIES, st.floats(0.001, 0.5))
def test_a_q_value_within_the_rate_is_what_the_step_up_procedure_rejects(p: list[float], rate: float) -> None:
    order = sorted(p)
    limit = max((v for i, v in enumerate(order, 1) if v * len(p) / i <= rate), default=-1.0)
    assert [bool(q <= rate) for q in multiplicity.adjusted(np.array(p))] == [v <= limit for v in p]


@given(PROBABILITIES)
def test_q_values_are_those_of_scipy_under_either_dependence(p: list[float]) -> None:
    for any_dependence, method in ((False, "bh"), (True, "by")):
        mine = multiplicity.adjusted(np.array(p), any_dependence=any_dependence)
        assert mine == pytest.approx(false_discovery_control(p, method=method), rel=1e-12)


def test_what_is_no_probability_is_refused() -> None:
    for wrong in (1.5, -0.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            multiplicity.adjusted(np.array([0.5, wrong]))


@pytest.mark.parametrize("count", [8, 12, 30])
def test_the_law_of_small_groups_is_the_one_that_draws_show(count: int) -> None:
    rng = np.random.default_rng(3)
    logs = [
        robust.log_tail(robust.studentised(rng.standard_normal(count), np.ones(count), np.zeros(count)), count - 1)
        for _ in range(1500)
    ]
    p = np.exp(np.concatenate(logs))
    for level in (0.1, 0.02):
        assert abs((p < level).mean() - level) < 5 * np.sqrt(level / len(p)) + 0.1 * level


@given(st.lists(st.integers(-1000, 1000), min_size=9, max_size=20), st.integers(-50, 50), st.integers(1, 9))
def test_neither_origin_nor_unit_changes_a_statistic(values: list[int], origin: int, unit: int) -> None:
    y, even, floor = np.array(values, dtype=float), np.ones(len(values)), np.full(len(values), 1.0)
    moved = robust.studentised(unit * y + origin, even, unit**2 * floor)
    assert moved == pytest.approx(robust.studentised(y, even, floor), rel=1e-6, abs=1e-6)


def test_two_other_outliers_do_not_hide_a_third() -> None:
    y = np.concatenate([np.linspace(-1, 1, 28), [30.0, 40.0, 50.0]])
    found = robust.studentised(y, np.ones(31), np.zeros(31))
    assert (np.abs(found[-3:]) > 8).all()


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=15))
def test_the_median_of_the_others_is_the_one_of_the_definition(values: list[float]) -> None:
    y = np.array(values)
    assert statistics.others_median(y) == pytest.approx([np.median(np.delete(y, i)) for i in range(len(y))])


def _rates(n: int = 12, seed: int = 1) -> Series:
    world = signaux.World("x", n, indicators=2)
    return signaux.drawn(world, np.random.default_rng(seed))[0][1]


@given(st.permutations(range(12)))
def test_the_order_of_zones_changes_nothing(order: list[int]) -> None:
    series = _rates()
    moved = replace(series, **{
        name: getattr(series, name)[order] for name in ("values", "numerators", "denominators", "noise")
    })  # fmt: skip
    for compare in (statistics.levels, statistics.changes, statistics.own):
        here, there = compare(series), compare(moved)
        assert (here is None) == (there is None)
        if here and there:
            scores = dict(zip((order[z] for z in there.zones), there.scores, strict=True))
            assert [scores[int(z)] for z in here.zones] == pytest.approx(here.scores, rel=1e-9, abs=1e-9)


def test_fewer_than_eight_quarters_are_not_compared() -> None:
    assert statistics.levels(_rates(7)) is None
    assert statistics.changes(_rates(7)) is None


def test_a_change_across_no_comparable_pair_is_not_compared() -> None:
    assert statistics.changes(replace(_rates(), pair=None)) is None
    assert statistics.own(replace(_rates(), run=(11,))) is None


def test_a_trivial_gap_is_never_a_signal_however_sure() -> None:
    series = _rates(40)
    d = np.full_like(series.denominators, 1e9)
    x = np.round(d * 0.1)
    x[0] = np.round(d[0] * 0.105)
    rng = np.random.default_rng(1)
    x = x + np.round(rng.normal(0, 1e4, x.shape))
    found = statistics.levels(replace(series, values=1000 * x / d, numerators=x, denominators=d))
    assert found is not None
    assert found.scores[0] > 6
    assert not found.told.any()


def test_most_quarters_alike_give_no_yardstick() -> None:
    series = _rates()
    same = np.full_like(series.values, 5.0)
    same[0] = 9.0
    assert statistics.levels(replace(series, values=same, numerators=np.full_like(same, 50.0))) is None


def test_heavy_tails_are_held_to_themselves() -> None:
    rng = np.random.default_rng(5)
    normal, heavy = rng.standard_normal(20_000), rng.standard_t(3, 20_000)
    assert calibration.tail(normal)[1] >= 30
    assert calibration.tail(heavy)[1] <= 4
    assert calibration.tail(rng.standard_normal(100)) == (1.0, calibration.ASSUMED)


def test_a_p_value_is_never_under_the_normal_one() -> None:
    series, _ = signaux.drawn(signaux.World("x", 30, indicators=6), np.random.default_rng(2))
    made = signaux.compared(series)
    for one, p in zip(made, calibration.p_values(made), strict=True):
        from scipy.special import ndtr

        assert (p >= np.minimum(2 * ndtr(-np.abs(one.scores)), 1.0) - 1e-15).all()
        assert one.kind in Kind
        assert one.series.measure in Measure
