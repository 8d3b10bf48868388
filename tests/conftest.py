"""What every test may ask for."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

# Workers share the cores: each takes its part of them, in the processes that it starts too.
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    share = str(max(1, (os.cpu_count() or 1) // workers))
    os.environ.setdefault("QPV_DATA_COEURS", share)
    os.environ.setdefault("OMP_NUM_THREADS", share)  # pyarrow's

import pytest
from hypothesis import HealthCheck, settings

# Tests start hundreds of commands: where bytecode is not kept, as in containers, each compiles the package anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# No test cuts the power, and a killed process loses nothing that it has written: waiting for the disk proves nothing
# here. What is asked of the disk, and in which order, `make pannes` counts and kills at.
os.fsync = lambda fd: None  # type: ignore[assignment]

# A loaded machine is no fault of the code: no test is timed. Examples are drawn anew each time; `preuve` draws more.
settings.register_profile("suite", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("preuve", deadline=None, max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("QPV_HYPOTHESIS", "suite"))

# Files that run whole territories, servers or shells: two workers end together when the longest start first.
LONGEST = (
    "test_publication", "test_run", "test_toulouse", "test_rien_ne_fuit", "test_published_bounds",
    "test_non_interference", "test_canaux", "test_visite", "test_publication_attaquee", "test_interruptions",
    "test_flux_nationaux", "test_report", "test_catalogue", "test_differences", "test_deploiements", "test_purge",
    "test_cells", "test_purge_hostile", "test_feeds", "test_attack_demonstration", "test_demonstration", "test_scope",
    "test_fusion", "test_pages_ouvertes", "test_accessibilite", "test_impression", "test_demo_fichiers", "test_versions",
    "test_readme",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; the order within a file stays."""
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def httpserver_listen_address() -> tuple[str, int]:
    """Every server of the tests, which a session makes once: their clauses name this address."""
    return ("127.0.0.1", 0)


@pytest.fixture(scope="session")
def donnees_reelles() -> Path:
    """Folder of the real public data: QPV_DATA_REAL, else ../shared/data. Skips, saying so, when it is absent."""
    folder = Path(os.environ.get("QPV_DATA_REAL") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"données réelles absentes ({folder} n'existe pas) : définir QPV_DATA_REAL pour ces contrôles")
    return folder


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `--out` of `make demo`, run once for all workers as a user runs it. Read it, never write in it."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    out = root / "demonstration"
    with (root / "demonstration.verrou").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the other workers wait for the one that runs it
        if not (out / "terminal.txt").is_file():
            out.mkdir()
            command = [sys.executable, "-m", "flows.demonstration", "--out", str(out)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)
            assert done.returncode == 0, done.stderr
            (out / "terminal.txt").write_text(done.stdout + done.stderr, "utf-8")
    return out
