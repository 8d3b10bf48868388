"""Another reader of GTFS, partridge, sees the same departures on a generated network."""

from __future__ import annotations

import zipfile
from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest
from gtfs_made import DEPARTS, JOURS, read_with

from benchmarks.gtfs import write_network

partridge = pytest.importorskip("partridge", reason="partridge absent : installer l'extra `dev`")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reseau") / "gtfs.zip"
    write_network(path, 9_000, seed=7)
    return path


@pytest.fixture(scope="module")
def ours(network: Path) -> dict[tuple[str, str], dict[str, str | None]]:
    rows = read_with("gtfs_departs", DEPARTS, network.read_bytes(), network.parent / "travail")
    return {(str(r["stop_id"]), str(r["jour"])): r for r in rows}


def test_the_reference_dates_are_its_busiest(network: Path, ours: dict[tuple[str, str], dict[str, str | None]]) -> None:
    busiest: dict[int, tuple[int, date]] = {}
    for day, trips in sorted(partridge.read_trip_counts_by_date(str(network)).items()):
        if trips > busiest.get(day.weekday(), (0, day))[0]:
            busiest[day.weekday()] = (trips, day)
    found = {r["jour"]: r["date_reference"] for r in ours.values()}
    assert found == {name: busiest[n][1].isoformat() for n, name in enumerate(JOURS)}


@pytest.mark.parametrize("jour", ["mardi", "samedi", "dimanche"])
def test_departures_first_and_last_are_the_same(
    network: Path, ours: dict[tuple[str, str], dict[str, str | None]], jour: str
) -> None:
    when = date.fromisoformat(str(next(r["date_reference"] for (_, j), r in ours.items() if j == jour)))
    services = partridge.read_service_ids_by_date(str(network))[when]
    feed = partridge.load_feed(str(network), {"trips.txt": {"service_id": services}})
    passages = feed.stop_times
    last = passages.groupby("trip_id")["stop_sequence"].transform("max")
    leaving = passages[(passages["stop_sequence"] < last) & (passages["pickup_type"].astype(str) != "1")]
    theirs: dict[str, list[float]] = defaultdict(list)
    for stop, at in zip(leaving["stop_id"], leaving["departure_time"], strict=True):
        theirs[stop].append(at)
    assert any(max(times) > 24 * 3600 for times in theirs.values()), "some departures are past midnight"
    with zipfile.ZipFile(network) as made:
        stops = [line.split(",")[0] for line in made.read("stops.txt").decode().splitlines()[1:]]
    assert {s for s, j in ours if j == jour} == set(stops)
    for stop in stops:
        row, times = ours[stop, jour], theirs.get(stop, [])
        expected = (str(len(times)), *((str(int(f(times))) if times else None) for f in (min, max)))
        assert (row["departs"], row["premier_depart_s"], row["dernier_depart_s"]) == expected, stop
