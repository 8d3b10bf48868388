"""Small blocks are protected at the least cost, which trying every choice confirms."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from scipy.optimize import linprog

from qpv_data.secret.axes import Axis, build_axis
from qpv_data.secret.benders import CANDIDATES, exact
from qpv_data.secret.cells import Table, disjoint_table
from qpv_data.secret.costs import weights
from qpv_data.secret.equations import System, system_of
from qpv_data.secret.moves import Block
from qpv_data.secret.primary import Targets, primary
from qpv_data.secret.rules import Rule
from qpv_data.secret.sequential import protect_block
from qpv_data.secret.witnesses import Pool

K = 4


def axe(nom: str, nombre: int) -> Axis:
    codes = {f"{nom}{n}": f"{nom}_total" for n in range(nombre)}
    built = build_axis(nom, [{f"{nom}_total": None, **codes}], lambda m, r: None)
    assert built is not None
    return built


def tirage(graine: int) -> tuple[Table, System, np.ndarray, Targets]:
    draw = random.Random(graine)
    values = np.array([draw.choice([1, 2, 5, 6, 9, 14]) for _ in range(6)], dtype=np.int64)
    table = disjoint_table((axe("l", 2), axe("c", 3)), values, values, np.ones(6, dtype=np.int64), 0)
    hidden, targets = primary(table, Rule(k=K))
    return table, system_of(table, weights(table)), hidden, targets


def essais(system: System, hidden: np.ndarray, targets: Targets) -> float:
    """Least cost over every choice of cells to hide. Equations of two flat axes: programmes end on whole numbers."""
    others = np.flatnonzero(~hidden)
    choices = [c for n in range(len(others) + 1) for c in itertools.combinations(others, n)]
    for choice in sorted(choices, key=lambda c: system.weight[list(c)].sum()):
        free = hidden.copy()
        free[list(choice)] = True
        if all(
            _peut(system, free, int(cell), int(amount))
            for cell, amount in zip(targets.cell, targets.amount, strict=True)
        ):
            return float(system.weight[list(choice)].sum())
    raise AssertionError("tout cacher suffit toujours")


def _peut(system: System, free: np.ndarray, cell: int, amount: int) -> bool:
    low = np.where(free, (system.least - system.value).astype(float), 0.0)
    high = np.where(free, np.inf, 0.0)
    low[cell] = high[cell] = amount
    found = linprog(
        np.zeros(len(free)), A_eq=system.rows, b_eq=np.zeros(system.rows.shape[0]), bounds=np.column_stack([low, high])
    )
    return found.status == 0


@pytest.mark.parametrize("graine", range(6))
def test_no_choice_costs_less_than_the_exact_one(graine: int):
    _, system, hidden, targets = tirage(graine)
    block = Block(system, np.arange(len(system.value)))
    assert (~hidden).sum() <= CANDIDATES
    found = exact(block, hidden, targets, block.room.astype(np.int64))
    assert found is not None
    free, proof = found
    assert sorted(proof) == list(range(len(targets)))
    cost = system.weight[free & ~hidden].sum()
    assert cost == pytest.approx(essais(system, hidden, targets))
    wide, pool = hidden.copy(), Pool(targets, block.room.astype(np.int64))
    assert not len(protect_block(block, wide, pool))
    assert cost <= system.weight[wide & ~hidden].sum() + 1e-9
