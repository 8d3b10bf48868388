"""Keep an index on disk, under a digest of what it was made from; read it back mapped in memory.

An Arrow IPC file: one line, a column an array. Nothing is decoded on reading: pages come in as they are needed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa

from qpv_data.grid.index import Grid
from qpv_data.grid.layers import Layer
from qpv_data.grid.raster import Frame
from qpv_data.grid.zone_index import ZoneIndex

# Goes up whenever the arrays, or how they are made, change: an index of another version is made again.
_VERSION = 3
_ARRAYS = [f.name for f in dataclasses.fields(Grid) if f.name not in ("frame", "zones")]


def cache_dir() -> Path:
    """Where indexes are kept: QPV_DATA_CACHE, else the user's cache folder."""
    if chosen := os.environ.get("QPV_DATA_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qpv-data"


def digest_of(files: Mapping[str, Path], **how: str | float) -> str:
    """A digest of the files' bytes and of how they are read."""
    total = hashlib.sha256(json.dumps([_VERSION, how], sort_keys=True).encode())
    for name in sorted(files):
        with files[name].open("rb") as stream:
            total.update(name.encode() + hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def cached(digest: str, make: Callable[[], ZoneIndex], directory: Path | None = None) -> ZoneIndex:
    """The index kept under `digest`, else the one that `make` gives, which is then kept.

    A folder that cannot be written costs the time of making, never the answer. A file cut short is made again.
    """
    path = (directory or cache_dir()) / f"grille-{digest[:32]}.arrow"
    if path.exists():
        try:
            return load_index(path)
        except (pa.ArrowInvalid, KeyError, ValueError):
            path.unlink(missing_ok=True)
    made = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_index(made, path)
    except OSError:
        return made
    return load_index(path)


def save_index(index: ZoneIndex, path: Path) -> None:
    """Write `path` whole or not at all."""
    columns: dict[str, pa.Array] = {
        "codes": pa.array([list(index.codes)], pa.large_list(pa.string())),
        "wkb": pa.array([list(index.wkb())], pa.large_list(pa.large_binary())),
    }
    frames = []
    for n, layer in enumerate(index.layers):
        frames.append(
            {**dataclasses.asdict(layer.grid.frame), "zones": layer.grid.zones}
        )
        arrays = {name: getattr(layer.grid, name) for name in _ARRAYS}
        for name, values in {**arrays, "zones": layer.zones}.items():
            flat = pa.array(values)
            columns[f"{n}.{name}"] = pa.LargeListArray.from_arrays(pa.array([0, len(flat)], pa.int64()), flat)
    table = pa.table(columns).replace_schema_metadata({"qpv": json.dumps({"version": _VERSION, "frames": frames})})
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_index(path: Path) -> ZoneIndex:
    """Read what `save_index` wrote, mapped. Raises ArrowInvalid, KeyError or ValueError when it is not one."""
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    said = json.loads((table.schema.metadata or {})[b"qpv"])
    if said["version"] != _VERSION:
        raise ValueError(f"index of version {said['version']}")
    layers = []
    for n, frame in enumerate(said["frames"]):
        zones = frame.pop("zones")
        arrays = {name: _column(table, f"{n}.{name}").to_numpy() for name in _ARRAYS}
        layers.append(
            Layer(Grid(Frame(**frame), zones, **arrays), _column(table, f"{n}.zones").to_numpy())
        )
    codes = tuple(_column(table, "codes").to_pylist())
    return ZoneIndex(codes, tuple(layers), lambda: list(_column(table, "wkb").to_pylist()))


def _column(table: pa.Table, name: str) -> pa.Array:
    return table[name].chunk(0).values
