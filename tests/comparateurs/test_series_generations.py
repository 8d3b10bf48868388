"""Values of 2015 carried to the quarters of 2024: what `convert` estimates, within bounds that suppose nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quartiers_inventes import PERIOD, asked, indicator, release, value, zone

from qpv_data.passage import convert
from qpv_data.passage.convert import convert_ratio
from qpv_data.passage.model import PASSAGES

OLD, NEW = ("P0", "P1", "P2", "P3"), ("N0", "N1", "N2")
_CARRIED = "SELECT * FROM series_generations WHERE origine = 'portee' ORDER BY code_zone"


@st.composite
def partitions(draw: st.DrawFn) -> dict[str, Any]:
    """Old quarters cut into pieces of new ones, and what lives in each piece; the new ones hold nothing else."""
    ground = {}
    people = {}
    for old in OLD:
        into = draw(st.lists(st.sampled_from(NEW), min_size=1, max_size=3, unique=True))
        cuts = [draw(st.integers(1, 9)) for _ in into]
        for new, cut in zip(into, cuts, strict=True):
            ground[old, new] = cut / sum(cuts)
            held = draw(st.integers(0, 100))
            people[old, new] = (draw(st.integers(0, held)), held)
    hidden = draw(st.none() | st.sampled_from(OLD))
    return {"ground": ground, "people": people, "hidden": hidden, "uncovered": draw(st.booleans())}


def links(case: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The passage of a case, as `qpv-data passage` writes it."""
    ground = case["ground"]
    alone = {old: sum(o == old for o, _ in ground) == 1 for old in OLD}
    return [
        {
            **dict.fromkeys(PASSAGES.names), "zonage_depart": "qpv2015", "code_depart": old, "zonage_arrivee": "qpv2024",
            "code_arrivee": new, "nature": "modifie", "part_depart": part, "largeur_perdue_m": 0.0 if alone[old] else 50.0,
            "largeur_gagnee_m": 50.0, "reste_depart": 0.0, "reste_arrivee": 0.3 if case["uncovered"] else 0.0,
            "double_depart": 0.0,
        }
        for (old, new), part in ground.items()
    ]  # fmt: skip


def totals(case: Mapping[str, Any], place: int) -> dict[str, tuple[int, int]]:
    """Old (0) or new (1) quarter → numerator and denominator of all its pieces."""
    found: dict[str, tuple[int, int]] = {}
    for pair, (n, d) in case["people"].items():
        before = found.get(pair[place], (0, 0))
        found[pair[place]] = (before[0] + n, before[1] + d)
    return found


def rows_of(case: Mapping[str, Any], nature: str) -> list[tuple[str, Mapping[str, Any]]]:
    ratio = nature != "compte"
    rows = [indicator("i", nature, facteur=100.0, decimales=2), *(zone("qpv2024", c, "qpv") for c in NEW)]
    rows += [("passages", link) for link in links(case)]
    for old, (n, d) in totals(case, 0).items():
        rows.append(zone("qpv2015", old, "qpv"))
        state = "hidden" if old == case["hidden"] else "shown"
        said = {"valeur": (100 * n / d if d else None) if ratio else float(n), "numerateur": float(n)}
        cell = value("qpv2015", old, "i", state, **said, **({"denominateur": float(d)} if ratio else {}))
        if ratio and d == 0 and state == "shown":
            cell[1]["statut_observation"] = "sans_objet"
        rows.append(cell)
    return rows


@settings(max_examples=20)
@given(partitions())
def test_a_carried_count_is_what_convert_estimates_and_nothing_is_lost(case: dict[str, Any]) -> None:
    with release(rows_of(case, "compte")) as con:
        found = {row["code_zone"]: row for row in asked(con, _CARRIED)}
    table = pa.Table.from_pylist(links(case), schema=PASSAGES)
    known = {old: float(n) for old, (n, _) in totals(case, 0).items() if old != case["hidden"]}
    for said in convert(table, known, "surface", extensive=True).table.to_pylist():
        row = found[said["code_zone"]]
        assert row["numerateur"] == (None if said["valeur"] is None else pytest.approx(said["valeur"], abs=1e-6))
        assert (row["motif"] == "cachee") == (said["valeur"] is None)
        assert row["rupture"], "another perimeter"
    if case["hidden"] is None:
        assert sum(r["numerateur"] for r in found.values()) == pytest.approx(sum(known.values()), abs=1e-6)


@settings(max_examples=20)
@given(partitions())
def test_a_carried_ratio_is_that_of_its_parts_carried(case: dict[str, Any]) -> None:
    with release(rows_of(case, "part")) as con:
        found = {row["code_zone"]: row for row in asked(con, _CARRIED)}
    table = pa.Table.from_pylist(links(case), schema=PASSAGES)
    tops, bottoms = (
        {old: float(pair[place]) for old, pair in totals(case, 0).items() if old != case["hidden"]} for place in (0, 1)
    )
    for said in convert_ratio(table, tops, bottoms, "surface", 100.0).to_pylist():
        wanted = None if said["valeur"] is None else pytest.approx(said["valeur"], abs=0.0051)
        assert found[said["code_zone"]]["valeur"] == wanted


