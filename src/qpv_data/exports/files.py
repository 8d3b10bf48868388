"""The published files of an audience, with what catalogues say of each: path, size, SHA-256."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.digests import file_digest
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
    return PublishedFile(path.relative_to(root).as_posix(), path.stat().st_size, file_digest(path))


State = tuple[int, int, int]


def _state(path: Path) -> State:
    """What changes when a file does: several catalogues describe the same one, and read it once."""
    told = path.stat()
    return told.st_ino, told.st_size, told.st_mtime_ns


@lru_cache(maxsize=1024)
def _read_schema(path: Path, state: State) -> pa.Schema:
    return pq.read_schema(path)


def _schema(name: str, path: Path) -> pa.Schema:
    schema = _read_schema(path, _state(path))
    for column in PARTITIONS.get(name, ()):
        schema = schema.append(pa.field(column, pa.string(), nullable=False))
    return schema
