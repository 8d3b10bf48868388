"""Links, copies, deposits, files that resist, and kills: nothing is destroyed elsewhere, nothing is proven that is not so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import pytest
from factory import clause_of
from lac import ENVIRONMENT, LATER, SOWN, Lac, personal, rows, sown_in

from qpv_data.clause.check import checked_clauses
from qpv_data.problems import InvalidDeclarationError
from qpv_data.retention import destroy, intents, proof, purge
from qpv_data.retention.deposits import Deposit, deposit_items, remove
from qpv_data.retention.holdings import Feed
from qpv_data.retention.items import Etat
from qpv_data.retention.settings import PurgeSettings, read_settings
from qpv_data.sources.deposit.pickup import file_key
from qpv_data.sources.deposit.store import FsspecStore


class Killed(BaseException):
    """The process dies here."""


def dying(monkeypatch: pytest.MonkeyPatch, where: object, name: str, after: int, ran: bool) -> None:
    """The call number `after` of a function kills: once it ran, or before."""
    true: Callable[..., Any] = getattr(where, name)
    calls = 0

    def mortal(*args: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == after and not ran:
            raise Killed
        made = true(*args, **more)
        if calls == after:
            raise Killed
        return made

    monkeypatch.setattr(where, name, mortal)


@pytest.mark.parametrize(
    ("where", "name", "after", "ran"),
    [
        (purge, "keep", 1, True),
        (intents, "announce", 1, True),
        (destroy.Tree, "remove", 3, True),
        (intents, "tell_done", 2, True),
        (destroy, "destroy_key", 1, True),
        (purge, "bury", 1, True),
        (purge, "refresh", 1, True),
        (purge, "write_proof", 1, False),
        (purge, "write_proof", 1, True),
    ],
    ids=["kept", "announced", "removed", "told", "key", "buried", "database", "unproven", "proven"],
)
def test_killed_anywhere_and_run_again_it_finishes_and_proves_each_thing_once(
    lac: Lac, monkeypatch: pytest.MonkeyPatch, where: object, name: str, after: int, ran: bool
) -> None:
    due = {(e.chemin, e.sha256) for e in lac.look().items}
    with monkeypatch.context() as patched:
        dying(patched, where, name, after, ran)
        with pytest.raises(Killed):
            lac.purge()
    report = lac.purge()
    assert report.entiere
    assert sown_in(lac.out) == []
    assert lac.faults() == ()
    told = [e for n in range(1, len(list((lac.out / "preuves").glob("*.json"))) + 1) for e in lac.proof(n)["elements"]]
    proven = [e for e in told if e["etat"] == Etat.DETRUIT]
    assert {e["sha256"] for e in told} == {digest for _, digest in due}
    absent = {"removed", "key"} if name in ("remove", "destroy_key") else set()
    assert (len(proven) < len(due)) == bool(absent), "what was removed and not told is said to be absent already"
    assert not (lac.out / "preuves/.intention.jsonl").exists()
    assert lac.purge().resultats == ()


SCRIPT = """
import os, sys
from qpv_data.retention.tree import Tree
true, calls = Tree.remove, []

def mortal(*args):
    calls.append(1)
    if len(calls) == 3:
        os._exit(9)
    return true(*args)

