"""Figures, periods and lists as French readers write them."""

from __future__ import annotations

import re
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from publications_ecrites import Ecrite, Mesure, Quartier

from qpv_data.site.french import (
    area,
    breakable,
    day,
    held,
    listed,
    number,
    of_period,
    period,
    plural,
    points,
    signed,
    sort_key,
    thin,
    until,
    with_unit,
)

FINE = "\u202f"


@pytest.mark.parametrize(
    ("value", "decimals", "written"),
    [
        (0, 0, "0"), (1234567, 0, f"1{FINE}234{FINE}567"), (1234.5, 1, f"1{FINE}234,5"), (0.5, 0, "1"), (2.5, 0, "3"),
        (-3.14159, 2, "−3,14"), (-0.001, 1, "0,0"), (0.1 + 0.2, 2, "0,30"), (None, 1, "–"), (1e15, 0, f"1{FINE}000{FINE}000{FINE}000{FINE}000{FINE}000"),
    ],
)  # fmt: skip
def test_a_number_is_written_with_a_comma_and_narrow_spaces(value: float | None, decimals: int, written: str) -> None:
    assert number(value, decimals) == written


@given(st.floats(-1e12, 1e12), st.integers(0, 4))
def test_a_written_number_reads_back_as_the_rounded_one(value: float, decimals: int) -> None:
    read = Decimal(number(value, decimals).replace(FINE, "").replace(",", ".").replace("−", "-"))
    assert read == Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


@given(st.floats(-1e12, 1e12), st.integers(0, 4))
def test_a_number_of_numpy_is_written_as_the_same_number(value: float, decimals: int) -> None:
    assert number(np.float64(value), decimals) == number(value, decimals)
    assert number(np.int64(int(value)), decimals) == number(int(value), decimals)


@given(st.floats(-1e6, 1e6), st.integers(0, 3))
def test_a_change_has_its_sign_unless_it_is_written_as_nothing(value: float, decimals: int) -> None:
    text = signed(value, decimals)
    nothing = not any(c in "123456789" for c in text)
    assert nothing == (text[0] not in "+−")
    assert nothing or (text[0] == "+") == (value > 0)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("2024-T1", "1ᵉʳ trimestre 2024"), ("2024-T2", "2ᵉ trimestre 2024"), ("2024", "2024"),
        ("2024-08", "août 2024"), ("2024-S1", "1ᵉʳ semestre 2024"),
    ],
)  # fmt: skip
def test_a_period_is_said_in_words(code: str, words: str) -> None:
    assert period(code) == words


def test_a_short_unit_never_leaves_its_figure_at_the_end_of_a_line() -> None:
    assert with_unit("12,5", "%") == f"12,5{FINE}%"
    assert with_unit("3", "habitants") == "3 habitants"
    assert with_unit("3", None) == "3"
    assert thin("pour 1 000 habitants") == f"pour 1{FINE}000 habitants"
    assert thin("Les 3 Fontaines") == "Les 3 Fontaines"


def test_a_day_an_area_and_a_list_are_said_as_they_are_read() -> None:
    assert day(date(2025, 3, 1)) == "1ᵉʳ mars 2025"
    assert day(date(2025, 3, 2)) == "2 mars 2025"
    assert area(482_050) == f"48,2{FINE}ha"
    assert area(15_927_774.9) == f"15,9{FINE}km²"
    assert area(None) == "–"
    assert [listed(["a", "b", "c"]), listed(["a"]), listed([])] == ["a, b et c", "a", ""]
    assert [plural(0, "quartier"), plural(1, "quartier"), plural(2, "quartier")] == [
        "0 quartier",
        "1 quartier",
        "2 quartiers",
    ]


def test_accents_and_ligatures_do_not_change_the_order_of_words() -> None:
    words = ["Équipements", "emploi", "Économie", "Œuvres", "mobilité", "Zones"]
    assert sorted(words, key=sort_key) == ["Économie", "emploi", "Équipements", "mobilité", "Œuvres", "Zones"]


def test_a_code_that_may_be_cut_is_still_text() -> None:
    assert str(breakable("a_b/<i>")) == "a_<wbr>b/<wbr>&lt;i&gt;"


