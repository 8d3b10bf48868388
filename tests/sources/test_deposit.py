"""Deposits: each whole file picked up once, whatever happens to those who pick it up."""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import os
import random
import signal
import threading
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deposit_worker import empty
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from protocols import POLICY, refused, source

from qpv_data.fetch import FetchPolicy
from qpv_data.problems import FeedError, Problem
from qpv_data.sources.deposit.claims import LeaseClaims, LockClaims
from qpv_data.sources.deposit.pickup import Deposit, from_deposit, pick_up
from qpv_data.sources.deposit.store import FolderStore, FsspecStore

BODY = b"code;n\nQN09901A;3\n"
NOW = datetime(2024, 7, 2, 9, 0, tzinfo=UTC)


def declared(folder: Path, motif: str = "livraison-*.csv", ecriture: str = "renommage", **more: Any) -> Any:
    return source(type="depot", url=f"file://{folder}", motif=motif, ecriture=ecriture, **more)


def taken(folder: Path, into: Path, *, known: bool = False, land: bool = True, **more: Any) -> list[bytes]:
    """The contents picked up, each acknowledged."""
    keys = {k: more.pop(k) for k in ("pause", "policy") if k in more}
    options: dict[str, Any] = {"policy": POLICY, "pause": lambda s: None, **keys}
    found = []
    for picked in pick_up(declared(folder, **more), jeu="essai", into=into, clock=lambda: NOW, known=known, **options):
        found.append(picked.fetched.path.read_bytes())
        assert picked.fetched.sha256 == hashlib.sha256(found[-1]).hexdigest()
        if land:
            assert picked.acknowledge("essai-2024-T2-v1")
    return found


def receipts(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(p.read_text()) for p in sorted((folder / "recus").glob("*.json"))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "depot").mkdir()
    return tmp_path / "depot"


def test_a_file_is_picked_up_once_stays_where_it_is_and_has_its_receipt(folder: Path, tmp_path: Path) -> None:
    (folder / "livraison-1.csv").write_bytes(BODY)
    assert taken(folder, tmp_path / "w") == [BODY]
    assert (folder / "livraison-1.csv").read_bytes() == BODY
    assert receipts(folder) == [{
        "fichier": "livraison-1.csv", "taille": len(BODY), "sha256": hashlib.sha256(BODY).hexdigest(), "jeu": "essai",
        "recu_le": "2024-07-02T09:00:00+00:00", "statut": "accepte", "livraison": "essai-2024-T2-v1",
    }]  # fmt: skip
    assert taken(folder, tmp_path / "w", known=True) == []
    assert [p.name for p in (folder / "recus").iterdir() if p.suffix != ".json"] == [], "nothing else is left"


def test_whoever_does_not_hold_what_was_picked_up_is_told_which_delivery_has_it(folder: Path, tmp_path: Path) -> None:
    (folder / "livraison-1.csv").write_bytes(BODY)
    taken(folder, tmp_path / "w")
    with refused(Problem.DEPOT_DEJA_RETIRE, "essai-2024-T2-v1"):
        taken(folder, tmp_path / "w")


def test_a_corrected_file_of_the_same_name_is_another_one(folder: Path, tmp_path: Path) -> None:
    for n, body in enumerate((BODY, BODY + b"QN09902B;4\n", BODY)):
        path = folder / "livraison-1.csv"
        path.write_bytes(body)
        os.utime(path, (1_700_000_000 + n, 1_700_000_000 + n))
        assert taken(folder, tmp_path / "w") == [body]
    assert len(receipts(folder)) == 3


def test_files_are_taken_from_the_oldest_to_the_newest(folder: Path, tmp_path: Path) -> None:
    for n, date in ((1, 300), (2, 100), (3, 200)):
        (folder / f"livraison-{n}.csv").write_bytes(b"%d" % n)
        os.utime(folder / f"livraison-{n}.csv", (date, date))
    assert taken(folder, tmp_path / "w") == [b"2", b"3", b"1"]


def test_the_period_is_read_from_the_name(folder: Path, tmp_path: Path) -> None:
    motif = declared(folder, "bailleur-{annee}-T{trimestre}*.csv")
    assert motif.par_periode
    (folder / "bailleur-2024-T1.csv").write_bytes(b"1")
    (folder / "bailleur-2024-T2 (corrigé).csv").write_bytes(b"2")
    (folder / "bailleur-2023-T2.csv").write_bytes(b"3")
    found = pick_up(
        motif.pour("2024-T2"), jeu="essai", into=tmp_path / "w", policy=POLICY, clock=lambda: NOW, known=False
    )
    assert [p.fetched.path.read_bytes() for p in found] == [b"2"]


