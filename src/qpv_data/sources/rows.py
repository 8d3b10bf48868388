"""Read a delivery's rows as text, whatever its format, in bounded memory.

Every row of the file comes out exactly once: as text under the clause's column names, or marked with the
reason why it cannot be read. Direct identifiers are not read at all: they never pass this line.
"""

from __future__ import annotations

import codecs
import difflib
import io
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import ijson
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.clause.model import Colonne, Format
from qpv_data.problems import FeedError, Problem, Rejet
from qpv_data.sources.csv_blocks import Record, read_pieces
from qpv_data.sources.csv_records import Shape
from qpv_data.sources.unfold import unfolded, unfolding

BATCH = 50_000
_FEW = 100
_UNDECODABLE = re.compile("[\ud800-\udfff]")  # what surrogateescape makes of the bytes it cannot read
_LONGEST_NUMBER = 400
_DEADLY = re.compile(rb"[0-9]{4300}|\[{1000}")


class RawRow(NamedTuple):
    """One row as received: its line (or element number), its texts, or why it is not a row."""

    ligne: int
    valeurs: tuple[str | None, ...] | None
    rejet: Rejet | None = None


def raw_schema(columns: Sequence[Colonne], geometry: bool) -> pa.Schema:
    """`_ligne`, `_rejet`, then one text column a clause column, then `geometrie` (WKB) for vector files."""
    fields = [("_ligne", pa.int64()), ("_rejet", pa.string()), *((c.nom, pa.string()) for c in columns)]
    return pa.schema([*fields, ("geometrie", pa.binary())] if geometry else fields)


def read_rows(path: Path, jeu: str, fmt: Format, columns: Sequence[Colonne]) -> Iterator[pa.RecordBatch]:
    """Batches of `raw_schema`. Raises FeedError when the header or the container is not what is declared."""
    if fmt.deplier is not None:
        geometry = fmt.type == "vecteur"
        how = unfolding(jeu, headers_of(path, jeu, fmt), fmt.deplier, columns)
        wide = read_rows(path, jeu, fmt.model_copy(update={"deplier": None}), how.lues)
        passed = ("_ligne", "_rejet", *(("geometrie",) if geometry else ()))
        yield from unfolded(wide, how, raw_schema(columns, geometry), passed)
        return
    if fmt.type == "vecteur":
        yield from _vector_batches(path, jeu, fmt, columns)
        return
    if fmt.type == "csv":
        yield from _csv_batches(path, jeu, fmt, columns)
        return
    rows = _reader(fmt.type)(path, jeu, fmt, columns)
    while (batch := _batch(itertools.islice(rows, BATCH), columns)).num_rows:
        yield batch


def headers_of(path: Path, jeu: str, fmt: Format) -> list[str]:
    """Names of the columns of a file that has some. Raises FeedError."""
    if fmt.type == "vecteur":
        from qpv_data.sources.vector import read_vector  # GDAL, and pandas behind it: half a second

        return list(read_vector(path, jeu=jeu, couche=fmt.couche, encodage=fmt.encodage).table.column_names)
    if fmt.type == "parquet":
        return list(_parquet_file(path, jeu).schema_arrow.names)
    headers: list[str] = []

    def seen(header: Sequence[str] | None) -> list[int]:
        headers.extend(_present(jeu, header))
        return [0]

    with _decoding(jeu, fmt):
        next(read_pieces(path, fmt, seen), None)
    return headers


def _batch(rows: Iterable[RawRow], columns: Sequence[Colonne]) -> pa.RecordBatch:
    # Three lists, and not one of rows: the collector of cycles would visit each row again and again.
    lines, texts, faults = list[int](), list[tuple[str | None, ...]](), list[Rejet | None]()
    unread = (None,) * len(columns)
    for line, values, fault in rows:
        lines.append(line)
        texts.append(values or unread)
        faults.append(fault)
    by_column = zip(*texts, strict=True) if texts else ((),) * len(columns)
    arrays = [pa.array(lines, pa.int64()), pa.array(faults, pa.string())]
    return pa.record_batch(
        [*arrays, *(pa.array(values, pa.string()) for values in by_column)], schema=raw_schema(columns, geometry=False)
    )


def match_headers(jeu: str, headers: Sequence[str], columns: Sequence[Colonne]) -> list[int]:
    """Index of each column's header: the first of its names that the file has. All absent ones are listed."""
    clean = [h.strip().removeprefix("\ufeff").strip() for h in headers]
    indexes, absent = [], []
    for column in columns:
        found = next((clean.index(s.strip()) for s in column.source if s.strip() in clean), None)
        if found is None:
            close = difflib.get_close_matches(column.source[0], [h for h in clean if h.isprintable() and h], n=1)
            absent.append(" / ".join(column.source) + (f" (proche : {close[0]})" if close else ""))
        indexes.append(-1 if found is None else found)
    if absent:
        raise FeedError(
            jeu,
            Problem.ENTETE_INATTENDU,
            f"colonnes absentes de l'en-tête : {', '.join(absent)}",
            "corriger `colonnes.source`, ou prévenir le producteur",
        )
    return indexes


