"""What a run did is logged and measured beside the releases, and changes nothing of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from factory import Mini, small_run
from hypothesis import given
from hypothesis import strategies as st

from qpv_data.clause.check import checked_clauses
from qpv_data.operations.events import append, read_events
from qpv_data.operations.measures import NAME, write_measures
from qpv_data.operations.meter import StageMeter
from qpv_data.operations.recording import recording
from qpv_data.operations.stages import Stage, measured_by, stage
from qpv_data.operations.state import run_states
from qpv_data.pipeline import run
from qpv_data.problems import FeedError, InvalidDeclarationError, Problem
from qpv_data.receive import give_up
from qpv_data.runs import Expected, RunError, exclusive

_WORDS = st.text('abcdé\n"{}', max_size=20)


@pytest.fixture
def mini(recorded: Mini) -> Mini:
    return recorded


def test_every_delivery_feed_and_release_has_its_event_with_the_ids_of_run_and_delivery(mini: Mini) -> None:
    events = list(read_events(mini.out / "journal"))
    assert len({e["execution"] for e in events}) == 1
    assert (events[0]["evenement"], events[-1]["evenement"]) == ("debut", "fin")
    told = {(e["jeu"], e.get("periode")): e for e in events if e["evenement"] == "livraison"}
    assert len(told) == 8
    assert told["points", "2024-T1"]["livraison"] == "points-2024-T1-v1"
    assert (told["points", "2024-T4"]["etat"], told["points", "2024-T4"]["probleme"]) == ("manquante", "source_absente")
    assert [e["publication"] for e in events if e["evenement"] == "publication"] == ["2024-T4-r1"]
    stages = {e["etape"] for e in events if e["evenement"] == "etape"}
    assert stages == {
        "recuperer", "deposer", "conformer", "composer", "localiser", "agreger", "proteger", "publier"
    }  # fmt: skip


def test_the_measures_are_in_a_private_database_with_their_trend(mini: Mini) -> None:
    for path in (mini.out / NAME, *(mini.out / "journal" / "executions").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with duckdb.connect(str(mini.out / NAME), read_only=True) as con:
        rows = con.execute("SELECT entrees, sorties, rejetees FROM etapes WHERE etape = 'conformer'").fetchall()
        assert len(rows) == 7
        assert all(r[0] == r[1] + r[2] for r in rows)
        (placed,) = con.execute("SELECT sum(entrees) FROM etapes WHERE etape = 'localiser'").fetchall()
        assert placed == (8 + 7 + 6,)
        assert con.execute("SELECT etat, livraisons, livraisons_en_defaut FROM executions").fetchall() == [
            ("reussie", 8, 1)
        ]
        zero = "SELECT count(*) FROM etapes WHERE secondes IS NULL OR secondes < 0 OR memoire_max <= 0"
        assert con.execute(zero).fetchone() == (0,)
        assert con.execute("SELECT max(executions_avant) FROM tendance").fetchone() == (0,)


def test_a_release_is_the_same_to_the_byte_whether_it_is_recorded_or_not(mini: Mini, tmp_path: Path) -> None:
    mini.run(sortie=tmp_path / "sans")
    named = [p.relative_to(mini.out) for p in (mini.out / "releases").rglob("*") if p.is_file()]
    assert len(named) > 20
    for name in named:
        if name.suffix != ".duckdb":
            assert (mini.out / name).read_bytes() == (tmp_path / "sans" / name).read_bytes(), name
    assert not (tmp_path / "sans" / NAME).exists()


def test_a_reception_that_is_stopped_falls_back_on_the_last_good_delivery(mini: Mini, tmp_path: Path) -> None:
    shutil.copytree(mini.out, tmp_path / "out", symlinks=True)
    cfg = mini.configuration(sortie=tmp_path / "out")
    clause = next(c for c in checked_clauses(cfg.clauses).jeux if c.id == "points")
    with exclusive(cfg):
        given_up = give_up(cfg, clause, Expected("points", "2024-T1"))
    assert (given_up.statut, given_up.probleme) == ("perimee", "source_trop_lente")
    assert given_up.conformed is not None


def test_what_refused_declarations_leave_is_nothing(tmp_path: Path) -> None:
    mini = small_run(tmp_path)
    (mini.clauses / "points.yml").write_text("id: [", "utf-8")
    with pytest.raises(InvalidDeclarationError), recording(cfg := mini.configuration(), "run"):
        run(cfg, lambda _: None)
    assert not mini.out.exists()


@given(
    st.lists(st.dictionaries(st.sampled_from(["jeu", "etat", "probleme"]), _WORDS), min_size=1, max_size=5), st.data()
)
def test_a_line_that_is_cut_loses_itself_alone(told: list[dict[str, str]], data: st.DataObject) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        journal = Path(name)
        events = [
            {"quand": "2025-01-01T00:00", "execution": str(n), "evenement": "etape", **t} for n, t in enumerate(told)
        ]
        append(journal, list(events))
        (path,) = (journal / "executions").iterdir()
        cut = data.draw(st.integers(1, len(path.read_bytes().splitlines()[-1]) - 1))
        os.truncate(path, path.stat().st_size - 1 - cut)
        append(journal, [{**events[-1], "execution": "apres"}])
        found = [e["execution"] for e in read_events(journal)]
        assert found == [*map(str, range(len(events) - 1)), "apres"]


def test_a_run_that_is_killed_is_told_interrupted_and_its_log_is_read(tmp_path: Path) -> None:
    mini = small_run(tmp_path)
    process = subprocess.Popen(
        mini.command("--traces"),
        env=mini.environment(),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(json.loads(line))
        if lines[-1].get("etape") == "conformer":
            break
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    events = list(read_events(mini.out / "journal"))
    assert [e["execution"] for e in events][:1] == [lines[0]["execution"]]
    (left,) = run_states(events, running=False)
    assert left.etat == "interrompue"
    assert write_measures(mini.out) is not None
    with duckdb.connect(str(mini.out / NAME), read_only=True) as con:
        assert con.execute("SELECT etat FROM executions").fetchall() == [("sans_fin",)]


def test_a_stage_that_fails_says_why_and_the_peak_of_one_within_counts_for_the_one_around() -> None:
    ended: list[tuple[Stage, float, int]] = []

    def fail() -> None:
        with measured_by(StageMeter(lambda *a: ended.append(a))), stage("dehors", "jeu"):
            with stage("dedans"):
                held = bytearray(120_000_000)
                held[::4096] = b"x" * len(held[::4096])
                del held
            time.sleep(0.01)
            raise FeedError("jeu", Problem.SOURCE_TRONQUEE, "coupée", "relancer")

    with pytest.raises(FeedError):
        fail()
    inside, outside = ended
    assert (outside[0].etat, outside[0].probleme) == ("refuse", "source_tronquee")
    assert inside[0].etat == "fait"
    assert outside[2] >= inside[2] > 0
    assert outside[1] >= inside[1] + 0.01


def test_without_anybody_to_measure_a_stage_is_nothing() -> None:
    with stage("seule") as told:
        assert told.etat == "fait"


def test_a_refused_run_is_logged_with_its_problem_where_the_folder_is_there(tmp_path: Path) -> None:
    cfg = small_run(tmp_path).configuration(periode="demain")
    cfg.folder("journal").mkdir(parents=True)
    with pytest.raises(RunError), recording(cfg, "run"):
        run(cfg, lambda _: None)
    last = list(read_events(cfg.folder("journal")))[-1]
    assert (last["evenement"], last["etat"], last["probleme"]) == ("fin", "echec", "periode_invalide")


def test_the_package_that_stages_speak_to_reads_no_clock() -> None:
    code = "import qpv_data.operations.stages, sys; assert 'qpv_data.operations.meter' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
