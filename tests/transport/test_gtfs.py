"""The SQL of GTFS says what a reading of one day and one passage at a time says."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from factory import Mini, points_clause
from feeds import refused
from gtfs_made import ARRETS, DAYS, DEPARTS, GBFS, archive, expected, member, read_with
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qpv_data.clause import check, check_references
from qpv_data.problems import InvalidDeclarationError, Problem

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
        feed["stops"].append(
            {"stop_id": f"A{n}", "stop_lat": 43.6, "stop_lon": 1.4, "location_type": "1" if n == 3 else None}
        )
    if draw(st.booleans()):
        feed["calendar"] = [
            {
                "service_id": s,
                "start_date": draw(dates),
                "end_date": draw(dates),
                **{d: draw(st.sampled_from("01")) for d in DAYS},
            }
            for s in services
        ]
    if draw(st.booleans()) or "calendar" not in feed:
        feed["calendar_dates"] = draw(
            st.lists(
                st.fixed_dictionaries(
                    {
                        "service_id": st.sampled_from([*services, "S9"]),
                        "date": dates,
                        "exception_type": st.sampled_from("12"),
                    }
                ),
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


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(feed=networks())
def test_departures_are_those_of_a_reading_passage_by_passage(feed: dict[str, list[dict[str, object]]]) -> None:
    found = {
        key: (r["date_reference"], *(number(r[n]) for n in DEPARTS[6:10]))
        for key, r in departs({name: member(rows) for name, rows in feed.items()}).items()
    }
    assert found == expected(feed)


NETWORK: dict[str, list[dict[str, object]]] = {
    "agency": [{"agency_id": "X", "agency_name": "Réseau"}],
    "routes": [
        {"route_id": "M", "route_type": "1", "agency_id": "X"}, {"route_id": "B", "route_type": "700", "agency_id": None},
    ],
    "stops": [
        {"stop_id": "G", "stop_name": "Gare", "stop_lat": 43.6, "stop_lon": 1.4, "location_type": "1", "wheelchair_boarding": "1"},
        {"stop_id": "G1", "stop_name": "Quai 1", "stop_lat": 43.61, "stop_lon": 1.41, "location_type": "0", "parent_station": "G"},
        {"stop_id": "G2", "stop_name": "Quai 2", "parent_station": "G", "wheelchair_boarding": "2"},
        {"stop_id": "GE", "stop_name": "Accès", "stop_lat": 43.6, "stop_lon": 1.4, "location_type": "2", "parent_station": "G"},
        {"stop_id": "Z", "stop_name": "Sans passage", "stop_lat": 43.7, "stop_lon": 1.5},
    ],
    "trips": [
        {"trip_id": "T1", "route_id": "M", "service_id": "S"}, {"trip_id": "T2", "route_id": "B", "service_id": "S"},
    ],
    "calendar": [
        {"service_id": "S", "start_date": "20240101", "end_date": "20991231", **dict.fromkeys(DAYS[:5], "1"), **dict.fromkeys(DAYS[5:], "0")},
    ],
    "stop_times": [
        {"trip_id": "T1", "stop_id": "G1", "stop_sequence": 1, "departure_time": "23:50:00", "arrival_time": "23:49:00", "pickup_type": None},
        {"trip_id": "T1", "stop_id": "G2", "stop_sequence": 2, "departure_time": "24:10:00", "arrival_time": "24:09:00", "pickup_type": None},
        {"trip_id": "T1", "stop_id": "FANTOME", "stop_sequence": 3, "departure_time": "24:20:00", "arrival_time": "24:20:00", "pickup_type": None},
        {"trip_id": "T2", "stop_id": "G1", "stop_sequence": 1, "departure_time": " 7:05:00", "arrival_time": None, "pickup_type": None},
        {"trip_id": "T2", "stop_id": "G2", "stop_sequence": 2, "departure_time": None, "arrival_time": "7:09:00", "pickup_type": "1"},
        {"trip_id": "T2", "stop_id": "G1", "stop_sequence": 3, "departure_time": "7:20:00", "arrival_time": None, "pickup_type": None},
        {"trip_id": "PERDUE", "stop_id": "G1", "stop_sequence": 1, "departure_time": "8:00:00", "arrival_time": None, "pickup_type": None},
    ],
}  # fmt: skip


def written(**changed: str | bytes) -> dict[str, str | bytes]:
    return {**{name: member(rows) for name, rows in NETWORK.items()}, **changed}


def test_a_stop_keeps_its_departures_its_unknown_place_and_its_day_of_service() -> None:
    found = departs(written())
    assert {s for s, _ in found} == {"G1", "G2", "Z", "FANTOME"}, "stations and entrances have no departure of theirs"
    monday = {s: found[s, "lundi"] for s in ("G1", "G2", "Z", "FANTOME")}
    assert {s: r["departs"] for s, r in monday.items()} == {"G1": "2", "G2": "1", "Z": "0", "FANTOME": "0"}
    assert (monday["G1"]["premier_depart_s"], monday["G1"]["dernier_depart_s"]) == ("25500", "85800")
    assert monday["G2"]["dernier_depart_s"] == "87000", "24:10 is of the day before"
    assert monday["G2"]["stop_lat"] is None
    assert monday["FANTOME"]["stop_lat"] is None, "not even described: of unknown place, and not lost"
    assert (monday["Z"]["premier_depart_s"], monday["Z"]["departs"]) == (None, "0")
    assert monday["G1"]["passages_orphelins"] == "1"
    assert {found["G1", d]["departs"] for d in ("samedi", "dimanche")} == {"0"}


def test_a_calendar_until_2099_is_read_at_once() -> None:
    assert {r["date_reference"] for r in departs(written()).values() if r["jour"] == "lundi"} == {"2024-01-01"}


def test_a_date_of_exceptional_service_is_not_a_week() -> None:
    only = member([{"service_id": "S", "date": "20240703", "exception_type": "1"}])
    found = departs({n: m for n, m in written(calendar_dates=only).items() if n != "calendar"})
    assert {r["departs"] for (s, d), r in found.items() if s == "G1" and d == "mercredi"} == {"2"}
    assert {r["departs"] for (_, d), r in found.items() if d != "mercredi"} == {None}, "unknown, and not none"


def arrets(members: Mapping[str, str | bytes]) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        rows = read_with("gtfs_arrets", ARRETS, archive(members), Path(folder))
    assert len({r["stop_id"] for r in rows}) == len(rows)
    return {r["stop_id"]: r for r in rows}


def test_stops_say_their_station_lines_modes_and_access() -> None:
    found = arrets(written())
    assert set(found) == {"G", "G1", "G2", "GE", "Z", "FANTOME"}
    assert found["G1"]["modes"] == found["G"]["modes"] == "bus|metro"
    assert (found["G1"]["station"], found["G1"]["nb_lignes"], found["G1"]["exploitants"]) == ("Gare", "2", "Réseau")
    assert {s: r["acces_fauteuil"] for s, r in found.items()} == {
        "G": "1", "G1": "1", "G2": "2", "GE": "1", "Z": "0", "FANTOME": "0",
    }  # fmt: skip
    assert {s for s, r in found.items() if r["desservi"] == "true"} == {"G", "G1", "G2", "FANTOME"}
    assert {s for s, r in found.items() if r["mode_lourd"] == "true"} == {"G", "G1", "G2", "FANTOME"}


@pytest.mark.parametrize("separator", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_a_byte_order_mark_spaces_quotes_and_line_ends_change_nothing(bom: bytes, separator: str) -> None:
    def dressed(text: str) -> bytes:
        lines = [
            ",".join(f'"{c}"' if n % 2 else f" {c} " for n, c in enumerate(line.split(",")))
            for line in text.splitlines()
        ]
        return bom + separator.join(lines).encode()

    other = {name: dressed(text) if isinstance(text, str) else text for name, text in written().items()}
    assert departs(other) == departs(written())
    assert arrets(other) == arrets(written())


def test_rows_written_twice_count_once() -> None:
    double = {n: member([*rows, *rows]) for n, rows in NETWORK.items() if n not in ("stops", "stop_times")}
    assert departs(written(**double)) == departs(written())
    assert arrets(written(**double)) == arrets(written())


def test_a_network_in_a_folder_with_strange_files_and_a_last_comma_is_read() -> None:
    commas = {
        f"Export/{n.upper()}.TXT": "".join(f"{line},\n" for line in str(t).splitlines()) for n, t in written().items()
    }
    assert departs({**commas, "Export/stops.pdf": b"%PDF", "Export/locations.geojson": "{}"}) == departs(written())


def test_bytes_of_another_encoding_are_marked_and_change_nothing_else() -> None:
    latin = {n: str(t).encode("cp1252") for n, t in written().items()}
    assert arrets(latin)["GE"]["stop_name"] == "Acc\ufffds"
    assert {s: r["nb_lignes"] for s, r in arrets(latin).items()} == {
        s: r["nb_lignes"] for s, r in arrets(written()).items()
    }


@pytest.mark.parametrize(
    ("changed", "problem", "words"),
    [
        ({"stop_times": None}, Problem.CONTENEUR_INVALIDE, ("stop_times",)),
        ({"stop_times": ""}, Problem.ENTETE_INATTENDU, ("stop_times", "stop_sequence")),
        ({"calendar": "service_id,monday\n"}, Problem.ENTETE_INATTENDU, ("calendar", "tuesday", "end_date")),
    ],
)
def test_what_a_network_cannot_lack_is_named(changed: dict[str, Any], problem: Problem, words: tuple[str, ...]) -> None:
    members = {n: m for n, m in written(**changed).items() if m is not None}
    with refused(problem, *words):
        departs(members)


def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str) -> list[str]:
    """Faults of a clause whose SELECT is `query`."""
    (tmp_path / "conformer").mkdir()
    (tmp_path / "conformer/essai.sql").write_text(query, "utf-8")
    monkeypatch.setattr(check_references, "sql_dir", lambda: tmp_path)
    mini = Mini(tmp_path)
    mini.referentials()
    mini.declare(points_clause(conformation="essai.sql"))
    try:
        check.checked_clauses(mini.clauses)
    except InvalidDeclarationError as e:
        return [f"{v.probleme}: {v.message}" for v in e.violations]
    return []


GOOD = "-- une ligne par point\n-- membre a : id, x?, y?, insee?\nSELECT *, 1 AS menage, 2 AS montant FROM a"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (GOOD, None),
        (GOOD.replace("2 AS montant", "2 AS montants"), "colonne_inconnue: essai.sql ne donne pas : montant"),
        (GOOD.replace("FROM a", "FROM b"), "sql_invalide: essai.sql : Catalog Error"),
        (GOOD.replace("id, x?", "id,, x?"), "sql_invalide: essai.sql : colonne de membre illisible"),
        (GOOD.replace("membre a :", "membre A :"), "sql_invalide: essai.sql : déclaration de membre illisible"),
    ],
)
def test_a_select_is_held_offline_to_what_it_declares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str, said: str | None
) -> None:
    faults = checked(tmp_path, monkeypatch, query)
    assert len(faults) == (said is not None)
    assert said is None or faults[0].startswith(said)


def stations(information: object, status: object) -> dict[str, dict[str, Any]]:
    members = {"station_information.json": json.dumps(information), "station_status.json": json.dumps(status)}
    with tempfile.TemporaryDirectory() as folder:
        rows = read_with(
            "gbfs_stations", GBFS, archive({n: t for n, t in members.items() if t != "null"}), Path(folder)
        )
    return {r["station_id"]: r for r in rows}


def test_gbfs_of_every_version_says_the_same() -> None:
    old = stations(
        {"data": {"stations": [{"station_id": "1", "name": "Gare", "lat": 43.6, "lon": 1.4, "capacity": 20}]}},
        {
            "last_updated": 1760000000,
            "data": {"stations": [{"station_id": "1", "num_bikes_available": 3, "is_installed": 1, "is_renting": 0}]},
        },
    )
    new = stations(
        {
            "data": {
                "stations": [
                    {
                        "station_id": "1",
                        "name": [{"text": "Gare", "language": "fr"}],
                        "lat": 43.6,
                        "lon": 1.4,
                        "capacity": 20,
                    }
                ]
            }
        },
        {
            "last_updated": "2025-10-09T08:53:20Z",
            "data": {
                "stations": [
                    {"station_id": "1", "num_vehicles_available": 3, "is_installed": True, "is_renting": False}
                ]
            },
        },
    )
    assert old == new
    assert (old["1"]["nom"], old["1"]["velos"], old["1"]["en_location"]) == ("Gare", "3", "false")
    assert old["1"]["releve_le"] == "2025-10-09T08:53:20Z"


def test_a_station_without_status_is_not_empty_and_a_status_without_station_is_kept() -> None:
    found = stations(
        {"data": {"stations": [{"station_id": "1", "lat": 43.6, "lon": 1.4}]}},
        {"data": {"stations": [{"station_id": "2", "num_bikes_available": 3}]}},
    )
    assert (found["1"]["velos"], found["2"]["lat"], found["2"]["velos"]) == (None, None, "3")
    assert stations({"data": {"stations": [{"station_id": "1"}]}}, None)["1"]["velos"] is None


def test_a_broken_member_is_named() -> None:
    with refused(Problem.FORMAT_INATTENDU, "station_information"):
        stations_of = archive({"station_information.json": '{"data": {"stations": [{"station_id":'})
        with tempfile.TemporaryDirectory() as folder:
            read_with("gbfs_stations", GBFS, stations_of, Path(folder))
    with refused(Problem.ENTETE_INATTENDU, "station_id"):
        stations({"data": {"stations": [{"id": "1"}]}}, None)