@pytest.mark.parametrize("name", ["livraison-1.csv.part", ".livraison-1.csv", "livraison-1.csv~", "autre.csv"])
def test_what_is_unfinished_hidden_or_of_another_name_is_left(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / name).write_bytes(BODY)
    (folder / "livraison-dossier.csv").mkdir()
    with refused(Problem.SOURCE_ABSENTE, "livraison-*"):
        taken(folder, tmp_path / "w", motif="livraison-*")


def test_a_link_is_no_file_of_the_deposit(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("mot de passe")
    (folder / "livraison-1.csv").symlink_to(tmp_path / "secret")
    with refused(Problem.SOURCE_ABSENTE):
        taken(folder, tmp_path / "w")


def test_a_file_still_being_written_is_left_until_it_stops(folder: Path, tmp_path: Path) -> None:
    path = folder / "livraison-1.csv"
    path.write_bytes(BODY[:5])
    with refused(Problem.SOURCE_ABSENTE, "1 en cours d'écriture"):
        taken(folder, tmp_path / "w", ecriture="stable", pause=lambda s: path.write_bytes(BODY))
    waited: list[float] = []
    assert taken(folder, tmp_path / "w", ecriture="stable", attente_s=3, pause=waited.append) == [BODY]
    assert waited == [3.0]


def test_an_old_file_is_taken_without_waiting(folder: Path, tmp_path: Path) -> None:
    (folder / "livraison-1.csv").write_bytes(BODY)
    os.utime(folder / "livraison-1.csv", (1, 1))
    waited: list[float] = []
    assert taken(folder, tmp_path / "w", ecriture="stable", pause=waited.append) == [BODY]
    assert waited == []


def test_a_witness_says_that_the_file_is_whole_and_what_it_is(folder: Path, tmp_path: Path) -> None:
    (folder / "livraison-1.csv").write_bytes(BODY)
    with refused(Problem.SOURCE_ABSENTE, "1 en cours"):
        taken(folder, tmp_path / "w", ecriture="temoin", motif="livraison-*")
    (folder / "livraison-1.csv.sha256").write_text(f"{'0' * 64}  livraison-1.csv\n")
    with refused(Problem.SOURCE_ALTEREE, "empreinte"):
        taken(folder, tmp_path / "w", ecriture="temoin", motif="livraison-*")
    (folder / "livraison-1.csv").write_bytes(BODY + b"\n")
    (folder / "livraison-1.csv.sha256").write_text(hashlib.sha256(BODY + b"\n").hexdigest().upper())
    assert taken(folder, tmp_path / "w", ecriture="temoin", motif="livraison-*") == [BODY + b"\n"]


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("a.csv", b"\0" * 30_000_000)
    return out.getvalue()


@pytest.mark.parametrize(("body", "problem"), [
    (b"<!doctype html><p>Connexion</p>", Problem.FORMAT_INATTENDU),
    (b"PK\x03\x04 coupe", Problem.CONTENEUR_INVALIDE),
    (bomb(), Problem.CONTENEUR_HOSTILE),
])  # fmt: skip
def test_a_file_that_cannot_be_accepted_is_told_to_its_partner_and_the_next_one_is_taken(
    folder: Path, tmp_path: Path, body: bytes, problem: Problem
) -> None:
    (folder / "livraison-1.csv").write_bytes(body)
    for _ in range(2):  # and says so again as long as nothing better came
        with refused(problem):
            taken(folder, tmp_path / "w", known=True)
    assert [(r["statut"], r["probleme"]) for r in receipts(folder)] == [("refuse", problem.value)]
    (folder / "livraison-2.csv").write_bytes(BODY)
    assert taken(folder, tmp_path / "w") == [BODY]
    assert [p for p in (tmp_path / "w").iterdir() if p.name.endswith(".part")] == []


def test_a_file_larger_than_allowed_is_not_copied_whole(folder: Path, tmp_path: Path) -> None:
    (folder / "livraison-1.csv").write_bytes(b"a" * 5_000_000)
    with refused(Problem.FORMAT_INATTENDU, "1000 octets"):
        taken(folder, tmp_path / "w", policy=FetchPolicy(taille_max=1000))


def test_a_failure_before_the_receipt_leaves_the_file_to_the_next_run(folder: Path, tmp_path: Path) -> None:
    (folder / "livraison-1.csv").write_bytes(BODY)
    assert taken(folder, tmp_path / "w", land=False) == [BODY]
    assert receipts(folder) == []
    assert taken(folder, tmp_path / "w") == [BODY]


def test_a_deposit_that_does_not_exist_or_cannot_be_written_says_so(folder: Path, tmp_path: Path) -> None:
    with refused(Problem.DEPOT_INACCESSIBLE, "n'existe pas"):
        taken(tmp_path / "ailleurs", tmp_path / "w")
    (folder / "livraison-1.csv").write_bytes(BODY)
    (folder / "recus").write_text("pas un dossier")
    with refused(Problem.DEPOT_INACCESSIBLE):
        taken(folder, tmp_path / "w")


# --- several workers -----------------------------------------------------------------------------------------


def worker(folder: Path, out: Path, name: str, kill_at: int = -1) -> Any:
    """A process of its own: forked, so that a test does not spend its time importing."""
    process = multiprocessing.get_context("fork").Process(target=empty, args=(folder, out, name, kill_at))
    process.start()
    return process


def ended(process: Any) -> int | None:
    process.join(60)
    code: int | None = process.exitcode
    return code


def holds(folder: Path, out: Path, bodies: set[bytes]) -> None:
    """Each file has exactly one receipt, and what the receipt says has landed where it says."""
    told = receipts(folder)
    assert sorted(r["sha256"] for r in told) == sorted(hashlib.sha256(b).hexdigest() for b in bodies)
    for receipt in told:
        name = receipt["livraison"].removeprefix("essai-")
        assert hashlib.sha256((out / name / receipt["sha256"]).read_bytes()).hexdigest() == receipt["sha256"]


def test_four_workers_at_once_share_the_files_and_each_is_landed_once(folder: Path, tmp_path: Path) -> None:
    bodies = {b"ligne %d" % n for n in range(60)}
    for n, body in enumerate(sorted(bodies)):
        (folder / f"livraison-{n}.csv").write_bytes(body)
    workers = [worker(folder, tmp_path / "out", f"w{n}") for n in range(4)]
    assert [ended(w) for w in workers] == [0] * 4
    holds(folder, tmp_path / "out", bodies)
    landed = (tmp_path / "out" / "journal.txt").read_text().split()
    assert len(landed) == len(set(landed)) == len(bodies)


@pytest.mark.parametrize("step", [1, 2, 3, 8])
def test_a_worker_killed_anywhere_loses_nothing_and_repeats_no_receipt(folder: Path, tmp_path: Path, step: int) -> None:
    bodies = {b"ligne %d" % n for n in range(6)}
    for n, body in enumerate(sorted(bodies)):
        (folder / f"livraison-{n}.csv").write_bytes(body)
    killed = worker(folder, tmp_path / "out", "w0", step)
    killed.join(0.05 if step > 3 else None)  # alone, or beside the other one
    other = worker(folder, tmp_path / "out", "w1")
    assert ended(killed) in (-signal.SIGKILL, 0)  # the other one may have left it nothing to die on
    assert ended(other) == 0
    assert ended(worker(folder, tmp_path / "out", "w2")) == 0
    holds(folder, tmp_path / "out", bodies)


# --- stores without locks ------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def memory() -> FsspecStore:
    fs = MemoryFileSystem(global_store=False, skip_instance_cache=True)
    fs.makedirs("/depot", exist_ok=True)
    return FsspecStore(fs, "/depot")


def leased(store: Any, clock: Callable[[], datetime], seconds: float = 600) -> Deposit:
    told = source(
        type="depot", url="s3://seau/depot", motif="livraison-*.csv", ecriture="renommage", secret="QPV_SECRET_S3"
    )
    return Deposit(told, "essai", store, LeaseClaims(store, seconds, clock), clock, lambda s: None)


def test_a_lease_is_respected_then_taken_over_and_a_late_worker_writes_no_second_receipt(tmp_path: Path) -> None:
    store, clock = memory(), Clock()
    store.fs.pipe_file("/depot/livraison-1.csv", BODY)
    slow = from_deposit(leased(store, clock), tmp_path / "a", POLICY, known=False)
    held = next(slow)
    with refused(Problem.EXECUTION_EN_COURS):
        list(from_deposit(leased(store, clock), tmp_path / "b", POLICY, known=False))
    clock.now += timedelta(seconds=601)
    for picked in from_deposit(leased(store, clock), tmp_path / "b", POLICY, known=False):
        assert picked.acknowledge("essai-v1")
    assert not held.acknowledge("essai-v9"), "it outlived its lease"
    slow.close()
    names = store.names()
    assert len(names) == 1
    assert json.loads(store.read(f"recus/{names[0]}", 10_000) or b"")["livraison"] == "essai-v1"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.integers(2, 4), st.integers(1, 5))
