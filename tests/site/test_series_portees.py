"""Values carried from the generation before: told where nothing is observed, never beside what is hidden."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpv_data.site.carrying import joined, marked
from qpv_data.site.charts import series_chart
from qpv_data.site.model import CARRIED, HIDDEN, Indicator, Series, Value

INDICATOR = Indicator("i", "I", "", "emploi", "%", "part", "stock", 1, "T", None, "j", "p", "l", None, None, True)
QUARTERS = [(y, t) for y in (2022, 2023, 2024) for t in (1, 2, 3, 4)]
STATES = ("normale", "secret", "masque_producteur", "non_livree", "sans_objet", "absente")


def at(rank: int, value: float | None, state: str) -> Value:
    year, quarter = QUARTERS[rank]
    return Value(f"{year}-T{quarter}", date(year, 3 * quarter - 2, 1), value, state)


@st.composite
def observed(draw: st.DrawFn) -> tuple[Value, ...]:
    ranks = sorted(draw(st.sets(st.integers(0, 11))))
    made = []
    for rank in ranks:
        state = draw(st.sampled_from(STATES))
        made.append(at(rank, draw(st.floats(0, 100)) if state == "normale" else None, state))
    return tuple(made)


@st.composite
def before(draw: st.DrawFn) -> tuple[tuple[Value, bool], ...]:
    changed = draw(st.booleans())
    ranks = sorted(draw(st.sets(st.integers(0, 11))))
    return tuple((at(r, draw(st.floats(0, 100)), CARRIED if changed else "normale"), changed) for r in ranks)


@given(observed(), before())
def test_what_is_observed_or_hidden_is_never_replaced(
    values: tuple[Value, ...], carried: tuple[tuple[Value, bool], ...]
) -> None:
    found = {v.periode: v for v in joined(Series(INDICATOR, values), carried).valeurs}
    for v in values:
        if v.valeur is not None or v.etat in HIDDEN:
            assert (found[v.periode].valeur, found[v.periode].etat) == (v.valeur, v.etat)


@given(observed(), before())
def test_periods_are_in_order_and_none_is_lost(
    values: tuple[Value, ...], carried: tuple[tuple[Value, bool], ...]
) -> None:
    series = marked(joined(Series(INDICATOR, values), carried))
    assert [v.debut for v in series.valeurs] == sorted({v.debut for v in series.valeurs})
    assert {v.periode for v in series.valeurs} == {v.periode for v in values} | {v.periode for v, _ in carried}


@given(observed(), before())
def test_a_series_breaks_exactly_where_its_perimeter_changes(
    values: tuple[Value, ...], carried: tuple[tuple[Value, bool], ...]
) -> None:
    series = marked(joined(Series(INDICATOR, values), carried))
    states = [v.etat == CARRIED for v in series.valeurs]
    crossed = [n > 0 and states[n] != states[n - 1] for n in range(len(states))]
    assert [v.rupture for v in series.valeurs] == crossed
    assert set(series.ruptures) == {v.periode for v, broken in zip(series.valeurs, crossed, strict=True) if broken}


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (2.0, 7.5, "entre 2,0 et 7,5"), (2.0, None, "au moins 2,0"), (None, 7.5, "au plus 7,5"), (0.0, None, ""),
        (0.0, 7.5, "entre 0,0 et 7,5"), (None, None, ""), (5.0, 5.0, ""),
    ],
)  # fmt: skip
def test_what_is_sure_of_an_estimate_is_said_of_one_side_or_of_both(
    low: float | None, high: float | None, words: str
) -> None:
    value = replace(at(0, 5.0, CARRIED), basse=low, haute=high)
    assert INDICATOR.bounds(value) == words
    assert INDICATOR.bounds(replace(value, valeur=None, etat="secret")) == ""
    shown = [at(n, 5.0, "normale") for n in range(1, 4)]
    assert "courbe" in series_chart(Series(INDICATOR, (value, *shown)), "s")
