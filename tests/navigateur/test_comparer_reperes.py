"""The page that compares, in a real browser, with addresses and comparators that nobody planned."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from ouvrir import DESKTOP, PHONE, opened
from publications_ecrites import Ecrite, Mesure, Quartier, Row

from qpv_data.periods import parse_period

COMMUNES = {"99101": 10.0, "99102": 20.0, "99103": 60.0, "99104": 80.0}
MOTS = "Array.from(document.querySelectorAll('#resultat .contre'), e => e.textContent)"


def commune_values(period: str) -> list[Row]:
    p = parse_period(period)
    return [
        {"indicateur": "m0", "modalite": "ensemble", "zonage": "commune", "code_zone": code, "periode": period,
         "frequence": "T", "periode_debut": p.debut, "periode_fin": p.fin, "valeur": value,
         "statut_observation": "normale", "statut_diffusion": "diffusee", "qualite": "A",
         "visible_de": datetime(2025, 2, 1)} for code, value in COMMUNES.items()
    ]  # fmt: skip


class Partagee(Ecrite):
    """Two quarters, each over two communes of its own."""

    def _values(self) -> list[Row]:
        return [*super()._values(), *commune_values("2024-T4")]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    places = [Quartier("QN09901A", "Un", ou=(2.0, 48.0)), Quartier("QN09902A", "Deux", ou=(2.1, 48.0))]
    inside = [
        {"zonage": "qpv2024", "code_zone": code, "code_commune": commune, "origine": "mesure", "part_population": 0.5}
        for code, commune in (
            ("QN09901A", "99101"), ("QN09901A", "99102"), ("QN09902A", "99103"), ("QN09902A", "99104"),
        )
    ]  # fmt: skip
    written = Partagee(
        places, [Mesure("m0", "Part")], lambda _, code, __: 50.0 if code.startswith("QN") else None, ["2024-T4"]
    )
    zones = [*written._tables()["zones"],
             *({"zonage": "commune", "famille": "commune", "code_zone": c, "nom": f"Commune {c}"} for c in COMMUNES)]  # fmt: skip
    written.entieres = {"zones": zones, "zones_communes": inside, "zones_epci": []}
    return written.site(tmp_path_factory.mktemp("comparer"))


def side_by_side(seen: Any, site: Path) -> Any:
    """The page, once it shows both quarters."""
    page = seen.open(f"{site.as_uri()}/comparer.html#q=QN09901A,QN09902A")
    page.wait_for_selector("#resultat .contre")
    return page


def boxes(page: Any, selector: str, side: str) -> list[float]:
    script = "(all, side) => all.map(e => e.getBoundingClientRect()[side])"
    found: list[float] = page.eval_on_selector_all(selector, script, side)
    return found


def test_two_comparators_of_one_name_are_both_told_and_say_whose_they_are(browser: Any, site: Path) -> None:
    with opened(browser, viewport=DESKTOP) as seen:
        page = side_by_side(seen, site)
        told = [" ".join(words.split()) for words in page.evaluate(MOTS)]
        assert told == ["ses 2 communes (Un) : 15,0", "ses 2 communes (Deux) : 70,0"]
        assert seen.faults(f"{site.as_uri()}/") == []


def test_what_a_quarter_is_compared_with_has_a_line_each(browser: Any, site: Path) -> None:
    with opened(browser, viewport=DESKTOP) as seen:
        page = side_by_side(seen, site)
        assert len(set(boxes(page, "#resultat .contre", "top"))) == 2


@pytest.mark.parametrize(
    "asked", ["#q=100%", "?q=%E0%A4%A", "#q=%,QN09901A", "#q=%FF,QN09901A", "#q=,,,,,", "#q=autre"]
)
def test_an_address_that_was_cut_or_typed_chooses_what_it_can(browser: Any, site: Path, asked: str) -> None:
    with opened(browser, viewport=DESKTOP) as seen:
        page = seen.open(f"{site.as_uri()}/comparer.html{asked}")
        assert seen.faults(f"{site.as_uri()}/") == []
        page.select_option("#q0", "QN09902A")
        page.wait_for_function("document.querySelectorAll('#resultat thead a').length > 0")
        assert seen.faults(f"{site.as_uri()}/") == []


def test_on_a_phone_the_titles_of_indicators_are_not_cut_letter_by_letter(browser: Any, site: Path) -> None:
    with opened(browser, viewport=PHONE) as seen:
        page = side_by_side(seen, site)
        assert min(boxes(page, "#resultat tr > :first-child", "width")) > 90
