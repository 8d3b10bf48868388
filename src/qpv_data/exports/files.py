"""The published files of an audience, with what catalogues say of each: path, size, SHA-256."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.exports.folder import AudienceFolder
from qpv_data.exports.schema import PARTITIONS


@dataclass(frozen=True)
class PublishedFile:
    """`chemin` is relative to the release's root, with `/`; `sha256` in hexadecimal."""

    chemin: str
    octets: int
    sha256: str


@dataclass(frozen=True)
class PublishedTable:
    """A table, its schema with the columns that are in paths, and its files in the order of their paths."""

    nom: str
    schema: pa.Schema
    fichiers: tuple[PublishedFile, ...]


def published_tables(folder: AudienceFolder, root: Path) -> list[PublishedTable]:
    """Every table of an audience, `valeurs` first, then `series`, and the others by name. `root`: the release's, which
    paths are relative to. A table without a file is not there."""
    files = {"valeurs": folder.values(), "series": folder.series()}
    files |= {name: [folder.path(name)] for name in folder.tables()}
    return [
        PublishedTable(name, _schema(name, paths[0]), tuple(published_file(p, root) for p in paths))
        for name, paths in files.items()
        if paths
    ]


def published_file(path: Path, root: Path) -> PublishedFile:
    """Size and hash of a file, read in blocks."""
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return PublishedFile(path.relative_to(root).as_posix(), path.stat().st_size, digest)


def _schema(name: str, path: Path) -> pa.Schema:
    schema = pq.read_schema(path)
    for column in PARTITIONS.get(name, ()):
        schema = schema.append(pa.field(column, pa.string(), nullable=False))
    return schema
