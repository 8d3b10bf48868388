"""A backup comes back whole, to the byte; what a purge destroyed since does not come back with it."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from lac import LATER, SOWN, Lac, sown_in

from qpv_data.operations.backup import Backup, back_up, backups
from qpv_data.operations.inventory import LAKE, MANIFEST
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


def edited(backup: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Have its inventory say something else."""
    told = json.loads((backup / MANIFEST).read_text("utf-8"))
    edit(told)
    (backup / MANIFEST).write_text(json.dumps(told), "utf-8")


HOSTILE: dict[str, Callable[[dict[str, Any]], object]] = {
    "un fichier au-dessus": lambda t: t["fichiers"].update({"../hors": {"sha256": DIGEST, "taille": 1}}),
    "un fichier absolu": lambda t: t["fichiers"].update({"/tmp/hors": {"sha256": DIGEST, "taille": 1}}),
    "un fichier d'un autre dossier": lambda t: t["fichiers"].update({"hors": {"sha256": DIGEST, "taille": 1}}),
    "un fichier sans son dossier": lambda t: t["fichiers"].update({"raw/hors/x": {"sha256": DIGEST, "taille": 1}}),
    "une empreinte qui n'en est pas": lambda t: t["fichiers"].update({"raw/x": {"sha256": "..", "taille": 1}}),
    "un dossier au-dessus": lambda t: t["droits"].update({"../hors": 0o777}),
    "un dossier qui remonte": lambda t: t["droits"].update({"raw/../../hors": 0o777}),
    "un lien au-dessus": lambda t: t["liens"].update({"../hors": "raw"}),
    "un lien vers le dehors": lambda t: t["liens"].update({"releases/hors": "../../.."}),
    "un lien absolu": lambda t: t["liens"].update({"releases/hors": "/etc"}),
    "un lien à la place d'un dossier": lambda t: t["liens"].update({"raw": "releases"}),
    "un lien qui n'est pas un texte": lambda t: t["liens"].update({"releases/hors": 3}),
    "des droits qui ne sont pas un nombre": lambda t: t["droits"].update({"raw": "rwx"}),
    "rien": lambda t: t.clear(),
    "des fichiers en liste": lambda t: t.update(fichiers=[]),
}
DIGEST = hashlib.sha256(b"x").hexdigest()


@pytest.mark.parametrize("edit", HOSTILE.values(), ids=HOSTILE.keys())
def test_an_inventory_that_names_what_is_of_no_run_is_refused_and_nothing_is_written(
    lac: Lac, edit: Callable[[dict[str, Any]], object]
) -> None:
    made = saved(lac)
    edited(made.dossier, lambda told: [edit(told), None][1])
    before = tree(lac.root)
    with pytest.raises(RunError) as e:
        restore(made.dossier, lac.root / "revenu")
    assert e.value.probleme is Problem.SOURCE_ALTEREE
    assert tree(lac.root) == before


def test_a_link_in_a_backup_is_not_followed(lac: Lac) -> None:
    made = saved(lac)
    shutil.move(made.dossier / LAKE / "raw", lac.root / "ailleurs")
    (made.dossier / LAKE / "raw").symlink_to(lac.root / "ailleurs")
    with pytest.raises(RunError, match="`raw`") as e:
        restore(made.dossier, lac.root / "revenu")
    assert e.value.probleme is Problem.SOURCE_ALTEREE


def test_private_folders_come_back_private_whatever_the_inventory_says(lac: Lac) -> None:
    made = saved(lac)
    edited(made.dossier, lambda told: told["droits"].update(raw=0o777, cles=0o755))
    back = restore(made.dossier, lac.root / "revenu").dossier
    assert {stat.S_IMODE((back / name).stat().st_mode) for name in ("raw", "cles")} == {0o700}


def test_a_key_that_is_missing_is_told_unless_it_was_kept_apart_or_destroyed(lac: Lac) -> None:
    made = saved(lac)
    for key in (made.dossier / LAKE / "cles").iterdir():
        key.unlink()
    with pytest.raises(RunError, match="absents ou changés, dans : cles"):
        restore(made.dossier, lac.root / "revenu")


