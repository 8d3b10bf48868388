"""Files of points, piece by piece: Parquet and GeoParquet, CSV, Arrow. Memory does not depend on their size."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.problems import FeedError, Problem

T = TypeVar("T")
U = TypeVar("U")
ROWS = 1 << 18
"""Rows of a batch, at most."""
# A row group of more bytes than this is read by batches instead of at once.
_AT_ONCE = 64 << 20


Unit = Callable[[], list[pa.RecordBatch]]
"""Some rows of a file: called by any thread, it gives them as batches."""


class Source(Protocol):
    """A file: its columns (`schema`), what GeoParquet says of it (`geo`), and its rows by units, in order."""

    nom: str
    schema: pa.Schema
    geo: dict[str, Any]

    def units(self, columns: Sequence[str] | None) -> Iterator[Unit]: ...


def open_source(path: Path, *, separateur: str | None = None, encodage: str = "utf-8") -> Source:
    """Open a file of points, by its first bytes. Raises FeedError: source_absente, format_inattendu."""
    if not path.is_file():
        raise FeedError(path.name, Problem.SOURCE_ABSENTE, "fichier de points absent", "vérifier le chemin")
    with path.open("rb") as stream:
        head = stream.read(8)
    if head[:4] == b"PAR1":
        return ParquetSource(path)
    if head[:6] == b"ARROW1":
        return ArrowSource(path)
    from qpv_data.points.delimited import CsvSource

    return CsvSource(path, separateur, encodage)


def files_of(paths: Iterable[Path]) -> list[Path]:
    """Files as given; those of a folder, sorted, hidden ones apart."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        found += [
            p for p in inside if path == p or not any(s.startswith((".", "_")) for s in p.relative_to(path).parts)
        ]
    return found


class ParquetSource:
    """A piece is a row group. Each thread has a reader of its own over shared, read-only metadata."""

    def __init__(self, path: Path, dictionary: Sequence[str] = ()) -> None:
        self.path, self.nom = path, path.name
        try:
            self.metadata = pq.read_metadata(path)
            self.schema: pa.Schema = self.metadata.schema.to_arrow_schema()
        except (pa.ArrowInvalid, OSError) as e:
            raise _unreadable(path, e) from e
        self.geo: dict[str, Any] = _geo(path, self.metadata.metadata)
        self.dictionary = tuple(dictionary)

    def as_dictionary(self, names: Iterable[str]) -> ParquetSource:
        """The same, texts of the columns `names` read as codes of a dictionary: several times quicker."""
        fields = {f.name: f.type for f in self.schema}
        texts = [n for n in names if n in fields and (pa.types.is_string(fields[n]))]
        return ParquetSource(self.path, texts) if texts else self

    def units(self, columns: Sequence[str] | None) -> Iterator[Unit]:
        """A unit a row group, read by the thread that calls it; a large one is read here, batch after batch."""
        for piece in range(self.metadata.num_row_groups):
            yield from self.unit(piece, columns)

    def unit(self, piece: int, columns: Sequence[str] | None) -> Iterator[Unit]:
        """The units of one row group; `columns` None: all of them."""
        names = None if columns is None else list(columns)
        if self._bytes(piece, names) <= _AT_ONCE:
            yield lambda: self._read(piece, names)
            return
        try:
            for batch in self._file().iter_batches(ROWS, row_groups=[piece], columns=names):
                yield lambda batch=batch: [batch]  # type: ignore[misc]
        except (pa.ArrowInvalid, OSError) as e:
            raise _unreadable(self.path, e) from e

    def _bytes(self, piece: int, names: list[str] | None) -> int:
        group = self.metadata.row_group(piece)
        if names is None:
            return int(group.total_byte_size)
        columns = (group.column(i) for i in range(group.num_columns))
        return sum(c.total_uncompressed_size for c in columns if c.path_in_schema.split(".")[0] in names)

    def _read(self, piece: int, names: list[str] | None) -> list[pa.RecordBatch]:
        try:
            table = self._file().read_row_group(piece, columns=names, use_threads=False)
        except (pa.ArrowInvalid, OSError) as e:
            raise _unreadable(self.path, e) from e
        return list(table.to_batches())

    def _file(self) -> pq.ParquetFile:
        """This thread's reader: one at a time, so that memory does not grow with the number of files."""
        if getattr(_READING, "source", None) is not self:
            _READING.source = self
            _READING.file = pq.ParquetFile(
                self.path, metadata=self.metadata, memory_map=False, read_dictionary=list(self.dictionary)
            )
        file: pq.ParquetFile = _READING.file
        return file


_READING = threading.local()


class ArrowSource:
    """An Arrow IPC file; a unit is a record batch, mapped."""

    def __init__(self, path: Path) -> None:
        self.path, self.nom = path, path.name
        try:
            reader = pa.ipc.open_file(pa.memory_map(str(path)))
        except (pa.ArrowInvalid, OSError) as e:
            raise _unreadable(path, e) from e
        self.schema, self._pieces = reader.schema, reader.num_record_batches
        self.geo: dict[str, Any] = _geo(path, self.schema.metadata)
        self._local = threading.local()

    def units(self, columns: Sequence[str] | None) -> Iterator[Unit]:
        """A unit a record batch."""
        for piece in range(self._pieces):
            yield lambda piece=piece: self._read(piece, columns)  # type: ignore[misc]

    def _read(self, piece: int, columns: Sequence[str] | None) -> list[pa.RecordBatch]:
        try:
            if not hasattr(self._local, "reader"):
                self._local.reader = pa.ipc.open_file(pa.memory_map(str(self.path)))
            batch = self._local.reader.get_batch(piece)
            kept = batch if columns is None else batch.select(list(columns))
            # Nothing in the format tells a spoilt file, and an offset that leads nowhere is a crash, not an error.
            kept.validate(full=True)
        except (pa.ArrowInvalid, OSError) as e:
            raise _unreadable(self.path, e) from e
        # One batch may be the whole file.
        return [kept.slice(start, ROWS) for start in range(0, kept.num_rows, ROWS)]


def _geo(path: Path, metadata: Mapping[bytes, bytes] | None) -> dict[str, Any]:
    """What GeoParquet says of the columns; nothing for a file that is not one."""
    try:
        said = json.loads((metadata or {}).get(b"geo", b"{}"))
    except ValueError as e:
        raise _unreadable(path, e) from e
    if not isinstance(said, dict) or not isinstance(said.get("columns", {}), dict):
        raise _unreadable(path, ValueError("métadonnée « geo »"))
    return said


def _unreadable(path: Path, error: Exception) -> FeedError:
    message = f"fichier illisible : {str(error).splitlines()[0][:200]}"
    return FeedError(path.name, Problem.FORMAT_INATTENDU, message, "donner un Parquet, un CSV ou un Arrow entier")


def in_order(units: Iterable[U], work: Callable[[U], T], threads: int) -> Iterator[T]:
    """The results of `work`, in the order of the units; a few at a time, so that memory stays flat."""
    if threads <= 1:
        yield from map(work, units)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="qpv") as pool:
        waiting: deque[Future[T]] = deque()
        try:
            for unit in units:
                waiting.append(pool.submit(work, unit))
                if len(waiting) > threads + 1:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
