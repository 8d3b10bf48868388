"""Differencing by minimum cut, against every subset of zones."""

from __future__ import annotations

from fractions import Fraction
from itertools import chain, combinations, product
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from tableaux import cell, filled, system
from typer.testing import CliRunner, Result

from qpv_data.attaque.bounds import analyse
from qpv_data.attaque.differencing import Group, Piece, differencing
from qpv_data.attaque.levels import dominance_level, prior_level, within
from qpv_data.attaque.table import Rule
from qpv_data.commands.audit import register


def subsets(codes: list[str]) -> list[set[str]]:
    return [set(s) for s in chain.from_iterable(combinations(codes, n) for n in range(len(codes) + 1))]


def smallest(pieces: dict[Piece, int], piece: Piece) -> int:
    """By enumeration: the fewest units of S less T that hold this piece, T lying within S."""
    firsts, seconds = sorted({i for i, _ in pieces}), sorted({j for _, j in pieces})
    best = sum(pieces.values())
    for added, removed in product(subsets(firsts), subsets(seconds)):
        nested = all(i in added for i, j in pieces if j in removed)
        if nested and piece[0] in added and piece[1] not in removed:
            best = min(best, sum(n for (i, j), n in pieces.items() if i in added and j not in removed))
    return best


@st.composite
def partitions(draw: st.DrawFn) -> dict[Piece, int]:
    pairs = [(f"a{i}", f"b{j}") for i in range(draw(st.integers(1, 4))) for j in range(draw(st.integers(1, 4)))]
    kept = draw(st.lists(st.sampled_from(pairs), min_size=1, unique=True))
    return {p: draw(st.integers(0, 9)) for p in kept}


@settings(deadline=None, max_examples=60)
@given(partitions(), st.integers(2, 12))
def test_the_cut_is_the_smallest_difference_of_every_subset(pieces: dict[Piece, int], k: int) -> None:
    for turned in (False, True):
        ground = {(j, i): n for (i, j), n in pieces.items()} if turned else pieces
        at_risk = [p for p, n in ground.items() if 0 < n < k and smallest(ground, p) < k]
        groups = differencing(pieces, k)
        for i, j in at_risk:
            units = smallest(ground, (i, j))
            assert any(g.units == units and i in g.added and j not in g.removed for g in groups)
        for group in groups:
            assert 0 < group.units < k
    firsts = {i for i, _ in pieces}
    for group in differencing(pieces, k):
        ground = pieces if set(group.added) <= firsts else {(j, i): n for (i, j), n in pieces.items()}
        assert group.units == sum(n for (i, j), n in ground.items() if i in group.added and j not in group.removed)


@settings(deadline=None, max_examples=40)
@given(partitions())
def test_the_reconstructor_bounds_a_piece_by_its_smallest_cut(pieces: dict[Piece, int]) -> None:
    trees = []
    for side in (0, 1):
        above = {"t": ""} | {f"z{side}{p[side]}": "t" for p in pieces}
        trees.append(above | {f"{i}.{j}": f"z{side}{(i, j)[side]}" for i, j in pieces})
    cells = filled({"zone": trees}, {(f"{i}.{j}",): n for (i, j), n in pieces.items()})
    published = {c: n for c, n in cells.items() if "." not in c[0]}
    s = system({"zone": trees}, published, set(), Rule(2))
    found = analyse(s, exhaustive=True)
    turned = {(j, i): n for (i, j), n in pieces.items()}
    for i, j in pieces:
        best = min(smallest(pieces, (i, j)), smallest(turned, (j, i)))
        assert found.high[cell(s, zone=f"{i}.{j}")] == best


def test_a_nested_perimeter_leaves_a_sliver_that_is_found() -> None:
    assert differencing({("QPV24", "QPV15"): 243, ("QPV24", "hors"): 4, ("hors", "hors"): 900}, 11) == [
        Group(("QPV24",), ("QPV15",), 4),
        Group(("hors",), ("hors",), 4),
    ]


def test_several_zones_together_leave_what_none_leaves_alone() -> None:
    pieces = {("A1", "B1"): 50, ("A1", "B2"): 30, ("A2", "B2"): 40, ("A2", "B3"): 3, ("A3", "B3"): 60}
    assert Group(("A1", "A2"), ("B1", "B2"), 3) in differencing(pieces, 11)


