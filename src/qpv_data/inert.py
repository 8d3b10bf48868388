"""Texts that a spreadsheet would run as formulas, made inert: for every CSV or XLSX that people will open."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa

_FORMULA = "^\\s*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
_NUMBER = r"[+-]?[0-9.,]+([eE][+-]?[0-9]+)?"


def inert(column: Any) -> Any:
    """The column with an apostrophe before each text that starts a formula; any other type is returned as it is.

    A number keeps its sign: only what is no number is a formula. Full-width signs are folded by spreadsheets.
    """
    import pyarrow.compute as pc

    if not pa.types.is_string(column.type):
        return column
    formula = pc.and_(
        pc.match_substring_regex(column, _FORMULA), pc.invert(pc.match_substring_regex(column, f"^{_NUMBER}$"))
    )
    if not pc.any(formula).as_py():
        return column
    return pc.if_else(pc.fill_null(formula, False), pc.binary_join_element_wise("'", column, ""), column)


def inert_text(value: str) -> str:
    """The same for one cell, of a workbook for one."""
    starts = re.match(_FORMULA, value)
    return "'" + value if starts and not re.fullmatch(_NUMBER, value) else value
