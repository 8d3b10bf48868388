"""The attack against brute force: every whole table that agrees with what is published."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tableaux import enumerated, filled, flat, system

from qpv_data.attaque.bounds import Method, analyse
from qpv_data.attaque.judge import Standard
from qpv_data.attaque.proofs import Prover
from qpv_data.attaque.system import System
from qpv_data.attaque.table import Rule

NESTED = {"t": "", "s": "t", "a": "s", "b": "s", "c": "t"}
COMMUNES = {"t": "", "k1": "t", "k2": "t", "a": "k1", "b": "k1", "c": "k2", "d": "k2"}
QUARTERS = {"t": "", "q1": "t", "q2": "t", "a": "q1", "b": "q2", "c": "q1", "d": "q2"}
SHAPES = [
    {"zone": [flat("t", *"abc")], "sexe": [flat("t", *"fh")]},
    {"zone": [NESTED], "sexe": [flat("t", *"fh")]},
    {"zone": [COMMUNES, QUARTERS]},
    {"zone": [flat("t", *"ab")], "sexe": [flat("t", *"fh")], "age": [flat("t", *"jv")]},
]


@st.composite
def protected(draw: st.DrawFn) -> tuple[System, np.ndarray]:
    """A random small table with some cells hidden, by the rule or not, and its truth."""
    axes = draw(st.sampled_from(SHAPES))
    finest = [[c for c in trees[0] if c not in set(trees[0].values())] for trees in axes.values()]
    values = {key: draw(st.integers(0, 4)) for key in product(*finest)}
    cells = filled(axes, values)
    zeros = draw(st.booleans())
    candidates = [c for c in sorted(cells) if cells[c] > 0 or not zeros]
    hidden = set(draw(st.lists(st.sampled_from(candidates), max_size=6, unique=True))) if candidates else set()
    gone = set(draw(st.lists(st.sampled_from(sorted(cells)), max_size=2, unique=True))) - hidden
    kept = {c: v for c, v in cells.items() if c not in gone}
    s = system(axes, kept, hidden, Rule(draw(st.integers(2, 5)), zeros_published=zeros))
    truth = np.array([cells[tuple(p.split("=")[1] for p in s.name(i).split(", "))] for i in range(len(s.low))])
    top = truth.max(initial=0)
    return s.bounded(s.low, np.minimum(s.high, top)), truth


@settings(deadline=None, max_examples=90)
@given(protected())
def test_intervals_are_those_of_enumeration(drawn: tuple[System, np.ndarray]) -> None:
    s, truth = drawn
    low, high = enumerated(s)
    found = analyse(s, exhaustive=True)
    assert (found.low <= low).all()
    assert (found.high >= high).all()
    assert ((low <= truth) & (truth <= high)).all()
    narrow = s.targets & (found.high - found.low < 2)
    assert (found.low[narrow] == low[narrow]).all()
    assert (found.high[narrow] == high[narrow]).all()


@settings(deadline=None, max_examples=90)
@given(protected())
def test_what_is_found_is_what_enumeration_finds(drawn: tuple[System, np.ndarray]) -> None:
    s, _ = drawn
    low, high = enumerated(s)
    found = analyse(s)
    truly = Standard.of(s, np.arange(len(s.low))).broken(low, high) & s.targets
    assert found.broken.tolist() == truly.tolist()


@settings(deadline=None, max_examples=60)
@given(protected())
def test_every_recovery_by_rank_has_a_proof_that_adds_up(drawn: tuple[System, np.ndarray]) -> None:
    s, truth = drawn
    found = analyse(s)
    prover = Prover(found)
    for cell in np.flatnonzero(found.broken).tolist():
        proof = prover.proof(cell)
        if list(Method)[found.method[cell]] is Method.RANG:
            assert proof is not None
            assert sum(t.coefficient * t.value for t in proof.terms) == truth[cell]
            assert all(t.cell != s.name(cell) for t in proof.terms)
        elif proof is not None:
            assert proof.value >= found.high[cell] if proof.relation == "≤" else proof.value <= found.low[cell]
