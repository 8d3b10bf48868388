"""Open DuckDB the way every stage needs it: bounded memory, spilling to the run's own folder, reproducible."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from qpv_data.problems import FeedError, Problem
from qpv_data.replacing import replacing

__all__ = ["MEMORY", "engine", "failing_as", "replacing", "scratch", "sql_path"]

MEMORY = "2GiB"


@contextmanager
def engine(work: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection on a temporary database under `work`, removed at the end whatever happens.

    Insertion order is preserved and sums are made in DECIMAL: threads never change a result.
    """
    with scratch(work) as folder:
        con = duckdb.connect(str(folder / "travail.duckdb"), config={"memory_limit": MEMORY})
        try:
            con.execute(f"SET temp_directory = '{str(folder).replace(chr(39), chr(39) * 2)}'")
            con.execute("SET preserve_insertion_order = true")
            con.execute("SET enable_progress_bar = false")
            con.execute("SET autoinstall_known_extensions = false")
            con.execute("SET autoload_known_extensions = false")
            con.execute("SET TimeZone = 'UTC'")
            yield con
        finally:
            con.close()


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
    except (duckdb.Error, pa.ArrowException) as e:  # the engine's faults come through Arrow as well
        message = f"le SQL de la clause échoue sur ces données ({type(e).__name__})"
        raise FeedError(jeu, Problem.SQL_INVALIDE, message, "revoir les expressions de la clause") from None


@contextmanager
def scratch(work: Path) -> Iterator[Path]:
    """A private folder under `work`, removed at the end."""
    work.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=work))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def sql_path(path: Path) -> str:
    """A path as an SQL string."""
    return "'" + str(path).replace("'", "''") + "'"
