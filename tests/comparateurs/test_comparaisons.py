"""A quarter beside its comparators: means by the share of its inhabitants, per inhabitant for totals, or nothing and why."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quartiers_inventes import PERIOD, Rows, asked, indicator, quarter, release, value, zone

COMMUNES = ("01001", "01002", "01003", "01004")
_STATES = st.sampled_from(["shown", "shown", "shown", "hidden", "unknown"])


@st.composite
def territories(draw: st.DrawFn) -> dict[str, Any]:
    """Communes with a rate and its state; quarters over one to three of them, with shares in thousandths."""
    rates = {c: (draw(st.integers(0, 1000)) / 10, draw(_STATES)) for c in COMMUNES}
    quarters = {}
    for n in range(draw(st.integers(1, 4))):
        held = draw(st.lists(st.sampled_from(COMMUNES), min_size=1, max_size=3, unique=True))
        weights = [draw(st.integers(1, 9)) for _ in held]
        parts = [round(w / sum(weights), 6) for w in weights]
        quarters[f"Q{n}"] = (dict(zip(held, parts, strict=True)), draw(st.integers(0, 1000)) / 10, draw(_STATES))
    return {"rates": rates, "quarters": quarters}


def rows_of(territory: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    rows = [indicator("taux", "taux")]
    for code, (rate, state) in territory["rates"].items():
        rows += [zone("commune", code), value("commune", code, "taux", state, valeur=rate)]
    for code, (communes, rate, state) in territory["quarters"].items():
        rows += [*quarter(code, communes), value("qpv2024", code, "taux", state, valeur=rate)]
    return rows


_OF_COMMUNES = "SELECT * FROM comparaisons WHERE sorte = 'commune' ORDER BY code_zone"


@settings(max_examples=20)
@given(territories())
def test_the_comparator_is_the_mean_of_the_communes_by_share_and_lies_between_them(territory: dict[str, Any]) -> None:
    with release(rows_of(territory)) as con:
        found = {row["code_zone"]: row for row in asked(con, _OF_COMMUNES)}
    assert set(found) == set(territory["quarters"])
    for code, (communes, rate, state) in territory["quarters"].items():
        row, held = found[code], [territory["rates"][c] for c in communes]
        assert row["zones"] == len(communes)
        if any(s != "shown" for _, s in held):
            assert row["valeur_comparateur"] is None
        else:
            mean = sum(p * r for p, (r, _) in zip(communes.values(), held, strict=True)) / sum(communes.values())
            assert row["valeur_comparateur"] == pytest.approx(mean, abs=0.051)
            assert min(r for r, _ in held) <= row["valeur_comparateur"] <= max(r for r, _ in held)
        if state == "shown" and row["valeur_comparateur"] is not None:
            assert row["statut"] == "comparable"
            assert row["ecart"] == pytest.approx(rate - row["valeur_comparateur"])
        else:
            assert row["ecart"] is None
            assert row["statut"] != "comparable"


@settings(max_examples=8)
@given(territories(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(territory: dict[str, Any], shuffled: random.Random) -> None:
    rows = rows_of(territory)
    names = ("comparateurs", "comparaisons", "populations", "groupes_quartiers")
    answers = []
    for _ in range(2):
        with release(rows) as con:
            answers.append([con.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for name in names])
        shuffled.shuffle(rows)
    assert answers[0] == answers[1]


def test_a_gap_to_one_commune_is_the_one_that_ecarts_commune_gives() -> None:
    territory = {
        "rates": dict.fromkeys(COMMUNES, (12.3, "shown")),
        "quarters": {"Q0": ({"01001": None}, 20.0, "shown")},
    }
    with release(rows_of(territory)) as con:
        (old,) = asked(con, "SELECT * FROM ecarts_commune")
        (new,) = asked(con, _OF_COMMUNES)
    assert (old["valeur_commune"], old["ecart"]) == (new["valeur_comparateur"], new["ecart"]) == (12.3, 7.7)


def _totals(population: int | None = 2000, **more: Any) -> Rows:
    """A count of a quarter and of its commune, whose referential may say a population."""
    yield indicator("compte", "compte", decimales=0)
    yield zone("commune", "01001", population=50_000)
    yield value("commune", "01001", "compte", valeur=1000.0)
    yield from quarter("Q0", {"01001": None}, population=population)
    yield value("qpv2024", "Q0", "compte", valeur=30.0, **more)


def test_a_total_is_compared_per_inhabitant_or_not_at_all() -> None:
    with release(_totals()) as con:
        (row,) = asked(con, _OF_COMMUNES)
    assert (row["base"], row["valeur"]) == ("pour_1000_habitants", 30)
    assert (row["valeur_comparee"], row["valeur_comparateur"], row["ecart"]) == (15, 20, -5)
    with release(_totals(population=None)) as con:
        (row,) = asked(con, _OF_COMMUNES)
    assert (row["valeur"], row["ecart"], row["statut"]) == (30, None, "quartier_sans_population")


def test_the_population_is_that_of_the_period_or_the_last_before_it_never_a_later_one() -> None:
    people = {"2023": 1000.0, "2024": 1500.0, "2025": 9000.0}
    rows = [
        *_totals(),
        indicator("habitants", "releve", unite="habitants"),
        indicator("taux", "taux", par="habitants"),
        *(
            value("qpv2024", "Q0", "habitants", periode=p, periode_debut=f"{p}-01-01", valeur=v)
            for p, v in people.items()
        ),
        value("qpv2024", "Q0", "compte", periode="2022-T4", periode_debut="2022-10-01", valeur=30.0),
    ]
    with release(rows) as con:
        said = "SELECT periode, population, source, periode_source FROM populations WHERE zonage = 'qpv2024'"
        found = {row["periode"]: tuple(row.values())[1:] for row in asked(con, said)}
    assert found[PERIOD] == (1500, "habitants", "2024")
    assert found["2022-T4"] == (2000, "referentiel", "x"), "what the referential says, of its vintage"


@pytest.mark.parametrize(
    ("unite", "base"),
    [("%", "valeur"), ("personnes pour 100 habitants", "valeur"), ("EUR/m²", "valeur"), ("EUR par UC", "valeur"),
     ("indice", "valeur"), ("EUR/an", None), ("personnes", None), ("parts", None)],
)  # fmt: skip
def test_a_ready_made_figure_is_compared_when_its_unit_says_that_it_is_a_ratio(unite: str, base: str | None) -> None:
    with release([indicator("i", "releve", unite=unite)]) as con:
        assert asked(con, "SELECT base, ponderable FROM regles_comparaison") == [{"base": base, "ponderable": False}]


@pytest.mark.parametrize("nature", ["minimum", "maximum", "etendue"])
def test_an_extreme_is_compared_with_nothing(nature: str) -> None:
    rows = [indicator("i", nature), zone("commune", "01001"), value("commune", "01001", "i", valeur=1.0),
            *quarter("Q0", {"01001": None}), value("qpv2024", "Q0", "i", valeur=2.0)]  # fmt: skip
    with release(rows) as con:
        assert {(r["statut"], r["valeur_comparateur"], r["ecart"]) for r in asked(con, "FROM comparaisons")} == {
            ("nature", None, None)
        }


def test_a_ready_made_ratio_is_never_averaged_over_several_communes() -> None:
    rows = [indicator("i", "releve", unite="%"), *quarter("Q0", {"01001": 0.5, "01002": 0.5}),
            value("qpv2024", "Q0", "i", valeur=2.0)]  # fmt: skip
    rows += [row for c in ("01001", "01002") for row in (zone("commune", c), value("commune", c, "i", valeur=5.0))]
    with release(rows) as con:
        (row,) = asked(con, _OF_COMMUNES)
    assert (row["statut"], row["valeur_comparateur"]) == ("plusieurs_zones", None)


def test_without_a_share_nor_contours_there_is_no_comparator() -> None:
    territory = {"rates": dict.fromkeys(COMMUNES, (10.0, "shown")),
                 "quarters": {"Q0": ({"01001": 0.4, "01002": None}, 20.0, "shown")}}  # fmt: skip
    with release(rows_of(territory)) as con:
        parts = asked(con, "SELECT part, origine_part FROM comparateurs WHERE sorte = 'commune'")
        (row,) = asked(con, _OF_COMMUNES)
    assert parts == [{"part": None, "origine_part": None}] * 2
    assert (row["statut"], row["valeur_comparateur"]) == ("part_inconnue", None)


def test_zonings_that_a_release_lacks_yield_no_row_and_those_that_it_has_do() -> None:
    territory = {"rates": dict.fromkeys(COMMUNES, (10.0, "shown")),
                 "quarters": {"Q0": ({"01001": 0.25, "01002": 0.75}, 20.0, "shown")}}  # fmt: skip
    plain = rows_of(territory)
    with release(plain) as con:
        assert {r["sorte"] for r in asked(con, "FROM comparaisons")} == {"commune", "quartiers", "hors_quartiers"}
    regions = [
        row
        for code, communes in {"84": ["01001"], "27": ["01002"]}.items()
        for row in (
            zone("region", code, "autre"),
            value("region", code, "taux", valeur=float(code)),
            *(("zones_communes", {"zonage": "region", "code_zone": code, "code_commune": c}) for c in communes),
        )
    ]
    epci = [zone("epci", "200", "epci"), value("epci", "200", "taux", valeur=11.0),
            ("zones_epci", {"zonage": "qpv2024", "code_zone": "Q0", "code_epci": "200"})]  # fmt: skip
    with release([*plain, *regions, *epci]) as con:
        found = {r["sorte"]: r for r in asked(con, "FROM comparaisons")}
        parts = {r["code_comparateur"]: r["part"] for r in asked(con, "FROM comparateurs WHERE sorte = 'region'")}
    assert found["epci"]["valeur_comparateur"] == 11
    assert parts == {"84": 0.25, "27": 0.75}, "of its communes, one by one"
    assert found["region"]["valeur_comparateur"] == pytest.approx(0.25 * 84 + 0.75 * 27, abs=0.051)


def test_all_quarters_are_a_comparator_when_none_is_hidden() -> None:
    counts = {"Q0": (10.0, 1000), "Q1": (50.0, 3000), "Q2": (0.0, 1000)}
    for hidden in (False, True):
        rows = [indicator("compte", "compte", decimales=0)]
        for code, (count, people) in counts.items():
            state = "hidden" if hidden and code == "Q1" else "shown"
            rows += [*quarter(code, {}, population=people)]
            rows += [value("qpv2024", code, "compte", state, valeur=count, numerateur=count)]
        with release(rows) as con:
            found = asked(con, "FROM comparaisons WHERE sorte = 'quartiers' AND code_zone = 'Q0'")
        assert [(r["valeur_comparateur"], r["statut"]) for r in found] == [
            (None, "ensemble_incomplet") if hidden else (12.0, "comparable")
        ]


def test_a_published_zero_is_a_figure_and_not_an_absence() -> None:
    with release(_totals()) as con:
        con.execute("UPDATE valeurs SET valeur = 0 WHERE zonage = 'qpv2024'")
        (row,) = asked(con, _OF_COMMUNES)
    assert (row["valeur_comparee"], row["ecart"], row["statut"]) == (0, -20, "comparable")
    assert not math.isnan(row["ecart"])
