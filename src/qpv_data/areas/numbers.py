"""Columns of numbers, whatever they were written as."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from qpv_data.problems import FeedError, Problem

_DECIMAL_COMMA = r"^\s*([+-]?\d+),(\d+)\s*$"
_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"


def numbers(column: pa.Array, name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(values, NaN where there is none; which ones cannot be read). A decimal comma is read; infinity is not."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _from_text(column)
    if not (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_null(kind)
    ):
        raise FeedError(
            name, Problem.FORMAT_INATTENDU, f"colonne {name!r} de type {kind}", "donner une colonne de nombres"
        )
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    values = column.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
    wrong = np.isinf(values)
    if wrong.any():
        values[wrong] = np.nan
    return values, wrong


def _from_text(column: pa.Array) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    text = pc.replace_substring_regex(column, pattern=_DECIMAL_COMMA, replacement=r"\1.\2")
    sound = pc.fill_null(pc.match_substring_regex(text, pattern=_NUMBER), False)
    empty = pc.fill_null(pc.match_substring_regex(column, pattern=r"^\s*$"), True)
    trimmed = pc.if_else(sound, pc.utf8_trim_whitespace(text), pa.scalar(None, text.type))
    values = trimmed.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
    wrong = ~(sound.to_numpy(zero_copy_only=False) | empty.to_numpy(zero_copy_only=False)) | np.isinf(values)
    values[wrong] = np.nan
    return values, wrong
