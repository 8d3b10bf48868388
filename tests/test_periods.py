"""Periods: they tile the calendar, whatever the frequency."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpv_data.conforming_periods import period_sql
from qpv_data.periods import Frequence, Period, parse_period, period_of, periods_between

days = st.dates(min_value=date(1, 1, 1), max_value=date(9999, 12, 31))
frequencies = st.sampled_from(Frequence)


@given(days, frequencies)
def test_a_day_is_in_its_period_and_in_no_other(day: date, frequence: Frequence) -> None:
    period = period_of(day, frequence)
    assert period.debut <= day <= period.fin
    assert period.debut.day == 1
    assert period.frequence is frequence
    if period.fin < date.max:
        assert period.next().debut == period.fin + timedelta(days=1)
        assert period_of(period.fin + timedelta(days=1), frequence) == period.next()


@given(days, frequencies)
def test_a_period_reads_back_as_it_is_written(day: date, frequence: Frequence) -> None:
    period = period_of(day, frequence)
    assert parse_period(str(period)) == period


@given(st.lists(st.tuples(days, frequencies), min_size=1, max_size=20))
def test_the_period_of_a_date_is_the_same_in_sql(dates: list[tuple[date, Frequence]]) -> None:
    with duckdb.connect() as con:
        for day, frequence in dates:
            row = con.execute(f"SELECT {period_sql('d', frequence)} FROM (SELECT CAST(? AS DATE) AS d)", [day])
            assert row.fetchone() == (str(period_of(day, frequence)),)


@given(st.dates(date(2000, 1, 1), date(2040, 1, 1)), st.dates(date(2000, 1, 1), date(2040, 1, 1)), frequencies)
def test_periods_between_tile_without_hole_nor_overlap(a: date, b: date, frequence: Frequence) -> None:
    first, last = period_of(min(a, b), frequence), period_of(max(a, b), frequence)
    periods = list(periods_between(first, last))
    assert periods[0] == first
    assert periods[-1] == last
    assert all(y.debut == x.fin + timedelta(days=1) for x, y in pairwise(periods))


def test_periods_of_one_frequency_up_to_a_period_of_another_end_no_later() -> None:
    between = list(periods_between(parse_period("2024-T1"), parse_period("2024-08")))
    assert [str(p) for p in between] == ["2024-T1", "2024-T2"]
    assert list(periods_between(parse_period("2024"), parse_period("2024-T3"))) == []


def test_the_last_year_of_the_calendar_ends() -> None:
    assert parse_period("9999-T4").fin == date.max
    assert [str(p) for p in periods_between(parse_period("9999-S1"), parse_period("9999"))] == ["9999-S1", "9999-S2"]


@given(days, days, frequencies, frequencies)
def test_periods_are_ordered_by_their_ends(a: date, b: date, f: Frequence, g: Frequence) -> None:
    p, q = period_of(a, f), period_of(b, g)
    assert (p < q) == (p.fin < q.fin)
    assert (p <= q) == (p.fin <= q.fin)
    assert (p > q) == (p.fin > q.fin)


@pytest.mark.parametrize(
    "text", ["", "24", "2024-T5", "2024-T0", "2024-13", "2024-00", "2024-S3", "2024-t1", "2024 ", "2024-1", "2024-T1\n",
             "0000", "0000-T1", "２０２４", "-2024", "2024-T", "12024"],
)  # fmt: skip
def test_what_is_not_a_period_is_refused_and_the_forms_are_said(text: str) -> None:
    with pytest.raises(ValueError, match="2024-T3"):
        parse_period(text)


def test_the_ends_of_each_frequency() -> None:
    ends = {"2024-02": date(2024, 2, 29), "2024-T1": date(2024, 3, 31), "2024-S1": date(2024, 6, 30)}
    assert {text: parse_period(text).fin for text in ends} == ends
    assert Period(2024, 1, Frequence.A).fin == date(2024, 12, 31)
