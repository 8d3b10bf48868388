"""A disk that refuses, a clock that moves, a lock whose holder died: a clear error, a clean state, and it goes on."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from datetime import timedelta
from pathlib import Path

import pytest
from factory import COMMUNES, NOW, QPV2024, Mini, codes_clause, geojson, perimeters_clause

from qpv_data.problems import Problem
from qpv_data.releases.keep import withdraw_release
from qpv_data.releases.verify import verify
from qpv_data.runs import RunError, locked


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Mini:
    """A table by zone, published once."""
    made = Mini(tmp_path_factory.mktemp("disque"))
    for name, shapes, motif in (("qpv2024", QPV2024, r"QN\d{5}[A-Z]"), ("commune", COMMUNES, r"\d{5}")):
        made.declare(perimeters_clause(name, name.rstrip("0123456789"), motif))
        made.deliver(f"{name}.geojson", geojson(shapes))
    made.declare(codes_clause("table", "qpv2024"))
    deliver(made, 12)
    made.run()
    return made


@pytest.fixture
def mini(published: Mini, tmp_path: Path) -> Mini:
    return Mini(Path(shutil.copytree(published.root, tmp_path / "copie", symlinks=True)))


def deliver(mini: Mini, value: int) -> None:
    mini.deliver("table.csv", f"code;valeur\nQN09901A;{value}\n")


def shown(mini: Mini) -> object:
    return mini.value("table_v", "QN09901A", "2023")[0]


# --- the lock -----------------------------------------------------------------------------------------------

HOLDER = textwrap.dedent(
    """
    import pathlib, subprocess, sys, time
    from qpv_data.runs import locked
    with locked(pathlib.Path(sys.argv[1])):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
        print(child.pid, flush=True)
        time.sleep(60)
    """
)


def test_a_run_leaves_while_another_process_holds_the_folder_and_a_dead_one_holds_nothing(tmp_path: Path) -> None:
    """Not even when what it started lives on."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    try:
        with pytest.raises(RunError) as refused, locked(tmp_path):
            pass
        assert refused.value.probleme is Problem.EXECUTION_EN_COURS
        holder.kill()
        holder.wait()
        os.kill(child, 0)  # alive
        with locked(tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        holder.kill()
        holder.wait()
        holder.stdout.close()


# --- the disk -----------------------------------------------------------------------------------------------

CAP_DAC_OVERRIDE, CAP_FOWNER, PR_CAPBSET_DROP = 1, 3, 24


def as_anyone() -> None:
    """Rights are held to, also when the tests are run by root."""
    for capability in (CAP_DAC_OVERRIDE, CAP_FOWNER):
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def test_a_folder_that_may_not_be_written_is_named_and_the_next_run_goes_on(mini: Mini) -> None:
    releases = mini.out / "releases"
    deliver(mini, 13)
    releases.chmod(0o500)
    done = subprocess.run(
        mini.command("--quiet"), capture_output=True, text=True, check=False, env=mini.environment(), cwd=mini.root,
        preexec_fn=as_anyone, timeout=120,
    )  # fmt: skip
    releases.chmod(0o755)
    assert done.returncode == 4, done.stderr
    assert "ecriture_impossible" in done.stderr
    assert str(mini.out) in done.stderr
    assert "Traceback" not in done.stderr
    assert shown(mini) == 12
    assert verify(releases / "2023-T4-r1") == []
    mini.run()
    assert shown(mini) == 13
    assert [p for p in mini.out.rglob(".*") if p.name != ".verrou"] == []


def test_what_is_no_fault_of_the_disk_is_not_told_as_one(tmp_path: Path) -> None:
    for error in (FileNotFoundError(errno.ENOENT, "absent"), ValueError("autre")):
        with pytest.raises(type(error)), locked(tmp_path):
            raise error
    with pytest.raises(RunError, match=r"ecriture_impossible: .*No space left"), locked(tmp_path):
        raise OSError(errno.ENOSPC, "plein")


# --- the clock ----------------------------------------------------------------------------------------------


def test_a_clock_set_back_is_told_before_anything_is_done_and_nothing_is_lost(mini: Mini) -> None:
    deliver(mini, 13)
    ahead = mini.run(maintenant=NOW + timedelta(days=4000), periode="2023-T4").release
    assert shown(mini) == 13
    before = {p: p.stat().st_mtime_ns for p in mini.out.rglob("*")}
    deliver(mini, 14)
    with pytest.raises(RunError, match=r"horloge_reculee: .* et 2023-T4-r2 est parue le 2035-12-14 → régler l'horloge"):
        mini.run(periode="2023-T4")
    assert {p: p.stat().st_mtime_ns for p in mini.out.rglob("*")} == before
    withdraw_release(ahead.dossier, "datée par une horloge folle", NOW.date())
    assert mini.run(periode="2023-T4").release.id == "2023-T4-r3"
    assert shown(mini) == 14


def test_files_dated_in_the_future_are_read_and_replaced_like_any_other(mini: Mini) -> None:
    ahead = NOW.timestamp() + 10**9
    for path in [p for p in mini.root.rglob("*") if p.is_file()]:
        os.utime(path, (ahead, ahead))
    deliver(mini, 13)
    mini.run()
    assert shown(mini) == 13
