"""Series that begin in the generation before: what the sheet says of each period, and where it breaks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from publications_ecrites import Ecrite, Mesure, Quartier, Row, _value

PERIODES = ("2023-T1", "2023-T2", "2023-T3", "2023-T4", "2024-T1", "2024-T2")
MESURE = Mesure("m0", "Part")


@dataclass
class Deux(Ecrite):
    """`avant`: period → value of the quarter of 2015; `etats`: period → its state of observation."""

    avant: Mapping[str, float] = field(default_factory=dict)
    etats: Mapping[str, str] = field(default_factory=dict)

    def _values(self) -> Iterable[Row]:
        yield from super()._values()
        for period, told in self.avant.items():
            row = _value(MESURE, "qpv2015", "QP099001", period, "ensemble", told)
            yield row | {"numerateur": told, "denominateur": 100.0,
                         "statut_observation": self.etats.get(period, "normale")}  # fmt: skip


def sheet(root: Path, nature: str, now: Mapping[str, float], ruptures: Iterable[str], etats: Mapping[str, str]) -> str:
    """The page of a quarter of 2024 that comes from one of 2015 by this link."""
    written = Deux(
        [Quartier("QN09901A", "Ici")], [MESURE], lambda _, code, period: now.get(period) if code == "QN09901A" else None,
        PERIODES, avant={p: 20.0 + n for n, p in enumerate(PERIODES[:4])}, etats=etats,
        ruptures=[{"indicateur": "m0", "periode": p, "motif": "Nouveau calcul."} for p in ruptures],
    )  # fmt: skip
    old = {"zonage": "qpv2015", "famille": "qpv", "code_zone": "QP099001", "nom": "Ancien", "territoire": "hexagone"}
    link = {
        "zonage_depart": "qpv2015", "code_depart": None if nature == "nouveau" else "QP099001", "zonage_arrivee": "qpv2024", "code_arrivee": "QN09901A",
        "nature": nature, "part_depart": 0.8, "part_arrivee": 1.0, "largeur_perdue_m": 40.0, "largeur_gagnee_m": 0.0,
        "reste_arrivee": 0.0,
    }  # fmt: skip
    tables = written._tables()
    adding_up = [{**tables["indicateurs"][0], "additif": True, "facteur": 100.0}]
    written.entieres = {"zones": [*tables["zones"], old], "passages": [link], "indicateurs": adding_up}
    return (written.site(root) / "quartiers" / "QN09901A.html").read_text("utf-8")


def told(page: str) -> dict[str, str]:
    """Period → all that the table of the series says of it."""
    (table,) = re.findall(r'<table class="serie">\s*<caption><span class="lu">Part, par période.*?</table>', page, re.S)
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', table, re.S)
    plain = [[" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in row] for row in rows]
    return {re.sub(" rupture$", "", head): f"{cell}{' rupture' * head.endswith('rupture')}" for head, cell in plain}


AFTER = {"2024-T1": 30.0, "2024-T2": 31.0}


def test_a_break_of_an_unchanged_quarter_is_its_own_and_says_nothing_of_perimeters(tmp_path: Path) -> None:
    page = sheet(tmp_path, "inchange", AFTER, ["2023-T3"], {})
    assert told(page) == {
        "1ᵉʳ trimestre 2023": "20,0", "2ᵉ trimestre 2023": "21,0", "3ᵉ trimestre 2023": "22,0 rupture",
        "4ᵉ trimestre 2023": "23,0", "1ᵉʳ trimestre 2024": "30,0", "2ᵉ trimestre 2024": "31,0",
    }  # fmt: skip
    assert "Le périmètre a changé" not in page
    assert page.count("Nouveau calcul.") == 1


def test_what_an_unchanged_quarter_had_of_provisional_stays_provisional(tmp_path: Path) -> None:
    page = sheet(tmp_path, "inchange", AFTER, [], {"2023-T4": "provisoire", "2023-T1": "estimee"})
    assert told(page)["4ᵉ trimestre 2023"] == "23,0 provisoire"
    assert told(page)["1ᵉʳ trimestre 2023"] == "20,0 estimée"
    assert told(page)["2ᵉ trimestre 2023"] == "21,0"


def test_an_estimated_series_breaks_where_its_indicator_does_too(tmp_path: Path) -> None:
    found = told(sheet(tmp_path, "modifie", AFTER, ["2023-T3"], {}))
    assert [p for p, words in found.items() if words.endswith("rupture")] == ["3ᵉ trimestre 2023", "1ᵉʳ trimestre 2024"]
    assert "estimée d" in found["3ᵉ trimestre 2023"]


def test_a_break_at_a_period_without_a_row_is_on_the_next_value_and_no_change_is_told_across_it(tmp_path: Path) -> None:
    page = sheet(tmp_path, "nouveau", {"2023-T4": 10.0, "2024-T2": 30.0}, ["2024-T1"], {})
    assert told(page) == {"4ᵉ trimestre 2023": "10,0", "2ᵉ trimestre 2024": "30,0 rupture"}
    assert "depuis" not in page.split("Les chiffres d'abord")[1].split("D'où viennent")[0]


@pytest.mark.parametrize(
    ("nature", "origin"),
    [
        ("scinde", "issu de la division du quartier Ancien (QP099001)"),
        ("recouvrement", "recouvre une partie du quartier Ancien (QP099001)"),
        ("modifie", "périmètre du quartier Ancien (QP099001), modifié"),
        ("inchange", "périmètre inchangé, celui du quartier Ancien (QP099001)"),
        ("fusionne", "réunit le quartier Ancien (QP099001)"),
        ("nouveau", "nouveau quartier, sans prédécesseur"),
        ("indetermine", "lien avec la génération précédente non établi"),
    ],
)
def test_where_a_quarter_comes_from_is_told_without_an_article_to_elide(
    tmp_path: Path, nature: str, origin: str
) -> None:
    page = sheet(tmp_path, nature, AFTER, [], {})
    assert f"<dt>Origine</dt><dd>{origin}</dd>" in page
