"""No change is computed across a break, whatever the series."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from bases import insert
from hypothesis import given, settings
from hypothesis import strategies as st

from qpv_data.database import create
from qpv_data.derived import derive
from qpv_data.periods import parse_period, periods_between

QUARTERS = [str(p) for p in periods_between(parse_period("2022-T3"), parse_period("2024-T4"))]


@pytest.fixture(scope="module")
def base() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        create(con)
        insert(con, "indicateurs", indicateur="i", decimales=0, nature="part", facteur=100.0, additif=True)
        insert(con, "zones", zonage="qpv2024", famille="qpv", code_zone="Q1")
        insert(con, "zones_communes", zonage="qpv2024", code_zone="Q1", code_commune="01001")
        insert(con, "zones_epci", zonage="qpv2024", code_zone="Q1", code_epci="200")
        insert(con, "zones", zonage="epci", famille="epci", code_zone="200")
        yield con


def write(
    con: duckdb.DuckDBPyConnection, values: list[int | None], breaks: set[str], places: list[tuple[str, str]]
) -> None:
    con.execute("DELETE FROM valeurs; DELETE FROM ruptures")
    rows = [
        (zoning, code, period, parse_period(period).debut, value)
        for zoning, code in places
        for period, value in zip(QUARTERS, values, strict=False)
    ]
    con.executemany(
        "INSERT INTO valeurs SELECT 'd', 'p', 'i', 'ensemble', $1, $2, $3, 'T', $4, $4, $5, $5, 100,"
        " 'normale', CASE WHEN $5 IS NULL THEN 'secret' ELSE 'diffusee' END, 'A', '2024-01-01', NULL",
        rows,
    )
    for period in breaks:
        insert(con, "ruptures", indicateur="i", periode=period, motif=f"motif {period}")


series = st.lists(st.none() | st.integers(0, 100), min_size=1, max_size=len(QUARTERS))
breaks_of = st.sets(st.sampled_from(QUARTERS[1:]), max_size=3)


@settings(max_examples=25)
@given(series, breaks_of)
def test_a_change_is_the_difference_with_the_period_before_unless_a_break_stands_between(
    base: duckdb.DuckDBPyConnection, values: list[int | None], breaks: set[str]
) -> None:
    write(base, values, breaks, [("qpv2024", "Q1")])
    found = base.execute(
        "SELECT periode, rupture, motif_rupture, periode_precedente, valeur_precedente, evolution FROM series ORDER BY 1"
    ).fetchall()
    expected = []
    for n, value in enumerate(values):
        period, broken = QUARTERS[n], QUARTERS[n] in breaks
        follows = n > 0 and not broken
        before = values[n - 1] if follows else None
        change = value - before if value is not None and before is not None else None
        reason = f"motif {period}" if broken else None
        expected.append((period, broken, reason, QUARTERS[n - 1] if follows else None, before, change))
    assert found == expected


@settings(max_examples=10)
@given(series, breaks_of)
def test_gaps_carry_the_break_of_their_period(
    base: duckdb.DuckDBPyConnection, values: list[int | None], breaks: set[str]
) -> None:
    write(base, values, breaks, [("qpv2024", "Q1"), ("commune", "01001"), ("epci", "200")])
    derive(base)
    shown = [(QUARTERS[n], QUARTERS[n] in breaks) for n, value in enumerate(values) if value is not None]
    for view in ("ecarts_commune", "ecarts_epci", "ecarts_ensemble_quartiers"):
        assert base.execute(f"SELECT periode, rupture FROM {view} ORDER BY 1").fetchall() == shown, view


def test_a_break_at_a_period_that_is_not_published_still_parts_what_is_around_it(
    base: duckdb.DuckDBPyConnection,
) -> None:
    write(base, [10, 20, 30], {QUARTERS[1]}, [("qpv2024", "Q1")])
    base.execute(f"DELETE FROM valeurs WHERE periode = '{QUARTERS[1]}'")
    found = base.execute("SELECT periode, rupture, evolution FROM series ORDER BY 1").fetchall()
    assert found == [(QUARTERS[0], False, None), (QUARTERS[2], True, None)]
