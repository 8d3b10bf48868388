"""The rows of files that are made of columns: Parquet, and perimeters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.clause.model import Colonne, Format
from qpv_data.problems import FeedError, Problem
from qpv_data.sources.json_rows import text_of
from qpv_data.sources.raw_rows import Heard, RawRow, match_headers, raw_schema

_BATCH = 10_000
_BUFFER = 1 << 20


def parquet_rows(
    path: Path, jeu: str, fmt: Format, columns: Sequence[Colonne], heard: Heard | None = None
) -> Iterator[RawRow]:
    """(rank from 1, texts, None) of every row. Raises FeedError."""
    file = _parquet_file(path, jeu)
    try:
        names = file.schema_arrow.names
        chosen = [names[i] for i in match_headers(jeu, names, columns, heard)]
        number = 0
        for batch in file.iter_batches(batch_size=_BATCH, columns=sorted(set(chosen))):
            for record in zip(*(_texts(batch.column(c)) for c in chosen), strict=True):
                number += 1
                yield RawRow(number, record)
    except (pa.ArrowException, OSError) as e:
        message = "ce n'est pas un Parquet lisible"
        raise FeedError(jeu, Problem.FORMAT_INATTENDU, message, "demander une nouvelle livraison") from e


def _parquet_file(path: Path, jeu: str) -> pq.ParquetFile:
    try:
        # By pages: without a buffer, the column of a group is read whole, and a group may be the file.
        return pq.ParquetFile(path, buffer_size=_BUFFER)
    except (pa.ArrowException, OSError) as e:
        message = "ce n'est pas un Parquet lisible"
        raise FeedError(jeu, Problem.FORMAT_INATTENDU, message, "demander une nouvelle livraison") from e


def _texts(column: pa.Array) -> list[str | None]:
    # Arrow writes 123456789012.0 as 1.23456789012e+11, and cannot write a list.
    if pa.types.is_floating(column.type) or pa.types.is_nested(column.type):
        return [text_of(v) for v in column.to_pylist()]
    texts: list[str | None] = column.cast(pa.string()).to_pylist()
    return texts


def vector_batches(
    path: Path, jeu: str, fmt: Format, columns: Sequence[Colonne], heard: Heard | None = None
) -> Iterator[pa.RecordBatch]:
    """Batches of `raw_schema` with geometries, and the metadata `crs_source`. Raises FeedError."""
    from qpv_data.sources.vector import read_vector  # GDAL, and pandas behind it: half a second

    vector = read_vector(path, jeu=jeu, couche=fmt.couche, encodage=fmt.encodage)
    table = vector.table
    names = [n for n in table.column_names if n != "geometrie"]
    if heard is not None:
        heard([n for n in names if not n.startswith("geometrie.")])
    chosen = [names[i] for i in match_headers(jeu, names, columns)]
    schema = raw_schema(columns, geometry=True).with_metadata({"crs_source": vector.crs or ""})
    arrays = [
        pa.array(range(1, table.num_rows + 1), pa.int64()),
        pa.nulls(table.num_rows, pa.string()),
        *(table.column(c).cast(pa.string()) for c in chosen),
        table.column("geometrie").cast(pa.binary()),
    ]
    yield from pa.Table.from_arrays(arrays, schema=schema).to_batches(max_chunksize=_BATCH)
