"""One line a point: the input's columns, then where the point is. Written as it goes, whole or not at all."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from qpv_data.arrays import arrow, texts
from qpv_data.inert import inert
from qpv_data.points.batch import Placed
from qpv_data.points.ground import MOTIFS
from qpv_data.problems import FeedError, Problem

DEDANS, DEHORS, INCONNU = "dedans", "dehors", "inconnu"
_STATES = texts([DEHORS, DEDANS, INCONNU])
_REASONS = texts([m.value for m in MOTIFS])


def answer_columns(placed: Placed, codes: pa.Array, names: tuple[str, str, str]) -> dict[str, pa.DictionaryArray]:
    """`code` (null outside), `localisation` (dedans, dehors, inconnu) and the reason (null unless unknown).

    Dictionaries: a code is written once a batch, and not once a row.
    """
    n = placed.lus
    state = np.zeros(n, np.int8)
    state[placed.dedans], state[placed.inconnus] = 1, 2
    zone = np.zeros(n, np.int32)
    zone[placed.dedans] = placed.zone
    why = np.zeros(n, np.int8)
    why[placed.inconnus] = placed.motifs
    columns = (
        pa.DictionaryArray.from_arrays(arrow(zone, state != 1), codes),
        pa.DictionaryArray.from_arrays(arrow(state), _STATES),
        pa.DictionaryArray.from_arrays(arrow(why, state != 2), _REASONS),
    )
    return dict(zip(names, columns, strict=True))


def code_lists(placed: Placed, codes: pa.Array) -> pa.Array:
    """The codes of every zone that holds each row, sorted; an empty list outside, and where unknown."""
    assert placed.paires is not None
    rows, zone = placed.paires
    limits = np.searchsorted(rows, np.arange(placed.lus + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(arrow(limits), codes.take(arrow(zone)))


def with_answers(batch: pa.RecordBatch, columns: dict[str, pa.DictionaryArray]) -> pa.Table:
    """A batch and its answers."""
    table = pa.Table.from_batches([batch])
    for name, values in columns.items():
        table = table.append_column(name, values)
    return table


def refuse_clash(nom: str, schema: pa.Schema, added: Iterable[str]) -> None:
    """Raise FeedError when the input already has a column that would be added."""
    if clash := sorted(set(schema.names) & set(added)):
        message = f"le fichier a déjà des colonnes nommées {', '.join(clash)}"
        remedy = "choisir un autre nom avec --prefixe"
        raise FeedError(nom, Problem.DOUBLON, message, remedy)


def refuse_nested(nom: str, schema: pa.Schema) -> None:
    """Raise FeedError when a CSV cannot hold some columns: lists and structures."""
    if nested := [f.name for f in schema if pa.types.is_nested(_stored(f.type))]:
        message = f"un CSV ne peut pas tenir des listes ou des structures : {', '.join(map(repr, nested[:10]))}"
        raise FeedError(nom, Problem.FORMAT_INATTENDU, message, "écrire un .parquet")


def _stored(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


class ParquetRows:
    """Writes tables of one schema to Parquet; readers are told another, where texts are plain, whatever wrote them."""

    def __init__(self, target: Path, schema: pa.Schema, told: pa.Schema, dictionary: Sequence[str]) -> None:
        self._schema = schema
        added = [f.name for f in schema if pa.types.is_dictionary(f.type)]
        self._writer = pq.ParquetWriter(
            target,
            schema,
            compression="snappy",
            use_dictionary=list(dict.fromkeys([*dictionary, *added])),
            store_schema=False,
            write_statistics=True,
        )
        kept = {k: v for k, v in (schema.metadata or {}).items() if k != b"ARROW:schema"}
        self._writer.add_key_value_metadata({**kept, b"ARROW:schema": base64.b64encode(told.serialize().to_pybytes())})

    def write(self, table: pa.Table) -> None:
        """Add rows."""
        self._writer.write_table(table.cast(self._schema) if table.schema != self._schema else table)

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()


class CsvRows:
    """Writes tables of one schema to CSV. The file is for people: a text that a spreadsheet would run as a formula is
    made inert by an apostrophe. Bytes (WKB) are in hexadecimal; a list of codes is one
    text, with commas between."""

    def __init__(self, target: Any, schema: pa.Schema) -> None:
        names = inert(texts(schema.names)).to_pylist()
        empty = (pa.chunked_array([], f.type) for f in schema)
        self._schema = pa.schema([(name, _plain(c).type) for name, c in zip(names, empty, strict=True)])
        self._writer = pcsv.CSVWriter(target, self._schema)

    def write(self, table: pa.Table) -> None:
        """Add rows."""
        self._writer.write_table(pa.table([inert(_plain(c)) for c in table.columns], schema=self._schema))

    def close(self) -> None:
        """End the file."""
        self._writer.close()


def write_csv(table: pa.Table, target: Any) -> None:
    """A whole table as such a CSV, to a path or a stream of bytes."""
    writer = CsvRows(target, table.schema)
    writer.write(table)
    writer.close()


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as a CSV can hold it."""
    import pyarrow.compute as pc

    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        storage = pa.chunked_array([c.storage for c in column.chunks], kind.storage_type)
        return _plain(storage)
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    if pa.types.is_list(kind):
        return pc.binary_join(column, ",")
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        shown = [None if v is None else v.hex() for v in column.to_pylist()]
        return pa.chunked_array([pa.array(shown, pa.string())])
    return column
