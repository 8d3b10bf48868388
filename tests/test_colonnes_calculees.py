"""A column that is made of the texts received in others: a code in two pieces, a system of coordinates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from factory import small_run
from feeds import clause, column, conformed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from qpv_data.clause.annex import annex_page
from qpv_data.clause.check import checked_clauses
from qpv_data.clause.frictionless import to_table_schema
from qpv_data.problems import InvalidDeclarationError

few = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def lines(*rows: str, header: str = "a;b") -> bytes:
    return ("\n".join([header, *rows]) + "\n").encode()


def computed(name: str, sql: str, kind: str = "texte", **more: Any) -> dict[str, Any]:
    return {"nom": name, "calcul": sql, "type": kind, **more}


PAIR = [column("a"), column("b"), computed("code", "lpad(a, 5, '0') || lpad(b, 4, '0')", motif=r"\d{9}")]


def test_a_code_in_two_pieces_is_one(tmp_path: Path) -> None:
    made = conformed(
        clause(PAIR, key="code"), lines("1001;1", " 99001 ;0101", "1001;0001", "99001;x", "99001;"), tmp_path
    )
    assert made.values("code") == ["010010001", "990010101"]
    assert made.reasons() == [
        (4, "cle_en_double", "code", "010010001"),
        (5, "valeur_hors_domaine", "code", "99001000x"),
        (6, "valeur_obligatoire_absente", "code", None),
    ]


@few
@given(rows=st.lists(st.tuples(st.integers(-9, 99), st.sampled_from(["1", "2,5", "x", ""])), min_size=1, max_size=20))
def test_what_is_made_is_what_sql_says_of_each_row_and_no_row_is_lost(
    tmp_path: Path, rows: list[tuple[int, str]]
) -> None:
    double = computed("double", "CAST(a AS BIGINT) * 2", "entier", minimum=0)
    feed = clause([column("i"), column("a"), column("b"), double], key="i")
    made = conformed(feed, lines(*(f"{i};{a};{b}" for i, (a, b) in enumerate(rows)), header="i;a;b"), tmp_path)
    assert made.values("double") == [2 * a for a, _ in rows if a >= 0]
    negative = sum(a < 0 for a, _ in rows)
    assert made.report.rejetees == ({"valeur_hors_domaine": negative} if negative else {})


def test_an_expression_that_fails_is_an_absence(tmp_path: Path) -> None:
    feed = clause([column("a"), column("b"), computed("n", "CAST(b AS BIGINT)", "entier")])
    made = conformed(feed, lines("1;7", "2;sept", "3;"), tmp_path)
    assert made.values("n") == [7, None, None]
    assert made.report.rejetees == {}


def test_what_is_made_goes_through_masks_recoding_and_padding_like_any_text(tmp_path: Path) -> None:
    made_of = computed("c", "b", masques={"s": "masque_producteur"}, recodage={"x": "7"}, completer=3)
    made = conformed(clause([column("a"), column("b"), made_of]), lines("1;s", "2;x", "3;12"), tmp_path)
    found = [(r["c"], r["c__statut"]) for r in made.records]
    assert found == [(None, "masque_producteur"), ("007", None), ("012", None)]


@pytest.mark.parametrize(
    "more",
    [
        {"source": "b"},
        {"identifiant_direct": "supprimer"},
        {"eclater": ","},
        {"note": {"source": "b", "statuts": {"s": "non_livree"}}},
    ],
)
def test_a_made_column_is_not_received(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        clause([column("a"), computed("c", "a", **more)])
    with pytest.raises(ValidationError):
        clause([{"nom": "a", "type": "texte"}])


def test_the_producer_is_not_asked_for_what_is_made() -> None:
    feed = clause(PAIR, key="code")
    assert [f["name"] for f in to_table_schema(feed)["fields"]] == ["a", "b"]
    assert "lpad(" not in annex_page(feed)


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("absente || 'x'", "colonne inconnue"),
        ("autre || 'x'", "colonne inconnue"),
        ("now()", "fonction"),
        ("[insee]", "une seule valeur"),
    ],
)
def test_check_reads_the_sql_of_a_made_column(tmp_path: Path, sql: str, word: str) -> None:
    mini = small_run(tmp_path)
    declared = yaml.safe_load(yaml.safe_dump(mini.declared["points"]))
    declared["colonnes"] += [computed("autre", "insee"), computed("faite", sql)]
    mini.declare(declared)
    with pytest.raises(InvalidDeclarationError) as caught:
        checked_clauses(mini.clauses)
    assert word in str(caught.value)
    assert "calcul" in str(caught.value)
