"""Small releases, safe or not: what the attacker finds is what trying every table finds, before and after a mutation.

Two communes, one neighbourhood in the first, three modalities, every whole published. The judge shares nothing with
the attacker: it tries every table of whole numbers that agrees with what is published.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from publications import indicator, release

from qpv_data.attaque.findings import Kind
from qpv_data.attaque.releases import attack_releases

K, KINDS = 4, "abc"
ZONES = [("commune", "99001", "99001", "declare"), ("commune", "99002", "99002", "declare")]
ZONES += [("qpv2024", "QN1", "99001", "declare")]
PLACES = {
    "c1": ("commune", "99001"),
    "c2": ("commune", "99002"),
    "q": ("qpv2024", "QN1"),
    "t": ("territoire", "territoire"),
}
Cell = tuple[str, str]  # place, modality; "" for the whole
Table = dict[Cell, int]


@dataclass(frozen=True)
class World:
    """The finest counts, and what is hidden of the cells by modality of communes and of the neighbourhood."""

    first: tuple[int, ...]  # of the first commune
    second: tuple[int, ...]
    quarter: tuple[int, ...]
    hidden: frozenset[Cell]

    def table(self) -> Table:
        return filled(self.first, self.second, self.quarter)

    def figures(self) -> dict[tuple[str, ...], Any]:
        return {
            ("i", modality or "ensemble", *PLACES[place], "2024-T4"): None
            if (place, modality) in self.hidden
            else value
            for (place, modality), value in self.table().items()
            if place in PLACES
        }


def filled(first: tuple[int, ...], second: tuple[int, ...], quarter: tuple[int, ...]) -> Table:
    """Every cell, what no row publishes included: the rest of each commune."""
    by_place = {"c1": first, "c2": second, "q": quarter}
    by_place["t"] = tuple(a + b for a, b in zip(first, second, strict=True))
    by_place |= {"hors1": tuple(a - b for a, b in zip(first, quarter, strict=True)), "hors2": second}
    cells = {(place, m): v for place, values in by_place.items() for m, v in zip(KINDS, values, strict=True)}
    return cells | {(place, ""): sum(values) for place, values in by_place.items()}


def compositions(total: int) -> Iterator[tuple[int, int, int]]:
    for a, b in product(range(total + 1), repeat=2):
        if a + b <= total:
            yield a, b, total - a - b


def tables(world: World) -> Iterator[Table]:
    """Every table that agrees with what is published; what is hidden is at least 1."""
    real = world.table()
    for first in compositions(real["c1", ""]):
        second = tuple(real["t", m] - n for m, n in zip(KINDS, first, strict=True))
        if not agrees(world, real, "c1", first) or not agrees(world, real, "c2", second):
            continue
        for quarter in compositions(real["q", ""]):
            inside = all(a >= b for a, b in zip(first, quarter, strict=True))
            if inside and agrees(world, real, "q", quarter):
                yield filled(first, second, quarter)


def agrees(world: World, real: Table, place: str, values: tuple[int, ...]) -> bool:
    return all(
        v >= 1 if (place, m) in world.hidden else v == real[place, m] for m, v in zip(KINDS, values, strict=True)
    )


def given_away(world: World) -> set[Cell]:
    """By the judge: hidden cells under k or alone of their value, populations of some unit and fewer than k."""
    seen: dict[Cell, tuple[int, int]] = {}
    for table in tables(world):
        for cell, value in table.items():
            low, high = seen.get(cell, (value, value))
            seen[cell] = min(low, value), max(high, value)
    found = {cell for cell in world.hidden if seen[cell][1] < K or seen[cell][0] == seen[cell][1]}
    return found | {c for c, (_, high) in seen.items() if c[0].startswith("hors") and 0 < high < K}


def found_by_the_attacker(folder: Path, world: World) -> set[Cell]:
    report = attack_releases([release(folder, world.figures(), [indicator("i", seuil=K)], zones=ZONES)], proofs=0)
    assert not report.notes
    names = {}
    for place, modality in world.table():
        inner = f" [sexe={modality}]" if modality else ""
        where = " ".join(PLACES[place]) if place in PLACES else f"hors qpv2024 à 9900{place[-1]}"
        names[f"i{inner} {where} 2024-T4"] = place, modality
    truth = world.table()
    for finding in report.findings:
        assert finding.low is None or finding.low <= truth[names[finding.cell]], finding.line()
        assert finding.high is None or finding.high >= truth[names[finding.cell]], finding.line()
    return {names[f.cell] for f in report.findings}


@st.composite
def worlds(draw: st.DrawFn) -> World:
    counts = st.integers(0, 9)
    second = draw(st.tuples(counts, counts, counts))
    quarter = draw(st.tuples(counts, counts, counts))
    rest = draw(st.tuples(counts, counts, counts))
    first = tuple(a + b for a, b in zip(quarter, rest, strict=True))
    cells = filled(first, second, quarter)
    inner = [(p, m) for p in ("c1", "c2", "q") for m in KINDS if cells[p, m] > 0]
    return World(first, second, quarter, frozenset(draw(st.sets(st.sampled_from(inner))) if inner else ()))


def safe(world: World) -> World | None:
    """The same, with enough hidden for nothing to be given away, and no more; None when it cannot be."""
    cells = world.table()
    inner = [(p, m) for p in ("c1", "c2", "q") for m in KINDS if cells[p, m] > 0]
    wider = replace(world, hidden=frozenset(inner))
    if given_away(wider):
        return None
    for cell in inner:
        less = replace(wider, hidden=wider.hidden - {cell})
        small = cells[cell] < K
        if not small and not given_away(less):
            wider = less
    return wider


DRAWN = settings().max_examples  # 60, or 1,000 to prove
FEW = settings(
    max_examples=DRAWN * 2 // 3,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)


@FEW
@given(world=worlds())
def test_what_is_found_in_a_release_is_what_trying_every_table_finds(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert found_by_the_attacker(tmp_path_factory.mktemp("r"), world) == given_away(world)


@settings(FEW, max_examples=DRAWN // 6)
@given(world=worlds(), choice=st.integers(0, 8))
def test_one_hidden_cell_published_too_many_is_found(
    world: World, choice: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Of a safe release that hides no more than it must."""
    protected = safe(world)
    assume(protected is not None and protected.hidden)
    assert protected is not None
    folder = tmp_path_factory.mktemp("r")
    assert found_by_the_attacker(folder / "sure", protected) == set()
    large = sorted(c for c in protected.hidden if protected.table()[c] >= K)
    assume(large)
    mutated = replace(protected, hidden=protected.hidden - {large[choice % len(large)]})
    expected = given_away(mutated)
    assert expected
    assert found_by_the_attacker(folder / "mutee", mutated) == expected


@settings(FEW, max_examples=DRAWN // 5)
@given(world=worlds(), at=st.integers(0, 2), step=st.sampled_from([-1, 1]))
def test_an_earlier_release_that_differs_by_one_is_found_even_where_both_hide_it(
    world: World, at: int, step: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    second = tuple(v + step * (n == at) for n, v in enumerate(world.second))
    assume(min(second) >= 0 and (("c2", KINDS[at]) not in world.hidden or second[at] > 0))
    folder = tmp_path_factory.mktemp("r")
    made = [
        release(folder / name, w.figures(), [indicator("i", seuil=K)], zones=ZONES)
        for name, w in (("avant", replace(world, second=second)), ("apres", world))
    ]
    revised = {f.cell: f.low for f in attack_releases(made, proofs=0).findings if f.kind is Kind.REVISION}
    assert revised["i commune 99002 2024-T4"] == -step
    assert revised["i territoire territoire 2024-T4"] == -step
    if ("c1", KINDS[at]) not in world.hidden:
        assert revised[f"i [sexe={KINDS[at]}] commune 99002 2024-T4"] == -step
