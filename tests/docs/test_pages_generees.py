"""The generated pages say what the code says, and nothing that they explain has been forgotten."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from bases import base_of
from lire_la_doc import REPOSITORY

from qpv_data import comments
from qpv_data.documentation import capture, cles, dictionnaire

DOCS = REPOSITORY / "docs"
MAX_CAPTURE = 120_000


@pytest.mark.parametrize("page", ["clause", "dictionnaire", "catalogue"])
def test_the_committed_page_is_the_one_that_the_code_writes(page: str) -> None:
    command = [sys.executable, "-m", "qpv_data.documentation", page]
    written = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    committed = (DOCS / f"{page}.md").read_text("utf-8")
    assert committed == written, f"`make docs` to write docs/{page}.md again"


def test_an_unknown_page_is_a_wrong_usage() -> None:
    command = [sys.executable, "-m", "qpv_data.documentation", "clauses"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "clause,dictionnaire,catalogue,capture" in done.stderr


@pytest.mark.parametrize("name", list(cles.texts()))
def test_every_key_of_a_model_is_explained_and_none_that_it_lacks(name: str) -> None:
    assert list(cles.texts()[name]["cles"]) == cles.own_fields(name)


def test_every_model_of_the_clause_has_its_section() -> None:
    schemas = [cles.documented(name).model_json_schema() for name in ("ClauseJeu", "ClauseZonage")]
    defined = {name for schema in schemas for name, part in schema["$defs"].items() if "properties" in part}
    assert set(cles.texts()) == defined | {"ClauseBase", "ClauseJeu", "ClauseZonage"}


def test_every_link_inside_the_page_of_the_clause_leads_to_a_section() -> None:
    text = (DOCS / "clause.md").read_text("utf-8")
    titles = re.findall(r"^## (.*)$", text, re.MULTILINE)
    anchors = {"".join(c for c in t.lower().replace(" ", "-") if c.isalnum() or c in "-_") for t in titles}
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= anchors


def test_every_published_column_is_explained_and_none_that_is_not() -> None:
    explained = {table: list(text["colonnes"]) for table, text in comments.texts().items()}
    assert explained == {table: schema.names for table, schema in dictionnaire.schemas().items()}


def test_the_dictionary_describes_the_database_that_is_published(demonstration: Path) -> None:
    with duckdb.connect(str(base_of(demonstration)), read_only=True) as con:
        found: dict[str, list[str]] = {}
        for table, column in con.execute(
            "SELECT t.table_name, c.column_name FROM duckdb_columns() c JOIN duckdb_tables() t USING (table_oid)"
            " ORDER BY c.column_index"
        ).fetchall():
            found.setdefault(table, []).append(column)
    published = {table: schema.names for table, schema in dictionnaire.schemas().items()}
    assert {table: columns for table, columns in found.items() if table in published} == published
    added = {name for name, text in comments.added_texts().items() if text["sorte"] == "table"}
    assert set(found) == set(published) | added


def test_the_capture_shows_the_figures_of_the_demonstration(demonstration: Path) -> None:
    svg = html.unescape((DOCS / "capture.svg").read_text("utf-8")).replace("\xa0", " ")
    drawn = _rows(" ".join(re.findall(r">([^<>\n]*)</text>", svg)).replace("QN", "\nQN"))
    printed = _rows(capture.result_of((demonstration / "terminal.txt").read_text("utf-8")))
    assert len(printed) == len(drawn) > 10
    for code, figures in printed.items():
        # A narrow terminal cuts the last column: the others are compared.
        assert drawn[code][: len(figures) - 1] == figures[:-1], "make the capture again: see documentation/capture.py"


def _rows(text: str) -> dict[str, list[str]]:
    """Quarter's code → what is written after it on its line, thin spaces kept inside numbers."""
    lines = [re.split(r"[ \n]+", line.strip()) for line in text.split("\n")]
    return {words[0]: words[1:] for words in lines if words[0].startswith("QN")}


def test_the_capture_is_light_and_asks_nothing_of_the_network() -> None:
    svg = (DOCS / "capture.svg").read_text("utf-8")
    assert len(svg.encode()) < MAX_CAPTURE
    assert "@font-face" not in svg
    assert "url(http" not in svg
    assert not re.search(r"/(tmp|home|root|Users)/", svg)


def test_the_same_output_is_drawn_with_the_same_bytes() -> None:
    text = "\x1b[1mQuartiers\x1b[0m\n QN09901I  12"
    assert capture.draw("qpv-data demo", text) == capture.draw("qpv-data demo", text)