def test_a_dominated_amount_needs_an_upper_bound_past_the_rule() -> None:
    parts = [Fraction(300), Fraction(20), Fraction(10)]
    level = dominance_level(parts, Fraction(85, 100))
    assert round(float(330 + level), 2) == 352.94
    assert within(Fraction(330), Fraction(0), Fraction(352), level)
    assert not within(Fraction(330), Fraction(0), Fraction(353), level)
    assert prior_level(parts, Fraction(10)) == 20
    assert dominance_level([Fraction(3), Fraction(3), Fraction(3)], Fraction(85, 100)) < 0


def audited(path: Path, *more: str) -> Result:
    app = typer.Typer()
    register(app)
    app.command("autre")(lambda: None)
    return CliRunner().invoke(app, ["audit", str(path), "--zonages", "qpv2015,qpv2024", *more])


def test_the_command_counts_distinct_units_and_tells_outside_from_unknown(tmp_path: Path) -> None:
    places = [("Q", "N")] * 40 + [(None, "N")] * 6 + [(None, None)] * 30
    pq.write_table(
        pa.table({
            "qpv2015": [a for a, _ in places],
            "qpv2015_localisation": ["dehors" if a is None else "dedans" for a, _ in places],
            "qpv2024": [b for _, b in places],
            "menage": [f"m{i // 2}" for i in range(len(places))],
        }),
        tmp_path / "2024-T4.parquet",
    )  # fmt: skip
    done = audited(tmp_path / "2024-T4.parquet", "--k", "5", "--unite", "menage")
    assert done.exit_code == 1
    assert done.stdout == (
        "2024-T4  qpv2015 / qpv2024  (hors) − (hors) = 3\n2024-T4  qpv2015 / qpv2024  N − Q = 3\n"
        "2 groupes de moins de 5 unités.\n"
    )
    assert audited(tmp_path / "2024-T4.parquet", "--k", "5").exit_code == 0
    assert audited(tmp_path / "2024-T4.parquet", "--k", "5", "--unite", "rien").exit_code == 4


def test_a_unit_seen_in_two_pieces_is_counted_once(tmp_path: Path) -> None:
    """What A has more than Q is of b, seen in two pieces, and of c: two households, and three with b twice."""
    places = [("Q", "A", f"a{i}") for i in range(30)] + [(None, "A", "b"), ("R", "A", "b"), ("R", "A", "c")]
    places += [("R", "B", f"d{i}") for i in range(50)] + [(None, "B", f"e{i}") for i in range(40)]
    columns = dict(zip(("qpv2015", "qpv2024", "menage"), map(list, zip(*places, strict=True)), strict=True))
    pq.write_table(pa.table(columns), tmp_path / "p.parquet")
    done = audited(tmp_path / "p.parquet", "--k", "3", "--unite", "menage")
    assert "A − Q = 2" in done.stdout


@settings(deadline=None, max_examples=60)
@given(data=st.data(), k=st.integers(2, 6))
def test_groups_of_shared_units_are_what_they_say(data: st.DataObject, k: int) -> None:
    pieces = sorted(data.draw(partitions()))
    units = data.draw(st.lists(st.sets(st.sampled_from(pieces), min_size=1, max_size=3), max_size=12))
    counts = {p: sum(p in held for held in units) for p in pieces}
    shared: dict[frozenset[Piece], int] = {}
    for held in units:
        shared[frozenset(held)] = shared.get(frozenset(held), 0) + 1
    firsts = {i for i, _ in pieces}
    groups = differencing(counts, k, shared)
    for group in groups:
        straight = set(group.added) <= firsts
        inside = {
            p
            for p in pieces
            if (p if straight else p[::-1])[0] in group.added and (p if straight else p[::-1])[1] not in group.removed
        }
        assert group.units == sum(bool(held & inside) for held in units)
        assert 0 < group.units < k
    alone = {frozenset(g.added) | {"-"} | frozenset(g.removed) for g in differencing(counts, k)}
    assert alone <= {frozenset(g.added) | {"-"} | frozenset(g.removed) for g in groups}, "none is lost"
