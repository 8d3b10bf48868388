"""The rows of a CSV, by blocks and record by record, in the order of their lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from qpv_data.clause.model import Colonne, Format
from qpv_data.problems import FeedError, Problem, Rejet
from qpv_data.sources.csv_blocks import Record, read_pieces
from qpv_data.sources.csv_records import Shape
from qpv_data.sources.raw_rows import UNDECODABLE, Heard, RawRow, batch_of, legible, match_headers, raw_schema

_FEW = 100


def csv_batches(
    path: Path, jeu: str, fmt: Format, columns: Sequence[Colonne], heard: Heard | None = None, *, exact: bool = False
) -> Iterator[pa.RecordBatch]:
    """Batches of `raw_schema`. `exact`: see `read_pieces`; the rows are the same. Raises FeedError."""

    def resolve(header: Sequence[str] | None) -> list[int]:
        return match_headers(jeu, _present(jeu, header), columns, heard)

    schema = raw_schema(columns, geometry=False)
    with _decoding(jeu, fmt):
        for reading, piece in read_pieces(path, fmt, resolve, exact=exact):
            faultless = pa.nulls(len(piece.lignes), pa.string())
            regular = pa.record_batch([pa.array(piece.lignes), faultless, *piece.colonnes], schema=schema)
            if not piece.records:
                yield regular
                continue
            cut = batch_of((_row(record, reading.shape, reading.indexes) for record in piece.records), columns)
            yield from _merged(regular, cut)


def csv_headers(path: Path, jeu: str, fmt: Format) -> list[str]:
    """The cells of the header. Raises FeedError."""
    headers: list[str] = []

    def seen(header: Sequence[str] | None) -> list[int]:
        headers.extend(_present(jeu, header))
        return [0]

    with _decoding(jeu, fmt):
        next(read_pieces(path, fmt, seen), None)
    return headers


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
    return RawRow(number, values) if text.isascii() or not UNDECODABLE.search(text) else legible(number, values)
