"""CSV for people: opens right in a French spreadsheet, and no text of it runs there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import duckdb
import pyarrow as pa
import pyarrow.csv as pcsv

from qpv_data.inert import inert

_BOM = b"\xef\xbb\xbf"
_ROWS = 50_000


def write_csv(
    con: duckdb.DuckDBPyConnection, query: str, sink: BinaryIO, choices: Sequence[str] = ("SELECT 1",)
) -> int:
    """Write the rows of `query` as UTF-8 with a BOM, `;` between fields, one line a row; returns how many.

    `choices`: statements; the query runs once after each, so that they choose its rows part by part. Numbers come as
    texts, with the comma that the query gave them; a null is an empty field. Texts that a spreadsheet would run are
    made inert. Rows go a batch at a time: memory does not grow with them.
    """
    sink.write(_BOM)
    schema = con.execute(f"SELECT * FROM ({query}) LIMIT 0").to_arrow_table().schema
    options = pcsv.WriteOptions(delimiter=";", quoting_style="needed")
    rows = 0
    with pcsv.CSVWriter(pa.PythonFile(sink, mode="w"), schema, write_options=options) as writer:
        for choice in choices:
            con.execute(choice)
            for batch in con.execute(query).to_arrow_reader(_ROWS):
                columns = [_inert(column) for column in batch.columns]
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
                rows += batch.num_rows
    return rows


def _inert(column: pa.Array) -> pa.Array:
    """`inert`, each text looked at once a batch: most columns repeat a few of them."""
    if not pa.types.is_string(column.type):
        return column
    encoded = column.dictionary_encode()
    return inert(encoded.dictionary).take(encoded.indices)
