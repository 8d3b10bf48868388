"""Controlled rounding: multiples of the base, next to their values, that add up in every hierarchy."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qpv_data.perturbation.rounding import Rounding, round_table, verify
from qpv_data.problems import FeedError
from qpv_data.secret.axes import Axis, build_axis
from qpv_data.secret.cells import Table, crossed, disjoint_table, finest_shape
from qpv_data.secret.equations import equations

SHAPES = [(2, 2), (3, 2), (3, 3), (4, 2), (2, 2, 2), (5,)]


def refused(message: str, remedy: str) -> None:
    raise AssertionError(message)


def axis(name: str, *hierarchies: dict[str, str | None]) -> Axis:
    built = build_axis(name, hierarchies, refused)
    assert built is not None
    return built


def drawn_axis(draw: random.Random, name: str, size: int, linked: bool) -> Axis:
    leaves = [f"{name}{n}" for n in range(size)]
    hierarchies: list[dict[str, str | None]] = []
    for rank in range(2 if linked else 1):
        groups = draw.randint(0, size // 2)
        parents: dict[str, str | None] = {f"{name}_tout": None}
        parents |= {f"{name}_h{rank}g{g}": f"{name}_tout" for g in range(groups)}
        for n, leaf in enumerate(leaves):
            group = n if n < groups else draw.randrange(groups + 1)
            parents[leaf] = f"{name}_h{rank}g{group}" if group < groups else f"{name}_tout"
        hierarchies.append(parents)
    return axis(name, *hierarchies)


def drawn(seed: int, linked: float = 0.4, shapes: list[tuple[int, ...]] = SHAPES) -> Table:
    draw = random.Random(seed)
    sizes = draw.choice(shapes)
    axes = tuple(drawn_axis(draw, "abc"[n], size, draw.random() < linked) for n, size in enumerate(sizes))
    values = np.array([draw.choice([0, 0, 1, 2, 3, 4, 5, 7, 12, 31]) for _ in range(int(np.prod(finest_shape(axes))))])
    return disjoint_table(axes, values, values, (values > 0).astype(np.int64), 0)


def tried(table: Table, base: int) -> set[tuple[int, ...]]:
    """Every strict rounding, by trying each choice of the finest cells and keeping those whose margins are adjacent."""
    finest = np.flatnonzero(crossed([np.isin(np.arange(len(a)), a.finest) for a in table.axes]))
    rows = equations(table)
    value = table.measures.value
    choices = [sorted({int(v) // base * base, -(-int(v) // base) * base}) for v in value]
    from qpv_data.secret.cells import add_up

    found = set()
    for picked in itertools.product(*(choices[c] for c in finest)):
        whole = add_up(table.axes, np.array(picked, dtype=np.int64))
        if all(int(w) in own for w, own in zip(whole, choices, strict=True)):
            assert not (rows @ whole).any()
            found.add(tuple(int(w) for w in whole))
    return found


@settings(max_examples=60)
@given(seed=st.integers(0, 10**9), base=st.sampled_from([2, 3, 5, 10]), chance=st.booleans())
def test_cells_are_adjacent_multiples_and_margins_add_up_exactly(seed: int, base: int, chance: bool) -> None:
    table = drawn(seed)
    draw = np.random.default_rng(seed).random(len(table)) if chance else None
    rounding = round_table(table, base, draw)
    value, true = rounding.value, table.measures.value
    assert not (value % base).any()
    assert not (equations(table) @ value).any()
    near = np.abs(value - true) < base
    assert (near | rounding.beyond).all()
    assert (np.abs(value - true) < 2 * base).all()
    assert (value[true % base == 0] == true[true % base == 0]).all() or not rounding.strict
    assert not value[true == 0].any()


@settings(max_examples=25)
@given(seed=st.integers(0, 10**9), base=st.sampled_from([3, 5]))
def test_a_strict_rounding_is_found_whenever_there_is_one_and_it_is_the_nearest(seed: int, base: int) -> None:
    table = drawn(seed, shapes=[(2, 2), (3, 2), (2, 2, 2), (5,)])
    every = tried(table, base)
    rounding = round_table(table, base)
    assert rounding.strict == bool(every)
    if every:
        true = table.measures.value
        least = min(int(np.abs(np.array(v) - true).sum()) for v in every)
        assert int(np.abs(rounding.value - true).sum()) == least


@given(seed=st.integers(0, 10**9))
def test_two_dimensions_with_one_hierarchy_are_always_rounded_strictly(seed: int) -> None:
    draw = random.Random(seed)
    axes = (drawn_axis(draw, "a", 4, linked=False), axis("b", {"T": None, "x": "T", "y": "T", "z": "T"}))
    values = np.array([draw.randint(0, 30) for _ in range(12)])
    assert round_table(disjoint_table(axes, values, values, values, 0), 5).strict


@given(seed=st.integers(0, 10**9), base=st.sampled_from([3, 5]))
def test_rounding_twice_is_rounding_once_and_the_same_table_gives_the_same_answer(seed: int, base: int) -> None:
    table = drawn(seed)
    first = round_table(table, base)
    assert (round_table(table, base).value == first.value).all()
    finest = first.value[np.flatnonzero(crossed([np.isin(np.arange(len(a)), a.finest) for a in table.axes]))]
    again = disjoint_table(table.axes, finest, finest, finest, 0)
    assert (round_table(again, base).value == first.value).all()


def test_a_table_without_strict_rounding_goes_further_and_says_which_cells() -> None:
    """Ones on the four cells of even parity of a cube: every line sums to 1 and every face to 2, which no choice of 0
    and 2 does."""
    axes = tuple(axis(name, {f"{name}T": None, f"{name}0": f"{name}T", f"{name}1": f"{name}T"}) for name in "abc")
    values = np.array([int(sum(index) % 2 == 0) for index in itertools.product(range(2), repeat=3)])
    table = disjoint_table(axes, values, values, values, 0)
    assert not tried(table, 2)
    rounding = round_table(table, 2)
    assert not rounding.strict
    assert 0 < rounding.beyond.sum() < len(table) / 2


def test_chance_has_no_bias_where_margins_leave_it_free() -> None:
    """One axis, its total alone above: over many draws, a cell's rounding has its value for mean."""
    leaves = {f"a{n}": "T" for n in range(8)}
    table_axis = axis("a", {"T": None, **leaves})
    values = np.array([1, 2, 3, 4, 6, 7, 8, 9])
    table = disjoint_table((table_axis,), values, values, values, 0)
    generator = np.random.default_rng(7)
    mean = np.mean([round_table(table, 5, generator.random(len(table))).value for _ in range(400)], axis=0)
    assert np.abs(mean - table.measures.value).max() < 0.5  # 4 standard errors of at most 2.5 / √400


