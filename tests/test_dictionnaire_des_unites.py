"""The dictionary says which indicators are a number of the units that their threshold bounds."""

from __future__ import annotations

from pathlib import Path

from qpv_data.clause.load import load_clauses
from qpv_data.tables import indicator_row

CLAUSES = Path(__file__).parents[1] / "referentiels" / "demo" / "clauses"


def test_a_count_is_of_protected_units_or_of_something_else_and_a_ratio_is_neither():
    loaded = load_clauses(CLAUSES)
    said = {i.id: (i, indicator_row(clause, i)["compte_unites"]) for clause, i in loaded.indicateurs()}
    for indicateur, told in said.values():
        if indicateur.distinct in ("ref_adherent", "ref_interimaire"):
            assert told is True
        if indicateur.nature in ("part", "moyenne", "taux"):
            assert told is None
    licences = [told for i, told in said.values() if i.unite in ("licences", "missions")]
    assert licences
    assert not any(licences)
