"""A backup comes back whole, to the byte; what a purge destroyed since does not come back with it."""

from __future__ import annotations

import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from lac import LATER, SOWN, Lac, sown_in

from qpv_data.operations.backup import LAKE, Backup, back_up, backups
from qpv_data.operations.restore import restore
from qpv_data.problems import Problem
from qpv_data.retention.settings import PurgeSettings
from qpv_data.runs import RunError, exclusive

NOW = datetime(2025, 1, 5, 4, tzinfo=UTC)


def saved(lac: Lac, now: datetime = NOW, **more: int) -> Backup:
    return back_up(lac.out, lac.root / "copies", now, **more)


def tree(folder: Path) -> dict[str, object]:
    """Everything under a folder that a restore must give again: contents, links and modes."""
    return {
        path.relative_to(folder).as_posix(): (
            str(path.readlink()) if path.is_symlink()
            else (stat.S_IMODE(path.stat().st_mode), path.read_bytes() if path.is_file() else None)
        )
        for path in sorted(folder.rglob("*"))
        if path.name != ".verrou"
    }  # fmt: skip


def figures(out: Path) -> list[tuple[object, ...]]:
    """Every figure of the last release."""
    with duckdb.connect(str(out / "qpv.duckdb"), read_only=True) as con:
        said = "SELECT indicateur, code_zone, periode, modalite, valeur, statut_diffusion FROM valeurs ORDER BY ALL"
        return con.execute(said).fetchall()


def test_what_comes_back_is_what_was_there_links_and_rights_included(lac: Lac) -> None:
    before = tree(lac.out)
    made = saved(lac)
    done = restore(made.dossier, lac.root / "revenu")
    assert tree(lac.root / "revenu") == before
    assert (done.retires, done.fautes, done.fichiers) == ((), (), made.fichiers)


def test_a_run_goes_on_in_what_came_back_and_publishes_the_same(lac: Lac) -> None:
    restore(saved(lac).dossier, lac.root / "revenu")
    again = lac.mini.run(sortie=lac.root / "revenu", periode="2024-T4")
    assert not again.release.nouvelle


def test_what_was_destroyed_since_does_not_come_back_and_is_not_received_again(lac: Lac) -> None:
    first = saved(lac)
    lac.purge()
    assert sown_in(lac.out) == []
    saved(lac, LATER)  # keeps the proof beside the backups
    assert sown_in(first.dossier) != []
    done = restore(first.dossier, lac.root / "revenu")
    assert sown_in(done.dossier) == []
    assert list((done.dossier / "cles").iterdir()) == []
    assert done.preuves == ("000001.json",)
    assert len(done.retires) > 4
    run = lac.mini.run(sortie=done.dossier, maintenant=LATER, periode="2024-T4")
    assert [r.statut for r in run.receptions if r.jeu == "points"] == [
        "detruite", "detruite", "manquante", "manquante"
    ]  # fmt: skip
    assert figures(done.dossier) == figures(lac.out), "the aggregates that the clause keeps are there"


def test_a_backup_that_a_purge_went_through_comes_back_without_what_it_destroyed_there(lac: Lac) -> None:
    first = saved(lac)
    report = lac.purge(settings=PurgeSettings(sauvegardes=(str(lac.root / "copies"),)))
    assert report.entiere, report.empeches
    assert sown_in(first.dossier) == []
    done = restore(first.dossier, lac.root / "revenu", lac.out / "preuves")
    assert done.fautes == ()
    assert sown_in(done.dossier) == []
    assert len([r for r in done.reste if "agrégats à reprendre" in r]) == 2


def test_a_file_that_changed_or_went_stops_the_restore_before_anything_is_written(lac: Lac) -> None:
    made = saved(lac)
    victim = next((made.dossier / LAKE / "raw" / "points").rglob("*.csv"))
    victim.chmod(0o600)
    victim.write_bytes(victim.read_bytes().replace(SOWN.encode(), b"X"))
    with pytest.raises(RunError) as e:
        restore(made.dossier, lac.root / "revenu")
    assert e.value.probleme is Problem.SOURCE_ALTEREE
    assert not (lac.root / "revenu").exists()
    victim.unlink()
    with pytest.raises(RunError, match="1 fichiers absents"):
        restore(made.dossier, lac.root / "revenu")


def test_the_last_ones_are_kept_and_none_is_made_while_a_run_writes(lac: Lac) -> None:
    for day in (1, 2, 3):
        saved(lac, datetime(2025, 1, day, tzinfo=UTC), keep=2)
    assert [p.name for p in backups(lac.root / "copies")] == ["20250102T000000Z", "20250103T000000Z"]
    with exclusive(lac.configuration(LATER)), pytest.raises(RunError) as e:
        saved(lac)
    assert e.value.probleme is Problem.EXECUTION_EN_COURS
    assert len(backups(lac.root / "copies")) == 2


def test_keys_may_be_kept_apart_and_a_backup_is_its_owner_s_alone(lac: Lac) -> None:
    made = back_up(lac.out, lac.root / "copies", NOW, keys=False)
    assert not (made.dossier / LAKE / "cles").exists()
    assert stat.S_IMODE((lac.root / "copies").stat().st_mode) == 0o700
    with pytest.raises(RunError, match="ni dans le dossier"):
        back_up(lac.out, lac.out / "copies", NOW)


def test_the_script_proves_that_a_backup_comes_back_and_leaves_nothing_of_its_trial(lac: Lac) -> None:
    copies = lac.root / "copies"
    copies.mkdir()
    command = f"{sys.executable} -m qpv_data"
    script = Path(__file__).parents[2] / "outils" / "sauvegarde" / "eprouver.sh"
    asked = ["bash", str(script), str(lac.out), str(copies)]
    done = subprocess.run(
        asked, capture_output=True, text=True, check=False, env=lac.mini.environment(QPV_DATA=command)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith("chaque publication se vérifie.")
    assert [p.name for p in copies.iterdir() if p.name.startswith(".")] == []
    assert len(backups(copies)) == 1
