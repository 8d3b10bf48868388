"""`qpv-data status`: each feed in one of five states, on one screen whatever their number."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from factory import Mini, clause_of, points_clause
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from qpv_data.clause.check import checked_clauses
from qpv_data.clause.model import Clause
from qpv_data.cli import app
from qpv_data.compliance.journal import Attempt, record
from qpv_data.operations.feeds import Due, FeedState, FeedStatus, feed_states, lines_of, next_dues
from qpv_data.operations.screen import show_state
from qpv_data.operations.state import Disk, LakeState, ReleaseStatus, RunStatus, held, lake_state
from qpv_data.runs import locked

NOW = datetime(2025, 1, 5, 4, tzinfo=UTC)


def tried(journal: Path, periode: str, statut: str, quand: str, probleme: str | None = None) -> None:
    came = statut in ("recue", "inchangee", "refusee")
    record(
        journal,
        Attempt(
            quand,
            "points",
            "https://x",
            "1.0",
            statut,
            periode,
            f"points-{periode}-v1" if came else None,
            quand[:10] if came else None,
            probleme,
        ),
    )


def states_of(clause: Clause, journal: Path) -> list[FeedStatus]:
    lines = lines_of([clause], journal, NOW)
    return feed_states([clause], lines, next_dues([clause], lines, NOW.date()), journal)


@pytest.mark.parametrize(
    ("tries", "expected"),
    [
        ([], FeedState.ABSENTE),
        ([("2024-T4", "recue", None)], FeedState.A_JOUR),
        ([("2024-T3", "recue", None)], FeedState.EN_RETARD),
        ([("2024-T3", "recue", None), ("2024-T4", "manquante", "source_absente")], FeedState.EN_RETARD),
        ([("2024-T4", "refusee", "trop_de_rejets")], FeedState.REFUSEE),
        ([("2024-T4", "recue", None), ("2024-T4", "perimee", "entete_inattendu")], FeedState.REFUSEE),
        ([("2024-T4", "recue", None), ("2024-T4", "perimee", "source_injoignable")], FeedState.A_JOUR),
    ],
)
def test_the_state_of_a_feed_is_that_of_what_is_due_last(
    tries: list[tuple[str, str, str | None]], expected: FeedState, tmp_path: Path
) -> None:
    clause = clause_of(points_clause())
    for n, (periode, statut, probleme) in enumerate(tries):
        tried(tmp_path, periode, statut, f"2024-12-{20 + n}T00:00:00+00:00", probleme)
    (found,) = states_of(clause, tmp_path)
    assert found.etat is expected


def test_before_anything_is_due_a_feed_is_waited_for_and_its_day_is_told(tmp_path: Path) -> None:
    clause = clause_of(
        points_clause(periode={"origine": "livraison", "frequence": "T", "debut": "2025-T1"}, echeance_jours=15)
    )
    (found,) = states_of(clause, tmp_path)
    assert (found.etat, found.prochaine) == (FeedState.ATTENDUE, date(2025, 4, 15))


@given(st.lists(st.sampled_from(list(FeedState)), max_size=300), st.integers(20, 60), st.integers(80, 200))
def test_any_number_of_feeds_fits_the_screen_and_those_that_need_somebody_come_first(
    states: list[FeedState], height: int, width: int
) -> None:
    order = list(FeedState)
    feeds = [
        FeedStatus(f"jeu_{n:03d}_{'x' * 40}", s, "2024-T4", NOW.date(), 10, "source_injoignable", ("2024-T1",))
        for n, s in enumerate(sorted(states, key=order.index))
    ]
    release = ReleaseStatus("2024-T4-r12", "2025-01-01", "2025-01-02", "quelqu'un")
    last = RunStatus(
        "20250105T040012Z-3f2a", "publication", "echec", NOW - timedelta(hours=3), 4000.0, "ecriture_impossible", None
    )
    state = LakeState(
        Path("/srv/qpv"), NOW, release, release, last, replace(last, etat="reussie"), tuple(feeds),
        tuple(Due(NOW.date(), f"jeu_{n}", "2024-T4") for n in range(30)), ("2025-T1", NOW.date()),
        Disk(10**9, 10**12, 10**8), ("jeu 2024-T1", "jeu 2024-T2"), NOW,
    )  # fmt: skip
    out = io.StringIO()
    show_state(state, Console(file=out, width=width, height=height, force_terminal=False))
    lines = out.getvalue().splitlines()
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    bad = [s for s in states if s in (FeedState.ABSENTE, FeedState.REFUSEE)]
    shown = [line for line in lines if line.startswith("jeu_")]
    assert [s for line in shown for s in ("absente", "refusée") if f" {s} " in line][: len(bad)] == (
        ["absente"] * bad.count(FeedState.ABSENTE) + ["refusée"] * bad.count(FeedState.REFUSEE)
    )[: len(shown)]  # fmt: skip


def test_the_state_of_a_lake_is_read_without_its_lock(recorded: Mini) -> None:
    mini, loaded = recorded, checked_clauses(recorded.clauses)
    with locked(mini.out):
        assert held(mini.out)
        state = lake_state(mini.out, loaded, NOW)
    assert not held(mini.out)
    assert state.provisoire is not None
    assert (state.provisoire.publication, state.stable, state.corrections) == ("2024-T4-r1", None, ())
    assert state.derniere is not None
    assert (state.derniere.etat, state.derniere.publication) == ("reussie", "2024-T4-r1")
    assert {f.jeu: f.etat for f in state.jeux}["points"] is FeedState.EN_RETARD


def test_the_command_finds_the_clauses_of_the_last_run_and_refuses_any_other_folder(recorded: Mini) -> None:
    done = CliRunner().invoke(app, ["status", "--json", "--out", str(recorded.out)])
    assert {f["jeu"] for f in json.loads(done.stdout)["jeux"]} == set(recorded.declared)
    done = CliRunner().invoke(app, ["status", "--out", str(recorded.root)])
    assert done.exit_code == 4
    assert "→" in done.output


@pytest.mark.parametrize(("days", "said"), [(0, "2025-T1 le 05/01/2025"), (-1, "2025-T1 depuis le 04/01/2025")])
def test_a_release_whose_day_is_past_is_told_as_late_and_not_as_to_come(days: int, said: str) -> None:
    day = NOW.date() + timedelta(days=days)
    state = LakeState(
        Path("/srv/qpv"), NOW, None, None, None, None, (), (), ("2025-T1", day), Disk(1, 1, 1), (), None
    )  # fmt: skip
    show_state(state, Console(file=(out := io.StringIO()), width=80, height=24))
    assert f"À publier    {said}\n" in out.getvalue()
