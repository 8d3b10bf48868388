"""Readers in other processes, while releases are published and pointers move: one release or the other, never a mix."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
from datetime import date

import pytest
from factory import IN_A, IN_B, Mini, point

from qpv_data.releases import channels
from qpv_data.releases.keep import sign_off
from qpv_data.releases.verify import verify

READER = textwrap.dedent(
    """
    import json, pathlib, sys, time
    import duckdb
    out, until = pathlib.Path(sys.argv[1]), time.monotonic() + float(sys.argv[2])
    said, reads = set(), 0
    while time.monotonic() < until:
        with duckdb.connect(str(out / "qpv.duckdb"), read_only=True) as con:
            names = con.execute("SELECT DISTINCT publication FROM valeurs").fetchall()
            told = con.execute("SELECT publication FROM publications").fetchall()
            assert names == told and len(told) == 1, (names, told)
        # The documented way: resolve the pointer once, then read under the release.
        folder = (out / "releases" / "stable").resolve() / "ouvert"
        files = str(folder / "valeurs" / "*" / "*" / "*.parquet")
        with duckdb.connect() as con:
            rows = con.execute(f"SELECT publication, count(*) FROM read_parquet('{files}') GROUP BY ALL").fetchall()
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        assert rows == [(manifest["publication"], manifest["lignes"]["valeurs"])], rows
        said.add(manifest["publication"])
        reads += 1
    print(json.dumps({"lectures": reads, "vues": sorted(said)}))
    """
)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Mini:
    """A folder with two releases, of which the first is signed."""
    mini = Mini(tmp_path_factory.mktemp("lecteurs"))
    mini.referentials()
    for count in (0, 6):
        rows = [point(f"a{n}", IN_A) for n in range(8)] + [point(f"b{n}", IN_B) for n in range(count)]
        mini.points({"2024-T1": rows})
        made = mini.run().release
        if not count:
            sign_off(made.dossier, "une personne, sa fonction", date(2025, 1, 1))
    return mini


def readers(mini: Mini, seconds: float, count: int = 2) -> list[subprocess.Popen[str]]:
    command = [sys.executable, "-c", READER, str(mini.out), str(seconds)]
    return [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(count)
    ]  # fmt: skip


def test_readers_see_one_release_or_the_other_while_the_pointer_moves(two: Mini) -> None:
    releases = two.out / "releases"
    names = sorted(p.name for p in releases.glob("*-r*"))
    started, stop = readers(two, 4.0), threading.Event()

    def swing() -> None:
        n = 0
        while not stop.wait(0.01):
            n += 1
            channels.point(releases, channels.STABLE, names[n % 2])

    mover = threading.Thread(target=swing)
    mover.start()
    try:
        told = [process.communicate(timeout=60) for process in started]
    finally:
        stop.set()
        mover.join()
    for process, (said, faults) in zip(started, told, strict=True):
        assert process.returncode == 0, faults
        assert json.loads(said)["lectures"] > 3
        assert set(json.loads(said)["vues"]) <= set(names)


def test_a_release_is_published_while_readers_hold_the_database_open(two: Mini) -> None:
    started = readers(two, 4.0, count=1)
    rows = [point(f"a{n}", IN_A) for n in range(8)] + [point(f"b{n}", IN_B) for n in range(12)]
    two.points({"2024-T1": rows})
    made = two.run().release
    said, faults = started[0].communicate(timeout=60)
    assert started[0].returncode == 0, faults
    assert json.loads(said)["lectures"] > 0
    assert made.nouvelle
    assert verify(made.dossier) == []
