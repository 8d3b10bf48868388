"""No page is committed with both sides of a merge in it."""

from __future__ import annotations

import pytest
from lire_la_doc import REPOSITORY

PAGES = sorted({*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("benchmarks/*.md")})
MARKS = ("<" * 7 + " ", "=" * 7 + "\n", ">" * 7 + " ")


@pytest.mark.parametrize("page", [str(p.relative_to(REPOSITORY)) for p in PAGES])
def test_a_page_holds_no_mark_of_a_merge(page: str) -> None:
    lines = (REPOSITORY / page).read_text("utf-8").splitlines(keepends=True)
    assert [n for n, line in enumerate(lines, 1) if line.startswith(MARKS)] == []
