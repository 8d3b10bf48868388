"""GTFS archives written from plain tables, and what they say, counted one day and one passage at a time."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from feeds import clause, column

from qpv_data.sources.archive import Limits
from qpv_data.sources.members import member_rows

JOURS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DEPARTS = (
    "stop_id", "stop_name", "stop_lat", "stop_lon", "jour", "date_reference", "departs", "departs_sans_heure",
    "premier_depart_s", "dernier_depart_s", "passages_orphelins",
)  # fmt: skip
ARRETS = (
    "stop_id", "stop_name", "stop_lat", "stop_lon", "location_type", "parent_station", "station", "acces_fauteuil",
    "desservi", "nb_lignes", "modes", "mode_lourd", "exploitants",
)  # fmt: skip
GBFS = (
    "station_id", "nom", "lat", "lon", "capacite", "velos", "hors_service", "places", "installee", "en_location", "releve_le",
)  # fmt: skip

Row = Mapping[str, object]
Feed = Mapping[str, Sequence[Row]]


def member(rows: Sequence[Row], header: Sequence[str] = ()) -> str:
    """Delimited text; a value that is absent or None is empty."""
    names = list(header) or list(dict.fromkeys(k for row in rows for k in row))
    cells = [names, *([("" if row.get(n) is None else str(row[n])) for n in names] for row in rows)]
    return "\n".join(",".join(line) for line in cells) + "\n"


def archive(members: Mapping[str, str | bytes]) -> bytes:
    """A zip of members by name without suffix."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in members.items():
            made.writestr(name if "." in name else f"{name}.txt", content)
    return file.getvalue()


def read_with(query: str, names: Sequence[str], data: bytes, folder: Path) -> list[dict[str, Any]]:
    """What a SELECT of sql/conformer makes of an archive, as texts."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "livraison.zip"
    path.write_bytes(data)
    feed = clause([column(n) for n in names], key=names[0], conformation=f"{query}.sql", format={"separateur": ","})
    rows: list[dict[str, Any]] = []
    for batch in member_rows(feed, path, folder, Limits(taille_max=10**9), feed.colonnes):
        rows += batch.select(list(names)).to_pylist()
    return rows


def seconds(text: object) -> int | None:
    """25:10:00 is 90,600."""
    if text in (None, ""):
        return None
    h, m, s = (int(p) for p in str(text).split(":"))
    return h * 3600 + m * 60 + s


def day(text: object) -> date:
    """20240131."""
    number = int(str(text))
    return date(number // 10000, number // 100 % 100, number % 100)


def served(feed: Feed, when: date) -> set[str]:
    """Services of a date."""
    found = {
        str(c["service_id"])
        for c in feed.get("calendar", ())
        if day(c["start_date"]) <= when <= day(c["end_date"]) and str(c[DAYS[when.weekday()]]) == "1"
    }
    changes = [x for x in feed.get("calendar_dates", ()) if day(x["date"]) == when]
    found |= {str(x["service_id"]) for x in changes if str(x["exception_type"]) == "1"}
    return found - {str(x["service_id"]) for x in changes if str(x["exception_type"]) == "2"}


def valid_dates(feed: Feed) -> list[date]:
    """Every date of the validity of services that have trips, within the publication's."""
    used = {str(t["service_id"]) for t in feed["trips"]}
    calendars = [
        c for c in feed.get("calendar", ())
        if str(c["service_id"]) in used and any(str(c[d]) == "1" for d in DAYS)
        and day(c["start_date"]) <= day(c["end_date"])
    ]  # fmt: skip
    starts = [day(c["start_date"]) for c in calendars]
    ends = [day(c["end_date"]) for c in calendars]
    removed = {
        (str(x["service_id"]), x["date"]) for x in feed.get("calendar_dates", ()) if str(x["exception_type"]) == "2"
    }
    added = [
        day(x["date"]) for x in feed.get("calendar_dates", ())
        if str(x["exception_type"]) == "1" and str(x["service_id"]) in used
        and (str(x["service_id"]), x["date"]) not in removed
    ]  # fmt: skip
    if not starts + added:
        return []
    first, last = min(starts + added), max(ends + added)
    for info in feed.get("feed_info", ()):
        a, b = day(info["feed_start_date"]), day(info["feed_end_date"])
        if max(first, a) <= min(last, b):
            first, last = max(first, a), min(last, b)
    return [first + timedelta(n) for n in range((last - first).days + 1)]


def runs(feed: Feed, trip: str) -> list[int | None]:
    """The start of each run of a trip in a day; None is the trip as written."""
    starts: list[int | None] = []
    for f in feed.get("frequencies", ()):
        if f["trip_id"] == trip:
            starts += range(seconds(f["start_time"]) or 0, seconds(f["end_time"]) or 0, int(str(f["headway_secs"])))
    return starts or [None]


def departures(feed: Feed, services: Iterable[str]) -> dict[str, list[int | None]]:
    """Times of the departures of each stop, in a day of `services`."""
    chosen = {str(t["trip_id"]) for t in feed["trips"] if str(t["service_id"]) in set(services)}
    found: dict[str, list[int | None]] = {}
    for trip in chosen:
        passages = [p for p in feed["stop_times"] if p["trip_id"] == trip]
        last = max(int(str(p["stop_sequence"])) for p in passages) if passages else 0
        times = [seconds(p.get("departure_time") or p.get("arrival_time")) for p in passages]
        known = [t for t in times if t is not None]
        for start in runs(feed, trip):
            for p, t in zip(passages, times, strict=True):
                if int(str(p["stop_sequence"])) < last and str(p.get("pickup_type") or "0") != "1":
                    shifted = t if start is None or t is None else start + t - min(known)
                    found.setdefault(str(p["stop_id"]), []).append(shifted)
    return found


def expected(feed: Feed) -> dict[tuple[str, str], tuple[Any, ...]]:
    """(stop, weekday) → (reference date, departures, those without time, first, last)."""
    by_service = Counter[str]()
    for t in feed["trips"]:
        by_service[str(t["service_id"])] += len(runs(feed, str(t["trip_id"])))
    reference: dict[int, tuple[int, date]] = {}
    for d in valid_dates(feed):
        n = sum(by_service[s] for s in served(feed, d))
        if d.weekday() not in reference or n > reference[d.weekday()][0]:
            reference[d.weekday()] = (n, d)
    answer = {}
    stops = {str(s["stop_id"]) for s in feed["stops"] if str(s.get("location_type") or "0") == "0"}
    stops |= {str(p["stop_id"]) for p in feed["stop_times"]}
    for rank, name in enumerate(JOURS):
        when = reference[rank][1] if rank in reference else None
        leaving = departures(feed, served(feed, when)) if when else {}
        for stop in stops:
            times = leaving.get(stop, [])
            known = [t for t in times if t is not None]
            answer[stop, name] = (
                when.isoformat() if when else None,
                len(times) if when else None,
                len(times) - len(known) if when else None,
                min(known, default=None),
                max(known, default=None),
            )
    return answer
