"""Write what was judged: the records, and the rows that are none, each in the order of the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qpv_data.clause.expressions import quote
from qpv_data.conforming_stream import in_order, in_rank
from qpv_data.engine import replacing

REJECTS = pa.schema([("_ligne", pa.int64()), ("motif", pa.string()), ("colonne", pa.string()), ("valeur", pa.string())])
ROW_GROUP = 100_000  # rows; the same whatever the threads, so that the bytes are too
_VECTOR = 2_048  # rows, the engine's own measure: a batch of them never weighs much


def write_both(
    con: duckdb.DuckDBPyConnection, judged: Path, names: Sequence[str], targets: tuple[Path, Path], crs: str
) -> None:
    """Write the columns `names` of the records, and the rejected rows (`REJECTS`), in one pass over `judged`.

    `crs`: kept in the records' metadata as `crs_source`, unless it is empty. Both files appear whole or not at all.
    """
    with replacing(targets[0]) as good, replacing(targets[1]) as bad:
        rows = _verdicts(con, judged, names)
        kept = pa.schema([rows.schema.field(name) for name in names], {"crs_source": crs} if crs else None)
        with _Groups.to(good, kept) as records, _Groups.to(bad, REJECTS) as rejects:
            for batch in in_rank(rows):
                fine = pc.is_null(batch.column("_motif"))
                records.add(_chosen(batch, fine, kept))
                if fine.true_count < batch.num_rows:
                    rejects.add(_rejected(batch.filter(pc.invert(fine))))


def write_rejects(con: duckdb.DuckDBPyConnection, judged: Path, target: Path) -> None:
    """Write the rejected rows alone."""
    with replacing(target) as bad, _Groups.to(bad, REJECTS) as rejects:
        for batch in in_rank(_verdicts(con, judged, ["_ligne"])):
            rejects.add(_rejected(batch.filter(pc.is_valid(batch.column("_motif")))))


def _verdicts(con: duckdb.DuckDBPyConnection, judged: Path, names: Sequence[str]) -> pa.RecordBatchReader:
    asked = [*names, *(n for n in ("_rang", "_ligne", "_motif", "_colonne", "_valeur") if n not in names)]
    con.register("juges", in_order(judged))
    return con.execute(f"SELECT {', '.join(quote(n) for n in asked)} FROM verdicts").to_arrow_reader(_VECTOR)


def _chosen(batch: pa.RecordBatch, fine: pa.BooleanArray, schema: pa.Schema) -> pa.RecordBatch:
    chosen = pa.record_batch([batch.column(f.name) for f in schema], schema=schema)
    return chosen if fine.true_count == batch.num_rows else chosen.filter(fine)


def _rejected(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.record_batch([batch.column(n) for n in ("_ligne", "_motif", "_colonne", "_valeur")], schema=REJECTS)


class _Groups:
    """A Parquet written by groups of `ROW_GROUP` rows, whatever the batches it is given."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer, self._schema = writer, schema
        self._held, self._rows = list[pa.RecordBatch](), 0

    @classmethod
    @contextmanager
    def to(cls, path: Path, schema: pa.Schema) -> Iterator[_Groups]:
        """Its owner's alone from the first byte."""
        path.touch(mode=0o600)
        path.chmod(0o600)
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            groups = cls(writer, schema)
            yield groups
            groups._write(groups._rows)

    def add(self, batch: pa.RecordBatch) -> None:
        """Take some more rows."""
        self._held.append(batch)
        self._rows += batch.num_rows
        while self._rows >= ROW_GROUP:
            self._write(ROW_GROUP)

    def _write(self, rows: int) -> None:
        table = pa.Table.from_batches(self._held, self._schema)
        if rows:
            self._writer.write_table(table.slice(0, rows), row_group_size=rows)
        self._held, self._rows = table.slice(rows).to_batches(), table.num_rows - rows
