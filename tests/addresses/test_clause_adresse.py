"""`localisation.mode: adresse`: what a clause may say, and every fault at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from factory import Mini, number_column, points_clause, text_column
from promises import PERSONAL

from qpv_data.addresses.clauses import columns_of, service_of
from qpv_data.addresses.model import URL_ADDOK, URL_GEOPLATEFORME
from qpv_data.addresses.questions import PointColumns
from qpv_data.clause.check import checked_clauses
from qpv_data.clause.model import ClauseJeu, LocalisationAdresse
from qpv_data.problems import InvalidDeclarationError, Violation

PLACE = {"mode": "adresse", "adresse": "adresse", "code_commune": "insee"}
COLUMNS = [
    text_column("id", obligatoire=True), text_column("adresse"), text_column("numero"), text_column("insee"),
    text_column("cp"), number_column("x"), number_column("y"), number_column("montant"),
]  # fmt: skip


def declared(root: Path, place: dict[str, Any], **more: Any) -> ClauseJeu:
    mini = Mini(root)
    mini.declare(points_clause("adresses", **{"localisation": place, "colonnes": COLUMNS, **more}))
    return checked_clauses(mini.clauses).jeux[0]


def violations(root: Path, place: dict[str, Any], **more: Any) -> list[Violation]:
    with pytest.raises(InvalidDeclarationError) as caught:
        declared(root, place, **more)
    return caught.value.violations


def test_a_column_or_a_list_of_columns_and_a_geocoder_at_home(tmp_path: Path) -> None:
    clause = declared(tmp_path / "a", PLACE)
    place = clause.localisation
    assert isinstance(place, LocalisationAdresse)
    assert service_of(clause, place).url == URL_ADDOK
    assert (place.adresse, place.commune, place.qualite) == (("adresse",), "insee", None)
    assert (place.point.x, place.point.y, place.point.crs) == ("adresse_x", "adresse_y", "EPSG:4326")
    more = {
        "adresse": ["numero", "adresse"],
        "code_postal": "cp",
        "reference": {"x": "x", "y": "y", "crs": "EPSG:2154"},
    }
    place = declared(tmp_path / "b", {**PLACE, **more}).localisation
    assert isinstance(place, LocalisationAdresse)
    assert columns_of(place).reference == PointColumns("x", "y", 2154)
    assert columns_of(place).names == ("numero", "adresse", "insee", "cp", "x", "y")


def test_the_public_service_is_a_choice_for_what_is_not_personal(tmp_path: Path) -> None:
    clause = declared(tmp_path, {**PLACE, "geocodeur": "geoplateforme"})
    assert service_of(clause, clause.localisation).url == URL_GEOPLATEFORME  # type: ignore[arg-type]


def test_personal_addresses_never_go_to_the_public_service(tmp_path: Path) -> None:
    place = {**PLACE, "geocodeur": "geoplateforme"}
    found = violations(tmp_path, place, donnees_personnelles=PERSONAL)
    assert [(v.probleme.value, v.ligne > 1) for v in found] == [("geocodeur_refuse", True)]
    line = (tmp_path / "clauses" / "adresses.yml").read_text("utf-8").splitlines()[found[0].ligne - 1]
    assert line.strip() == "geocodeur: geoplateforme"


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    place = {
        "mode": "adresse", "adresse": ["adresse", "inconnue"], "code_commune": "montant", "code_postal": "absente",
        "geocodeur": "geoplateforme", "url": "http://ailleurs.example", "hote_interne": "interne.example",
        "reference": {"x": "adresse", "y": "nulle_part", "crs": "EPSG:2154"},
    }  # fmt: skip
    columns = [*COLUMNS, number_column("adresse_score")]
    found = violations(tmp_path, place, donnees_personnelles=PERSONAL, colonnes=columns)
    told = sorted((v.probleme.value, v.message) for v in found)
    assert [problem for problem, _ in told] == [
        "colonne_inconnue", "colonne_inconnue", "colonne_inconnue", "doublon", "geocodeur_refuse", "geocodeur_refuse",
        "geocodeur_refuse", "valeur_invalide", "valeur_invalide",
    ]  # fmt: skip
    assert {m.rsplit(" ", 1)[1] for p, m in told if p == "colonne_inconnue"} == {"inconnue", "absente", "nulle_part"}


def test_a_direct_identifier_does_not_reach_the_geocoder(tmp_path: Path) -> None:
    columns = [*COLUMNS, text_column("chez", identifiant_direct=True)]
    found = violations(tmp_path, {**PLACE, "adresse": "chez"}, colonnes=columns)
    assert "identifiant direct" in found[0].message


@pytest.mark.parametrize(
    ("key", "value"),
    [("adresse", []), ("geocodeur", "ailleurs"), ("hote_interne", "http://x/"), ("code_commune", None), ("mode", "adresses"),
     ("seuil", 0.5), ("reference", {"x": "x", "y": "y"})],
)  # fmt: skip
def test_a_key_that_is_not_one_is_a_fault(tmp_path: Path, key: str, value: object) -> None:
    place = {k: v for k, v in {**PLACE, key: value}.items() if v is not None}
    assert violations(tmp_path, place)
