"""What reading a zone over HTTP costs at national size: `python benchmarks/lecture_http.py DOSSIER [--zone CODE]`.

DOSSIER is an audience's folder of a release. Serves it with range requests, and reads it with the code of
docs/lire-par-http.md: prints the bytes, the requests and the seconds of each.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from serveur_http import Served, serving

LIMIT = 2_000_000


def reads(public: str, zoning: str, zone: str, period: str, indicator: str) -> dict[str, Callable[[], pa.Table]]:
    """The profile of a zone in a period and over all of them, and a series."""
    web = fsspec.filesystem("http", cache_type="none")
    here = [("code_zone", "==", zone)]

    def read(path: str, filters: list[tuple[str, str, str]], columns: list[str] | None = None) -> pa.Table:
        with web.open(f"{public}/{path}") as file:
            return pq.read_table(file, filters=filters, columns=columns)

    profile = f"valeurs/zonage={zoning}/periode={period}/valeurs.parquet"
    series = f"series/zonage={zoning}/series.parquet"
    one = [*here, ("indicateur", "==", indicator)]
    return {
        "profil, une période": lambda: read(profile, here),
        "profil, toutes les périodes": lambda: read(series, here),
        "une série": lambda: read(series, one, ["periode", "valeur", "statut_observation", "statut_diffusion"]),
    }


def measured(served: Served, read: Callable[[], pa.Table]) -> tuple[pa.Table, int, int, float]:
    """The table, the bytes and requests that it took, and the seconds."""
    served.clear()
    start = time.perf_counter()
    table = read()
    return table, served.octets, len(served.chemins), time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dossier", type=Path)
    parser.add_argument("--zonage", default="qpv2024")
    parser.add_argument("--zone", default="QN50007H")
    asked = parser.parse_args()
    files = sorted((asked.dossier / "valeurs" / f"zonage={asked.zonage}").glob("periode=*/*.parquet"))
    last = files[-1].parent.name.split("=", 1)[1]
    indicator = pq.ParquetFile(files[-1]).read_row_group(0).column("indicateur")[0].as_py()
    with serving(asked.dossier) as served:
        for name, read in reads(served.adresse, asked.zonage, asked.zone, last, indicator).items():
            table, size, requests, seconds = measured(served, read)
            cost = f"{size / 1000:7.0f} ko {requests:4} requêtes {seconds:6.2f} s"
            print(f"{name:30} {table.num_rows:6} lignes {cost}{'' if size < LIMIT else '  plus de 2 Mo'}")


if __name__ == "__main__":
    main()