def test_whatever_dies_and_when_each_file_ends_with_one_receipt(
    tmp_path: Path, seed: int, workers: int, files: int
) -> None:
    """Workers interleave step by step; any may stop for ever with its lease on; leases end; someone finishes."""
    draw, store, clock = random.Random(seed), memory(), Clock()
    for n in range(files):
        store.fs.pipe_file(f"/depot/livraison-{n}.csv", b"%d" % n)
    acknowledged: list[str] = []
    alive: list[Any] = [
        from_deposit(leased(store, clock), tmp_path / str(n), POLICY, known=True) for n in range(workers)
    ]
    dead: list[Any] = []
    while alive:
        n = draw.randrange(len(alive))
        if draw.random() < 0.2:
            dead.append(alive.pop(n))  # its lease stays: nothing is run when a process dies
            continue
        clock.now += timedelta(seconds=draw.choice([0, 0, 0, 400]))
        try:
            picked = next(alive[n])
            if draw.random() < 0.8 and picked.acknowledge("v"):
                acknowledged.append(picked.fetched.sha256)
        except (StopIteration, FeedError):
            alive.pop(n)
    clock.now += timedelta(seconds=10_000)
    for picked in from_deposit(leased(store, clock), tmp_path / "fin", POLICY, known=True):
        if picked.acknowledge("v"):
            acknowledged.append(picked.fetched.sha256)
    expected = sorted(hashlib.sha256(b"%d" % n).hexdigest() for n in range(files))
    assert sorted(acknowledged) == expected
    assert len([n for n in store.names() if n.endswith(".json")]) == files


