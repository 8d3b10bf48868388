"""Insee cells onto perimeters, beside its peers: `python benchmarks/cells.py [--pairs-python PATH] [--repetitions 5]`.

2.3 M cells of 200 m around towns, onto the 1,609 perimeters of `terrain.py`: pairs that share an area, and inhabitants
of each perimeter by area. Every engine is given what Insee gives: a Parquet of identifiers and inhabitants, and the
perimeters in EPSG:2154. Each run is a fresh process. `processus`: its whole wall time, imports and reading included.
`phase`: from inputs read in memory to the answer, perimeters moved to the grid's CRS included; `sans dessin`: the same
less the time that a peer takes to draw the cells (polygons from identifiers, as arrays), which this project never does.
DuckDB's phase is its queries. Medians; the answers are checked to be the same.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CELLS, PAS = 2_300_000, 200
ENGINES = ("qpv-data", "geopandas.overlay", "tobler", "duckdb spatial")
# Zones moved with bent edges or vertex by vertex differ by a millimetre along their edges; values, by what that holds.
SAME_AREA_M, SAME_VALUE = 0.002, 1e-4
Answer = dict[str, tuple[int, float, float]]


def write_cells(folder: Path, number: int) -> None:
    """Cells around the towns, in any order, and the perimeters."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyproj import Transformer
    from terrain import towns, write_perimeters

    rng = np.random.default_rng(23)
    x, y = Transformer.from_crs(2154, 3035, always_xy=True).transform(*towns().T)
    side = int(np.ceil(np.sqrt(1.25 * number / len(x)) / 2))
    around = np.arange(-side, side + 1)
    rows = (np.floor(y / PAS)[:, None, None] + around[None, :, None] + 0 * around[None, None, :]).astype(np.int64)
    columns = (np.floor(x / PAS)[:, None, None] + 0 * around[None, :, None] + around[None, None, :]).astype(np.int64)
    distance = np.maximum(np.abs(around)[:, None], np.abs(around)[None, :]) + np.zeros((len(x), 1, 1), np.int64)
    order = np.argsort(distance.ravel(), kind="stable")
    keys = (rows * 100_000 + columns).ravel()[order]
    _, first = np.unique(keys, return_index=True)
    keys = rng.permutation(keys[np.sort(first)[:number]])
    north, east = keys // 100_000 * PAS, keys % 100_000 * PAS
    texts = pa.array([f"CRS3035RES200mN{n}E{e}" for n, e in zip(north.tolist(), east.tolist(), strict=True)])
    people = np.round(rng.lognormal(3, 1, len(keys)), 1)
    pq.write_table(pa.table({"idcar_200m": texts, "ind": people}), folder / "cells.parquet", compression="snappy")
    write_perimeters(folder / "perimeters.parquet")


def ours(folder: Path) -> tuple[float, float, Answer]:
    import numpy as np
    import pyarrow.parquet as pq

    from qpv_data.areas.cell_zones import CellZones
    from qpv_data.areas.cells import parse_cells
    from qpv_data.areas.zones import cibles_of_file

    zones = cibles_of_file(folder / "perimeters.parquet", "code_qp")
    table = pq.read_table(folder / "cells.parquet")
    start = time.perf_counter()
    onto, size = CellZones(zones), len(zones.codes)
    pairs, area, people = np.zeros(size, np.int64), np.zeros(size), np.zeros(size)
    for batch in table.to_batches(max_chunksize=1 << 16):
        found = onto.shares(parse_cells(batch.column("idcar_200m")))
        ind = batch.column("ind").to_numpy()
        pairs += np.bincount(found.zone, minlength=size)
        area += np.bincount(found.zone, weights=found.area, minlength=size)
        people += np.bincount(found.zone, weights=found.share * ind[found.source], minlength=size)
    seconds = time.perf_counter() - start
    rows = zip(pairs.tolist(), area.tolist(), people.tolist(), strict=True)
    return seconds, 0.0, dict(zip(zones.codes, rows, strict=True))


def _frames(folder: Path) -> tuple[Any, Any, float, float]:
    """Cells drawn from their identifiers, perimeters; when the phase began, and the seconds of drawing."""
    import geopandas
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    import shapely

    table, zones = pq.read_table(folder / "cells.parquet"), geopandas.read_parquet(folder / "perimeters.parquet")
    start = time.perf_counter()
    corner = [
        pc.utf8_slice_codeunits(table["idcar_200m"], a, b).cast("int64").to_numpy() for a, b in ((23, 30), (15, 22))
    ]
    boxes = shapely.box(*corner, corner[0] + PAS, corner[1] + PAS)
    cells = geopandas.GeoDataFrame({"ind": table["ind"].to_numpy()}, geometry=boxes, crs=3035)
    return cells, zones, start, time.perf_counter() - start


def overlay(folder: Path) -> tuple[float, float, Answer]:
    cells, zones, start, drawing = _frames(folder)
    cut = cells.overlay(zones.to_crs(3035), how="intersection", keep_geom_type=True)
    cut["area"] = cut.geometry.area
    cut["people"] = cut["ind"] * cut["area"] / PAS**2
    found = cut.groupby("code_qp").agg(pairs=("area", "size"), area=("area", "sum"), people=("people", "sum"))
    seconds = time.perf_counter() - start
    return seconds, drawing, {str(r.Index): (int(r.pairs), float(r.area), float(r.people)) for r in found.itertuples()}


def tobler(folder: Path) -> tuple[float, float, Answer]:
    from tobler.area_weighted import area_interpolate

    cells, zones, start, drawing = _frames(folder)
    moved = zones.to_crs(3035)
    found = area_interpolate(cells, moved, extensive_variables=["ind"], allocate_total=False)
    seconds = time.perf_counter() - start
    return seconds, drawing, {c: (-1, -1.0, float(v)) for c, v in zip(zones["code_qp"], found["ind"], strict=True)}


