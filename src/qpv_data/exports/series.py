"""`series/zonage=…/series.parquet`: the values again, a zone after the other, for those who read over a network.

`valeurs` has a file a period: a series of forty quarters is forty footers and forty row groups. Here it is one, and so
is everything that a release says of a zone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.engine import engine, replacing, sql_path
from qpv_data.exports.folder import AudienceFolder
from qpv_data.exports.parquet import WRITING, TableComments, commented
from qpv_data.exports.readable import query, zone_blocks

ROW_GROUP_SIZE = 65_536
"""Rows of a group: a file is a whole zoning, whose footer would be heavy with smaller ones."""
_TEXT = pa.string()
SERIES = pa.schema(
    [
        ("code_zone", _TEXT), ("indicateur", _TEXT), ("modalite", _TEXT), ("periode", _TEXT),
        ("valeur", pa.float64()), ("statut_observation", _TEXT), ("statut_diffusion", _TEXT),
    ]
)  # fmt: skip

_SAID = "Les valeurs encore, sans numérateur ni dénominateur : un fichier par zonage, les périodes à la suite."


def with_series(comments: Mapping[str, TableComments]) -> dict[str, TableComments]:
    """The comments of a release's tables, with those of `series`: its columns are those of `valeurs`."""
    columns = comments["valeurs"].colonnes if "valeurs" in comments else {}
    return {**comments, "series": TableComments(_SAID, columns)}


def write_series(folder: AudienceFolder, work: Path, comments: Mapping[str, TableComments]) -> int:
    """Write `series/` in the folder of an audience, from its `valeurs`; returns its rows. Works under `work`.

    Columns are those of `valeurs`, with their comments. The same values give the same bytes; memory does not grow with
    them.
    """
    schema, rows = commented(SERIES, "series", with_series(comments)["series"]), 0
    with engine(work) as con:
        for zoning, files in groupby(folder.values(), key=lambda p: p.parent.parent.name):
            listed = ", ".join(sql_path(p) for p in files)
            reading = f"read_parquet([{listed}], hive_partitioning = true, hive_types_autocast = false)"
            con.execute(f"CREATE OR REPLACE VIEW toutes AS SELECT * FROM {reading}")
            con.execute("CREATE OR REPLACE VIEW valeurs AS SELECT * FROM toutes")
            target = folder.dossier / "series" / zoning / "series.parquet"
            with replacing(target, durable=False) as draft, pq.ParquetWriter(draft, schema, **WRITING) as writer:
                for group in _groups(_batches(con), schema):
                    writer.write_table(group, row_group_size=ROW_GROUP_SIZE)
                    rows += group.num_rows
    return rows


def _batches(con: duckdb.DuckDBPyConnection) -> Iterator[pa.RecordBatch]:
    for condition in zone_blocks(con):
        con.execute(f"CREATE OR REPLACE VIEW valeurs AS SELECT * FROM toutes WHERE {condition}")
        yield from con.execute(query("series")).to_arrow_reader(ROW_GROUP_SIZE)


def _groups(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows in tables of ROW_GROUP_SIZE, the last one smaller: however the engine cuts its batches."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        while count >= ROW_GROUP_SIZE:
            whole = pa.Table.from_batches(held)
            yield _whole(whole.slice(0, ROW_GROUP_SIZE), schema)
            held, count = whole.slice(ROW_GROUP_SIZE).to_batches(), count - ROW_GROUP_SIZE
    if count:
        yield _whole(pa.Table.from_batches(held), schema)


def _whole(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    return rows.cast(schema).combine_chunks()