# --- CSV ---------------------------------------------------------------------------------------------------


def _csv_batches(
    path: Path, jeu: str, fmt: Format, columns: Sequence[Colonne], *, exact: bool = False
) -> Iterator[pa.RecordBatch]:
    """`exact`: see `read_pieces`; the rows are the same."""

    def resolve(header: Sequence[str] | None) -> list[int]:
        return match_headers(jeu, _present(jeu, header), columns)

    schema = raw_schema(columns, geometry=False)
    with _decoding(jeu, fmt):
        for reading, piece in read_pieces(path, fmt, resolve, exact=exact):
            faultless = pa.nulls(len(piece.lignes), pa.string())
            regular = pa.record_batch([pa.array(piece.lignes), faultless, *piece.colonnes], schema=schema)
            if not piece.records:
                yield regular
                continue
            cut = _batch((_row(record, reading.shape, reading.indexes) for record in piece.records), columns)
            yield from _merged(regular, cut)


def _merged(regular: pa.RecordBatch, cut: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Both in the order of their lines; rows cut exactly are few, and regular ones are slices between them."""
    if not regular.num_rows or cut.num_rows > _FEW:
        yield from pa.Table.from_batches([regular, cut]).sort_by("_ligne").combine_chunks().to_batches()
        return
    places = np.searchsorted(np.asarray(regular.column("_ligne")), np.asarray(cut.column("_ligne")))
    bounds = [0, *places.tolist(), regular.num_rows]
    parts = [regular.slice(0, bounds[1])]
    for n in range(cut.num_rows):
        parts += [cut.slice(n, 1), regular.slice(bounds[n + 1], bounds[n + 2] - bounds[n + 1])]
    yield from pa.Table.from_batches(parts).combine_chunks().to_batches()


def _present(jeu: str, header: Sequence[str] | None) -> Sequence[str]:
    if header is None:
        message = "fichier vide ou sans en-tête"
        raise FeedError(jeu, Problem.ENTETE_INATTENDU, message, "demander une nouvelle livraison")
    return header


@contextmanager
def _decoding(jeu: str, fmt: Format) -> Iterator[None]:
    try:
        yield
    except UnicodeError as e:
        message = f"octets illisibles en {fmt.encodage} ({type(e).__name__})"
        raise FeedError(jeu, Problem.FORMAT_INATTENDU, message, "vérifier `format.encodage`") from e


def _row(record: Record, shape: Shape, indexes: Sequence[int]) -> RawRow:
    """The row of a record that was cut exactly."""
    number, cells, text = record
    if cells is None or not shape.fits(cells):
        return RawRow(number, None, Rejet.NOMBRE_DE_CHAMPS)
    values = tuple(cells[i] for i in indexes)
    return RawRow(number, values) if text.isascii() or not _UNDECODABLE.search(text) else _legible(number, values)


def _legible(number: int, values: tuple[str | None, ...]) -> RawRow:
    """The row, unless bytes that cannot be read are in a column that is."""
    if any(v is not None and not v.isascii() and _UNDECODABLE.search(v) for v in values):
        return RawRow(number, None, Rejet.ENCODAGE_INVALIDE)
    return RawRow(number, values)


# --- JSON --------------------------------------------------------------------------------------------------


def _json_rows(path: Path, jeu: str, fmt: Format, columns: Sequence[Colonne]) -> Iterator[RawRow]:
    prefix = f"{fmt.racine}.item" if fmt.racine else "item"
    number = 0
    seen: set[str] = set()
    with path.open("rb") as file:
        try:
            for element in ijson.items(_JsonBytes(file, fmt.encodage), prefix):
                for record in _exploded(element, fmt.eclater):
                    number += 1
                    if record is None:
                        yield RawRow(number, None, Rejet.NOMBRE_DE_CHAMPS)
                        continue
                    yield _legible(number, tuple(_first_text(record, c.source, seen) for c in columns))
        except (ijson.JSONError, ValueError, RecursionError) as e:
            message = f"JSON illisible après {number} éléments ({type(e).__name__})"
            raise FeedError(jeu, Problem.FORMAT_INATTENDU, message, "demander une nouvelle livraison") from e
    absent = [" / ".join(c.source) for c in columns if number and not seen.intersection(c.source)]
    if absent:
        message = f"champs absents de tous les éléments : {', '.join(absent)}"
        raise FeedError(jeu, Problem.ENTETE_INATTENDU, message, "corriger `colonnes.source`")


class _JsonBytes:
    """UTF-8 bytes for the JSON parser, which a number of more than 4300 digits kills, and too deep a nest stalls."""

    def __init__(self, file: BinaryIO, encodage: str | None) -> None:
        name = codecs.lookup(encodage or "utf-8").name
        self._file: Any = file
        if name not in ("utf-8", "utf-8-sig", "ascii"):
            self._file = io.TextIOWrapper(file, encoding=encodage, newline="")
        self._tail, self._first = b"", True

    def read(self, size: int = -1) -> bytes:
        """The next bytes; empty at the end. Raises ValueError."""
        read = self._file.read(size)
        data: bytes = read.encode() if isinstance(read, str) else read
        if self._first and data:
            self._first = False
            data = data.removeprefix(codecs.BOM_UTF8) or self.read(size)
        if _DEADLY.search(self._tail + data):
            raise ValueError("nombre ou imbrication démesurés")
        self._tail = data[-5000:]
        return data


def _exploded(element: Any, inner: str | None) -> Iterator[Any]:
    """The records of an element; None when what should be an inner array is not one."""
    if inner is None:
        yield element
        return
    items, found = _at(element, inner)
    if not (found and isinstance(element, dict) and isinstance(items, list | None)):
        yield None
        return
    for item in items or ():
        yield {**element, inner: item}


def _first_text(record: Any, sources: Sequence[str], seen: set[str]) -> str | None:
    for source in sources:
        value, found = _at(record, source)
        if found:
            seen.add(source)
            if value is not None:
                return _text(value)
    return None


def _at(value: Any, path: str) -> tuple[Any, bool]:
    """The value at `a.b.0`; of the keys that hold dots, the longest is tried first."""
    if isinstance(value, dict):
        key, rest = path, ""
        while True:
            if key in value:
                found = _at(value[key], rest) if rest else (value[key], True)
                if found[1]:
                    return found
            key, dot, last = key.rpartition(".")
            if not dot:
                return None, False
            rest = f"{last}.{rest}" if rest else last
    head, _, rest = path.partition(".")
    if isinstance(value, list) and head.isdecimal() and int(head) < len(value):
        child = value[int(head)]
        return _at(child, rest) if rest else (child, True)
    return None, False


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        # 1e999999999 in full would fill the memory.
        return format(value, "f") if value.is_finite() and abs(value.adjusted()) < _LONGEST_NUMBER else str(value)
    if isinstance(value, int):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=_text)


# --- Parquet and vector files ------------------------------------------------------------------------------


def _parquet_rows(path: Path, jeu: str, fmt: Format, columns: Sequence[Colonne]) -> Iterator[RawRow]:
    file = _parquet_file(path, jeu)
    try:
        names = file.schema_arrow.names
        chosen = [names[i] for i in match_headers(jeu, names, columns)]
        number = 0
        for batch in file.iter_batches(batch_size=BATCH, columns=sorted(set(chosen))):
            for record in zip(*(_texts(batch.column(c)) for c in chosen), strict=True):
                number += 1
                yield RawRow(number, record)
    except (pa.ArrowException, OSError) as e:
        message = "ce n'est pas un Parquet lisible"
        raise FeedError(jeu, Problem.FORMAT_INATTENDU, message, "demander une nouvelle livraison") from e


def _parquet_file(path: Path, jeu: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as e:
        message = "ce n'est pas un Parquet lisible"
        raise FeedError(jeu, Problem.FORMAT_INATTENDU, message, "demander une nouvelle livraison") from e


def _texts(column: pa.Array) -> list[str | None]:
    # Arrow writes 123456789012.0 as 1.23456789012e+11, and cannot write a list.
    if pa.types.is_floating(column.type) or pa.types.is_nested(column.type):
        return [_text(v) for v in column.to_pylist()]
    texts: list[str | None] = column.cast(pa.string()).to_pylist()
    return texts


def _vector_batches(path: Path, jeu: str, fmt: Format, columns: Sequence[Colonne]) -> Iterator[pa.RecordBatch]:
    from qpv_data.sources.vector import read_vector

    vector = read_vector(path, jeu=jeu, couche=fmt.couche, encodage=fmt.encodage)
    table = vector.table
    names = [n for n in table.column_names if n != "geometrie"]
    chosen = [names[i] for i in match_headers(jeu, names, columns)]
    schema = raw_schema(columns, geometry=True).with_metadata({"crs_source": vector.crs or ""})
    arrays = [
        pa.array(range(1, table.num_rows + 1), pa.int64()),
        pa.nulls(table.num_rows, pa.string()),
        *(table.column(c).cast(pa.string()) for c in chosen),
        table.column("geometrie").cast(pa.binary()),
    ]
    yield from pa.Table.from_arrays(arrays, schema=schema).to_batches(max_chunksize=BATCH)


def _reader(kind: str) -> Callable[[Path, str, Format, Sequence[Colonne]], Iterator[RawRow]]:
    """The last two read their own library when they are asked for, and this module."""
    if kind == "xlsx":
        from qpv_data.sources.xlsx import xlsx_rows

        return xlsx_rows
    if kind == "dbf":
        from qpv_data.sources.dbf import dbf_rows

        return dbf_rows
    return {"json": _json_rows, "parquet": _parquet_rows}[kind]