def duckdb(folder: Path) -> tuple[float, float, Answer]:
    import duckdb as engine
    import duckdb_extension_spatial as extension

    con = engine.connect(config={"allow_unsigned_extensions": "true"})
    con.execute(f"LOAD '{next(Path(extension.__file__).parent.rglob('spatial.duckdb_extension'))}'")
    start = time.perf_counter()
    con.execute(
        "CREATE TABLE zones AS SELECT code_qp, ST_Transform(geometry, 'EPSG:2154', 'EPSG:3035', always_xy := true) AS g"
        f" FROM '{folder / 'perimeters.parquet'}'"
    )
    corner = "substr(idcar_200m, 24, 7)::DOUBLE AS x, substr(idcar_200m, 16, 7)::DOUBLE AS y"
    rows = con.execute(
        "SELECT code_qp, count(*), sum(a), sum(ind * a) / 40000 FROM ("
        "  SELECT z.code_qp, c.ind, ST_Area(ST_Intersection(c.g, z.g)) AS a FROM ("
        f"   SELECT ind, ST_MakeEnvelope(x, y, x + {PAS}, y + {PAS}) AS g"
        f"   FROM (SELECT ind, {corner} FROM '{folder / 'cells.parquet'}')) c JOIN zones z ON ST_Intersects(c.g, z.g))"
        " WHERE a > 0 GROUP BY 1"
    ).fetchall()
    return time.perf_counter() - start, 0.0, {c: (int(n), float(a), float(p)) for c, n, a, p in rows}


_RUN: dict[str, Callable[[Path], tuple[float, float, Answer]]] = dict(
    zip(ENGINES, (ours, overlay, tobler, duckdb), strict=True)
)


def child(engine: str, folder: Path) -> None:
    """One engine, once: its phase and its peak on standard output, its answer in the folder."""
    try:
        seconds, drawing, answer = _RUN[engine](folder)
    except ImportError as e:
        print(json.dumps({"absent": str(e)}))
        return
    (folder / f"{engine}.json").write_text(json.dumps(answer), "utf-8")
    status = Path("/proc/self/status").read_text("utf-8")  # getrusage would count the parent's own, before exec
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps({"phase": seconds, "drawn": seconds - drawing, "peak": peak}))


def measured(engine: str, python: str, folder: Path, repetitions: int) -> dict[str, float] | str:
    """Medians of an engine, or why it is absent."""
    runs = []
    for _ in range(repetitions):
        start = time.perf_counter()
        command = [python, str(Path(__file__).resolve()), "--moteur", engine, "--dossier", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wall = time.perf_counter() - start
        if done.returncode:
            raise SystemExit(f"{engine} : {done.stderr[-2000:]}")
        said = json.loads(done.stdout.splitlines()[-1])
        if "absent" in said:
            return str(said["absent"])
        runs.append({"process": wall, **said})
    return {key: statistics.median(r[key] for r in runs) for key in ("process", "phase", "drawn", "peak")}


def different(mine: Answer, theirs: Answer, lengths: dict[str, float]) -> list[str]:
    """Perimeters whose area or inhabitants differ by more than a millimetre along their edges explains."""
    wrong = []
    for code, (_, area, people) in mine.items():
        _, other_area, other_people = theirs.get(code, (0, 0.0, 0.0))
        far = other_area >= 0 and abs(area - other_area) > SAME_AREA_M * lengths[code]
        if far or abs(people - other_people) > SAME_VALUE * (people + 1):
            wrong.append(code)
    return wrong + sorted(set(theirs) - set(mine))


def main() -> None:
    """Make the inputs, run every engine, check the answers, print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs-python", default=sys.executable, help="interpréteur qui a geopandas, tobler, duckdb")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--carreaux", type=int, default=CELLS)
    parser.add_argument("--moteur", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--dossier", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.moteur:
        child(asked.moteur, asked.dossier)
        return
    with tempfile.TemporaryDirectory(prefix="qpv-cells-") as name:
        folder = Path(name)
        script = f"import cells, pathlib; cells.write_cells(pathlib.Path({name!r}), {asked.carreaux})"
        subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parent)
        report(folder, asked.pairs_python, asked.repetitions)


def report(folder: Path, pairs_python: str, repetitions: int) -> None:
    import geopandas

    perimeters = geopandas.read_parquet(folder / "perimeters.parquet")
    lengths = dict(zip(perimeters["code_qp"], perimeters.length, strict=True))
    rows, found = [], {}
    for engine in ENGINES:
        found[engine] = measured(engine, sys.executable if engine == ENGINES[0] else pairs_python, folder, repetitions)
    mine = json.loads((folder / f"{ENGINES[0]}.json").read_text("utf-8"))
    base = found[ENGINES[0]]
    assert isinstance(base, dict)
    print("| moteur | phase s | × | sans dessin s | × | processus s | × | pic Mo | couples | zones différentes |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for engine, figures in found.items():
        if isinstance(figures, str):
            print(f"| {engine} | absent : {figures} | | | | | | | | |")
            continue
        answer = json.loads((folder / f"{engine}.json").read_text("utf-8"))
        wrong = different(mine, answer, lengths)
        pairs = sum(max(v[0], 0) for v in answer.values()) or "–"
        told = " | ".join(f"{figures[k]:.2f} | {figures[k] / base[k]:.1f}" for k in ("phase", "drawn", "process"))
        print(f"| {engine} | {told} | {figures['peak']:.0f} | {pairs} | {len(wrong)} |")
        rows += wrong
    if rows:
        raise SystemExit(f"réponses différentes : {', '.join(sorted(set(rows))[:10])}")


if __name__ == "__main__":
    main()
