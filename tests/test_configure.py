"""A run's folder goes on as it is: what is not said is as its last run and its last release have it."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from factory import Mini, small_run
from typer.testing import CliRunner

from flows.publication import publication
from flows.rattrapage import rattrapage
from qpv_data.clause.model import Diffusion
from qpv_data.cli import app
from qpv_data.configure import configured
from qpv_data.operations.recording import recording
from qpv_data.operations.state import last_clauses
from qpv_data.pipeline import run
from qpv_data.surroundings import default_clauses


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Mini:
    """Its own clauses, audience and publisher. Read it, never write in it."""
    mini = small_run(tmp_path_factory.mktemp("reglages"))
    cfg = mini.configuration(diffusion=Diffusion.INTERNE, diffuseur="ma-métropole")
    with recording(cfg, "run"):
        run(cfg, lambda _: None)
    return mini


def test_what_is_not_said_is_as_the_folder_has_it_and_what_is_said_wins(published: Mini, tmp_path: Path) -> None:
    made = configured(published.out)
    assert (made.clauses, made.diffusion, made.diffuseur) == (published.clauses, Diffusion.INTERNE, "ma-métropole")
    said = configured(published.out, clauses=tmp_path, diffusion=Diffusion.OUVERT, diffuseur="une-autre", finalite="x")
    assert (said.clauses, said.diffusion, said.diffuseur, said.finalite) == (
        tmp_path, Diffusion.OUVERT, "une-autre", "x",
    )  # fmt: skip


def test_a_new_folder_has_the_project_s_clauses_and_is_for_the_partners(tmp_path: Path) -> None:
    made = configured(tmp_path / "neuf")
    assert (made.clauses, made.diffusion, made.diffuseur, made.finalite) == (
        default_clauses(), Diffusion.PARTENAIRES, "qpv-data", None,
    )  # fmt: skip
    assert not (tmp_path / "neuf").exists()


def test_a_time_without_a_zone_is_not_that_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    naive = datetime(2025, 1, 1)
    assert configured(tmp_path, maintenant=naive).maintenant == datetime(2025, 1, 1, tzinfo=UTC)


def test_a_plan_and_a_run_of_a_folder_need_nothing_but_its_name(
    published: Mini, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(published.now.timestamp())))
    done = CliRunner().invoke(app, ["plan", "--out", str(published.out), "--json"])
    assert done.exit_code == 0, done.output
    assert {s["etat"] for s in json.loads(done.output)} <= {"a_jour", "absente"}
    asked = ["run", "--out", str(published.out), "--miroir", str(published.mirror), "--quiet"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    (release,) = published.out.glob("releases/*-r[0-9]*")
    assert json.loads((release / "manifest.json").read_text("utf-8"))["diffuseur"] == "ma-métropole"


def test_the_flows_leave_the_audience_and_the_publisher_to_the_folder() -> None:
    for flow in (publication, rattrapage):
        parameters = inspect.signature(flow.fn).parameters
        for name in ("clauses", "diffusion", "diffuseur", "finalite"):
            assert name not in parameters or parameters[name].default is None, (flow.name, name)


def test_clauses_that_were_tried_once_and_refused_do_not_become_the_folder_s(tmp_path: Path) -> None:
    mini = small_run(tmp_path)
    with recording(cfg := mini.configuration(), "run"):
        run(cfg, lambda _: None)
    wrong = tmp_path / "essai"
    wrong.mkdir()
    with pytest.raises(ZeroDivisionError), recording(mini.configuration(clauses=wrong), "run"):
        raise ZeroDivisionError
    assert last_clauses(mini.out) == mini.clauses


def test_the_project_s_own_clauses_are_not_tied_to_where_the_project_was(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    cfg = configured(tmp_path)
    with recording(cfg, "run"):
        pass
    assert last_clauses(tmp_path) is None
    assert str(default_clauses()) not in next((tmp_path / "journal" / "executions").iterdir()).read_text("utf-8")


def test_a_clock_that_is_set_wrong_is_an_error_in_words(published: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("demain", "1e9", "9" * 30):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", wrong)
        done = CliRunner().invoke(app, ["status", "--out", str(published.out)])
        assert done.exit_code == 4
        assert "SOURCE_DATE_EPOCH" in done.output
