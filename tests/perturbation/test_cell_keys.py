"""Cell keys: the same units have the same noise, and the noise is what is declared."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qpv_data.perturbation.cellkeys import VARIABLE, Counts, counts_of, fingerprint, perturbation_key, uniform
from qpv_data.perturbation.noise import Noise
from qpv_data.problems import FeedError, Problem
from qpv_data.secret.axes import Axis, build_axis

KEY = bytes(range(32))
NOISES = st.tuples(st.integers(1, 8), st.floats(0.2, 20), st.integers(0, 4)).map(lambda n: Noise(*n)).filter(
    lambda n: not n.faults()
)  # fmt: skip


def flat(name: str, codes: list[str]) -> Axis:
    def refused(message: str, remedy: str) -> None:
        raise AssertionError(message)

    built = build_axis(name, [{"T": None, **dict.fromkeys(codes, "T")}], refused)
    assert built is not None
    return built


def counted(axes: tuple[Axis, ...], rows: list[tuple[int, ...]], units: list[str], key: bytes = KEY) -> Counts:
    return counts_of(axes, np.array(rows, dtype=np.int64).reshape(-1, len(axes)), pa.array(units, pa.string()), key)


RECORDS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.sampled_from("uvwxyz")), min_size=1, max_size=30)


@given(records=RECORDS, data=st.data())
def test_order_is_irrelevant_and_a_unit_counts_once_however_often_it_is_there(
    records: list[tuple[int, int, str]], data: st.DataObject
) -> None:
    axes = (flat("a", ["a0", "a1", "a2"]), flat("b", ["b0", "b1"]))
    first = counted(axes, [r[:2] for r in records], [r[2] for r in records])
    mixed = data.draw(st.permutations(records * 2))
    second = counted(axes, [r[:2] for r in mixed], [r[2] for r in mixed])
    assert (first.units == second.units).all()
    assert (first.key == second.key).all()


@given(records=RECORDS, noise=NOISES)
def test_the_same_units_have_the_same_noise_in_every_table(records: list[tuple[int, int, str]], noise: Noise) -> None:
    """Cells of one table, and of another that cuts the same people otherwise under other names."""
    wide = counted(
        (flat("a", ["a0", "a1", "a2"]), flat("b", ["b0", "b1"])), [r[:2] for r in records], [r[2] for r in records]
    )
    other = counted((flat("autre", ["p", "q", "r"]),), [r[:1] for r in records], [r[2] for r in records])
    seen: dict[frozenset[str], int] = {}
    for counts, shape, given_rows in (
        (wide, (4, 3), [(r[0], r[1], r[2]) for r in records]), (other, (4,), [(r[0], r[2]) for r in records]),
    ):  # fmt: skip
        shown = counts.perturbed(noise)
        for cell in range(len(shown)):
            ranks = np.unravel_index(cell, shape)
            own = frozenset(
                row[-1] for row in given_rows
                if all(axis.holds[int(rank), place] for axis, rank, place in zip(counts.axes, ranks, row[:-1], strict=True))
            )  # fmt: skip
            assert counts.units[cell] == len(own)
            assert seen.setdefault(own, int(shown[cell])) == shown[cell]


@settings(max_examples=40)
@given(noise=NOISES)
def test_the_noise_has_the_mean_bounds_and_variance_that_are_declared(noise: Noise) -> None:
    for count, (noises, probability) in enumerate(noise.rows, 1):
        assert probability.sum() == pytest.approx(1)
        assert (probability >= 0).all()
        assert np.abs(noises).max() <= noise.ecart
        assert ((count + noises == 0) | (count + noises > noise.petits)).all()
        assert probability @ noises == pytest.approx(0, abs=1e-8)
    noises, probability = noise.rows[-1]
    assert probability @ noises.astype(float) ** 2 == pytest.approx(noise.variance, rel=1e-6)
    assert probability == pytest.approx(probability[::-1], abs=1e-7), "no direction is preferred once all are possible"


@given(noise=NOISES, counts=st.lists(st.integers(0, 500), min_size=1, max_size=50), seed=st.integers(0, 2**32 - 1))
def test_no_value_is_beyond_the_bound_none_is_small_and_a_zero_stays(
    noise: Noise, counts: list[int], seed: int
) -> None:
    true = np.array(counts, dtype=np.int64)
    shown = true + noise.draw(true, np.random.default_rng(seed).random(len(true)))
    assert (np.abs(shown - true) <= noise.ecart).all()
    assert (shown[true == 0] == 0).all()
    assert ((shown == 0) | (shown > noise.petits)).all()


def test_no_other_distribution_says_less() -> None:
    """Any move that keeps sum, mean and variance lowers the entropy."""
    noises, p = Noise(4, 3.0, 2).rows[0]
    features = np.vstack([np.ones(len(noises)), noises, noises**2])
    null = np.linalg.svd(features)[2][np.linalg.matrix_rank(features) :]
    generator = np.random.default_rng(3)
    assert len(null)
    for _ in range(50):
        q = p + 1e-3 * generator.normal(size=len(null)) @ null
        if (q > 0).all():
            assert -(q * np.log(q)).sum() <= -(p * np.log(p)).sum() + 1e-12


def test_where_the_variance_cannot_be_reached_it_is_the_nearest_that_can() -> None:
    noises, p = Noise(3, 0.5, 2).rows[0]  # a count of 1 is shown 0, 3 or 4
    shown = dict(zip(noises.tolist(), p.tolist(), strict=True))
    assert shown == pytest.approx({-1: 2 / 3, 2: 1 / 3, 3: 0})


def test_draws_are_uniform_and_another_key_gives_another_noise() -> None:
    axes = (flat("a", [f"a{n:05d}" for n in range(4_000)]),)
    rows, units = [(n,) for n in range(4_000)], [f"u{n}" for n in range(4_000)]
    counts = counted(axes, rows, units)
    drawn = uniform(counts.key[counts.units == 1])
    assert len(drawn) == 4_000
    assert np.abs(np.histogram(drawn, bins=10, range=(0, 1))[0] - 400).max() < 5 * np.sqrt(400)
    other = counted(axes, rows, units, key=b"\1" * 32)
    assert (other.key != counts.key)[counts.units == 1].all()


def test_the_key_comes_from_the_environment_alone_and_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in (None, "", "abc", "zz" * 32):
        monkeypatch.delenv(VARIABLE, raising=False)
        if wrong is not None:
            monkeypatch.setenv(VARIABLE, wrong)
        with pytest.raises(FeedError) as caught:
            perturbation_key("t")
        assert caught.value.probleme is Problem.SECRET_ABSENT
        assert not wrong or wrong not in str(caught.value)
    monkeypatch.setenv(VARIABLE, KEY.hex())
    assert perturbation_key("t") == KEY
    assert fingerprint(KEY) not in KEY.hex()


@pytest.mark.parametrize("noise", [Noise(2, 5.0, 0), Noise(2, 0.0, 0), Noise(3, 1.0, 3), Noise(1, 1.0, 1)])
def test_impossible_noises_are_said(noise: Noise) -> None:
    assert noise.faults()
