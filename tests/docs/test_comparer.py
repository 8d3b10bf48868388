"""docs/comparer.md: each query asked to the demonstration's database, its answer compared to the letter."""

from __future__ import annotations

from pathlib import Path

import duckdb
from bases import base_of
from lire_la_doc import REPOSITORY
from repondre import answered, questions

PAGE = REPOSITORY / "docs" / "comparer.md"


def test_every_answer_is_the_one_of_the_page(demonstration: Path) -> None:
    written = PAGE.read_text("utf-8")
    assert len(questions(written)) == 4
    with duckdb.connect(str(base_of(demonstration)), read_only=True) as con:
        assert answered(written, con) == written, "tests/docs/repondre.py writes it again"