def test_a_store_that_lets_a_file_be_created_twice_is_refused(tmp_path: Path) -> None:
    class Careless(FsspecStore):
        def create(self, nom: str, data: bytes) -> bool:
            self.fs.pipe_file(self._path(nom), data)
            return True

    fs = memory().fs
    fs.pipe_file("/depot/livraison-1.csv", BODY)
    with refused(Problem.DEPOT_INACCESSIBLE, "deux fois"):
        list(from_deposit(leased(Careless(fs, "/depot"), Clock()), tmp_path, POLICY, known=False))
    assert FsspecStore(fs, "/depot").names() == []


def test_exclusive_creation_lets_one_thread_in_twenty_through(folder: Path) -> None:
    for store in (FolderStore(folder), memory()):
        won = []
        start = threading.Barrier(20)

        def attempt(n: int, store: Any = store, won: list[int] = won, start: Any = start) -> None:
            start.wait()
            if store.create("recus/un.json", b"%d" % n):
                won.append(n)

        threads = [threading.Thread(target=attempt, args=(n,)) for n in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(won) == 1
        assert store.read("recus/un.json", 10) == b"%d" % won[0]


def test_a_lock_is_free_again_when_its_holder_is_gone(folder: Path) -> None:
    claims = LockClaims(FolderStore(folder))
    with claims.claim("a") as first, claims.claim("a") as second, claims.claim("b") as other:
        assert (first, second, other) == (True, False, True)
    with claims.claim("a") as again:
        assert again


def test_what_a_killed_worker_left_of_a_receipt_goes_once_the_receipt_is_there(folder: Path, tmp_path: Path) -> None:
    (folder / "livraison-1.csv").write_bytes(BODY)
    taken(folder, tmp_path / "w")
    (receipt,) = (folder / "recus").iterdir()
    draft = folder / "recus" / f".{receipt.name}.0123.part"
    draft.write_text("à moit", "utf-8")
    (folder / "recus" / f".{receipt.stem}.verrou").touch()  # killed between its receipt and the lock it gives back
    assert taken(folder, tmp_path / "w", known=True) == []
    assert [p.name for p in (folder / "recus").iterdir()] == [receipt.name]
    receipt.rename(draft)  # killed before the receipt: the file is picked up again, and the draft goes
    assert taken(folder, tmp_path / "w") == [BODY]
    assert [p.name for p in (folder / "recus").iterdir()] == [receipt.name]
