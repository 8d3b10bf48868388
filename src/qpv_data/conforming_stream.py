"""Type rows while they are read, some tens of thousands at a time: what a file weighs never shows in memory.

The engine is given whole slices, and never a stream: it would hold what it has read of one to its end, and gives what
it makes of one in an order that only a setting holds. It never calls the reader either: its threads are not Python's,
and libraries that keep something a thread (PROJ) die in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

_ROWS, _BYTES = (
    40_000,
    32 << 20,
)  # of a slice: what first is reached; planning a query costs as much as a few thousand rows
_BATCH, _HEAVY = 20_000, 8 << 20  # of a batch kept: a dataset reads sixteen of them ahead, whatever they weigh
Item = TypeVar("Item")
Made = TypeVar("Made")


def type_rows(
    con: duckdb.DuckDBPyConnection, sql: str, rows: Iterable[pa.RecordBatch], schema: pa.Schema, target: Path
) -> None:
    """Write in `target`, an Arrow file, what the query `sql` makes of `rows`, which it reads as `brut`; in order.

    `rows` have a `_rang` from 0, one a row. Raises what the reader raises, else what the engine does: duckdb.Error,
    pa.ArrowException, OSError.
    """

    def typed(piece: pa.Table) -> pa.Table:
        return asked_of(con, sql, "brut", piece)

    # Arrow's own file: written once and read a few times, it costs less than a Parquet to code and decode.
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.OSFile(str(target), "wb") as file, ExitStack() as held:
        writer: pa.ipc.RecordBatchFileWriter | None = None
        for table in meanwhile(typed, _one_at_least(slices(rows), schema)):
            if writer is None:
                writer = held.enter_context(pa.ipc.new_file(file, table.schema, options=options))
            size = max(1, min(_BATCH, _HEAVY * table.num_rows // max(1, table.nbytes)))
            writer.write_table(table.combine_chunks(), max_chunksize=size)


def _one_at_least(tables: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    """The tables, or an empty one: what the query gives of no row at all is its schema."""
    none = True
    for table in tables:
        none = False
        yield table
    if none:
        yield schema.empty_table()


def asked_of(con: duckdb.DuckDBPyConnection, sql: str, name: str, piece: pa.Table) -> pa.Table:
    """What the query makes of a table, which it reads as `name`: one row a row, in the order of their `_rang`."""
    con.register(name, piece)
    table: pa.Table = con.execute(sql).to_arrow_table()
    con.unregister(name)
    return by_rank(table, np.asarray(piece["_rang"]))


def by_rank(table: pa.Table, ranks: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Table:
    """The rows of `table` in the order of `ranks`, each once: no promise binds an engine of threads to an order."""
    found = np.asarray(table["_rang"])
    if np.array_equal(found, ranks):
        return table
    order = np.argsort(found, kind="stable")
    assert np.array_equal(found[order], ranks), "a rank is missing, or came twice"
    return table.take(pa.array(order))


def slices(rows: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Tables of some tens of thousands of rows, fewer when they are heavy."""
    held, count, weight = list[pa.RecordBatch](), 0, 0
    for batch in rows:
        held.append(batch)
        count, weight = count + batch.num_rows, weight + batch.nbytes
        if count >= _ROWS or weight >= _BYTES:
            yield pa.Table.from_batches(held)
            held, count, weight = [], 0, 0
    if count:
        yield pa.Table.from_batches(held)


def meanwhile(work: Callable[[Item], Made], items: Iterable[Item]) -> Iterator[Made]:
    """`work` of each item, in their order, in another thread while the caller makes the next one and uses the last."""
    with ThreadPoolExecutor(1, "conformation") as pool:
        pending: Future[Made] | None = None
        for item in items:
            given = pool.submit(work, item)
            if pending is not None:
                yield pending.result()
            pending = given
        if pending is not None:
            yield pending.result()


def in_order(path: Path) -> Iterator[pa.Table]:
    """What `type_rows` wrote, a batch at a time; of no row at all, a table without any."""
    with pa.OSFile(str(path)) as source:
        file = pa.ipc.open_file(source)
        if not file.num_record_batches:
            yield file.schema.empty_table()
        for n in range(file.num_record_batches):
            yield pa.Table.from_batches([file.get_batch(n)])


def by_column(path: Path) -> ds.Dataset:
    """The same, as often as asked, and only the columns that are asked for; in no order."""
    return ds.dataset(str(path), format="ipc")
