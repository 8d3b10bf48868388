"""Moves found without a programme are moves of the table, and tables of three full axes are protected through them."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables_to_protect import Parents, tirer_axe

from qpv_data.secret.axes import Axis, build_axis
from qpv_data.secret.cells import Table, disjoint_table, finest_shape
from qpv_data.secret.circuits import Circuits
from qpv_data.secret.equations import equations, system_of
from qpv_data.secret.moves import Block
from qpv_data.secret.protection import protect_table
from qpv_data.secret.rounding import whole_move
from qpv_data.secret.rules import Rule


def axe(nom: str, hierarchies: list[Parents]) -> Axis:
    built = build_axis(nom, [{c: p or None for c, p in h.items()} for h in hierarchies], lambda m, r: None)
    assert built is not None
    return built


def tableau(axes: tuple[Axis, ...], values: np.ndarray) -> Table:
    return disjoint_table(axes, values, values, (values > 0).astype(np.int64), 0)


def plein(graine: int, *tailles: int) -> Table:
    axes = tuple(axe(f"axe{n}", [{"t": "", **{f"c{c}": "t" for c in range(t)}}]) for n, t in enumerate(tailles))
    draw = np.random.default_rng(graine)
    return tableau(axes, draw.poisson(8, int(np.prod(tailles))).astype(np.int64))


@settings(deadline=None, max_examples=40)
@given(graine=st.integers(0, 10**6))
def test_a_circuit_breaks_no_addition_and_costs_what_is_said_least_first(graine: int):
    draw = random.Random(graine)
    axes = tuple(axe(f"axe{n}", tirer_axe(draw, "abc"[n], draw.randint(1, 4), draw.random() < 0.5)) for n in range(3))
    values = np.array([draw.randint(0, 9) for _ in range(int(np.prod(finest_shape(axes))))], dtype=np.int64)
    table = tableau(axes, values)
    cells = np.array([c for c in range(len(table)) if draw.random() < 0.9], dtype=np.int64)
    circuits, rows = Circuits(axes, table.shape, cells), equations(table)
    up, down = (np.array([draw.uniform(1, 9) for _ in cells]) for _ in range(2))
    for at in draw.sample(range(len(cells)), min(len(cells), 5)):
        costs = []
        for circuit in circuits.around(at, (up, down), 10):
            move = np.zeros(len(table), dtype=np.int64)
            move[cells[circuit.cells]] = circuit.sign
            assert (circuit.cells >= 0).all()
            assert len(set(circuit.cells.tolist())) == len(circuit.cells)
            assert move[cells[at]] == 1
            assert not (rows @ move).any()
            costs.append(sum((up if s > 0 else down)[c] for c, s in zip(circuit.cells, circuit.sign, strict=True)))
        assert costs == pytest.approx(sorted(costs))


@pytest.mark.parametrize(("forme", "k"), [((8, 6, 4), 5), ((16, 10, 6), 6)])
def test_full_tables_of_three_axes_are_protected_in_seconds(forme: tuple[int, ...], k: int):
    table = plein(1, *forme)
    protection = protect_table(table, Rule(k=k))  # it verifies what it gives
    assert protection.hidden.sum() > protection.primary.sum() > 0


@settings(deadline=None, max_examples=15)
@given(graine=st.integers(0, 10**6), amount=st.integers(1, 4))
def test_a_move_in_whole_numbers_is_found_where_the_programme_ends_on_fractions(graine: int, amount: int):
    table = plein(graine, 3, 3, 3)
    system = system_of(table, np.ones(len(table)))
    block = Block(system, np.arange(len(table)))
    draw = np.random.default_rng(graine)
    cost = draw.uniform(1, 2, len(block))
    at = int(draw.integers(len(block)))
    move = whole_move(block, (cost, cost), (np.full(len(block), np.inf), block.room), (at, float(amount)))
    assert move is not None
    assert move[at] >= amount
    assert not (block.rows @ move).any()
    assert (move >= -block.room).all()
