"""Arrow arrays out of numpy's memory and of texts, without a copy, and without pandas: pyarrow's own way in imports it,
which costs more than locating a million points."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def arrow(values: NDArray[Any], absent: NDArray[np.bool_] | None = None) -> pa.Array:
    """Whole numbers or floats as an array; null where `absent`."""
    values = np.ascontiguousarray(values)
    kind = pa.from_numpy_dtype(values.dtype)
    if absent is None:
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)], 0)
    valid = pa.py_buffer(np.packbits(~absent, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(values)])


def texts(values: Sequence[str | None]) -> pa.StringArray:
    """Texts as an array; None is null."""
    encoded = [b"" if v is None else v.encode() for v in values]
    offsets = np.zeros(len(encoded) + 1, np.int32)
    np.cumsum([len(v) for v in encoded], out=offsets[1:])
    valid = np.packbits(np.array([v is not None for v in values], dtype=bool), bitorder="little")
    data = pa.py_buffer(b"".join(encoded))
    return pa.StringArray.from_buffers(len(encoded), pa.py_buffer(offsets), data, pa.py_buffer(valid))


def numbers(values: pa.Array, absent: float | None = None) -> NDArray[Any]:
    """The memory of whole numbers or floats, as numpy sees it, `absent` in place of nulls; booleans are copied.

    Raises ValueError for nulls when `absent` is not given.
    """
    if pa.types.is_boolean(values.type):
        return numbers(values.cast(pa.uint8()), absent).view(np.bool_)
    dtype = np.dtype(_DTYPES[str(values.type)])
    if not len(values):
        return np.zeros(0, dtype)
    if values.null_count and absent is None:
        raise ValueError("nulls have no number")
    buffer = values.buffers()[1]
    if buffer is None:
        return np.full(len(values), absent, dtype)
    found = np.frombuffer(buffer, dtype=dtype, count=len(values), offset=values.offset * dtype.itemsize)
    return np.where(numbers(values.is_valid()), found, dtype.type(absent)) if values.null_count else found


_DTYPES = {
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "float": "float32",
    "double": "float64",
}


def distinct(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """The keys, sorted, each once. numpy's own way hashes first, which costs ten times a sort on keys like ours, and
    imports its masked arrays."""
    ordered = np.sort(keys)
    new = np.ones(len(ordered), dtype=bool)
    new[1:] = ordered[1:] != ordered[:-1]
    return ordered[new]


def expanded(first: NDArray[np.int64], last: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Index of each range, and each whole number from its first to its last; none for an empty range."""
    number = np.maximum(last - first + 1, 0)
    if len(number) and number.min() == 1 == number.max():
        return np.arange(len(number)), first
    owner = np.repeat(np.arange(len(number)), number)
    return owner, np.arange(len(owner)) + np.repeat(first - (np.cumsum(number) - number), number)


def members(limits: NDArray[Any], which: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(position in `which`, place) of every place from limits[k] to limits[k + 1], for each k of `which`."""
    return expanded(limits[which].astype(np.int64), limits[which + 1].astype(np.int64) - 1)


def turns(sizes: NDArray[Any], about: int) -> list[slice]:
    """Slices of things whose sizes sum to about `about`, one thing at least."""
    total = np.cumsum(sizes, dtype=np.int64)
    if not len(total):
        return []
    marks = np.searchsorted(total, np.arange(about, int(total[-1]), about))
    return [slice(a, b) for a, b in itertools.pairwise(sorted({0, *marks.tolist(), len(total)}))]
