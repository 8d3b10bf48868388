"""Write what was judged: the records, and the rows that are none, each in the order of the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qpv_data.clause.expressions import quote
from qpv_data.conforming_stream import asked_of, in_order, meanwhile
from qpv_data.engine import replacing

REJECTS = pa.schema([("_ligne", pa.int64()), ("motif", pa.string()), ("colonne", pa.string()), ("valeur", pa.string())])
REFUSED = ".refusee"
"""What the name of the rejected rows of a delivery refused whole holds; the accepted one's keep the plain name."""
ROW_GROUP = 100_000  # rows; the same whatever the threads, so that the bytes are too


def refused_path(rejets: Path) -> Path:
    """Where the rejected rows of a delivery that is refused go, beside those of the accepted one, which stay."""
    return rejets.with_name(f"{rejets.stem}{REFUSED}.parquet")


def write_both(
    con: duckdb.DuckDBPyConnection, judged: Path, names: Sequence[str], targets: tuple[Path, Path], crs: str
) -> None:
    """Write the columns `names` of the records, and the rejected rows (`REJECTS`), in one pass over `judged`.

    `crs`: kept in the records' metadata as `crs_source`, unless it is empty. Both files appear whole or not at all.
    """
    with replacing(targets[0]) as good, replacing(targets[1]) as bad:
        tables = _verdicts(con, judged, names)
        first = next(tables)  # there is one at least, be it empty, and planning the query for its schema alone costs
        kept = pa.schema([first.schema.field(n) for n in names], {"crs_source": crs} if crs else None)
        with _Groups.to(good, kept) as records, _Groups.to(bad, REJECTS) as rejects:
            for table in chain([first], tables):
                fine = pc.is_null(table["_motif"])
                chosen = table.select(names)
                everything = pc.all(fine).as_py()
                records.add((chosen if everything else chosen.filter(fine)).cast(kept))
                if not everything:
                    rejects.add(_rejected(table.filter(pc.invert(fine))))


def write_rejects(con: duckdb.DuckDBPyConnection, judged: Path, target: Path, recues: int) -> None:
    """Write the rejected rows alone; the count of rows received is kept in the metadata, as `recues`."""
    told = REJECTS.with_metadata({"recues": str(recues)})
    with replacing(target) as bad, _Groups.to(bad, told) as rejects:
        for table in _verdicts(con, judged, []):
            rejects.add(_rejected(table.filter(pc.is_valid(table["_motif"]))).cast(told))


def _verdicts(con: duckdb.DuckDBPyConnection, judged: Path, names: Sequence[str]) -> Iterator[pa.Table]:
    """The rows with what is said of each, in order; `juges` is then what `verdicts` reads."""
    query = _query(names)
    return meanwhile(lambda piece: asked_of(con, query, "juges", piece), in_order(judged))


def _query(names: Sequence[str]) -> str:
    said = ("_rang", "_ligne", "_motif", "_colonne", "_valeur")
    return f"SELECT {', '.join(quote(n) for n in [*names, *(n for n in said if n not in names)])} FROM verdicts"


def _rejected(table: pa.Table) -> pa.Table:
    return table.select(["_ligne", "_motif", "_colonne", "_valeur"]).rename_columns(REJECTS.names).cast(REJECTS)


class _Groups:
    """A Parquet written by groups of `ROW_GROUP` rows, whatever the tables it is given."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer, self._held = writer, schema.empty_table()

    @classmethod
    @contextmanager
    def to(cls, path: Path, schema: pa.Schema) -> Iterator[_Groups]:
        """Its owner's alone from the first byte."""
        path.touch(mode=0o600)
        path.chmod(0o600)
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            groups = cls(writer, schema)
            yield groups
            groups._write()

    def add(self, table: pa.Table) -> None:
        """Take some more rows."""
        self._held = pa.concat_tables([self._held, table])
        while self._held.num_rows >= ROW_GROUP:
            self._write()

    def _write(self) -> None:
        group, self._held = self._held.slice(0, ROW_GROUP), self._held.slice(ROW_GROUP)
        if group.num_rows:
            self._writer.write_table(group, row_group_size=ROW_GROUP)
