"""docs/dix-questions.md: each question asked to the demonstration's database, its answer compared to the letter."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from bases import base_of
from lire_la_doc import REPOSITORY
from repondre import answered, questions

PAGE = REPOSITORY / "docs" / "dix-questions.md"


def test_there_are_ten_questions() -> None:
    text = PAGE.read_text("utf-8")
    assert len(questions(text)) == text.count("\n## ") == 10


@pytest.fixture(scope="module")
def told(demonstration: Path) -> str:
    with duckdb.connect(str(base_of(demonstration)), read_only=True) as con:
        return answered(PAGE.read_text("utf-8"), con)


@pytest.mark.parametrize("number", range(1, 11))
def test_the_answer_is_the_one_of_the_page(told: str, number: int) -> None:
    written = PAGE.read_text("utf-8")
    assert told.split("\n## ")[number] == written.split("\n## ")[number], "tests/docs/repondre.py writes it again"
