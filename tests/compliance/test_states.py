"""What came of each promise, from the journal alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from factory import QUARTERS, clause_of, codes_clause, points_clause
from hypothesis import given
from hypothesis import strategies as st
from promises import PROMISES

from qpv_data.compliance.availability import availability
from qpv_data.compliance.drift import drift
from qpv_data.compliance.journal import Attempt, Placement, record
from qpv_data.compliance.states import Line, State, compliance


def came(periode: str | None, day: str, statut: str = "recue", **more: Any) -> Attempt:
    settings: dict[str, Any] = {"livraison": f"points-{periode}-v1", "disponible_le": day, **more}
    return Attempt(f"{day}T12:00:00+00:00", "points", "https://x.example", "1.0", statut, periode, **settings)


def lines_of(folder: Path, *told: Attempt | Placement, on: str = "2025-02-01", **more: Any) -> list[Line]:
    """The promises of a feed of four quarters of 2024, each due 20 days after its end."""
    for line in told:
        record(folder, line)
    clause = clause_of(points_clause(**{"echeance_jours": 20, **more}))
    return compliance([clause], folder, datetime.fromisoformat(f"{on}T12:00:00+00:00"))


def test_each_promise_has_the_state_that_its_clause_and_its_day_give_it(tmp_path: Path) -> None:
    told = (
        came("2024-T1", "2024-04-20"),
        came("2024-T2", "2024-08-01"),
        came("2024-T3", "2024-10-05", "refusee", probleme="trop_de_rejets", message="la moitié"),
    )
    lines = lines_of(tmp_path, *told, on="2025-01-15")
    assert [(li.periode, li.etat, li.retard_jours) for li in lines] == [
        ("2024-T1", State.RECUE, 0),
        ("2024-T2", State.EN_RETARD, 12),
        ("2024-T3", State.REFUSEE, None),
        ("2024-T4", State.ATTENDUE, None),
    ]
    assert [li.fraicheur_jours for li in lines[:2]] == [270, 167]
    assert lines[2].probleme == "trop_de_rejets"


def test_what_was_due_before_the_clause_was_not_promised_nor_what_comes_after_it(tmp_path: Path) -> None:
    dates = {"statut": "signee", "signee_le": "2024-06-01", "debut": "2024-06-15", "fin": "2024-11-30"}
    lines = lines_of(tmp_path, came("2024-T1", "2024-07-01"), duree={**PROMISES["duree"], **dates})
    assert [(li.periode, li.etat, li.retard_jours) for li in lines] == [
        ("2024-T1", State.ANTERIEURE, None),
        ("2024-T2", State.MANQUANTE, 196),
        ("2024-T3", State.MANQUANTE, 104),
    ]


def test_a_signed_clause_owes_its_first_period_even_if_it_was_never_asked_for(tmp_path: Path) -> None:
    signed = {
        "duree": {**PROMISES["duree"], "statut": "signee", "signee_le": "2023-12-01", "debut": "2024-01-01"},
        "source": {"url": "https://donnees.mini.example/points.csv"},
        "periode": {"origine": "colonne", "colonne": "id", "frequence": "T", "debut": "2024-T1"},
    }
    lines = lines_of(tmp_path, on="2024-07-01", **signed)
    assert [(li.periode, li.etat) for li in lines] == [
        ("2024-T1", State.MANQUANTE), ("2024-T2", State.ATTENDUE),
    ]  # fmt: skip


def test_a_file_that_is_replaced_promises_nothing_after_the_end_of_its_series(tmp_path: Path) -> None:
    replaced = {
        "source": {"url": "https://donnees.mini.example/points.csv"},
        "periode": {"origine": "colonne", "colonne": "id", "frequence": "T", "debut": "2024-T1", "fin": "2024-T2"},
    }
    lines = lines_of(tmp_path, came(None, "2024-04-02", derniere_periode="2024-T1"), on="2026-07-01", **replaced)
    assert [(li.periode, li.etat) for li in lines] == [("2024-T1", State.RECUE), ("2024-T2", State.MANQUANTE)]


def test_a_promise_whose_day_is_over_without_anything_is_missing_for_so_many_days(tmp_path: Path) -> None:
    last = lines_of(tmp_path, came("2024-T4", "2025-01-25", "manquante", livraison=None, probleme="source_absente"))[-1]
    assert (last.etat, last.retard_jours, last.probleme) == (State.MANQUANTE, 12, "source_absente")


def test_a_correction_does_not_make_a_delivery_late_and_what_is_read_is_the_correction(tmp_path: Path) -> None:
    told = (
        came("2024-T1", "2024-04-10", recues=10, conformes=5),
        came("2024-T1", "2024-06-10", recues=10, conformes=10, livraison="points-2024-T1-v2"),
    )
    first = lines_of(tmp_path, *told)[0]
    assert (first.etat, first.conformes, first.disponible_le) == (State.RECUE, 10, date(2024, 4, 10))


def test_a_delivery_accepted_then_refused_by_a_later_stage_is_refused(tmp_path: Path) -> None:
    told = (came("2024-T1", "2024-04-10"), came("2024-T1", "2024-04-10", "refusee", probleme="millesime_inattendu"))
    assert lines_of(tmp_path, *told)[0].etat is State.REFUSEE


def test_a_good_delivery_stays_received_when_the_next_one_is_refused_and_the_problem_is_told(tmp_path: Path) -> None:
    bad = came("2024-T1", "2024-05-10", "perimee", livraison="points-2024-T1-v2", probleme="entete_inattendu")
    first = lines_of(tmp_path, came("2024-T1", "2024-04-10"), bad)[0]
    assert (first.etat, first.probleme) == (State.RECUE, "entete_inattendu")


def test_a_file_that_is_replaced_keeps_a_promise_once_its_records_reach_it(tmp_path: Path) -> None:
    yearly = {
        "source": {"url": "https://donnees.mini.example/points.csv"},
        "periode": {"origine": "colonne", "colonne": "id", "frequence": "T", "debut": "2024-T1"},
        "periodicite": "trimestrielle",
    }
    told = (
        came(None, "2024-05-02", derniere_periode="2024-T1"),
        came(None, "2024-08-02", derniere_periode="2024-T1", livraison="points-unique-v2"),
        came(None, "2024-10-15", derniere_periode="2024-T3", livraison="points-unique-v3"),
    )
    lines = {li.periode: li for li in lines_of(tmp_path, *told, on="2025-01-10", **yearly)}
    assert (lines["2024-T1"].etat, lines["2024-T1"].retard_jours) == (State.EN_RETARD, 12)
    assert (lines["2024-T2"].etat, lines["2024-T2"].retard_jours) == (State.EN_RETARD, 87)
    assert lines["2024-T3"].etat is State.RECUE
    assert lines["2024-T4"].etat is State.ATTENDUE


def test_a_table_of_a_fixed_year_is_one_promise(tmp_path: Path) -> None:
    clause = clause_of(codes_clause("points", "qpv2024", echeance_jours=366))
    record(tmp_path, came(None, "2024-06-01"))
    found = compliance([clause], tmp_path, datetime(2026, 1, 1, tzinfo=UTC))
    assert [(li.periode, li.etat) for li in found] == [("2023", State.RECUE)]


def test_the_share_of_known_places_is_that_of_the_delivery_in_use(tmp_path: Path) -> None:
    places = (
        Placement("2024-04-10T12:00:00+00:00", "points", "points-2024-T1-v0", 10, {"code_absent": 9}),
        Placement("2024-04-10T12:00:00+00:00", "points", "points-2024-T1-v1", 10, {"code_absent": 1}),
    )
    assert lines_of(tmp_path, came("2024-T1", "2024-04-10"), *places)[0].localises == 0.9


days = st.dates(date(2024, 1, 1), date(2025, 6, 30)).map(date.isoformat)
told = st.lists(st.builds(came, st.sampled_from(QUARTERS), days, st.sampled_from(["recue", "refusee"])), max_size=8)


@given(told, st.dates(date(2023, 1, 1), date(2026, 1, 1)))
def test_every_promise_whose_period_has_ended_has_one_line_and_one_state(tries: list[Attempt], today: date) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        lines = lines_of(Path(folder), *tries, on=today.isoformat())
    ended = [q for q, fin in zip(QUARTERS, ("2024-03-31", "2024-06-30", "2024-09-30", "2024-12-31"), strict=True)
             if date.fromisoformat(fin) < today]  # fmt: skip
    assert [li.periode for li in lines] == ended
    for line in lines:
        assert (line.livraison is not None) == (line.etat in (State.RECUE, State.EN_RETARD))
        assert (line.etat is State.EN_RETARD) <= bool(line.retard_jours)


def test_what_changed_between_two_deliveries_is_said_in_words() -> None:
    before = came("2024-T1", "2024-04-10", recues=100, entete=("a", "b"), renseignes={"a": 1.0})
    now = came("2024-T2", "2024-07-10", recues=70, entete=("c", "a"), renseignes={"a": 0.5})
    assert drift(before, now) == (
        "colonnes disparues : b",
        "colonnes nouvelles : c",
        "lignes : 100 → 70 (-30 %)",
        "a renseignée à 100 % puis à 50 %",
    )
    assert drift(before, replace(now, recues=90, entete=("b", "a"), renseignes={})) == ("ordre des colonnes changé",)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("abcd", []),
        ("abd", ["colonnes disparues : c"]),
        ("abcde", ["colonnes nouvelles : e"]),
        ("abxd", ["colonnes renommées : c → x"]),
        ("adcb", ["ordre des colonnes changé"]),
        ("dbxa", ["colonnes renommées : c → x", "ordre des colonnes changé"]),
        ("", []),
    ],
)
@pytest.mark.parametrize("statut", ["recue", "perimee"])
def test_what_changed_in_the_header_is_said_of_a_refused_delivery_too(
    header: str, said: list[str], statut: str
) -> None:
    before = came("2024-T1", "2024-04-10", recues=100, entete=tuple("abcd"))
    now = came("2024-T1", "2024-07-10", statut, livraison="autre", recues=100, entete=tuple(header))
    assert list(drift(before, now)) == said
    assert list(drift(before, replace(now, recues=1))) == said + ["lignes : 100 → 1 (-99 %)"] * (statut == "recue")


@given(st.lists(st.tuples(st.integers(0, 1000), st.booleans()), min_size=1, max_size=10, unique_by=lambda t: t[0]))
def test_spells_follow_each_other_and_hold_every_try(tries: list[tuple[int, bool]]) -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    made = [
        replace(
            came("2024-T1", "2024-01-01", "recue" if up else "manquante", probleme=None if up else "source_absente"),
            quand=(start + timedelta(hours=hour)).isoformat(),
        )
        for hour, up in tries
    ]
    (resource,) = availability(made, start + timedelta(hours=1000), jours=100)
    spells = resource.histoire
    assert [s.a for s in spells[:-1]] == [s.de for s in spells[1:]]
    assert all(a.disponible != b.disponible for a, b in pairwise(spells))
    for hour, up in tries:
        at = start + timedelta(hours=hour)
        assert [s.disponible for s in spells if s.de <= at and (s.a is None or at < s.a)] == [up]
    assert resource.echecs == sum(not up for _, up in tries)
    assert resource.part is not None
    assert 0 <= resource.part <= 1


def test_availability_is_a_share_of_time_and_not_of_tries() -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    up = replace(came("2024-T1", "2024-01-01"), quand=start.isoformat())
    down = replace(up, quand=(start + timedelta(days=9)).isoformat(), statut="perimee", probleme="source_injoignable")
    (resource,) = availability([up, down], start + timedelta(days=10))
    assert (resource.part, resource.plus_longue) == (0.9, timedelta(days=1))


def test_a_refused_delivery_is_an_answer_of_its_resource() -> None:
    refused = came("2024-T1", "2024-01-01", "refusee", probleme="trop_de_rejets")
    assert availability([refused], datetime(2024, 2, 1, tzinfo=UTC))[0].part == 1
