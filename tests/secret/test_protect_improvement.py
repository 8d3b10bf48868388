"""Several cells tried at once: never dearer, and the same answer each time."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from qpv_data.secret.axes import Axis, build_axis
from qpv_data.secret.cells import disjoint_table
from qpv_data.secret.costs import weights
from qpv_data.secret.equations import System, system_of
from qpv_data.secret.improvement import improve
from qpv_data.secret.moves import Block
from qpv_data.secret.primary import Targets, primary
from qpv_data.secret.rules import Rule
from qpv_data.secret.sequential import protect_block
from qpv_data.secret.tidying import exchange, tidy
from qpv_data.secret.verification import verify
from qpv_data.secret.witnesses import Pool, Witness

K = 5


def axe(nom: str, nombre: int) -> Axis:
    built = build_axis(nom, [{"t": None} | {f"{nom}{n}": "t" for n in range(nombre)}], lambda m, r: None)
    assert built is not None
    return built


class Bloc:
    """A table protected cell by cell, as blocks are before several cells are tried at once."""

    def __init__(self, graine: int) -> None:
        draw = np.random.default_rng(graine)
        values = draw.choice([0, 1, 2, 3, 6, 9, 14, 30], 48, p=[0.1, 0.1, 0.1, 0.1, 0.15, 0.15, 0.15, 0.15])
        values = values.astype(np.int64)
        table = disjoint_table((axe("l", 8), axe("c", 6)), values, values, (values > 0).astype(np.int64), 0)
        self.system: System = system_of(table, weights(table))
        sensitive, self.targets = primary(table, Rule(k=K))
        whole = Block(self.system, np.arange(len(table)))
        self.cells, self.block, self.asked = whole.cells, whole.alone(), sensitive[whole.cells]
        local = Targets(whole.local(self.targets.cell), self.targets.up, self.targets.amount)
        self.pool = Pool(local, whole.room.astype(np.int64))
        self.hidden = self.asked.copy()
        self.missed = len(protect_block(self.block, self.hidden, self.pool))
        if not self.missed:
            tidy(self.block, self.hidden, self.asked, self.pool)
            exchange(self.block, self.hidden, self.asked, self.pool)

    @property
    def cost(self) -> float:
        return float(self.block.weight[self.hidden & ~self.asked].sum())

    def verify(self) -> None:
        kept = np.zeros(len(self.system.value), np.bool_)
        kept[self.cells] = self.hidden
        proof = {t: Witness(self.cells[w.cells], w.change) for t, w in self.pool.proof.items()}
        verify(self.system, kept, self.targets, proof)


@settings(deadline=None, max_examples=4)
@given(graine=st.integers(0, 10**6))
def test_what_is_found_costs_no_more_and_protects_as_well(graine: int):
    bloc, again = Bloc(graine), Bloc(graine)
    if bloc.missed:
        return
    before = bloc.cost
    improve(bloc.block, bloc.hidden, bloc.asked, bloc.pool)
    assert bloc.cost <= before + 1e-9
    assert (bloc.hidden | ~bloc.asked).all()
    bloc.verify()
    improve(again.block, again.hidden, again.asked, again.pool)
    assert (again.hidden == bloc.hidden).all()


def test_it_finds_what_one_cell_at_a_time_does_not():
    blocs = [bloc for graine in range(5) if not (bloc := Bloc(graine)).missed]
    before = sum(bloc.cost for bloc in blocs)
    for bloc in blocs:
        improve(bloc.block, bloc.hidden, bloc.asked, bloc.pool)
    assert sum(bloc.cost for bloc in blocs) < 0.99 * before
