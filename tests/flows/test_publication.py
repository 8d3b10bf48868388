"""Prefect wraps the stages: it changes nothing of what they make, and says nothing on the terminal."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

import duckdb
import pytest
from semis import found, leaks, sown

from qpv_data.backfill import backfill

REPOSITORY = Path(__file__).resolve().parents[2]


SCRIPT = """
import os, sys
from datetime import datetime
from pathlib import Path
from flows.environnement import isolated
from flows.serveur import serving

root, now = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
home = root / "out" / ".prefect"
settings = isolated(home)
with serving(home, settings) as server:
    os.environ.clear()
    os.environ.update(settings | {"PREFECT_API_URL": server.api, "PREFECT_LOGGING_LEVEL": "DEBUG"})
    import flows.publication
    import flows.rattrapage

    server.wait()
    given = {"sortie": root / "out", "clauses": root / "clauses", "miroir": root / "miroir", "maintenant": now}
    print(flows.publication.publication(**given))
    print(flows.rattrapage.rattrapage(["points"], "2024-T1", "2024-T4", **given))
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """The same feeds of persons, and their keys: run and asked again without Prefect, then through it, and all that this
    printed."""
    mini = sown(tmp_path_factory.mktemp("prefect"))
    plain = mini.root / "sans"
    mini.run(sortie=plain)
    backfill(mini.configuration(sortie=plain), ["points"], "2024-T1", "2024-T4", lambda _: None)
    shutil.copytree(plain / "cles", mini.out / "cles")
    command = [sys.executable, "-c", SCRIPT, str(mini.root), mini.now.isoformat()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return plain, mini.out, done.stdout + done.stderr


def files(folder: Path) -> dict[str, str]:
    found = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix != ".duckdb")
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


def test_both_ways_give_the_same_bytes(both: tuple[Path, Path, str]) -> None:
    plain, out, _ = both
    assert len(files(out / "releases")) > 40
    for folder in ("releases", "raw", "conformed", "rejets", "located", "aggregated", "zonages", "journal", "rapports"):
        there = {name: told for name, told in files(out / folder).items() if not name.startswith("executions/")}
        assert there == files(plain / folder), folder  # what runs note of themselves holds times, and is the command's


def test_both_databases_are_equal_table_by_table(both: tuple[Path, Path, str]) -> None:
    plain, out, _ = both
    with duckdb.connect(":memory:") as con:
        con.execute(f"ATTACH '{plain / 'qpv.duckdb'}' AS a (READ_ONLY)")
        con.execute(f"ATTACH '{out / 'qpv.duckdb'}' AS b (READ_ONLY)")
        listed = "SELECT table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY 1"
        tables = con.execute(listed, ["a"]).fetchall()
        assert tables == con.execute(listed, ["b"]).fetchall()
        assert len(tables) > 8
        for (table,) in tables:
            for one, other in (("a", "b"), ("b", "a")):
                sql = f"SELECT * FROM {one}.{table} EXCEPT ALL SELECT * FROM {other}.{table}"
                assert con.execute(sql).fetchall() == [], table


def test_prefect_keeps_nothing_of_a_person_in_its_logs_its_base_or_its_results(both: tuple[Path, Path, str]) -> None:
    _, out, printed = both
    assert "RunReport" in printed
    assert found("terminal", printed.encode()) == []
    assert leaks(out) == []
    assert (out / ".prefect" / "serveur.log").exists()


def test_the_engineer_on_call_reads_feeds_differences_and_reports(demonstration: Path) -> None:
    with closing(sqlite3.connect(demonstration / ".prefect" / "prefect.db")) as con:
        told = {key: json.loads(data) for key, data in con.execute("SELECT key, data FROM artifact")}
    feeds = {row["jeu"]: row for row in json.loads(told["jeux"])}
    assert len(feeds) == 20
    mutual = feeds["demo_mutuelle"]
    assert (mutual["état"], mutual["problème"]) == ("manquante, recue", "source_absente")
    assert all(row["reçues"] > 0 and row["durée"] for row in feeds.values())
    assert told["changements"].startswith("2024-T4-r1 : ")
    links = re.findall(r"\(file://([^)]*)\)", told["rapports"])
    assert len(links) > 30
    assert all(Path(unquote(link)).is_file() for link in links)


def test_prefect_says_nothing_on_the_terminal(demonstration: Path) -> None:
    printed = (demonstration / "terminal.txt").read_text("utf-8")
    assert "Publication 2024-T4-r1" in printed
    for noise in ("Traceback", "WARNING", "ERROR", "database is locked", "prefect.", "flow run"):
        assert noise not in printed, noise


def test_the_package_never_imports_prefect() -> None:
    code = (
        "import sys, pkgutil, importlib, qpv_data\n"
        "for m in pkgutil.walk_packages(qpv_data.__path__, 'qpv_data.'):\n"
        "    m.name.endswith('__main__') or importlib.import_module(m.name)\n"
        "assert 'prefect' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