@settings(max_examples=20)
@given(partitions(), st.sampled_from(["compte", "part", "moyenne"]))
def test_the_truth_is_within_the_bounds_wherever_people_live_in_the_quarters_that_are_cut(
    case: dict[str, Any], nature: str
) -> None:
    with release(rows_of(case, nature)) as con:
        found = {row["code_zone"]: row for row in asked(con, _CARRIED)}
    for new, (n, d) in totals(case, 1).items():
        row, low, high = found[new], found[new]["borne_basse"], found[new]["borne_haute"]
        if row["valeur"] is None:
            assert (low, high) == (None, None)
            continue
        truth = float(n) if nature == "compte" else 100 * n / d if d else None
        assert low is None or truth is None or low <= truth + 1e-9
        assert high is None or truth is None or truth <= high + 1e-9
        assert low is None or low <= row["valeur"]
        assert high is None or row["valeur"] <= high
        if case["uncovered"]:
            assert high is None, "nobody says how many live on the new ground"
        elif nature != "moyenne":
            assert low is not None


def _same(nature: str = "releve", **more: Any) -> list[tuple[str, Mapping[str, Any]]]:
    link = {**dict.fromkeys(PASSAGES.names), "zonage_depart": "qpv2015", "code_depart": "P0", "zonage_arrivee": "qpv2024",
            "code_arrivee": "N0", "nature": "inchange", "part_depart": 0.998, "largeur_perdue_m": 0.0,
            "largeur_gagnee_m": 0.0, "reste_arrivee": 0.001, **more}  # fmt: skip
    return [indicator("i", nature, decimales=0), zone("qpv2015", "P0", "qpv"), zone("qpv2024", "N0", "qpv"),
            ("passages", link), value("qpv2015", "P0", "i", valeur=17.0, numerateur=17.0)]  # fmt: skip


def test_where_the_perimeter_is_the_same_the_value_is_the_same_whatever_its_nature_and_no_break() -> None:
    with release(_same()) as con:
        (row,) = asked(con, _CARRIED)
    assert (row["valeur"], row["borne_basse"], row["borne_haute"], row["rupture"]) == (17, 17, 17, False)
    assert row["nature_passage"] == "inchange"


def test_a_ready_made_figure_does_not_pass_to_another_perimeter() -> None:
    with release(_same(largeur_perdue_m=30.0)) as con:
        con.execute("UPDATE passages SET nature = 'modifie'")
        (row,) = asked(con, _CARRIED)
    assert (row["valeur"], row["borne_basse"], row["motif"], row["rupture"]) == (None, None, "non_additif", True)


def test_an_unknown_weight_leaves_bounds_and_no_value() -> None:
    with release(_same("compte")) as con:
        con.execute("UPDATE passages SET nature = 'modifie', part_depart = NULL, largeur_perdue_m = 30")
        (row,) = asked(con, _CARRIED)
    assert (row["valeur"], row["motif"], row["borne_basse"], row["borne_haute"]) == (None, "part_inconnue", 0, 17)


@pytest.mark.parametrize(
    ("state", "kept", "motif"), [("shown", "observee", None), ("hidden", "observee", "cachee_arrivee"), ("unknown", "portee", None)]
)  # fmt: skip
def test_what_is_observed_is_kept_before_what_is_carried_and_what_it_hides_is_not_estimated(
    state: str, kept: str, motif: str | None
) -> None:
    rows = [*_same("compte"), value("qpv2024", "N0", "i", state, valeur=20.0, numerateur=20.0)]
    with release(rows) as con:
        found = {row["origine"]: row for row in asked(con, "FROM series_generations")}
    assert [o for o, row in found.items() if row["retenue"]] == [kept]
    assert found["portee"]["motif"] == motif
    assert (found["portee"]["valeur"] is None) == (motif is not None)
    assert found["observee"]["valeur"] == (20 if state == "shown" else None)


def test_a_declared_break_is_marked_on_both_rows() -> None:
    rows = [*_same("compte"), value("qpv2024", "N0", "i", valeur=20.0, numerateur=20.0),
            ("ruptures", {"indicateur": "i", "periode": PERIOD, "motif": "loi"})]  # fmt: skip
    with release(rows) as con:
        said = "SELECT rupture, motif_rupture FROM series_generations"
        assert asked(con, said) == [{"rupture": True, "motif_rupture": "loi"}] * 2


def test_without_any_passage_there_is_no_series_and_no_error() -> None:
    rows = [r for r in _same() if r[0] != "passages"]
    with release(rows) as con:
        assert asked(con, "FROM series_generations") == []
