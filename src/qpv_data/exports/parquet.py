"""One way to write a published table: zstd, row groups for range reads, comments in the schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA_VERSION = "1.2"
"""Version of the published schema: see docs/schema-parquet.md for what may change, and how it is numbered."""

ROW_GROUP_SIZE = 16_384
"""Rows of a group. At national size a zone's row group and the footer of its file then weigh the least together
(benchmarks/lecture_http.py): smaller groups make the footer heavier, larger ones the group."""

WRITING: Mapping[str, Any] = {
    "compression": "zstd",
    "write_statistics": True,
    "version": "2.6",
    "data_page_version": "1.0",  # what every reader knows
}

VERSION_KEY, TABLE_KEY, COMMENTS_KEY, COMMENT_KEY = (
    b"qpv_data.version_schema", b"qpv_data.table", b"qpv_data.commentaires", b"comment",
)  # fmt: skip


@dataclass(frozen=True)
class TableComments:
    """What a table is, its grain first, and what each of its columns means."""

    table: str
    colonnes: Mapping[str, str]


def write_table(content: pa.Table, target: Path, table_name: str, comments: Mapping[str, TableComments]) -> None:
    """Write `content` at `target`, its rows in the order given, plain columns (no Arrow dictionary) of its own types.

    The comment of a column is in its Arrow field's metadata (`comment`). The table's name, the schema's version and all
    the comments are in the file's own metadata (`qpv_data.*`, UTF-8, JSON for the comments), where readers that know
    nothing of Arrow find them. A table or a column that `comments` say nothing of has none in the file. Metadata that
    `content` has (GeoParquet's `geo`) stay. The same content and comments give the same bytes.
    """
    said = comments.get(table_name, TableComments("", {}))
    said_of_it = content.cast(commented(content.schema, table_name, said)).combine_chunks()
    pq.write_table(said_of_it, target, row_group_size=ROW_GROUP_SIZE, **WRITING)


def commented(schema: pa.Schema, table_name: str, comments: TableComments) -> pa.Schema:
    """The schema with its comments, table and version as metadata; names, types and order stay."""
    fields = [
        f.with_metadata({**(f.metadata or {}), COMMENT_KEY: comments.colonnes[f.name].encode()})
        if f.name in comments.colonnes
        else f
        for f in schema
    ]
    listed = {n: comments.colonnes[n] for n in schema.names if n in comments.colonnes}
    ours = {
        TABLE_KEY: table_name.encode(),
        VERSION_KEY: SCHEMA_VERSION.encode(),
        COMMENTS_KEY: json.dumps({"table": comments.table, "colonnes": listed}, ensure_ascii=False).encode(),
    }
    return pa.schema(fields, metadata={**(schema.metadata or {}), **ours})


def file_comments(path: Path) -> TableComments:
    """The comments that a file carries; both empty when it has none."""
    found = (pq.read_metadata(path).metadata or {}).get(COMMENTS_KEY)
    if found is None:
        return TableComments("", {})
    said = json.loads(found)
    return TableComments(said["table"], said["colonnes"])
