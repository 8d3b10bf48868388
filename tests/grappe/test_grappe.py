"""A real scheduler and real workers, killed one after the other in the middle of a file: the lake is that of one
machine, to the byte."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from factory import Mini
from lacs import Pool, contents, environment, keys, same_tables, territory

from qpv_data import placing_jobs
from qpv_data.grappe.crew import Cluster
from qpv_data.grappe.exchange import Exchange
from qpv_data.pipeline import run

pytest.importorskip("distributed", reason="l'extension `dask` n'est pas installée : pip install 'qpv-data[dask]'")

PATIENT = {f"DASK_DISTRIBUTED__COMM__TIMEOUTS__{name}": "300s" for name in ("TCP", "CONNECT")}
"""A loaded machine is no fault of the code: connections are given up late."""
HALT = Path(__file__).with_name("arret.py")
STAGES = ("conformer", "localiser", "agreger")


@contextmanager
def running(log: Path, env: dict[str, str], *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of Dask, from another working folder than the run's."""
    with log.open("ab") as out:
        command = [sys.executable, "-m", "dask", *words]
        process = subprocess.Popen(command, stdout=out, stderr=out, env=env, cwd=log.parent)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(what: Callable[[], object], driver: subprocess.Popen[bytes] | None = None) -> None:
    end = time.monotonic() + 240
    while not what():
        if driver is not None and driver.poll() is not None:
            raise AssertionError(f"la commande a fini avant : {driver.communicate()[0].decode()}")
        assert time.monotonic() < end, "rien ne vient"
        time.sleep(0.05)


class Machines:
    """A scheduler and its workers, each a process."""

    def __init__(self, root: Path, held: ExitStack) -> None:
        self.root, self.held, self.halts = root, held, root / "arrets"
        self.halts.mkdir()
        self.address_file = root / "planificateur.json"
        self.env = {**os.environ, **PATIENT, "QPV_ESSAI_ARRETS": str(self.halts), "QPV_DATA_COEURS": "1"}
        self.killed = list[int]()
        self.start("scheduler", "--scheduler-file", str(self.address_file), "--host", "127.0.0.1", "--port", "0",
                   "--dashboard-address", "127.0.0.1:0", "--no-show")  # fmt: skip
        until(self.address_file.is_file)

    def start(self, *words: str) -> None:
        self.held.enter_context(running(self.root / f"{words[0]}.log", self.env, *words))

    def worker(self) -> None:
        self.start(
            "worker", "--scheduler-file", str(self.address_file), "--no-nanny", "--nthreads", "1", "--no-dashboard",
            "--host", "127.0.0.1", "--memory-limit", "0", "--death-timeout", "60", "--preload", str(HALT),
            "--local-directory", str(self.root / "ouvriers"),
        )  # fmt: skip

    @property
    def address(self) -> str:
        return str(json.loads(self.address_file.read_text("utf-8"))["address"])

    def kill_once_halted(self, stage: str, driver: subprocess.Popen[bytes]) -> None:
        """The worker that is in the middle of a file of this stage."""
        until((self.halts / stage).is_file, driver)
        pid = int((self.halts / stage).read_text())
        os.kill(pid, signal.SIGKILL)
        self.killed.append(pid)


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Mini, Machines, Path, str]]:
    """The territory, run by one machine in `out`; the machines; the lake of the cluster; what its command printed."""
    root = tmp_path_factory.mktemp("grappe")
    mini, lake = territory(root / "territoire"), root / "lac"
    with ExitStack() as held:
        patch = held.enter_context(pytest.MonkeyPatch.context())
        for name, value in keys().items():
            patch.setenv(name, value)
        mini.run()
        machines = Machines(root, held)
        machines.worker()
        machines.worker()
        words = [w if w != str(mini.out) else str(lake) for w in mini.command("--moteur", "dask")]
        command = [*words, "--adresse", machines.address]
        env = environment() | PATIENT | {"SOURCE_DATE_EPOCH": mini.environment()["SOURCE_DATE_EPOCH"]}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, cwd=root) as driver:
            for stage in STAGES:
                machines.kill_once_halted(stage, driver)
                if stage != STAGES[-1]:
                    machines.worker()  # after the last one is killed, one is left
            printed = driver.communicate(timeout=240)[0].decode()
        assert driver.returncode == 0, printed
        yield mini, machines, lake, printed


def test_a_worker_killed_in_the_middle_of_a_file_of_each_stage_changes_no_byte(
    lakes: tuple[Mini, Machines, Path, str],
) -> None:
    mini, machines, lake, printed = lakes
    assert len(set(machines.killed)) == len(STAGES)
    assert contents(lake) == contents(mini.out)
    assert same_tables(mini.out / "qpv.duckdb", lake / "qpv.duckdb") > 8
    assert "Traceback" not in printed, printed


def test_nothing_half_written_is_left(lakes: tuple[Mini, Machines, Path, str]) -> None:
    _, _, lake, _ = lakes
    assert [p for p in lake.rglob("*") if p.suffix == ".part" or ".part" in p.name] == []
    assert not (lake / ".travail").exists()


def test_no_value_of_a_person_is_in_what_the_machines_log(lakes: tuple[Mini, Machines, Path, str]) -> None:
    from semis import found

    _, machines, _, printed = lakes
    logs = b"".join(p.read_bytes() for p in machines.root.glob("*.log"))
    assert b"distributed" in logs
    assert found("journaux", logs + printed.encode()) == []


def test_a_store_between_machines_gives_the_same_lake_and_keeps_nothing(
    lakes: tuple[Mini, Machines, Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers of this process, which are told no path of the lake; an indicator a job; from another working folder."""
    mini = lakes[0]
    monkeypatch.setattr(placing_jobs, "LARGE", 0)
    monkeypatch.chdir(tmp_path)
    cfg = mini.configuration(sortie=tmp_path / "lac")
    pool, store = Pool(tmp_path / "ouvrier"), Exchange(f"file://{tmp_path}/magasin")
    run(cfg, lambda _: None, crew=Cluster(pool, store))
    assert len(list((tmp_path / "magasin").iterdir())) > 10
    store.empty()
    assert not (tmp_path / "magasin").exists()
    assert contents(cfg.sortie) == contents(mini.out)
    assert {p.job.etape for p in pool.asked} == set(STAGES)
    assert "objets_montant" in {p.job.nom for p in pool.asked if p.job.etape == "agreger"}
    assert not any(p.job.prive for p in pool.asked), "keys stay with the lake, and so do the jobs that need them"
    assert not any(p.job.personnel for p in pool.asked), "records of persons are put in no store"
    assert not any(str(mini.root) in repr(p.job) or str(cfg.sortie) in repr(p.job) for p in pool.asked)
