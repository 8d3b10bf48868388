"""Keep an index on disk, under a digest of what it was made from; read it back mapped in memory.

An Arrow IPC file: one line, a column an array. Nothing is decoded on reading: pages come in as they are needed, and
several processes share them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import struct
import uuid
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from qpv_data.arrays import arrow, numbers
from qpv_data.grid.index import Grid
from qpv_data.grid.layers import Layer
from qpv_data.grid.raster import Frame
from qpv_data.grid.zone_index import ZoneIndex

# Goes up whenever the arrays, or how they are made, change: an index of another version is made again.
VERSION = 8
_ARRAYS = [f.name for f in dataclasses.fields(Grid) if f.name not in ("frame", "zones")]


@dataclasses.dataclass(frozen=True)
class Stored:
    """An index, and what its maker wanted to keep beside it (JSON)."""

    index: ZoneIndex
    said: Mapping[str, Any]


def cache_dir() -> Path:
    """Where indexes are kept: QPV_DATA_CACHE, else the user's cache folder."""
    if chosen := os.environ.get("QPV_DATA_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qpv-data"


def digest_of(files: Iterable[Path], **how: Any) -> str:
    """A digest of the files' bytes, in order, and of how they are read; their names do not matter."""
    total = hashlib.sha256(json.dumps([VERSION, how], sort_keys=True).encode())
    for path in files:
        with path.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def path_of(digest: str, directory: Path | None = None) -> Path:
    """Where the index of a digest is kept."""
    return (directory or cache_dir()) / f"grille-{digest[:40]}.arrow"


def cached(digest: str, make: Callable[[], Stored], directory: Path | None = None) -> Stored:
    """What is kept under `digest`, else what `make` gives, which is then kept.

    An empty digest keeps nothing. A folder that cannot be read or written costs the time of making, never the answer.
    A file that is not whole, not of this digest, or not byte for byte what was written is made again.
    """
    if not digest:
        return make()
    path = path_of(digest, directory)
    try:
        return load_index(path, digest)
    except UNUSABLE:
        made = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_index(made.index, path, made.said, digest)
        return load_index(path, digest)
    except UNUSABLE:
        return made


UNUSABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, pa.ArrowException, struct.error)
"""What reading a file that is no index of ours can raise."""


def save_index(index: ZoneIndex, path: Path, said: Mapping[str, Any] | None = None, digest: str = "") -> None:
    """Write `path` whole or not at all, however many threads and processes write it at once."""
    columns: dict[str, pa.Array] = {
        "codes": pa.array([list(index.codes)], pa.large_list(pa.string())),
        "wkb": pa.array([list(index.wkb())], pa.large_list(pa.large_binary())),
    }
    frames = []
    for n, layer in enumerate(index.layers):
        frames.append({**dataclasses.asdict(layer.grid.frame), "zones": layer.grid.zones})
        arrays = {name: getattr(layer.grid, name) for name in _ARRAYS}
        for name, values in {**arrays, "zones": layer.zones}.items():
            flat = arrow(values)
            columns[f"{n}.{name}"] = pa.LargeListArray.from_arrays(arrow(np.array([0, len(flat)])), flat)
    header = {"version": VERSION, "frames": frames, "said": dict(said or {}), "digest": digest}
    table = pa.table(columns).replace_schema_metadata({"qpv": json.dumps(header)})
    # A name of its own: two writers must never share a file that one of them maps.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{uuid.uuid4().hex}.tmp")
    try:
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        with temporary.open("rb+") as file:
            total = 0
            while block := file.read(1 << 22):
                total = zlib.crc32(block, total)
            file.write(_TRAILER.pack(total))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


# The checksum of every byte before it.
_TRAILER = struct.Struct("<Q")


def load_index(path: Path, digest: str | None = None) -> Stored:
    """Read what `save_index` wrote, mapped, once its checksum is verified: 3 GB a second, and a changed byte would be
    a wrong answer. Raises one of UNUSABLE when it is not an index, or not the one of `digest`."""
    whole = pa.memory_map(str(path)).read_buffer()
    kept = whole.slice(0, whole.size - _TRAILER.size)
    if zlib.crc32(kept) != _TRAILER.unpack(whole.slice(kept.size).to_pybytes())[0]:
        raise ValueError("the file is not what was written")
    table = pa.ipc.open_file(pa.BufferReader(kept)).read_all()
    header = json.loads((table.schema.metadata or {})[b"qpv"])
    if header["version"] != VERSION or (digest is not None and header["digest"] != digest):
        raise ValueError(f"index of version {header['version']}, digest {header['digest'][:12]}")
    layers = []
    for n, frame in enumerate(header["frames"]):
        zones = frame.pop("zones")
        arrays = {name: numbers(_column(table, f"{n}.{name}")) for name in _ARRAYS}
        layers.append(Layer(Grid(Frame(**frame), zones, **arrays), numbers(_column(table, f"{n}.zones"))))
    codes = tuple(_column(table, "codes").to_pylist())
    return Stored(ZoneIndex(codes, tuple(layers), lambda: list(_column(table, "wkb").to_pylist())), header["said"])


def _column(table: pa.Table, name: str) -> pa.Array:
    return table[name].chunk(0).values
