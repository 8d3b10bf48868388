"""x and y out of a batch of columns: numbers, texts, WKB or native points; and the CRS of each row."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from qpv_data.arrays import numbers
from qpv_data.grid.edges import Floats, Ints
from qpv_data.points.ground import NUMBER
from qpv_data.problems import MotifInconnu

_NUMBER = r"^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?$"
_ABSENT = r"(?i)^(|na|n/a|nan|null|none)$"
_WKB_POINT = 21


@dataclass(frozen=True)
class Where:
    """Which columns say where a row is, and how.

    `x`, `y`, or `geometrie`; `crs` for all rows, or `colonne_epsg` row by row. `decimale`: the mark in texts.
    """

    x: str | None = None
    y: str | None = None
    geometrie: str | None = None
    crs: str | None = None
    colonne_epsg: str | None = None
    decimale: str = "."

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns to read, each once."""
        named = (self.x, self.y, self.geometrie, self.colonne_epsg)
        return tuple(dict.fromkeys(n for n in named if n is not None))


@dataclass(frozen=True)
class Received:
    """Coordinates of a batch: NaN where there are none. `illisibles`: rows, ascending, whose text is no number."""

    x: Floats
    y: Floats
    illisibles: Ints


def received(batch: pa.RecordBatch, where: Where) -> Received:
    """Coordinates of every row, in its own CRS; x is the longitude or the easting."""
    if where.geometrie is not None:
        return _of_geometry(_column(batch, where.geometrie))
    assert where.x is not None
    assert where.y is not None
    x, bad_x = _numbers(_column(batch, where.x), where.decimale)
    y, bad_y = _numbers(_column(batch, where.y), where.decimale)
    return Received(x, y, np.union1d(bad_x, bad_y) if len(bad_x) or len(bad_y) else bad_x)


def groups_by_crs(batch: pa.RecordBatch, where: Where) -> Iterator[tuple[str | None, Ints | None, int | None]]:
    """(CRS, rows, reason): the rows of each CRS, None for all; rows whose CRS is absent or unknown have a reason."""
    if where.colonne_epsg is None:
        yield where.crs, None, None
        return
    encoded = pc.dictionary_encode(_column(batch, where.colonne_epsg).cast(pa.string()), null_encoding="encode")
    which = numbers(encoded.indices)
    order = np.argsort(which, kind="stable")
    limits = np.searchsorted(which[order], np.arange(len(encoded.dictionary) + 1))
    for n, text in enumerate(encoded.dictionary.to_pylist()):
        rows = order[limits[n] : limits[n + 1]]
        if text is None or not text.strip():
            yield None, rows, NUMBER[MotifInconnu.EPSG_ABSENT]
        elif (crs := epsg_of(text)) is None:
            yield None, rows, NUMBER[MotifInconnu.EPSG_INCONNU]
        else:
            yield crs, rows, None


@lru_cache(maxsize=4096)
def epsg_of(text: str) -> str | None:
    """ "EPSG:2154" for what a column writes ("2154", "2154.0", "epsg:2154"); None when it places no point."""
    import re

    from qpv_data.clause.vocabulary import places_points

    m = re.fullmatch(r"(?:EPSG:)? *([0-9]{4,6})(?:\.0+)?", text.strip(), re.IGNORECASE)
    return f"EPSG:{int(m[1])}" if m and places_points(int(m[1])) else None


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    return batch.column(batch.schema.get_field_index(name))


def _numbers(column: pa.Array, decimale: str) -> tuple[Floats, Ints]:
    none = np.zeros(0, np.int64)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan), none
    if is_text(kind):
        return _parsed(column, decimale)
    if not pa.types.is_float64(kind):
        column = column.cast(pa.float64(), safe=False)
    return numbers(column, math.nan), none


def is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _parsed(column: pa.Array, decimale: str) -> tuple[Floats, Ints]:
    """Texts as numbers: blanks and the usual marks of an absence are one, any other that is no number is unreadable."""
    texts = pc.utf8_trim_whitespace(column.cast(pa.string()))
    if decimale != ".":
        # A dot is then no decimal mark: it makes the text unreadable, and is never guessed.
        texts = pc.replace_substring(pc.replace_substring(texts, ".", "?"), decimale, ".")
    empty = pc.fill_null(pc.match_substring_regex(texts, _ABSENT), True)
    legible = pc.fill_null(pc.match_substring_regex(texts, _NUMBER), False)
    bad = pc.and_(pc.invert(empty), pc.invert(legible))
    kept = pc.if_else(legible, pc.utf8_ltrim(texts, "+"), pa.scalar(None, pa.string()))
    return numbers(kept.cast(pa.float64()), math.nan), np.flatnonzero(numbers(bad))


def _of_geometry(column: pa.Array) -> Received:
    none = np.zeros(0, np.int64)
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    kind = column.type
    if pa.types.is_struct(kind):
        x, y = (pc.struct_field(column, n).cast(pa.float64()) for n in "xy")
        return Received(numbers(x, math.nan), numbers(y, math.nan), none)
    if pa.types.is_fixed_size_list(kind):
        return _of_lists(column, kind.list_size)
    return _of_wkb(column)


def _of_lists(column: pa.Array, size: int) -> Received:
    flat = column.values.slice(column.offset * size, len(column) * size).cast(pa.float64())
    xy = numbers(flat, math.nan).reshape(-1, size)[:, :2].copy()
    if column.null_count:
        xy[numbers(column.is_null())] = np.nan
    return Received(np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1]), np.zeros(0, np.int64))


def _of_wkb(column: pa.Array) -> Received:
    """Points as WKB. Little-endian 2D points, which nearly all are, are read where they lie."""
    kind = pa.large_binary() if pa.types.is_large_binary(column.type) else pa.binary()
    column = column.cast(kind)
    if not column.null_count and len(column):
        width = np.int64 if pa.types.is_large_binary(kind) else np.int32
        _, offsets, data = column.buffers()
        limits = np.frombuffer(offsets, dtype=width)[column.offset : column.offset + len(column) + 1]
        if (np.diff(limits) == _WKB_POINT).all():
            raw = np.frombuffer(data, dtype=np.uint8)[limits[0] : limits[-1]].reshape(-1, _WKB_POINT)
            if (raw[:, :5] == np.array([1, 1, 0, 0, 0], dtype=np.uint8)).all():
                x = np.ascontiguousarray(raw[:, 5:13]).view("<f8")[:, 0]
                y = np.ascontiguousarray(raw[:, 13:21]).view("<f8")[:, 0]
                return Received(x, y, np.zeros(0, np.int64))
    import shapely

    shapes = shapely.from_wkb(np.array([*column.to_pylist(), None], dtype=object)[:-1], on_invalid="ignore")
    present = numbers(column.is_valid())
    kinds: NDArray[np.int32] = shapely.get_type_id(shapes)
    # What is there and is no point has no place that can be read.
    bad = np.flatnonzero(present & (kinds != 0))
    return Received(*coordinates_of(shapes), bad)


def coordinates_of(shapes: NDArray[np.object_]) -> tuple[Floats, Floats]:
    """x and y of geometries; NaN for one that is missing, empty, or no point (GEOS fails on an empty one)."""
    import shapely

    x, y = np.full(len(shapes), np.nan), np.full(len(shapes), np.nan)
    there = np.flatnonzero((shapely.get_type_id(shapes) == 0) & ~shapely.is_empty(shapes))
    x[there], y[there] = shapely.get_x(shapes[there]), shapely.get_y(shapes[there])
    return x, y
