"""Arguments read without typer are those that typer reads, and what is not plain is left to it."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from qpv_data.commands.locate import locate
from qpv_data.direct import plain_arguments

FLAGS = ["--compte", "--tous", "--corriger-axes", "-q", "--quiet", "--json"]
TEXTS = ["--x", "--y", "--crs", "--code", "--par", "--regle", "--decimale", "--separateur", "-o", "--sortie", "--zones"]
NUMBERS = ["--fils", "--tampon", "--distance"]
LISTS = ["--somme", "--zonage"]
word = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=("Cs",)), min_size=1, max_size=8
)
piece = st.one_of(
    st.sampled_from(FLAGS).map(lambda f: [f]),
    st.tuples(st.sampled_from(TEXTS + LISTS), word).map(list),
    st.tuples(st.sampled_from(TEXTS[:6]), word).map(lambda p: [f"{p[0]}={p[1]}"]),
    st.tuples(st.sampled_from(NUMBERS), st.integers(1, 900).map(str)).map(list),
    word.map(lambda w: [w]),
)


def by_typer(words: list[str]) -> dict[str, Any] | None:
    """What typer gives the command; None when it refuses."""
    seen: dict[str, Any] = {}
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)

    def spy(**given: Any) -> None:
        seen.update(given)

    spy.__signature__ = __import__("inspect").signature(locate, eval_str=True)  # type: ignore[attr-defined]
    spy.__annotations__ = {n: p.annotation for n, p in spy.__signature__.parameters.items()}  # type: ignore[attr-defined]
    app.command()(spy)
    return seen if CliRunner().invoke(app, words).exit_code == 0 and seen else None


@given(st.lists(piece, min_size=1, max_size=7).map(lambda parts: [w for part in parts for w in part]))
def test_what_is_read_directly_is_what_typer_reads(words: list[str]) -> None:
    direct = plain_arguments(locate, words)
    if direct is not None:
        whole = by_typer(words)
        assert whole is not None, words
        assert {name: whole[name] for name in direct} == direct


@pytest.mark.parametrize(
    "words",
    [["a", "--help"], ["--x", "lon"], ["a", "--x"], ["a", "--x", "--y"], ["a", "--inconnue", "v"], ["a", "--fils", "0"],
     ["a", "--fils", "deux"], ["a", "--compte=oui"], ["a", "--distance", "nan"], ["a", "--", "b"], ["a", "--tampon", "-5"]],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_typer(words: list[str]) -> None:
    assert plain_arguments(locate, words) is None


def test_an_ordinary_call_is_read_directly() -> None:
    words = ["a.parquet", "--x", "lon", "--y", "lat", "--crs", "EPSG:4326", "--zonage", "qpv2024", "-o", "b.parquet"]
    assert plain_arguments(locate, words) is not None
