"""docs/visite.md, typed to the letter: every answer that it shows is the one that comes."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from jouer import answers, expected
from lire_la_doc import REPOSITORY

PAGE = REPOSITORY / "docs" / "visite.md"


def test_the_tour_answers_as_it_says(tmp_path: Path, demonstration: Path) -> None:
    for name in ("docs", "referentiels"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    shutil.copytree(demonstration, tmp_path / "data" / "demo", symlinks=True)
    page = PAGE.read_text("utf-8")
    told = answers(page, tmp_path)
    assert len(told) > 8
    for shown, came in zip(expected(page), told, strict=True):
        assert came == (shown or "")


def test_the_tour_s_files_are_small() -> None:
    for path in sorted(PAGE.with_suffix("").glob("*.csv")):
        assert len(path.read_text("utf-8").splitlines()) <= 20, path.name
