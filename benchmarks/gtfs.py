"""Time the conforming SQL of GTFS on a generated network, members unzipped to rows: `python benchmarks/gtfs.py`.

The network is that of a large agglomeration: 900,000 stop_times, 30,000 trips, 4,000 stops, 40 services.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "transport"))

from feeds import clause, column
from gtfs_made import ARRETS, DEPARTS

from qpv_data.sources.archive import Limits
from qpv_data.sources.members import member_rows

_WEEK = ("1,1,1,1,1,0,0", "0,0,0,0,0,1,0", "0,0,0,0,0,0,1", "1,1,1,1,1,1,1")


def write_network(target: Path, passages: int, seed: int = 1) -> None:
    """A zip of about `passages` stop_times, 30 a trip; hours go past midnight, holidays are exceptions."""
    rng = random.Random(seed)
    trips = passages // 30
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        made.writestr("agency.txt", "agency_id,agency_name,agency_timezone\nA,Réseau,Europe/Paris\n")
        made.writestr("routes.txt", "route_id,agency_id,route_type\n" + "".join(f"R{n},A,{n % 4}\n" for n in range(80)))
        stops = (f"S{n},Arrêt {n},{43.5 + n % 60 / 300:.5f},{1.3 + n // 60 / 300:.5f},0,\n" for n in range(4000))
        made.writestr(
            "stops.txt", "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\n" + "".join(stops)
        )
        lines = (f"R{t % 80},SV{t % 40},TRAJET:{t:06d}:2024\n" for t in range(trips))
        made.writestr("trips.txt", "route_id,service_id,trip_id\n" + "".join(lines))
        calendar = (f"SV{n},{_WEEK[n % 4]},20240901,20250705\n" for n in range(40))
        header = "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
        made.writestr("calendar.txt", header + "".join(calendar))
        off = (f"SV{n},{d},{1 + n % 2}\n" for n in range(40) for d in (20241101, 20241111, 20241225, 20250101))
        made.writestr("calendar_dates.txt", "service_id,date,exception_type\n" + "".join(off))
        made.writestr("stop_times.txt", "".join(_stop_times(rng, trips)))


def _stop_times(rng: random.Random, trips: int) -> Iterator[str]:
    yield "trip_id,arrival_time,departure_time,stop_id,stop_sequence,stop_headsign,pickup_type,drop_off_type\n"
    for t in range(trips):
        second, first = rng.randrange(4 * 3600, 24 * 3600), rng.randrange(3900)
        for k in range(30):
            second += rng.randrange(30, 180)
            at = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
            yield f"TRAJET:{t:06d}:2024,{at},{at},S{first + k},{k + 1},,{int(k == 29)},0\n"


def main() -> None:
    """Print the seconds of each SELECT, the best of three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=900_000)
    passages = parser.parse_args().passages
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_network(folder / "gtfs.zip", passages)
        for query, columns in (("gtfs_departs", DEPARTS), ("gtfs_arrets", ARRETS)):
            feed = clause(
                [column(n) for n in columns], key="stop_id", conformation=f"{query}.sql", format={"separateur": ","}
            )
            best, rows = float("inf"), 0
            for turn in range(3):
                start = time.perf_counter()
                into = folder / f"{query}-{turn}"
                batches = member_rows(feed, folder / "gtfs.zip", into, Limits(taille_max=10**10), feed.colonnes)
                rows = sum(b.num_rows for b in batches)
                best = min(best, time.perf_counter() - start)
            print(f"{query}: {passages:,} stop_times, {rows:,} rows, {best:.2f} s")


if __name__ == "__main__":
    main()