@pytest.mark.parametrize(
    ("figure", "unit", "written"),
    [
        ("1", "logements", "1 logement"), ("1", "travaux", "1 travail"), ("1", "lieux", "1 lieu"), ("1", "tuyaux", "1 tuyau"),
        ("1", "baux", "1 bail"), ("0", "locaux", "0 local"), ("1,9", "points d'arrêt", "1,9 point d'arrêt"),
        ("2", "points d'arrêt", "2 points d'arrêt"), ("−1", "logements sociaux", "−1 logement social"),
        ("10", "habitants", "10 habitants"), ("1", "mois", "1 mois"), ("1", "décès", "1 décès"),
        ("1", "pour 1 000 habitants", f"1 pour 1{FINE}000 habitants"), ("1", "kg par habitant", "1 kg par habitant"),
        ("1", "ménages allocataires du revenu", "1 ménage allocataire du revenu"), ("1", "bureaux", "1 bureau"),
        ("1,0", "W", f"1,0{FINE}W"), ("1", "EUR", f"1{FINE}€"), ("1 234", "EUR/m²", "1 234 €/m²"),
        ("1", "personnes/ménage", "1 personne/ménage"), ("0", "points lumineux", "0 point lumineux"),
    ],
)  # fmt: skip
def test_a_unit_agrees_with_its_figure(figure: str, unit: str, written: str) -> None:
    assert with_unit(figure, unit) == written


def test_a_gap_of_less_than_two_is_a_point() -> None:
    assert [points(x, 1) for x in (0.0, 1.96, 1.9, -1.0, -2.0)] == [
        "0,0 point", "+2,0 points", "+1,9 point", "−1,0 point", "−2,0 points",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "end", "of"),
    [
        ("2024-T2", "jusqu'au 2ᵉ trimestre 2024", "du 2ᵉ trimestre 2024"), ("2024", "jusqu'en 2024", "de 2024"),
        ("2024-S1", "jusqu'au 1ᵉʳ semestre 2024", "du 1ᵉʳ semestre 2024"),
        ("2024-07", "jusqu'en juillet 2024", "de juillet 2024"), ("2024-08", "jusqu'en août 2024", "d'août 2024"),
        ("2024-10", "jusqu'en octobre 2024", "d'octobre 2024"),
    ],
)  # fmt: skip
def test_a_period_has_the_article_of_its_words(code: str, end: str, of: str) -> None:
    assert (until(code), of_period(code)) == (end, of)


@pytest.mark.parametrize("text", ["Cartes de 2020 2024", "Îlot 12 34", "Zone 1 2", "Rue du 8 mai 1945 102", "3 0000"])
def test_two_numbers_side_by_side_are_not_made_one(text: str) -> None:
    assert thin(text) == text


def test_thousands_of_thousands_are_held_together() -> None:
    assert thin("1 000 000 et 12 500") == f"1{FINE}000{FINE}000 et 12{FINE}500"


def test_a_sign_that_a_space_parts_from_its_word_stays_with_it() -> None:
    told = held('Il manque : « tout » ; 12 % ? oui ! à 10:30, href="a?b"')
    assert told == (f'Il manque\u00a0: «\u00a0tout\u00a0»{FINE}; 12{FINE}%{FINE}? oui{FINE}! à 10:30, href="a?b"')


def test_no_template_leaves_a_sign_at_the_start_of_a_line(tmp_path: Path) -> None:
    site = Ecrite([Quartier("QN09901A", "Ici")], [Mesure("m0", "Part")], lambda *_: 12.5).site(tmp_path)
    for page in site.rglob("*.html"):
        shown = re.sub(r"<(script|style|svg|title)\b.*?</\1>|<[^>]+>", "", page.read_text("utf-8"), flags=re.S)
        assert re.findall(r".{0,30}(?<!\ben) [:;?!%»](?!\w).{0,9}", shown) == [], page.name


def test_one_of_a_thing_is_singular_beside_its_figure_and_apart_from_it(tmp_path: Path) -> None:
    measure = Mesure("m0", "Ascenseurs", unite="ascenseurs", nature="compte", decimales=0)
    site = Ecrite([Quartier("QN09901A", "Ici")], [measure], lambda *_: 1.0).site(tmp_path)
    page = (site / "quartiers" / "QN09901A.html").read_text("utf-8")
    assert '<data value="1.0">1</data> <span class="unite">ascenseur</span>' in page
    assert '<data value="1.0">1 ascenseur</data>' in page
