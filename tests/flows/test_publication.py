"""Prefect wraps the stages: it changes nothing of what they make, and says nothing on the terminal."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

import duckdb
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def through_prefect(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demonstration of `make demo`: its folder, and all that it printed."""
    out = tmp_path_factory.mktemp("prefect")
    command = [sys.executable, "-m", "flows.demonstration", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY, timeout=300)
    assert done.returncode == 0, done.stderr
    return out, done.stdout + done.stderr


def files(folder: Path) -> dict[str, str]:
    found = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix != ".duckdb")
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


def test_both_ways_give_the_same_bytes(demonstration: Path, through_prefect: tuple[Path, str]) -> None:
    out, _ = through_prefect
    assert files(out / "releases") == files(demonstration / "releases")
    assert len(files(out / "releases")) > 40
    for folder in ("raw", "conformed", "rejets", "located", "zonages"):
        assert files(out / folder) == files(demonstration / folder), folder


def test_both_databases_are_equal_table_by_table(demonstration: Path, through_prefect: tuple[Path, str]) -> None:
    out, _ = through_prefect
    with duckdb.connect(":memory:") as con:
        con.execute(f"ATTACH '{demonstration / 'qpv.duckdb'}' AS a (READ_ONLY)")
        con.execute(f"ATTACH '{out / 'qpv.duckdb'}' AS b (READ_ONLY)")
        listed = "SELECT table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY 1"
        tables = con.execute(listed, ["a"]).fetchall()
        assert tables == con.execute(listed, ["b"]).fetchall()
        assert len(tables) > 8
        for (table,) in tables:
            for one, other in (("a", "b"), ("b", "a")):
                sql = f"SELECT * FROM {one}.{table} EXCEPT ALL SELECT * FROM {other}.{table}"
                assert con.execute(sql).fetchall() == [], table


def test_the_engineer_on_call_reads_feeds_differences_and_reports(through_prefect: tuple[Path, str]) -> None:
    out, _ = through_prefect
    with closing(sqlite3.connect(out / ".prefect" / "prefect.db")) as con:
        told = {key: json.loads(data) for key, data in con.execute("SELECT key, data FROM artifact")}
    feeds = {row["jeu"]: row for row in json.loads(told["jeux"])}
    assert len(feeds) == 20
    assert (feeds["demo_mutuelle"]["état"], feeds["demo_mutuelle"]["problème"]) == (
        "manquante, recue",
        "source_absente",
    )
    assert all(row["reçues"] > 0 and row["durée"] for row in feeds.values())
    assert told["changements"].startswith("2024-T4-r1 : ")
    links = re.findall(r"\(file://([^)]*)\)", told["rapports"])
    assert len(links) > 30
    assert all(Path(unquote(link)).is_file() for link in links)


def test_prefect_says_nothing_on_the_terminal(through_prefect: tuple[Path, str]) -> None:
    _, printed = through_prefect
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