def test_without_the_proofs_made_since_a_restore_says_that_the_dead_may_be_back(lac: Lac) -> None:
    made = saved(lac)
    shutil.rmtree(lac.root / "copies" / "preuves")
    assert any("--preuves" in r for r in restore(made.dossier, lac.root / "revenu").reste)
    with pytest.raises(RunError, match="pas de dossier de preuves"):
        restore(made.dossier, lac.root / "autre", lac.root / "nulle-part")
    (lac.root / "copies" / "preuves").mkdir()
    (lac.root / "copies" / "preuves" / "000001.json").write_text("{", "utf-8")
    with pytest.raises(RunError, match="n'est pas une preuve qui se lise"):
        restore(made.dossier, lac.root / "autre")


def test_a_restore_that_is_killed_leaves_nothing_that_looks_like_a_run_s_folder(lac: Lac) -> None:
    made, back = saved(lac), lac.root / "revenu"
    code = "import sys; from pathlib import Path; from qpv_data.operations.restore import restore\n"
    code += "restore(Path(sys.argv[1]), Path(sys.argv[2]))"
    started = subprocess.Popen([sys.executable, "-c", code, str(made.dossier), str(back)])
    draft = lac.root / ".restauration-revenu"
    while not draft.is_dir() and started.poll() is None:
        time.sleep(0.001)
    started.send_signal(signal.SIGKILL)
    assert started.wait() == -signal.SIGKILL
    assert not back.exists()
    restore(made.dossier, back)
    assert not draft.exists()


def test_an_empty_folder_that_waits_for_a_restore_keeps_its_rights(lac: Lac) -> None:
    back = lac.root / "revenu"
    back.mkdir(mode=0o750)
    restore(saved(lac).dossier, back)
    assert stat.S_IMODE(back.stat().st_mode) == 0o750


def test_a_clock_that_went_back_does_not_make_the_new_backup_the_one_that_is_forgotten(lac: Lac) -> None:
    saved(lac, datetime(2025, 3, 1, tzinfo=UTC))
    made = saved(lac, datetime(2025, 1, 1, tzinfo=UTC), keep=1)
    assert backups(lac.root / "copies") == [made.dossier]
    with pytest.raises(RunError, match="est déjà là"):
        saved(lac, datetime(2025, 1, 1, tzinfo=UTC))


def test_the_backups_of_another_folder_are_not_forgotten_and_its_proofs_not_mixed_up(lac: Lac) -> None:
    first = saved(lac)
    other = restore(first.dossier, lac.root / "autre").dossier
    back_up(other, lac.root / "copies", LATER, keep=1)
    assert first.dossier in backups(lac.root / "copies")
    (lac.out / "preuves").mkdir(exist_ok=True)
    (lac.out / "preuves" / "000001.json").write_text("{}", "utf-8")
    (lac.root / "copies" / "preuves" / "000001.json").write_text('{"autre": 1}', "utf-8")
    with pytest.raises(RunError, match="preuves d'un autre dossier"):
        saved(lac, datetime(2025, 1, 6, tzinfo=UTC))


def test_what_a_backup_lists_is_its_owner_s_alone_in_a_folder_that_others_may_enter(lac: Lac) -> None:
    (lac.root / "copies").mkdir()
    (lac.root / "copies").chmod(0o755)
    made = saved(lac)
    assert stat.S_IMODE(made.dossier.stat().st_mode) == 0o700
    assert stat.S_IMODE((made.dossier / MANIFEST).stat().st_mode) == 0o600


def test_a_backup_does_not_clear_away_the_one_that_another_process_is_making(lac: Lac) -> None:
    half = lac.root / "copies" / ".20250105T030000Z.part"
    half.mkdir(parents=True)
    with exclusive(lac.configuration(LATER)), pytest.raises(RunError):
        saved(lac)
    assert half.is_dir()
    saved(lac)
    assert not half.exists()
