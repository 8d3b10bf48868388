"""Read a delivery's rows as text, whatever its format, in bounded memory.

Every row of the file comes out exactly once: as text under the clause's column names, or marked with the
reason why it cannot be read. Direct identifiers are not read at all: they never pass this line.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from qpv_data.clause.model import Colonne, Format
from qpv_data.sources.columnar_rows import parquet_rows, vector_batches
from qpv_data.sources.csv_rows import csv_batches, csv_headers
from qpv_data.sources.json_rows import json_rows
from qpv_data.sources.raw_rows import Heard, RawRow, batch_of, match_headers, raw_schema
from qpv_data.sources.unfold import unfolded, unfolding

__all__ = ["BATCH", "Heard", "RawRow", "headers_of", "match_headers", "raw_schema", "read_rows"]
BATCH = 10_000


def read_rows(
    path: Path, jeu: str, fmt: Format, columns: Sequence[Colonne], heard: Heard | None = None
) -> Iterator[pa.RecordBatch]:
    """Batches of `raw_schema`. Raises FeedError when the header or the container is not what is declared.

    `heard` is told the headers, also when they are not what is declared; of JSON, the keys, at the end.
    """
    if fmt.deplier is not None:
        headers = headers_of(path, jeu, fmt)
        if heard is not None:
            heard(headers)
        geometry = fmt.type == "vecteur"
        how = unfolding(jeu, headers, fmt.deplier, columns)
        wide = read_rows(path, jeu, fmt.model_copy(update={"deplier": None}), how.lues)
        passed = ("_ligne", "_rejet", *(("geometrie",) if geometry else ()))
        yield from unfolded(wide, how, raw_schema(columns, geometry), passed)
    elif fmt.type == "vecteur":
        yield from vector_batches(path, jeu, fmt, columns, heard)
    elif fmt.type == "csv":
        yield from csv_batches(path, jeu, fmt, columns, heard)
    else:
        rows = _reader(fmt.type)(path, jeu, fmt, columns, heard)
        while (batch := batch_of(itertools.islice(rows, BATCH), columns)).num_rows:
            yield batch


def headers_of(path: Path, jeu: str, fmt: Format) -> list[str]:
    """Names of the columns of a file that has a header. Raises FeedError."""
    if fmt.type == "csv":
        return csv_headers(path, jeu, fmt)
    found: list[str] = []
    read = vector_batches if fmt.type == "vecteur" else _reader(fmt.type)
    next(iter(read(path, jeu, fmt, (), found.extend)), None)
    return found


Reader = Callable[[Path, str, Format, Sequence[Colonne], Heard | None], Iterator[RawRow]]


def _reader(kind: str) -> Reader:
    """The last two read their own library when they are asked for."""
    if kind == "xlsx":
        from qpv_data.sources.xlsx import xlsx_rows

        return xlsx_rows
    if kind == "dbf":
        from qpv_data.sources.dbf import dbf_rows

        return dbf_rows
    return {"json": json_rows, "parquet": parquet_rows}[kind]
