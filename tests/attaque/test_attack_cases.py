"""Worked cases whose answers are known."""

from __future__ import annotations

from fractions import Fraction

import pytest
from tableaux import cell, filled, flat, system

from qpv_data.attaque.bounds import Analysis, analyse
from qpv_data.attaque.findings import attack
from qpv_data.attaque.precision import numerator_bounds, reconstructed, rounded, simplest, whole
from qpv_data.attaque.proofs import Prover
from qpv_data.attaque.table import Rule

LOOSE = Rule(1, zeros_published=False)


def interval(found: Analysis, at: int) -> tuple[int, int]:
    return int(found.low[at]), int(found.high[at])


def test_a_hidden_block_of_four_has_the_intervals_of_its_remainders() -> None:
    axes = {"ligne": [flat("t", "1", "2")], "colonne": [flat("t", "1", "2")]}
    cells = filled(axes, {("1", "1"): 4, ("1", "2"): 3, ("2", "1"): 2, ("2", "2"): 1})
    hidden = {(i, j) for i in "12" for j in "12"}
    s = system(axes, cells, hidden, LOOSE)
    found = analyse(s, exhaustive=True)
    expected = {"11": (3, 6), "12": (1, 4), "21": (0, 3), "22": (0, 3)}
    assert {k: interval(found, cell(s, ligne=k[0], colonne=k[1])) for k in expected} == expected


def test_a_total_less_its_published_parts_gives_the_hidden_part_and_the_subtraction_is_the_proof() -> None:
    axes = {"zone": [flat("t", "a", "b", "c")]}
    s = system(axes, {("t",): 56_600, ("a",): 47_600, ("b",): 8_002, ("c",): 998}, {("c",)}, Rule(11))
    (finding,) = attack(s, 5).findings
    assert finding.proof is not None
    assert finding.proof.text() == "56 600 − 47 600 − 8 002 = 998"
    assert finding.proof.cells() == ["zone=t", "zone=a", "zone=b"]


FOUR = {"ligne": [flat("t", *"wxyz")], "colonne": [flat("t", *"abcd")]}
FOUR_VALUES = {"w": (30, 47, 64, 89), "x": (90, 124, 5, 31), "y": (92, 100, 59, 85), "z": (800, 991, 651, 685)}
FOUR_HIDDEN = ("wa", "wb", "wc", "xa", "xc", "yb", "yd", "zb", "zd")


@pytest.mark.parametrize(("more", "expected"), [((), (47, 47)), (("xd",), (0, 78)), (("xb",), (0, 141))])
def test_two_hidden_in_every_line_do_not_protect(more: tuple[str, ...], expected: tuple[int, int]) -> None:
    cells = filled(FOUR, {(r, c): v for r, line in FOUR_VALUES.items() for c, v in zip("abcd", line, strict=True)})
    s = system(FOUR, cells, {(h[0], h[1]) for h in (*FOUR_HIDDEN, *more)}, LOOSE)
    found = analyse(s, exhaustive=True)
    at = cell(s, ligne="w", colonne="b")
    assert interval(found, at) == expected
    if not more:
        proof = Prover(found).proof(at)
        assert proof is not None
        assert sum(t.coefficient * t.value for t in proof.terms) == proof.value == 47
        assert "= 47" in proof.text()


def test_the_complement_of_a_published_category_is_attacked_though_no_row_publishes_it() -> None:
    axes = {"sexe": [flat("t", "hommes", "femmes")]}
    s = system(axes, {("t",): 22, ("hommes",): 21}, set(), Rule(11))
    (finding,) = attack(s, 5).findings
    assert (finding.statut, finding.cell, finding.low, finding.high) == ("derivable", "sexe=femmes", 1, 1)
    assert finding.proof is not None
    assert finding.proof.text() == "22 − 21 = 1"


def test_a_sliver_between_two_nested_perimeters_is_found_and_a_moved_one_is_bounded() -> None:
    nested = {"zone": [{"2024": "", "2015": "2024", "nouveau": "2024"}]}
    s = system(nested, {("2024",): 247, ("2015",): 243}, set(), Rule(11))
    (finding,) = attack(s, 5).findings
    assert (finding.cell, finding.low) == ("zone=nouveau", 4)
    old = {"tout": "", "2015": "tout", "commun": "2015", "quitte": "2015", "entre": "tout", "hors": "tout"}
    new = {"tout": "", "2024": "tout", "commun": "2024", "entre": "2024", "quitte": "tout", "hors": "tout"}
    s = system({"zone": [old, new]}, {("2024",): 247, ("2015",): 243}, set(), Rule(1, zeros_published=False))
    found = analyse(s, exhaustive=True)
    assert interval(found, cell(s, zone="entre")) == (4, 247)


def test_a_rate_published_with_its_denominator_is_a_count() -> None:
    bounds = numerator_bounds(rounded(2.5, 1), Fraction(100), 160)
    assert bounds == (Fraction("3.92"), Fraction("4.08"))
    assert whole(bounds) == (4, 4)


def test_digits_of_a_ratio_give_its_fraction() -> None:
    ratio = rounded(0.0153971, 7)
    assert simplest(ratio.low, ratio.high) == Fraction(19, 1234)
    assert reconstructed(ratio, 2000) == [Fraction(19, 1234)]
    assert len(reconstructed(rounded(0.5, 1), 2000)) == 2


def test_an_annual_mean_gives_the_hidden_quarter() -> None:
    axes = {"periode": [flat("A", "T1", "T2", "T3", "T4")]}
    values = {("T1",): 12, ("T2",): 4, ("T3",): 15, ("T4",): 13, ("A",): 11}
    s = system(axes, values, {("T2",)}, Rule(5), mean="periode")
    (finding,) = attack(s, 5).findings
    assert finding.low == finding.high == 4
    assert finding.proof is not None
    assert finding.proof.text() == "4 × 11 − 15 − 13 − 12 = 4"


def test_published_zeros_say_that_a_hidden_count_is_at_least_one() -> None:
    axes = {"zone": [flat("t", *"abc")]}
    cells = filled(axes, {("a",): 4, ("b",): 4, ("c",): 4})
    hidden = {(c,) for c in "abc"}
    assert [int(f.high or 0) for f in attack(system(axes, cells, hidden, Rule(11)), 0).findings] == [10, 10, 10]
    assert not attack(system(axes, cells, hidden, Rule(11, zeros_published=False)), 0).findings
