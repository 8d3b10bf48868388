"""No text of a CSV runs when someone opens it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpv_data.commands.passage import _write
from qpv_data.inert import inert, inert_text

DANGEROUS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1+1", "＠x", "-"]
HARMLESS = ["-1.5", "+33", "1e5", "-1,5", "-1.2e-7", "QN09901A", "a=b", "", "12 rue -", "’="]


@pytest.mark.parametrize("text", DANGEROUS)
def test_a_formula_is_made_a_text(text: str) -> None:
    assert inert_text(text) == "'" + text
    assert inert(pa.chunked_array([[text]])).to_pylist() == ["'" + text]


@pytest.mark.parametrize("text", HARMLESS)
def test_a_number_and_an_ordinary_text_are_untouched(text: str) -> None:
    assert inert_text(text) == text
    assert inert(pa.chunked_array([[text, None]])).to_pylist() == [text, None]


@given(st.lists(st.none() | st.text("=+-@ \t\r\n0123456789.,eEa＝’'", max_size=6), max_size=20))
def test_a_cell_and_a_column_are_treated_alike(texts: list[str | None]) -> None:
    column = inert(pa.chunked_array([pa.array(texts, pa.string())]))
    assert column.to_pylist() == [None if t is None else inert_text(t) for t in texts]


def test_the_csv_of_passages_is_inert_too(tmp_path: Path) -> None:
    _write(pa.table({"code": ["=1+1", "QN09901A"], "n": [-1, 2]}), tmp_path / "p.csv")
    assert tmp_path.joinpath("p.csv").read_text().splitlines() == ['"code","n"', '"\'=1+1",-1', '"QN09901A",2']
