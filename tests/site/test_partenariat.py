"""The partnership page: who delivers what, and until when."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from qpv_data.site.pages.partenariat import groups, term

PARUE = date(2025, 2, 1)


def clause(**more: Any) -> dict[str, Any]:
    return {
        "clause": "jeu", "nature": "jeu", "titre": "Un jeu", "producteur": "Bailleur", "producteur_categorie": "bailleur",
        "finalites": json.dumps({"suivi": "Suivre le contrat"}), "periodicite": "trimestrielle", "licence": "Convention",
        "statut": "signee", "contrat": "Contrat de ville", "signee_le": date(2023, 12, 15), "debut": date(2024, 1, 1),
        "fin": date(2030, 12, 31), "renouvellement": "par avenant", **more,
    }  # fmt: skip


def test_a_clause_says_its_first_and_last_day_its_signature_and_its_renewal() -> None:
    said = term(clause(), PARUE)
    assert said["mots"] == "du 1ᵉʳ janvier 2024 au 31 décembre 2030"
    assert (said["statut"], said["signee_le"]) == ("signée", date(2023, 12, 15))
    assert said["renouvellement"] == "par avenant"


@pytest.mark.parametrize(("end", "over"), [(PARUE, False), (date(2025, 1, 31), True), (None, False)])
def test_a_clause_is_over_only_after_its_last_day(end: date | None, over: bool) -> None:
    assert term(clause(fin=end), PARUE)["finie"] is over


def test_a_clause_without_an_end_says_so_and_no_renewal() -> None:
    said = term(clause(fin=None), PARUE)
    assert said["mots"] == "depuis le 1ᵉʳ janvier 2024, sans terme"
    assert said["renouvellement"] is None


def test_a_release_of_an_older_schema_says_no_term_and_invents_none() -> None:
    old = {k: v for k, v in clause().items() if k not in ("statut", "contrat", "signee_le", "debut", "fin")}
    assert {k: v for k, v in term(old, PARUE).items() if v} == {"mots": "–"}
    assert term(old, PARUE).keys() == term(clause(), PARUE).keys()
    assert groups([old], PARUE)[0][1][0]["mots_finalites"] == ["Suivre le contrat"]
