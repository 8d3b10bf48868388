"""Type rows while they are read: the reader in the caller's thread, the engine in another, a few batches between them.

The engine never calls the reader: its threads are not Python's, and libraries that keep something a thread (PROJ) die
in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from queue import Full, Queue

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

_AHEAD = 4  # batches read and not yet typed
_BATCH = 20_000  # rows written at once, unless they weigh more than this:
_HEAVY = 8 << 20  # bytes
_VECTOR = 2_048  # rows, the engine's own measure
_PATIENCE = 0.1


def type_rows(
    con: duckdb.DuckDBPyConnection, sql: str, rows: Iterator[pa.RecordBatch], schema: pa.Schema, target: Path
) -> None:
    """Write in `target`, an Arrow file, what the query `sql` makes of `rows`, which it reads as `brut`; in order.

    Raises what the reader raises, else what the engine does: duckdb.Error, pa.ArrowException, OSError.
    """
    between: Queue[pa.RecordBatch | None] = Queue(_AHEAD)

    def given() -> Iterator[pa.RecordBatch]:
        while (batch := between.get()) is not None:
            yield batch

    with ThreadPoolExecutor(1, "conformation") as pool:
        con.register("brut", pa.RecordBatchReader.from_batches(schema, given()))
        typing = pool.submit(_write, con, sql, target)
        try:
            for batch in rows:
                if not _handed(batch, between, typing):
                    break
        finally:
            _handed(None, between, typing)
        typing.result()
    con.unregister("brut")


def in_order(path: Path) -> pa.RecordBatchReader:
    """What `type_rows` wrote, batch after batch, once: a dataset reads ahead by hundreds of megabytes."""
    file = pa.ipc.open_file(str(path))
    return pa.RecordBatchReader.from_batches(file.schema, (file.get_batch(n) for n in range(file.num_record_batches)))


def in_rank(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows, each `_rang` from 0 once and in its order, in whatever order the engine's threads give them.

    Holds what came before its turn: nothing as long as the engine keeps the order, which no promise binds it to.
    """
    held, turn = dict[int, pa.RecordBatch](), 0
    for batch in batches:
        ranks = np.asarray(batch.column("_rang"))
        cuts = [0, *(np.flatnonzero(np.diff(ranks) != 1) + 1).tolist(), len(ranks)]
        for start, end in pairwise(cuts):
            if end > start:
                held[int(ranks[start])] = batch.slice(start, end - start)
        while (ready := held.pop(turn, None)) is not None:
            yield ready
            turn += ready.num_rows
    assert not held, "a rank is missing, or came twice"


def by_column(path: Path) -> ds.Dataset:
    """The same, as often as asked, and only the columns that are asked for."""
    return ds.dataset(str(path), format="ipc")


def _handed(batch: pa.RecordBatch | None, between: Queue[pa.RecordBatch | None], typing: Future[None]) -> bool:
    """Whether somebody is there to take it."""
    while not typing.done():
        try:
            between.put(batch, timeout=_PATIENCE)
        except Full:
            continue
        return True
    return False


def _write(con: duckdb.DuckDBPyConnection, sql: str, target: Path) -> None:
    con.execute("SET streaming_buffer_size = '32MB'")
    typed = con.execute(sql).to_arrow_reader(_VECTOR)
    # Arrow's own file: written once and read a few times, it costs less than a Parquet to code and decode.
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.OSFile(str(target), "wb") as file, pa.ipc.new_file(file, typed.schema, options=options) as writer:
        for batch in _gathered(in_rank(typed)):
            writer.write_batch(batch)


def _gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Fewer batches, of a bounded weight: a dataset reads sixteen of them ahead, whatever they weigh."""
    held, rows, weight = list[pa.RecordBatch](), 0, 0
    for batch in batches:
        held.append(batch)
        rows, weight = rows + batch.num_rows, weight + batch.nbytes
        if rows >= _BATCH or weight >= _HEAVY:
            yield pa.concat_batches(held)
            held, rows, weight = [], 0, 0
    if held:
        yield pa.concat_batches(held)
