"""What is left of communes without their quarters: by subtraction of published cells, all of them or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quartiers_inventes import asked, indicator, quarter, release, value, zone

COMMUNES = ("A", "B", "C", "D", "E")
Pieces = Mapping[str, Mapping[str, tuple[int, int]]]
"""Quarter → commune → (numerator, denominator) of the piece that is there."""
_PAIR = st.tuples(st.integers(0, 50), st.integers(50, 90))


@st.composite
def territories(draw: st.DrawFn) -> dict[str, Any]:
    """Pieces of quarters in communes; what is outside of quarters, and of unknown place, in each commune."""
    pieces = {
        f"Q{n}": {
            c: draw(_PAIR) for c in draw(st.lists(st.sampled_from(COMMUNES), min_size=1, max_size=2, unique=True))
        }
        for n in range(draw(st.integers(1, 5)))
    }
    rest = {c: (draw(_PAIR), draw(_PAIR)) for c in COMMUNES}
    places = [*(("qpv2024", q) for q in pieces), *((z, c) for z in ("commune", "non_localise") for c in COMMUNES)]
    hidden = draw(st.lists(st.sampled_from(places), max_size=2))
    return {"pieces": pieces, "rest": rest, "hidden": hidden}


def added(*pairs: tuple[int, int]) -> tuple[int, int]:
    return sum(n for n, _ in pairs), sum(d for _, d in pairs)


def cells(territory: Mapping[str, Any]) -> dict[tuple[str, str], tuple[int, int]]:
    pieces: Pieces = territory["pieces"]
    found = {("qpv2024", q): added(*held.values()) for q, held in pieces.items()}
    for commune, (outside, unknown) in territory["rest"].items():
        inside = [held[commune] for held in pieces.values() if commune in held]
        found["commune", commune] = added(*inside, outside, unknown)
        found["non_localise", commune] = unknown
    return found


def rows_of(territory: Mapping[str, Any], nature: str) -> list[tuple[str, Mapping[str, Any]]]:
    rows = [indicator("i", nature, facteur=100.0, decimales=2), *(zone("commune", c) for c in COMMUNES)]
    for code, held in territory["pieces"].items():
        rows += [*quarter(code, dict.fromkeys(held))]
    for (zoning, code), (n, d) in cells(territory).items():
        state = "hidden" if (zoning, code) in territory["hidden"] else "shown"
        ratio = nature == "part"
        said = {"valeur": 100 * n / d if ratio else float(n), "numerateur": float(n)}
        rows.append(value(zoning, code, "i", state, **said, **({"denominateur": float(d)} if ratio else {})))
    return rows


def groups(pieces: Pieces) -> dict[str, set[str]]:
    """Quarter → the communes of its group, one merge after the other."""
    merged: list[set[str]] = []
    for held in pieces.values():
        touched = [g for g in merged if g & set(held)]
        merged = [g for g in merged if not g & set(held)] + [set(held).union(*touched)]
    return {q: next(g for g in merged if g >= set(held)) for q, held in pieces.items()}


@settings(max_examples=20)
@given(territories(), st.sampled_from(["compte", "part"]))
def test_quarters_and_what_is_outside_of_them_are_the_communes(territory: dict[str, Any], nature: str) -> None:
    with release(rows_of(territory, nature)) as con:
        found = {row["code_zone"]: row for row in asked(con, "FROM hors_quartiers")}
    pieces = territory["pieces"]
    assert set(found) == set(pieces)
    for code, communes in groups(pieces).items():
        row = found[code]
        n, d = added(*(territory["rest"][c][0] for c in communes))
        parts = {*(("qpv2024", q) for q, held in pieces.items() if communes & set(held))}
        parts |= {(zoning, c) for zoning in ("commune", "non_localise") for c in communes}
        assert (row["groupe"], row["communes"]) == (min(communes), len(communes))
        if parts & set(territory["hidden"]):
            assert (row["valeur"], row["numerateur"], row["denominateur"], row["motif"]) == (None, None, None, "cachee")
        else:
            assert row["motif"] is None
            assert row["numerateur"] == n
            assert row["valeur"] == pytest.approx(100 * n / d if nature == "part" else n, abs=0.0051)


def _one(state: str = "shown", **more: Any) -> list[tuple[str, Mapping[str, Any]]]:
    said = {"valeur": 30.0, "numerateur": 30.0, **more}
    return [
        indicator("i", "compte", decimales=0), zone("commune", "A", population=10_000), *quarter("Q", {"A": None}, population=4000),
        value("commune", "A", "i", valeur=100.0, numerateur=100.0), value("qpv2024", "Q", "i", state, **said),
    ]  # fmt: skip


def test_a_count_outside_of_quarters_is_compared_per_inhabitant_outside_of_quarters() -> None:
    rows = [*_one(), value("non_localise", "A", "i", valeur=10.0, numerateur=10.0)]
    with release(rows) as con:
        (row,) = asked(con, "FROM comparaisons WHERE sorte = 'hors_quartiers'")
    assert (row["valeur_comparee"], row["valeur_comparateur"], row["ecart"]) == (7.5, 10, -2.5)


def test_without_what_is_of_unknown_place_nothing_is_subtracted() -> None:
    with release(_one()) as con:
        assert [r["motif"] for r in asked(con, "FROM hors_quartiers")] == ["inconnue"]


@pytest.mark.parametrize(("state", "motif"), [("hidden", "cachee"), ("unknown", "inconnue")])
def test_a_quarter_without_figure_leaves_none_for_the_others(state: str, motif: str) -> None:
    rows = [*_one(state), value("non_localise", "A", "i", valeur=0.0, numerateur=0.0)]
    with release(rows) as con:
        assert [(r["valeur"], r["motif"]) for r in asked(con, "FROM hors_quartiers")] == [(None, motif)]


def test_quarters_that_hold_more_than_their_communes_leave_nothing() -> None:
    rows = [*_one(valeur=130.0, numerateur=130.0), value("non_localise", "A", "i", valeur=0.0, numerateur=0.0)]
    with release(rows) as con:
        assert [(r["numerateur"], r["motif"]) for r in asked(con, "FROM hors_quartiers")] == [(None, "incoherente")]


def test_distinct_units_are_not_subtracted() -> None:
    rows = [
        ("indicateurs", {**said, "additif": False}) if table == "indicateurs" else (table, said)
        for table, said in _one()
    ]
    with release(rows) as con:
        assert asked(con, "FROM hors_quartiers") == []
