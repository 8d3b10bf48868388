"""Sentences of signals: cases to the letter, and what no sentence may say."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpv_data.site.signals import sentences, words
from qpv_data.site.signals.finding import summary
from qpv_data.site.signals.model import Kind

CAUSES = (
    "à cause", "en raison", "grâce", "dû à", "due à", "provoqu", "entraîn", "expliqu", "parce que", " car ", "conséquence",
    "résulte", "induit", "imput", "responsab", "suite à", "effet",
)  # fmt: skip
JUDGEMENTS = (
    "pire", "mauvais", "meilleur", "ghetto", "sensible", "problème", "défavoris", "anormal", "difficile", "dégrad",
    "inquiét", "alarm", "retard", "échec", "classement", "rang", "champion", "dernier",
)  # fmt: skip
NBSP = words.SPACE


def plain(text: str) -> str:
    return text.replace(words.SPACE, " ").replace(words.NARROW, " ")


@pytest.mark.parametrize(
    ("x", "decimals", "told"),
    [
        (1234567.891, 1, "1\u202f234\u202f567,9"), (0, 1, "0,0"), (-0.04, 1, "0,0"), (-12.5, 1, "\u221212,5"),
        (999.95, 1, "1\u202f000,0"), (0.125, 2, "0,13"), (1e9, 0, "1\u202f000\u202f000\u202f000"),
    ],
)  # fmt: skip
def test_figures_are_written_as_french_ones(x: float, decimals: int, told: str) -> None:
    assert words.number(x, decimals) == told


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("2024-T2", "au 2ᵉ trimestre 2024"), ("2024-T1", "au 1ᵉʳ trimestre 2024"), ("2024", "en 2024"),
        ("2024-08", "en août 2024"), ("2024-S1", "au 1ᵉʳ semestre 2024"),
    ],
)  # fmt: skip
def test_periods_take_their_preposition(code: str, told: str) -> None:
    assert words.during(code) == told


@pytest.mark.parametrize(
    ("size", "told"), [(1.9, "+1,9 point"), (2.0, "+2,0 points"), (-3.0, "−3,0 points"), (0, "0,0 point")]
)
def test_points_agree_with_their_number(size: float, told: str) -> None:
    assert plain(words.points(words.signed(size, 1), size)) == told


NAMES = ["L'Étourdie Est", "Le Marécage", None, "Cité « Bel-Air »", '<b>x</b> & "y"', "N" * 120]


@pytest.mark.parametrize("name", NAMES)
def test_a_level_is_told_with_its_figures_and_its_comparison(name: str | None) -> None:
    where = sentences.place("QN09905M", name)
    said = sentences.level(where, "Part des ménages en impayé", "%", 1, "2024-T4", 31.74, 20.4, 15)
    called = f" « {name} »" if name else ""
    assert plain(said) == (
        f"Au 4ᵉ trimestre 2024, dans le quartier QN09905M{called}, la valeur de « Part des ménages en impayé » est de "
        "31,7 %, au-dessus de la médiane des 15 autres quartiers comparés (20,4 %)."
    )


def test_a_change_is_told_beside_that_of_the_others() -> None:
    said = sentences.change(
        sentences.place("QN09901I", None), "Loyer moyen", "EUR", 2, ("2023-T4", "2024-T4"), 1400.5, 1650, 12.25, 1608,
        own=False,
    )  # fmt: skip
    assert plain(said) == (
        "Entre le 4ᵉ trimestre 2023 et le 4ᵉ trimestre 2024, dans le quartier QN09901I, la valeur de « Loyer moyen » est "
        "passée de 1 400,50 € à 1 650,00 € (+249,50 €), à la différence des 1 608 autres quartiers comparés (évolution "
        "médiane des autres quartiers comparés : +12,25 €)."
    )


def test_a_break_is_told_beside_the_quarter_s_own_past() -> None:
    said = sentences.change(
        sentences.place("QN1", None), "Part", "%", 1, ("2024-T3", "2024-T4"), 30, 24, 1.0, 14, own=True
    )
    assert plain(said) == (
        "Entre le 3ᵉ trimestre 2024 et le 4ᵉ trimestre 2024, dans le quartier QN1, la valeur de « Part » est passée de "
        "30,0 % à 24,0 % (−6,0 points), à la différence de ses 14 évolutions précédentes (évolution médiane des autres "
        "quartiers comparés : +1,0 point)."
    )


@pytest.mark.parametrize(
    ("q", "told"),
    [
        (0.0004, "Signal très net (taux de fausses alertes ajusté : moins de 0,1 %)."),
        (0.008, "Signal net (taux de fausses alertes ajusté : 0,8 %)."),
        (0.05, "Signal à vérifier (taux de fausses alertes ajusté : 5,0 %)."),
    ],
)
def test_how_sure_is_said_in_words_and_in_figures(q: float, told: str) -> None:
    assert plain(sentences.sure(q)) == told


def test_the_caution_of_an_indicator_follows_its_limits() -> None:
    assert sentences.limits(Kind.LEVEL, "Un seul club").endswith(
        "Réserve de l'indicateur : «\u00a0Un seul club\u00a0»."
    )


@pytest.mark.parametrize("kind", list(Kind))
def test_no_sentence_of_ours_names_a_cause_nor_judges(kind: Kind) -> None:
    said = [sentences.limits(kind, None), sentences.sure(0.01), summary(0, 0), summary(1, 1), summary(120, 4)]
    said += [sentences.level("le quartier QN1", "X", "%", 1, "2024", 5, 3, 9)]
    said += [
        sentences.change("le quartier QN1", "X", "%", 1, ("2023", "2024"), 5, 3, 1, 9, own=own) for own in (True, False)
    ]
    for text in said:
        for word in (*CAUSES, *JUDGEMENTS):
            assert word not in text.lower(), (word, text)


@given(
    st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=120), st.floats(0, 1e7), st.floats(0, 1e7),
    st.floats(-1e6, 1e6), st.integers(0, 3), st.sampled_from(["%", "EUR", "pour 100 habitants", "", "h"]),
)  # fmt: skip
def test_every_sentence_holds_its_figures_and_its_names_as_text(
    name: str, before: float, after: float, others: float, decimals: int, unit: str
) -> None:
    where = sentences.place("QN09905M", name)
    changed = sentences.change(
        where, name, unit, decimals, ("2024-T1", "2024-T2"), before, after, others, 12, own=False
    )
    told = sentences.level(where, name, unit, decimals, "2024-T2", after, before, 12)
    for text in (changed, told):
        assert name in text
        assert words.number(before, decimals) in text
        assert words.number(after, decimals) in text
        assert not re.search(r"de (le|les) |\bnan\b", text.replace(name, ""))
    assert words.signed(others, decimals) in changed