Tree.remove = mortal
from qpv_data.cli import main
main()
"""


def test_a_process_that_dies_leaves_a_purge_that_the_command_finishes(lac: Lac) -> None:
    arguments = ["purge", "--out", str(lac.out), "--clauses", str(lac.mini.clauses), "--confirmer"]
    env = lac.mini.environment(**ENVIRONMENT, SOURCE_DATE_EPOCH=str(int(LATER.timestamp())), QPV_DATA_ACTEUR="agent 7")
    dead = subprocess.run([sys.executable, "-c", SCRIPT, *arguments], env=env, capture_output=True, check=False)
    assert dead.returncode == 9, dead.stderr
    assert sown_in(lac.out) != []
    command = [sys.executable, "-m", "qpv_data", *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "0 en échec" in done.stdout
    assert sown_in(lac.out) == []
    assert lac.proof()["reprise"] is True
    assert "agent 7" in (lac.out / "acces/acces.jsonl").read_text("utf-8")


def test_no_link_is_followed_and_each_is_told(lac: Lac) -> None:
    outside = lac.root / "ailleurs"
    for folder in ("conformed", "raw"):
        shutil.move(lac.out / folder / "points", outside / folder)
        (lac.out / folder / "points").symlink_to(outside / folder)
    target = lac.out / "located/points/2024-T1.parquet"
    target.unlink()
    target.symlink_to(outside / "conformed/2024-T1.parquet")
    (lac.out / "rejets/points/boucle").symlink_to(lac.out / "rejets")
    before = sorted(p for p in outside.rglob("*") if p.is_file())
    report = lac.purge()
    assert not report.entiere
    assert sorted(p for p in outside.rglob("*") if p.is_file()) == before
    told = " ".join(h.raison for h in report.empeches)
    assert all(f"{folder}/" in told for folder in ("raw", "conformed", "located", "rejets"))
    assert not any(e["forme"] == "brut" and e["etat"] == "detruit" for e in lac.proof()["elements"])


def test_a_file_with_another_name_elsewhere_is_left_and_told_since_its_content_would_live_on(lac: Lac) -> None:
    where = lac.out / "conformed/points/2024-T1.parquet"
    os.link(where, lac.root / "garde.parquet")
    report = lac.purge()
    assert where.exists()
    assert [h.raison for h in report.empeches if "lien dur" in h.raison] != []
    (lac.root / "garde.parquet").unlink()
    assert lac.purge().entiere
    assert sown_in(lac.out) == []


def test_a_file_that_resists_is_reported_and_not_proven_until_it_goes(
    lac: Lac, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = os.unlink

    def refusing(path: Any, *args: Any, **more: Any) -> None:
        if path == "2024-T1.parquet":
            raise PermissionError(13, "Permission denied")
        true(path, *args, **more)

    with monkeypatch.context() as patched:
        patched.setattr(os, "unlink", refusing)
        report = lac.purge()
    failed = {(o.item.forme.value, o.item.livraison) for o in report.resultats if o.etat is Etat.ECHEC}
    assert {("conforme", "points-2024-T1-v1"), ("localise", "points-2024-T1-v1"), ("cle", None)} <= failed
    assert not report.entiere

    def told(number: int, key: str) -> set[tuple[str, str | None]]:
        return {(e["forme"], e["livraison"]) for e in lac.proof(number)[key]}

    assert told(1, "echecs") == failed
    assert ("localise", "points-2024-T1-v1") not in told(1, "elements")
    assert (lac.out / "cles/points.cle").exists()
    assert lac.purge().entiere
    assert told(2, "elements") == failed
    assert told(2, "echecs") == set()


def test_a_receipt_that_was_tampered_with_leads_nowhere(lac: Lac) -> None:
    outside = lac.root / "important.csv"
    outside.write_text("a garder")
    folder = lac.out / "raw/points/livraisons"
    told = json.loads((folder / "points-2024-T1-v1.json").read_text("utf-8"))
    forged = {**told, "id": "points-2024-T1-v9", "sha256": "../../../..", "nom_fichier": "../../important.csv"}
    (folder / "points-2024-T1-v9.json").write_text(json.dumps(forged), "utf-8")
    report = lac.purge()
    assert [h.raison for h in report.empeches] == ["reçu illisible : points-2024-T1-v9"]
    assert outside.read_text() == "a garder"


@pytest.mark.parametrize(
    "said",
    ["sauvegardes: [../ailleurs]", "sauvegardes: [/]", "sauvegardes: [/srv]", "sauvegardes: ['{root}/a/../b']",
     "sauvegardes: ['{root}/absent']", "sauvegardes: ['{root}/lien']", "sauvegardes: ['{root}']",
     "sauvegardes: ['{out}/raw']", "sauvegarde: []", "sauvegardes: texte", "- a", "sauvegardes: ['/srv//a']"],
)  # fmt: skip
def test_a_configuration_that_points_where_it_must_not_is_refused(lac: Lac, said: str) -> None:
    (lac.root / "lien").symlink_to(lac.root / "projet")
    path = lac.root / "purge.yml"
    path.write_text(said.format(root=lac.root, out=lac.out), "utf-8")
    with pytest.raises(InvalidDeclarationError) as caught:
        read_settings(path, lac.out)
    assert caught.value.violations[0].fichier.endswith("purge.yml")


def test_copies_in_backups_go_too_wherever_they_are_and_what_cannot_be_opened_is_told(lac: Lac) -> None:
    backup = lac.backup()
    received = next(p for p in (backup / "2025-01/raw/points").rglob("*.csv"))
    (backup / "vrac").mkdir()
    shutil.copy(received, backup / "vrac/Dossier de M. Untel.csv")
    with tarfile.open(backup / "vieux.tar", "w") as archive:
        archive.add(received, arcname="x.csv")
    report = lac.purge(settings=PurgeSettings(sauvegardes=(str(backup),)))
    assert [(h.lieu, h.raison[:10]) for h in report.empeches] == [("sauvegarde 1", "1 archives")]
    assert sown_in(backup) == ["vieux.tar"]
    text = (lac.out / "preuves/000001.json").read_text("utf-8")
    assert "Untel" not in text
    assert '"lieu": "sauvegarde 1"' in text
    assert list((backup / "2025-01/raw/ref_commune").rglob("*.geojson")) != [], "open data stay"


def test_a_backup_that_brings_a_destroyed_delivery_back_is_purged_again(lac: Lac) -> None:
    backup = lac.backup()
    lac.purge()
    assert sown_in(lac.out) == []
    shutil.copytree(backup / "2025-01/raw/points", lac.out / "raw/points", dirs_exist_ok=True)
    settings = PurgeSettings(sauvegardes=(str(backup),))
    lac.purge(settings=settings)
    assert sown_in(lac.root / "projet/out") == sown_in(backup) == []
    assert {e["lieu"] for e in lac.proof(2)["elements"]} == {"execution", "sauvegarde 1"}


def test_a_copy_of_bytes_that_another_feed_still_needs_stays(tmp_path: Path) -> None:
    lac = Lac(tmp_path)
    lac.sow("2024-T1")
    forever = {"conservation_jours": dict.fromkeys(("brut", "conforme", "localise", "rejets"), 30_000)}
    lac.sow("2024-T1", ident="longs", destruction={**forever, "agregats": "conserves", "preuve": True})
    lac.run()
    backup = lac.backup()
    assert lac.purge(settings=PurgeSettings(sauvegardes=(str(backup),))).entiere
    assert sorted({p.split("/")[-2 if "raw" not in p else -3] for p in sown_in(backup)}) == ["longs"]
    assert {"raw", "conformed", "located"} == {p.split("/")[0] for p in sown_in(lac.out)}


def test_results_that_prefect_kept_go_with_the_first_thing_destroyed(lac: Lac) -> None:
    own, other = lac.out / ".prefect/storage", lac.root / "prefect"
    for folder in (own, other):
        folder.mkdir(parents=True)
        (folder / "abc").write_text(SOWN)
    settings = PurgeSettings(resultats_prefect=(str(other),))
    assert lac.purge(datetime(2025, 1, 1, tzinfo=UTC), settings).resultats == ()
    lac.purge(settings=settings)
    assert sown_in(lac.root / "projet/out") == sown_in(other) == []


def deposit_of(lac: Lac) -> Path:
    deposit = lac.root / "depot"
    deposit.mkdir()
    (deposit / "M. Untel 2024-T1.csv").write_bytes(rows(4))
    source = {"type": "depot", "url": f"file://{deposit}", "motif": "*{periode}.csv", "ecriture": "renommage"}
    lac.sow(source=source)
    return deposit


def test_a_deposited_file_goes_with_its_delivery_and_its_receipt_and_what_was_put_since_stays(tmp_path: Path) -> None:
    lac = Lac(tmp_path)
    deposit = deposit_of(lac)
    lac.receive("points", "2024-T1", miroir=None)
    (deposit / "M. Untel 2024-T2.csv").write_bytes(rows(4, 20))
    assert len(list((deposit / "recus").glob("*.json"))) == 1
    report = lac.purge()
    assert report.entiere, report.empeches
    assert [p.name for p in deposit.rglob("*") if p.is_file()] == ["M. Untel 2024-T2.csv"]
    assert "Untel" not in (lac.out / "preuves/000001.json").read_text("utf-8")
    assert "Untel" not in "".join(p.read_text("utf-8") for p in (lac.out / "raw/points/livraisons").iterdir())
    assert {e["lieu"] for e in lac.proof()["elements"]} == {"execution", "depot"}


def test_an_intent_that_came_with_a_copy_of_the_folder_destroys_nothing_in_the_first_one(
    lac: Lac, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        dying(patched, intents, "announce", 1, True)
        with pytest.raises(Killed):
            lac.purge()
    before = sown_in(lac.out)
    shutil.copytree(lac.out, lac.root / "copie")
    cfg = lac.mini.configuration(sortie=lac.root / "copie", maintenant=LATER)
    loaded = checked_clauses(cfg.clauses, LATER.date())
    report = purge.purge(cfg, loaded, PurgeSettings(), proof.signing_key(ENVIRONMENT), ENVIRONMENT)
    assert not report.entiere
    assert sown_in(lac.out) == before
    assert sown_in(lac.root / "copie") == []


def test_a_refused_file_goes_from_a_remote_deposit_when_its_time_comes(tmp_path: Path) -> None:
    store = FsspecStore(fsspec.filesystem("memory"), "/depot-refuse")
    store.fs.pipe_file("/depot-refuse/M. Untel.csv", SOWN.encode())
    store.fs.pipe_file("/depot-refuse/autre.csv", b"a")
    told = {"fichier": "M. Untel.csv", "jeu": "points", "recu_le": "2025-01-01T00:00:00+00:00", "statut": "refuse"}
    entry = next(e for e in store.entries() if "Untel" in e.nom)
    store.create(f"recus/{file_key(entry)}.json", json.dumps(told).encode())
    source = {"type": "depot", "url": "file:///srv/depot", "motif": "*{periode}.csv", "ecriture": "renommage"}
    clause = clause_of(personal(source=source))
    feed = Feed(tmp_path, "points", (clause,), LATER.date())
    deposit = Deposit(store, clause.source)  # type: ignore[arg-type]
    items = deposit_items(feed, deposit, tmp_path)
    assert [i.chemin.split("/")[0] for i in items] == ["M. Untel.csv", "recus"]
    assert [remove(store, i, tmp_path) for i in items] == [True, True]
    assert [remove(store, i, tmp_path) for i in items] == [False, False]
    assert [e.nom for e in store.entries()] == ["autre.csv"]
    early = Feed(tmp_path, "points", (clause,), datetime(2025, 1, 2, tzinfo=UTC).date())
    assert deposit_items(early, deposit, tmp_path) == []
    assert list(tmp_path.iterdir()) == [], "what was read to be hashed is not left"


def test_a_partner_who_makes_the_receipts_a_link_has_nothing_destroyed_behind_it(tmp_path: Path) -> None:
    lac = Lac(tmp_path)
    deposit = deposit_of(lac)
    lac.receive("points", "2024-T1", miroir=None)
    shutil.move(deposit / "recus", lac.root / "ailleurs")
    (deposit / "recus").symlink_to(lac.root / "ailleurs")
    report = lac.purge()
    assert [h.lieu for h in report.empeches] == ["depot"]
    assert len(list((lac.root / "ailleurs").glob("*.json"))) == 1


def test_the_end_of_a_chain_that_was_cut_off_shows_when_its_head_was_kept(lac: Lac) -> None:
    report = lac.purge()
    key = proof.public_key(proof.public_text(proof.signing_key(ENVIRONMENT)))
    assert proof.verify(lac.out / "preuves", key, report.tete).fautes == ()
    (lac.out / "preuves/000001.json").unlink()
    assert proof.verify(lac.out / "preuves", key).fautes == ()
    assert [f.raison for f in proof.verify(lac.out / "preuves", key, report.tete).fautes] != []
