"""A publication that is killed at each of its moves: readers have a whole release, and the next run makes it good."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from factory import IN_A, IN_B, Mini, point

from qpv_data.releases import channels, journal
from qpv_data.releases.verify import verify

KILLED = textwrap.dedent(
    """
    # One child a move: it dies at once, as by SIGKILL, when it is about to make its n-th change under `out`.
    import os, pathlib, sys, datetime, json
    from qpv_data.clause.model import Diffusion
    from qpv_data.pipeline import run
    from qpv_data.runs import Configuration

    root, copies = pathlib.Path(sys.argv[1]), [pathlib.Path(p) for p in sys.argv[2:]]
    told = []
    for out in copies:
        n = int(out.name)
        pid = os.fork()
        if pid == 0:
            left = [n]

            def dying(real):
                def move(self, *more, **others):
                    target = str(more[0] if more else self)
                    if "/releases/" in target or target.endswith("/qpv.duckdb") or "/releases/" in str(self):
                        if left[0] == 0:
                            os._exit(9)
                        left[0] -= 1
                    return real(self, *more, **others)
                return move

            for name in ("rename", "replace", "symlink_to"):
                setattr(pathlib.Path, name, dying(getattr(pathlib.Path, name)))
            now = datetime.datetime.fromisoformat(sys.stdin.readline().strip() or "2025-02-01T00:00:00+00:00")
            cfg = Configuration(clauses=root / "clauses", sortie=out, maintenant=now, miroir=root / "miroir")
            run(cfg, lambda _: None)
            os._exit(0)
        told.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    print(json.dumps(told))
    """
)
KILLED_ON = datetime(2025, 2, 1, tzinfo=UTC)
MOVES = (0, 4, 8)  # `make pannes` kills at each gesture


def shown(out: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(out / "qpv.duckdb"), read_only=True) as con:
        told = con.execute("SELECT DISTINCT publication FROM valeurs").fetchall()
        assert told == con.execute("SELECT publication FROM publications").fetchall()
        return told


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Mini:
    """A first release, and another delivery to publish."""
    made = Mini(tmp_path_factory.mktemp("interruptions"))
    made.referentials()
    made.points({"2024-T1": [point(f"a{n}", IN_A) for n in range(8)]})
    made.begin()
    made.points({"2024-T1": [point(f"a{n}", IN_A) for n in range(8)] + [point(f"b{n}", IN_B) for n in range(6)]})
    return made


def test_a_kill_at_any_move_leaves_a_whole_release_and_the_next_run_makes_the_new_one(
    mini: Mini, tmp_path: Path
) -> None:
    copies = [Path(shutil.copytree(mini.out, tmp_path / str(n), symlinks=True)) for n in MOVES]
    command = [sys.executable, "-c", KILLED, str(mini.root), *map(str, copies)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, input="")
    assert done.returncode == 0, done.stderr
    codes = json.loads(done.stdout)
    assert codes[0] == 9, "the first move is one of publication"
    assert codes[-1] == 0, "more moves than this test kills at"
    for n, out in zip(MOVES, copies, strict=True):
        releases = out / "releases"
        before = shown(out)
        assert before in ([("2024-T4-r1",)], [("2024-T4-r2",)]), n
        for channel in (channels.PROVISOIRE,):
            name = channels.current(releases, channel)
            assert name is not None
            assert verify(releases / name) == [], n
    for n, out, code in zip(MOVES, copies, codes, strict=True):
        if code == 9:
            again = mini.run(sortie=out, maintenant=KILLED_ON).release
            assert again.id == "2024-T4-r2", n
            assert shown(out) == [("2024-T4-r2",)]
            assert verify(again.dossier) == []
            told = [e.publication for e in journal.events(out / "releases")]
            assert told == ["2024-T4-r1", "2024-T4-r2"], n
            parts = [p for p in out.rglob("*.part") if "territoire" not in str(p)]
            assert parts == [], n


@pytest.mark.parametrize("room", [20_000, 600_000])
def test_a_full_disk_leaves_the_previous_release_and_says_so(mini: Mini, tmp_path: Path, room: int) -> None:
    """No file may pass `room` bytes: tables do not fit, or the database alone does not."""
    out = Path(shutil.copytree(mini.out, tmp_path / "out", symlinks=True))
    command = [*mini.command("--quiet"), "--out", str(out)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=mini.environment(), cwd=mini.root,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    assert "ecriture_impossible" in done.stderr
    assert "Traceback" not in done.stderr
    assert shown(out) == [("2024-T4-r1",)]
    assert verify(out / "releases" / "2024-T4-r1") == []
    assert mini.run(sortie=out).release.id == "2024-T4-r2"
