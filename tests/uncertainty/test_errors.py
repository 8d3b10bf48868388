"""An error is what the clause declares, and what it does not declare is never exact."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from factory import clause_of, indicator, points_clause
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qpv_data.clause.model import QualitePosition
from qpv_data.uncertainty.errors import largest_sigma_m, position_errors

PER_METRE = 1 / math.sqrt(-2 * math.log(0.05))


def quality(**more: Any) -> QualitePosition:
    return QualitePosition.model_validate({"colonne": "classe", "inconnu": ["33"], **more})


def errors(said: QualitePosition, rows: list[tuple[str | None, float | None]]) -> list[tuple[float | None, str | None]]:
    """(sigma or None, reason) of rows of (class, metres)."""
    table = pa.table(
        {"classe": pa.array([r[0] for r in rows], pa.string()), "metres": pa.array([r[1] for r in rows], pa.float64())}
    )
    found = position_errors(said, table)
    return [(None if np.isnan(s) else float(s), m) for s, m in zip(found.sigma_m, found.motifs, strict=True)]


def test_a_class_has_its_metres_and_one_that_is_not_declared_has_no_place() -> None:
    said = quality(erreurs_m={"11": 0, "12": 50}, confiance=0.95)
    assert errors(said, [("11", None), ("12", None), ("33", None), ("21", None), (None, None), ("", None)]) == [
        (0, None),
        (pytest.approx(50 * PER_METRE), None),
        (None, "qualite_insuffisante"),
        (None, "qualite_non_declaree"),
        (None, "qualite_non_declaree"),
        (None, "qualite_non_declaree"),
    ]


def test_metres_of_the_record_are_preferred_and_those_that_are_none_are_not_read() -> None:
    said = quality(erreurs_m={"12": 50}, colonne_erreur_m="metres", erreur_max_m=400, confiance=0.95)
    rows = [("12", 20.0), ("12", None), ("12", -1.0), ("12", math.nan), ("12", 401.0), ("12", math.inf), ("33", 5.0),
            ("99", 5.0), ("99", None)]  # fmt: skip
    assert errors(said, rows) == [
        (pytest.approx(20 * PER_METRE), None),
        (pytest.approx(50 * PER_METRE), None),
        (pytest.approx(50 * PER_METRE), None),
        (pytest.approx(50 * PER_METRE), None),
        (None, "qualite_insuffisante"),
        (None, "qualite_insuffisante"),
        (None, "qualite_insuffisante"),
        (pytest.approx(5 * PER_METRE), None),
        (None, "qualite_non_declaree"),
    ]
    assert largest_sigma_m(said) == pytest.approx(400 * PER_METRE)


def test_without_declared_errors_nothing_changes_and_nothing_is_measured() -> None:
    assert errors(quality(), [("11", 3.0), (None, None), ("33", None)]) == [
        (None, None), (None, None), (None, "qualite_insuffisante"),
    ]  # fmt: skip
    assert largest_sigma_m(quality()) == largest_sigma_m(None) == 0


@given(st.lists(st.tuples(st.sampled_from(["11", "12", "33", "x", None]), st.none() | st.floats())))
def test_once_errors_are_declared_a_record_has_an_error_or_a_reason_and_never_both(
    rows: list[tuple[str | None, float | None]],
) -> None:
    said = quality(erreurs_m={"11": 10}, colonne_erreur_m="metres", erreur_max_m=500, confiance=0.9)
    for sigma, motive in errors(said, rows):
        assert (sigma is None) == (motive is not None)
        assert sigma is None or 0 <= sigma <= largest_sigma_m(said) + 1e-9


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"erreurs_m": {"11": 10}}, "confiance"),
        ({"confiance": 0.95}, "confiance"),
        ({"colonne_erreur_m": "metres", "confiance": 0.95}, "erreur_max_m"),
        ({"erreur_max_m": 10, "erreurs_m": {"11": 10}, "confiance": 0.95}, "erreur_max_m"),
        ({"erreurs_m": {"33": 10}, "confiance": 0.95}, "33"),
        ({"erreurs_m": {"11": -1}, "confiance": 0.95}, "greater"),
        ({"erreurs_m": {"11": 10}, "confiance": 1}, "less"),
        ({"erreurs_m": {"11": math.nan}, "confiance": 0.9}, "nan"),
    ],
)
def test_a_half_declared_error_is_refused(more: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        quality(**more)


@pytest.mark.parametrize("more", [{"regle_limite": "deux_cotes"}, {"largeur_limite_m": 12}, {"regle_limite": "large"}])
def test_a_rule_of_both_sides_and_its_width_go_together(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        clause_of(points_clause(indicateurs=[indicator("n", **more)]))
    kept = clause_of(
        points_clause(indicateurs=[indicator("n"), indicator("m", regle_limite="deux_cotes", largeur_limite_m=12)])
    )
    assert [i.regle_limite for i in kept.indicateurs] == ["strict", "deux_cotes"]
