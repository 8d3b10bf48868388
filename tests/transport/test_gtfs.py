"""The SQL of GTFS says what a reading of one day and one passage at a time says."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from feeds import refused
from gtfs_made import ARRETS, DAYS, DEPARTS, JOURS, archive, expected, member, read_with
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qpv_data.problems import Problem

FIRST = date(2024, 12, 20)


def text(d: date) -> str:
    return f"{d:%Y%m%d}"


def hour(s: int) -> str:
    return f"{s // 3600}:{s // 60 % 60:02d}:{s % 60:02d}"


@st.composite
def networks(draw: st.DrawFn) -> dict[str, list[dict[str, object]]]:
    """Small networks with every trap: exceptions, headways, past midnight, no boarding, no time, unknown stops."""
    services = [f"S{n}" for n in range(draw(st.integers(1, 3)))]
    dates = st.integers(0, 20).map(lambda n: text(FIRST + timedelta(n)))
    feed: dict[str, list[dict[str, object]]] = {"stops": [], "trips": [], "stop_times": []}
    for n in range(4):
        feed["stops"].append({"stop_id": f"A{n}", "stop_lat": 43.6, "stop_lon": 1.4, "location_type": "1" if n == 3 else None})
    if draw(st.booleans()):
        feed["calendar"] = [
            {"service_id": s, "start_date": draw(dates), "end_date": draw(dates), **{d: draw(st.sampled_from("01")) for d in DAYS}}
            for s in services
        ]
    if draw(st.booleans()) or "calendar" not in feed:
        feed["calendar_dates"] = draw(
            st.lists(
                st.fixed_dictionaries({"service_id": st.sampled_from([*services, "S9"]), "date": dates, "exception_type": st.sampled_from("12")}),
                max_size=12,
            )
        )
        if not feed["calendar_dates"] and "calendar" not in feed:
            del feed["calendar_dates"]
    if draw(st.booleans()):
        a, b = sorted([draw(dates), draw(dates)])
        feed["feed_info"] = [{"feed_start_date": a, "feed_end_date": b}]
    for t in range(draw(st.integers(1, 4))):
        feed["trips"].append({"trip_id": f"T{t}", "service_id": draw(st.sampled_from([*services, "S8"]))})
        at = draw(st.integers(0, 30 * 3600))
        # The first passage of a trip has a time: headways count from it.
        for rank in range(draw(st.integers(1, 4))):
            at += draw(st.integers(0, 4000))
            timed = rank == 0 or draw(st.integers(0, 4)) > 0
            feed["stop_times"].append({
                "trip_id": f"T{t}", "stop_id": draw(st.sampled_from(["A0", "A1", "A2", "A7"])),
                "stop_sequence": rank * 3 + 1, "departure_time": hour(at) if timed and draw(st.booleans()) else None,
                "arrival_time": hour(at) if timed else None, "pickup_type": draw(st.sampled_from([None, "0", "1", "2"])),
            })  # fmt: skip
    if draw(st.booleans()):
        feed["frequencies"] = draw(
            st.lists(
                st.fixed_dictionaries({
                    "trip_id": st.sampled_from([t["trip_id"] for t in feed["trips"]]),
                    "start_time": st.integers(0, 20).map(lambda h: hour(h * 3600)),
                    "end_time": st.integers(21, 26).map(lambda h: hour(h * 3600)),
                    "headway_secs": st.integers(600, 9000),
                }),
                max_size=3, unique_by=lambda f: (f["trip_id"], f["start_time"], f["end_time"], f["headway_secs"]),
            )
        )  # fmt: skip
        if not feed["frequencies"]:
            del feed["frequencies"]
    return feed


def departs(members: Mapping[str, str | bytes]) -> dict[tuple[str, str], dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        rows = read_with("gtfs_departs", DEPARTS, archive(members), Path(folder))
    assert len({(r["stop_id"], r["jour"]) for r in rows}) == len(rows)
    return {(r["stop_id"], r["jour"]): r for r in rows}


def number(text: str | None) -> int | None:
    return None if text is None else int(text)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(feed=networks())
def test_departures_are_those_of_a_reading_passage_by_passage(feed: dict[str, list[dict[str, object]]]) -> None:
    found = {
        key: (r["date_reference"], *(number(r[n]) for n in DEPARTS[6:10]))
        for key, r in departs({name: member(rows) for name, rows in feed.items()}).items()
    }
    assert found == expected(feed)
