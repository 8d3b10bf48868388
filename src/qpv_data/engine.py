"""Open DuckDB the way every stage needs it: bounded memory, spilling to the run's own folder, reproducible."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa

from qpv_data.cores import cores
from qpv_data.problems import FeedError, Problem
from qpv_data.replacing import replacing

__all__ = ["MEMORY", "engine", "failing_as", "replacing", "scratch", "session", "sql_path"]

MEMORY = "2GiB"


Settings = dict[str, str | bool | int | float | list[str]]


def settings() -> Settings:
    """Those of every database that is opened here to work in."""
    return {
        "memory_limit": MEMORY,
        "threads": cores(),
        "preserve_insertion_order": "true",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "enable_external_file_cache": "false",  # a file that is written again is read again
    }


_NAME = "travail"

_idle: list[duckdb.DuckDBPyConnection] = []
"""Instances of DuckDB that nobody uses: starting one costs more than most of what is asked of it."""


@contextmanager
def engine(work: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection on a temporary database under `work`, removed at the end whatever happens.

    Insertion order is preserved and sums are made in DECIMAL: threads never change a result. Nothing of a connection is
    left for the next one: its tables are in its own database, its views, macros and variables are its own.
    """
    with scratch(work) as folder:
        instance = _instance(folder)
        con = instance.cursor()
        try:
            con.execute(f"ATTACH {sql_path(folder / 'travail.duckdb')} AS {_NAME}")
            con.execute(f"USE {_NAME}")
            con.execute("SET enable_progress_bar = false")
            con.execute("SET TimeZone = 'UTC'")
            yield con
        finally:
            con.close()
            _give_back(instance)


def session() -> duckdb.DuckDBPyConnection:
    """A session on the instance that all of them share, in memory: what is made in it is to be temporary."""
    con = _shared().cursor()
    con.execute("SET enable_progress_bar = false")
    return con


@cache
def _shared() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config=settings())


def _instance(folder: Path) -> duckdb.DuckDBPyConnection:
    """An instance of its own, which spills to `folder`: an idle one, unless it cannot change where it spills."""
    while _idle:
        instance = _idle.pop()
        try:
            _prepare(instance, folder)
        except duckdb.Error:  # it has spilled already, or has failed for good
            instance.close()
            continue
        return instance
    instance = duckdb.connect(":memory:", config=settings())
    # What is worked in is thrown away: to tidy it up on the disk first took as long as a small feed's whole work.
    instance.execute("PRAGMA disable_checkpoint_on_shutdown")
    _prepare(instance, folder)
    return instance


def _prepare(instance: duckdb.DuckDBPyConnection, folder: Path) -> None:
    instance.execute(f"SET temp_directory = {sql_path(folder)}")
    instance.execute(f"SET memory_limit = '{MEMORY}'")


def _give_back(instance: duckdb.DuckDBPyConnection) -> None:
    try:
        instance.execute(f"DETACH {_NAME}")
    except duckdb.Error:  # it was never attached, or the instance has failed for good
        instance.close()
    else:
        _idle.append(instance)


@contextmanager
def failing_as(jeu: str) -> Iterator[None]:
    """A fault of the engine is the feed's, and the others go on: raises FeedError in its place.

    DuckDB's message may quote a value: it is not shown, nor kept as a cause.
    """
    try:
        yield
    except (duckdb.IOException, OSError) as e:
        message = f"écriture impossible ({type(e).__name__})"
        raise FeedError(jeu, Problem.ECRITURE_IMPOSSIBLE, message, "libérer de la place") from None
    except duckdb.OutOfMemoryException:  # what it cannot keep goes to the disk: there was no room there either
        message = "le moteur manque de mémoire et de place où travailler"
        raise FeedError(jeu, Problem.PLACE_INSUFFISANTE, message, "libérer de la place sur ce disque") from None
    except (duckdb.Error, pa.ArrowException) as e:  # the engine's faults come through Arrow as well
        message = f"le SQL de la clause échoue sur ces données ({type(e).__name__})"
        raise FeedError(jeu, Problem.SQL_INVALIDE, message, "revoir les expressions de la clause") from None


@contextmanager
def scratch(work: Path) -> Iterator[Path]:
    """A private folder under `work`, removed at the end; a run that is killed leaves it to the next one's sweep."""
    work.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".", suffix=".part", dir=work))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def sql_path(path: Path) -> str:
    """A path as an SQL string."""
    return "'" + str(path).replace("'", "''") + "'"
