"""Engines one after the other and at once: what one does is nothing to the next."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from qpv_data.cores import VARIABLE, cores
from qpv_data.engine import MEMORY, engine, failing_as, session, settings
from qpv_data.problems import FeedError
from qpv_data.runs import RunError

MADE = ("SELECT * FROM t", "SELECT * FROM v", "SELECT * FROM arrow", "SELECT m(1)", "SELECT * FROM passing")


def test_an_engine_leaves_nothing_to_the_next_one(tmp_path: Path) -> None:
    with engine(tmp_path) as con:
        con.execute("CREATE TABLE t AS SELECT 1 AS a")
        con.execute("CREATE VIEW v AS SELECT * FROM t")
        con.execute("CREATE TEMP TABLE passing AS SELECT 1 AS a")
        con.execute("CREATE TEMP MACRO m(x) AS x + 1")
        con.execute("SET VARIABLE told = 1")
        con.execute("SET memory_limit = '1GiB'")
        con.execute("SET TimeZone = 'Indian/Reunion'")
        con.register("arrow", pa.table({"a": [1]}))
        assert all(con.execute(sql).fetchall() for sql in MADE)
    with engine(tmp_path) as con:
        for sql in MADE:
            with pytest.raises(duckdb.CatalogException):
                con.execute(sql)
        assert con.execute("SELECT getvariable('told')").fetchone() == (None,)
        said = con.execute("SELECT current_setting('memory_limit'), current_setting('TimeZone')").fetchone()
        assert said == (MEMORY.replace("2GiB", "2.0 GiB"), "UTC")
    assert list(tmp_path.iterdir()) == []


def test_engines_at_once_are_apart(tmp_path: Path) -> None:
    with engine(tmp_path / "a") as one, engine(tmp_path / "b") as other:
        one.execute("CREATE TABLE t AS SELECT 1 AS a")
        other.execute("CREATE TABLE t AS SELECT 2 AS a")
        assert (one.execute("FROM t").fetchall(), other.execute("FROM t").fetchall()) == ([(1,)], [(2,)])


def test_each_engine_spills_to_its_own_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with engine(tmp_path / name) as con:
            con.execute("SET memory_limit = '30MB'")
            con.execute(
                "CREATE TEMP TABLE wide AS SELECT range AS n, repeat(md5(range::VARCHAR), 8) AS s FROM range(200000)"
            )
            spilt = con.execute("SELECT path FROM duckdb_temporary_files()").fetchall()
            assert spilt
            assert all(Path(p).is_relative_to(tmp_path / name) for (p,) in spilt)
        assert list((tmp_path / name).iterdir()) == []


def test_an_engine_that_lost_its_database_does_not_spoil_the_next_one(tmp_path: Path) -> None:
    with engine(tmp_path) as con, pytest.raises(duckdb.Error):
        con.execute("SELECT error('x')")
    with engine(tmp_path) as con:
        con.execute("ATTACH ':memory:' AS other")
        con.execute("USE other")
        con.execute("DETACH travail")  # as when it could not be attached
    with engine(tmp_path) as con:
        con.execute("CREATE TABLE t AS SELECT 1 AS a")
        assert con.execute("SELECT count(*) FROM duckdb_databases() WHERE database_name = 'other'").fetchone() == (0,)


def test_a_file_written_again_is_read_again(tmp_path: Path) -> None:
    target = tmp_path / "f.parquet"
    for n in (1, 2):
        with engine(tmp_path / "travail") as con:
            con.execute(f"COPY (SELECT {n} AS a) TO '{target}' (FORMAT parquet)")
            assert con.execute(f"FROM read_parquet('{target}')").fetchall() == [(n,)]


def test_sessions_in_memory_are_apart_in_what_they_make_for_a_time() -> None:
    one, other = session(), session()
    one.execute("CREATE TEMP TABLE t AS SELECT 1 AS a")
    one.register("arrow", pa.table({"a": [1]}))
    for sql in ("FROM t", "FROM arrow"):
        assert one.execute(sql).fetchall() == [(1,)]
        with pytest.raises(duckdb.CatalogException):
            other.execute(sql)


def test_an_engine_takes_the_cores_it_is_given_and_another_word_than_a_number_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "3")
    assert settings()["threads"] == 3
    monkeypatch.setenv(VARIABLE, " ")
    assert settings()["threads"] == cores() >= 1
    for wrong in ("0", "-1", "deux", "1.5", "²"):
        monkeypatch.setenv(VARIABLE, wrong)
        with pytest.raises(RunError, match=r"valeur_invalide.*QPV_DATA_COEURS"):
            cores()


def test_a_feed_that_the_engine_has_no_room_for_is_told_so_and_not_that_its_clause_is_wrong() -> None:
    with pytest.raises(FeedError, match="place_insuffisante"), failing_as("jeu"):
        raise duckdb.OutOfMemoryException("failed to offload data block")
