"""The words of the dictionary, as files carry them."""

from __future__ import annotations

from qpv_data.comments import column_comments, plain, table_comments
from qpv_data.documentation.dictionnaire import schemas


def test_every_published_table_and_column_has_a_comment() -> None:
    said = table_comments()
    assert list(said) == list(schemas())
    assert {t: list(column_comments(t)) for t in said} == {t: s.names for t, s in schemas().items()}
    assert all(said.values())
    assert all(text for table in said for text in column_comments(table).values())


def test_a_comment_has_no_markdown() -> None:
    assert plain("Lire [incertitude.md](incertitude.md) ; `A`\n  ou `B`.") == "Lire incertitude.md ; A ou B."
