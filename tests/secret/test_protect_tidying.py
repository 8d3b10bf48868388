"""What is hidden for nothing is shown again, and every target keeps a witness."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from qpv_data.secret.axes import Axis, build_axis
from qpv_data.secret.cells import disjoint_table
from qpv_data.secret.equations import system_of
from qpv_data.secret.moves import Block, limits
from qpv_data.secret.primary import primary
from qpv_data.secret.rules import Rule
from qpv_data.secret.sequential import protect_block
from qpv_data.secret.tidying import tidy
from qpv_data.secret.verification import verify
from qpv_data.secret.witnesses import Pool


def axe(nom: str, nombre: int) -> Axis:
    built = build_axis(nom, [{"t": None} | {f"{nom}{n}": "t" for n in range(nombre)}], lambda m, r: None)
    assert built is not None
    return built


@settings(deadline=None, max_examples=20)
@given(graine=st.integers(0, 10**6))
def test_no_cell_is_left_hidden_that_every_target_can_do_without(graine: int):
    draw = np.random.default_rng(graine)
    values = draw.choice([0, 1, 2, 6, 9, 14, 30], 30).astype(np.int64)
    table = disjoint_table((axe("l", 6), axe("c", 5)), values, values, (values > 0).astype(np.int64), 0)
    system = system_of(table, np.ones(len(table)))
    sensitive, targets = primary(table, Rule(k=4))
    block = Block(system, np.arange(len(table)))
    asked = sensitive[block.cells]
    pool = Pool(type(targets)(block.local(targets.cell), targets.up, targets.amount), block.room.astype(np.int64))
    alone, hidden = block.alone(), asked.copy()
    assert not len(protect_block(alone, hidden, pool))
    hidden[:] = True  # far too much
    tidy(alone, hidden, asked, pool)
    for witness in pool.proof.values():
        assert hidden[witness.cells].all()
    kept = np.zeros(len(table), np.bool_)
    kept[block.cells] = hidden
    in_table = {t: type(w)(block.cells[w.cells], w.change) for t, w in pool.proof.items()}
    verify(system, kept, targets, in_table)
    for cell in np.flatnonzero(hidden & ~asked):
        free = hidden.copy()
        free[cell] = False
        assert any(_stuck(alone, free, pool, t) for t in range(len(targets)))


def _stuck(block: Block, free: np.ndarray, pool: Pool, target: int) -> bool:
    cost, amount = np.ones(len(block)), float(pool.targets.amount[target])
    signed = amount if pool.targets.up[target] else -amount
    return block.solve((cost, cost), limits(block, free), (int(pool.targets.cell[target]), signed)) is None
