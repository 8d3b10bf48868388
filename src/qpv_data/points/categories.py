"""Categories that rows are counted by, whatever their type: one key a category, the same in every batch and file."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from qpv_data.arrays import numbers, texts

_VIEWS = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}


def kind_of(kind: pa.DataType) -> pa.DataType:
    """The type that categories of a column are written in."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_string_view(kind):
        return pa.string()
    return pa.float32() if pa.types.is_float16(kind) else kind


def is_category(kind: pa.DataType) -> bool:
    """Whether rows can be counted by values of this type."""
    kind = kind_of(kind)
    plain = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(of(kind) for of in (*plain, *text)) or _is_time(kind)


def keys_of(values: pa.Array) -> list[object]:
    """A key a value, None for null. Times are whole numbers of their unit: two instants of a day when clocks go back
    read the same, and are not. NaN is one category, and −0 is 0."""
    if _is_time(values.type):
        return list(values.view(_VIEWS[values.type.bit_width]).to_pylist())
    if pa.types.is_floating(values.type):
        if pa.types.is_float16(values.type):
            values = values.cast(pa.float32())
        found = numbers(values.cast(pa.float64()), math.nan) + 0.0
        absent = ~np.asarray(numbers(values.is_valid()))
        pairs = zip(found.tolist(), absent.tolist(), strict=True)
        return [None if gone else v if v == v else math.nan for v, gone in pairs]
    return list(values.to_pylist())


def values_of(keys: Sequence[object], kind: pa.DataType) -> pa.Array:
    """Categories of `kind` out of their keys."""
    if pa.types.is_string(kind):
        return texts([None if v is None else str(v) for v in keys])
    if _is_time(kind):
        return pa.array(keys, _VIEWS[kind.bit_width]).view(kind)
    # Not from pandas: a NaN stays one.
    return pa.array(keys, kind, from_pandas=False)


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_temporal(kind) and not pa.types.is_interval(kind))
