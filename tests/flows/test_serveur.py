"""The database of the Prefect server: held by another, damaged, read-only: said at once, and left as it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from flows import serveur
from flows.environnement import isolated
from flows.serveur import READY, ServerError, serving


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That of a server which has answered once."""
    monkeypatch.setattr(serveur, "LOCK_TIMEOUT", 0.1)
    (tmp_path / READY).touch()
    with closing(sqlite3.connect(tmp_path / "prefect.db")) as con:
        con.execute("CREATE TABLE passages (id INTEGER)")
    return tmp_path / "prefect.db"


def refused(base: Path, words: str) -> None:
    before = base.read_bytes()
    with pytest.raises(ServerError, match=words), serving(base.parent, isolated(base.parent)):
        raise AssertionError("a server was started")
    assert base.read_bytes() == before


def test_a_database_that_another_program_holds_is_told_with_what_to_do(base: Path) -> None:
    with closing(sqlite3.connect(base, isolation_level=None)) as con:
        con.execute("BEGIN EXCLUSIVE")
        refused(base, "tenue par un autre programme → arrêter")


def test_a_damaged_database_is_told_with_what_to_do_and_is_not_erased(base: Path) -> None:
    base.write_bytes(b"autre chose" * 1000)
    refused(base, "abîmée .* → l'enlever")
