"""A break of series is declared by the clause, where a series can break, and reaches the table of a release."""

from __future__ import annotations

from pathlib import Path

import pytest

from qpv_data import tables
from qpv_data.clause.check_references import reference_violations
from qpv_data.clause.load import load_clauses, read_clause
from qpv_data.clause.model import ClauseJeu
from qpv_data.clause.sections import sections
from qpv_data.problems import Problem, Violation
from qpv_data.resources import referentials_dir

MODEL = (referentials_dir() / "demo/clauses/jeux/etablissements.yml").read_text("utf-8")
BREAK = 'ruptures:\n  - {periode: "2024-T3", motif: "Nouveau répertoire"}\n'


def faults(folder: Path, added: str) -> list[Violation]:
    path = folder / "essai.yml"
    path.write_text(MODEL + added, "utf-8")
    loaded, found = read_clause(path)
    return found if loaded is None else list(reference_violations(loaded))


def declared(folder: Path, added: str) -> ClauseJeu:
    path = folder / "essai.yml"
    path.write_text(MODEL + added, "utf-8")
    loaded, found = read_clause(path)
    assert loaded is not None, found
    assert isinstance(loaded.clause, ClauseJeu)
    return loaded.clause


def test_a_clause_without_breaks_has_none(tmp_path: Path) -> None:
    assert declared(tmp_path, "").ruptures == ()
    assert tables.ruptures(load_clauses(tmp_path)).num_rows == 0


def test_a_break_without_indicators_is_of_all_those_of_the_clause(tmp_path: Path) -> None:
    clause = declared(tmp_path, BREAK)
    assert faults(tmp_path, BREAK) == []
    found = tables.ruptures(load_clauses(tmp_path)).to_pylist()
    assert found == [
        {"indicateur": name, "periode": "2024-T3", "motif": "Nouveau répertoire"}
        for name in sorted(i.id for i in clause.indicateurs)
    ]


def test_a_break_may_be_of_some_indicators_only(tmp_path: Path) -> None:
    declared(tmp_path, BREAK.replace("}", ", indicateurs: [demo_salaries]}"))
    assert [r["indicateur"] for r in tables.ruptures(load_clauses(tmp_path)).to_pylist()] == ["demo_salaries"]


def test_the_annex_to_sign_tells_the_break(tmp_path: Path) -> None:
    rows = [row for part in sections(declared(tmp_path, BREAK)) for row in part.lignes]
    assert ("Rupture de série", "2024-T3 : Nouveau répertoire") in rows


@pytest.mark.parametrize(
    ("written", "problem", "said"),
    [
        ('{periode: "2024-T1", motif: m}', Problem.VALEUR_INVALIDE, "aucune série ne peut rompre en 2024-T1"),
        ('{periode: "2024", motif: m}', Problem.VALEUR_INVALIDE, "2024 n'est pas de fréquence T"),
        ('{periode: "été", motif: m}', Problem.VALEUR_INVALIDE, "période illisible"),
        ('{periode: "2024-T3", motif: m, indicateurs: [inconnu]}', Problem.REFERENCE_INCONNUE, "inconnu"),
        ('{periode: "2024-T3", motif: m}\n  - {periode: "2024-T3", motif: n}', Problem.DOUBLON, "deux ruptures"),
    ],
)
def test_a_break_where_no_series_can_break_is_a_fault_at_its_line(
    tmp_path: Path, written: str, problem: Problem, said: str
) -> None:
    (found,) = faults(tmp_path, f"ruptures:\n  - {written}\n")
    assert (found.probleme, found.ligne) == (problem, MODEL.count("\n") + written.count("\n") + 2)
    assert said in found.message