def test_amounts_are_rounded_in_their_own_unit() -> None:
    whole = axis("a", {"T": None, "x": "T", "y": "T"})
    values = np.array([1234, 5678])
    rounding = round_table(disjoint_table((whole,), values, np.array([3, 4]), values, 2), 5)
    assert rounding.base == 500
    assert set(rounding.value.tolist()) <= {1000, 1500, 5500, 6000, 6500, 7000, 7500}


@pytest.mark.parametrize("fault", ["multiple", "marges", "loin", "zero"])
def test_the_verification_knows_nothing_of_the_search(fault: str) -> None:
    table = disjoint_table(
        (axis("a", {"T": None, "x": "T", "y": "T"}),), np.array([3, 0]), np.array([3, 0]), np.array([1, 0]), 0
    )  # T, x, y
    wrong = {"multiple": [3, 3, 0], "marges": [5, 0, 0], "loin": [20, 20, 0], "zero": [5, 0, 5]}[fault]
    with pytest.raises(AssertionError):
        verify(table, Rounding(5, np.array(wrong), np.zeros(3, np.bool_)))


def test_what_cannot_be_rounded_is_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qpv_data.perturbation.programme.Programme.solve", lambda self: None)
    with pytest.raises(FeedError, match="base plus petite"):
        round_table(drawn(1), 5)
