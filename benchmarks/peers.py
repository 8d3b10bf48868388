"""The other engines, one a process: `python peers.py ENGINE ZONES POINTS… `, the same task each.

Task: read x, y, categorie and valeur, find the polygons that hold each point, count and sum by polygon and category;
or, with `--rows OUT`, write every row with its polygon. Prints JSON: seconds of the streaming phase (start-up and the
making of indexes apart), and the groups. Needs nothing of qpv-data: any interpreter that has the engine will do.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

COLUMNS = ["x", "y", "categorie", "valeur"]


def floor(zones: str, points: list[str], rows: str | None, threads: int) -> tuple[float, list]:
    """What decoding the same columns costs, with as many threads, and nothing done with them."""
    import pyarrow.parquet as pq

    metadata = {p: pq.read_metadata(p) for p in points}
    local = threading.local()

    def decode(task: tuple[str, int]) -> int:
        path, group = task
        files = local.__dict__.setdefault("files", {})
        if path not in files:
            files[path] = pq.ParquetFile(path, metadata=metadata[path], memory_map=False, read_dictionary=["categorie"])
        return files[path].read_row_group(group, columns=COLUMNS, use_threads=False).num_rows

    start = time.perf_counter()
    tasks = [(p, g) for p in points for g in range(metadata[p].num_row_groups)]
    with ThreadPoolExecutor(threads) as pool:
        total = sum(pool.map(decode, tasks))
    return time.perf_counter() - start, [["", "", total, 0.0]]


def floor_text(zones: str, points: list[str], rows: str | None, threads: int) -> tuple[float, list]:
    """The same, categories decoded as texts."""
    import pyarrow.parquet as pq

    start = time.perf_counter()
    total = 0
    for path in points:
        metadata = pq.read_metadata(path)

        def decode(group: int, path: str = path, metadata: object = metadata) -> int:
            file = pq.ParquetFile(path, metadata=metadata, memory_map=False)
            return file.read_row_group(group, columns=COLUMNS, use_threads=False).num_rows

        with ThreadPoolExecutor(threads) as pool:
            total += sum(pool.map(decode, range(metadata.num_row_groups)))
    return time.perf_counter() - start, [["", "", total, 0.0]]


def duckdb_spatial(zones: str, points: list[str], rows: str | None, threads: int) -> tuple[float, list]:
    import duckdb
    import duckdb_extension_spatial as extension

    con = duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": str(threads)})
    library = next(Path(extension.__file__).parent.rglob("spatial.duckdb_extension"))
    con.execute(f"LOAD '{library}'")
    con.execute(f"CREATE TABLE z AS SELECT code_qp, geometry AS g FROM read_parquet('{zones}')")
    start = time.perf_counter()
    listed = ", ".join(f"'{p}'" for p in points)
    if rows is not None:
        con.execute("SET preserve_insertion_order = true")
        con.execute(
            f"COPY (SELECT p.*, z.code_qp AS code FROM read_parquet([{listed}]) p LEFT JOIN z"
            f" ON ST_Intersects(z.g, ST_Point(p.x, p.y))) TO '{rows}' (FORMAT parquet, COMPRESSION snappy)"
        )
        return time.perf_counter() - start, []
    found = con.execute(
        f"SELECT code_qp, categorie, count(*), sum(valeur) FROM read_parquet([{listed}]) p JOIN z"
        " ON ST_Intersects(z.g, ST_Point(p.x, p.y)) GROUP BY 1, 2"
    ).fetchall()
    return time.perf_counter() - start, [list(r) for r in found]


def sedona(zones: str, points: list[str], rows: str | None, threads: int) -> tuple[float, list]:
    import sedonadb as engine

    con = engine.connect()
    con.read_parquet(zones).to_view("z")
    con.read_parquet(points).to_view("p")
    start = time.perf_counter()
    found = con.sql(
        "SELECT z.code_qp, p.categorie, count(*) AS n, sum(p.valeur) AS s FROM p JOIN z"
        " ON ST_Intersects(z.geometry, ST_SetSRID(ST_Point(p.x, p.y), 2154)) GROUP BY z.code_qp, p.categorie"
    ).to_pandas()
    groups = found.values.tolist()
    return time.perf_counter() - start, [[r[0], r[1], int(r[2]), float(r[3])] for r in groups]


def geopandas_sjoin(zones: str, points: list[str], rows: str | None, threads: int) -> tuple[float, list]:
    import geopandas
    import pandas as pd

    polygons = geopandas.read_parquet(zones)
    start = time.perf_counter()
    read = pd.concat([pd.read_parquet(p, columns=COLUMNS) for p in points], ignore_index=True)
    frame = geopandas.GeoDataFrame(read, geometry=geopandas.points_from_xy(read.x, read.y), crs=polygons.crs)
    joined = geopandas.sjoin(frame, polygons, predicate="intersects")
    found = joined.groupby(["code_qp", "categorie"]).valeur.agg(["count", "sum"]).reset_index()
    return time.perf_counter() - start, [[r[0], r[1], int(r[2]), float(r[3])] for r in found.values.tolist()]


def strtree(zones: str, points: list[str], rows: str | None, threads: int) -> tuple[float, list]:
    """shapely's tree, streamed: polygons against the points of one row group at a time."""
    import geopandas
    import numpy as np
    import pandas as pd
    import pyarrow.parquet as pq
    import shapely

    polygons = geopandas.read_parquet(zones)
    codes = polygons.code_qp.to_numpy()
    tree = shapely.STRtree(np.asarray(polygons.geometry.values))
    start = time.perf_counter()
    parts = []
    for path in points:
        file = pq.ParquetFile(path)
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=COLUMNS).to_pandas()
            row, zone = tree.query(shapely.points(table.x, table.y), predicate="intersects")
            inside = table.iloc[row].assign(code=codes[zone])
            parts.append(inside.groupby(["code", "categorie"]).valeur.agg(["count", "sum"]))
    found = pd.concat(parts).groupby(level=[0, 1]).sum().reset_index()
    return time.perf_counter() - start, [[r[0], r[1], int(r[2]), float(r[3])] for r in found.values.tolist()]


ENGINES = {
    "floor": floor,
    "floor_text": floor_text,
    "duckdb": duckdb_spatial,
    "sedonadb": sedona,
    "geopandas": geopandas_sjoin,
    "strtree": strtree,
}
NEEDS = {"duckdb": ("duckdb", "duckdb_extension_spatial"), "sedonadb": ("sedonadb",), "geopandas": ("geopandas",)}


def main() -> None:
    """Run one engine once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=list(ENGINES))
    parser.add_argument("zones")
    parser.add_argument("points", nargs="+")
    parser.add_argument("--rows")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--groups", type=Path, help="where to write the groups, as JSON")
    args = parser.parse_args()
    seconds, groups = ENGINES[args.engine](args.zones, args.points, args.rows, args.threads)
    if args.groups is not None:
        args.groups.write_text(json.dumps(groups))
    print(json.dumps({"phase": seconds}))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
