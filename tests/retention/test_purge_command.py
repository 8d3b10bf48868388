"""The commands: dry run first, signed proofs, their check, the log of accesses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lac import ENVIRONMENT, LATER, SOWN, Lac, sown_in
from typer.testing import CliRunner

from qpv_data.access import Access, note, read_log
from qpv_data.cli import app

RUN = CliRunner()


@pytest.fixture
def arguments(lac: Lac, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(LATER.timestamp())))
    monkeypatch.setenv("QPV_DATA_ACTEUR", "agent 7")
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return ["--out", str(lac.out), "--clauses", str(lac.mini.clauses)]


def test_by_default_it_shows_and_destroys_nothing(
    lac: Lac, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QPV_DATA_CLE_DE_SIGNATURE")
    before = sown_in(lac.out)
    shown = RUN.invoke(app, ["purge", *arguments])
    assert shown.exit_code == 0, shown.output
    assert "points-2024-T1-v1 (execution, clause 1.0) : 7 fichiers (brut, conforme, localise, rejets)" in shown.stdout
    assert "Rien n'est détruit : ajouter --confirmer." in shown.stdout
    told = json.loads(RUN.invoke(app, ["purge", *arguments, "--json"]).stdout)
    assert len(told["a_detruire"]) == 15
    assert SOWN not in shown.output
    refused = RUN.invoke(app, ["purge", *arguments, "--confirmer"])
    assert refused.exit_code == 4
    assert "cle_de_signature" in refused.stderr
    assert sown_in(lac.out) == before


def test_confirmed_it_destroys_and_the_proofs_can_be_checked(lac: Lac, arguments: list[str]) -> None:
    done = RUN.invoke(app, ["purge", *arguments, "--confirmer"])
    assert done.exit_code == 0, done.output
    assert "15 détruits, 0 déjà absents, 0 en échec." in done.stdout
    assert sown_in(lac.out) == []
    public = RUN.invoke(app, ["preuves", "cle"]).stdout.strip()
    out = ["--out", str(lac.out)]
    checked = RUN.invoke(app, ["preuves", "verifier", *out, "--cle", public])
    assert (checked.exit_code, checked.stdout[:25]) == (0, "1 preuve, aucune faute. E")
    path = lac.out / "preuves/000001.json"
    path.write_text(path.read_text("utf-8").replace("points-2024-T1", "points-2024-T4"), "utf-8")
    wrong = RUN.invoke(app, ["preuves", "verifier", *out, "--cle", public])
    assert wrong.exit_code == 4
    assert "000001.json : signature fausse" in wrong.stderr


def test_what_cannot_be_destroyed_makes_the_command_fail(lac: Lac, arguments: list[str]) -> None:
    (lac.mini.clauses / "points.yml").unlink()
    failed = RUN.invoke(app, ["purge", *arguments, "--confirmer"])
    assert failed.exit_code == 4
    assert "aucune clause ne déclare ce jeu" in failed.stderr


def test_a_folder_that_is_not_a_run_s_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    wrong = RUN.invoke(app, ["purge", "--out", str(tmp_path / "rien"), *arguments[2:]])
    assert wrong.exit_code == 4
    assert not (tmp_path / "rien").exists()


def test_each_access_is_logged_with_who_when_for_what_and_what_came_out(lac: Lac, arguments: list[str]) -> None:
    RUN.invoke(app, ["purge", *arguments, "--confirmer"])
    log = read_log(lac.out / "acces")
    assert log.rompues == ()
    own = [line for line in log.lignes if line.get("livraison") == "points-2024-T1-v1"]
    assert [line["action"] for line in own] == ["reception", "publication", "destruction"]
    assert [line["sorties"] for line in own[1:]] == [["2024-T4-r1"], ["000001"]]
    assert own[0]["finalites"] == ["essai"]
    assert {line["diffusion"] for line in own} == {"partenaires"}
    assert own[2]["acteur"] == "agent 7"
    shown = RUN.invoke(app, ["acces", *arguments[:2], "--jeu", "points"])
    assert shown.exit_code == 0
    assert "agent 7  destruction  points-2024-T1-v1" in shown.stdout


def test_a_line_of_the_log_that_is_changed_or_taken_out_shows(lac: Lac) -> None:
    cfg = lac.configuration(LATER)
    for n in range(3):
        note(cfg, Access("publication", "points", f"points-2024-T{n + 1}-v1"))
    path = lac.out / "acces/acces.jsonl"
    lines = path.read_text("utf-8").splitlines()
    assert read_log(path.parent).rompues == ()
    path.write_text("\n".join([*lines[:-2], lines[-1]]) + "\n", "utf-8")
    assert read_log(path.parent).rompues == (len(lines) - 1,)
    path.write_text("\n".join([*lines[:-2], lines[-2].replace("T2", "T4"), lines[-1]]) + "\n", "utf-8")
    assert read_log(path.parent).rompues == (len(lines),)
    path.write_text("\n".join(lines)[:-9], "utf-8")
    note(cfg, Access("publication", "points", "points-2024-T4-v1"))
    log = read_log(path.parent)
    assert log.rompues == (len(lines),), "the line that was cut; what follows goes on from it"
    assert len(log.lignes) == len(lines)
