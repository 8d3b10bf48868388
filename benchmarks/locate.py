"""Locating points, against the engines that a user could pick: `python benchmarks/locate.py`.

Every engine runs in fresh processes, several times in turn, and medians are kept; our own is the command that users
type. Groups (count and sum by polygon and category) must equal GeoPandas'. Peers run in the interpreter given by
`--pairs-python` (duckdb, duckdb-extension-spatial, sedonadb, geopandas); those that are not there are said so.
The result is a table for docs/performance.md, between the marks that `--docs` looks for.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import terrain
import tiling

HERE = Path(__file__).resolve().parent
COUNT = ("--compte", "--tous", "--par", "categorie", "--somme", "valeur")
MARKS = ("<!-- banc locate -->", "<!-- fin du banc locate -->")


@dataclass
class Measure:
    """Runs of one engine on one case: seconds of the whole process, of its streaming phase, peak MB."""

    wall: list[float] = field(default_factory=list)
    phase: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)

    def median(self, name: str) -> float:
        """The median of one of them; NaN when it was not measured."""
        values = getattr(self, name)
        return statistics.median(values) if values else float("nan")


@dataclass(frozen=True)
class Case:
    """Points and zones, and which engines are asked."""

    nom: str
    titre: str
    points: tuple[Path, ...]
    engines: tuple[str, ...]
    lonlat: tuple[Path, ...] | None = None
    """The same points in the zones' CRS, which must give the same groups; None when these are they."""
    rows: bool = False


def run(command: list[str], env: dict[str, str]) -> tuple[float, float, float, str]:
    """Seconds, CPU seconds, peak MB, standard output of one process.

    The peak is read while it runs, every 10 ms: what the system reports at the end counts its parent's memory too.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err, env=env)
        ended, peak = threading.Event(), [0.0]
        watcher = threading.Thread(target=_watch, args=(process.pid, ended, peak))
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        ended.set()
        watcher.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)}\n{err.read()[-2000:]}")
        return wall, usage.ru_utime + usage.ru_stime, peak[0], out.read()


def _watch(pid: int, ended: threading.Event, peak: list[float]) -> None:
    status = Path(f"/proc/{pid}/status")
    while not ended.wait(0.01):
        try:
            lines = status.read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            return
        peak[0] = max([peak[0], *(int(row.split()[1]) / 1024 for row in lines if row.startswith("VmHWM"))])


class Bench:
    """A folder of data, the interpreters, and the measures."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.folder: Path = args.dossier
        self.peers: str = args.pairs_python
        self.repetitions: int = args.repetitions
        self.zones = self.folder / "zones.parquet"
        # The reference kernels of numpy, whatever the machine's settings for others' sake.
        drop = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
        self.env = {k: v for k, v in os.environ.items() if k not in drop}
        self.env["QPV_DATA_CACHE"] = str(self.folder / "cache")
        self.measures: dict[tuple[str, str], Measure] = {}
        self.compared: list[str] = []
        self.differences: list[str] = []

    def points(self, n: int, lonlat: bool = False) -> Path:
        """A file of `n` points, made once."""
        path = self.folder / f"points_{n}{'_lonlat' if lonlat else ''}.parquet"
        if not path.exists():
            terrain.write_points(path, n, lonlat=lonlat)
        return path

    def available(self, engine: str) -> bool:
        """Whether the peers' interpreter has the engine."""
        modules = {"duckdb": "duckdb, duckdb_extension_spatial", "sedonadb": "sedonadb"}.get(engine, "geopandas")
        if engine.startswith(("floor", "qpv")):
            return True
        done = subprocess.run([self.peers, "-c", f"import {modules}"], capture_output=True, check=False)
        return done.returncode == 0

    def command(self, engine: str, case: Case, groups: Path | None) -> list[str]:
        """What is run: our command, or the peer's script."""
        points = [str(p) for p in case.points]
        if engine.startswith("qpv"):
            xy = ("lon", "lat", "EPSG:4326") if case.lonlat else ("x", "y", "EPSG:2154")
            where = ["--x", xy[0], "--y", xy[1], "--crs", xy[2]]
            head = [sys.executable, "-m", "qpv_data", "locate", *points, *where, "--quiet"]
            if engine == "qpv_cinq":
                return [*head, *tiling.arguments(self.folder), *COUNT[:1], "-o", str(self.folder / "cinq.parquet")]
            zones = ["--zones", str(self.zones), "--code", "code_qp"]
            if case.rows:
                return [*head, *zones, "-o", str(self.folder / "lignes.parquet")]
            return [*head, *zones, *COUNT, "-o", str(groups or self.folder / "groupes.parquet")]
        python = sys.executable if engine.startswith("floor") else self.peers
        extra = ["--rows", str(self.folder / "lignes_pair.parquet")] if case.rows else []
        extra += ["--groups", str(groups)] if groups is not None else []
        return [python, str(HERE / "peers.py"), engine, str(self.zones), *points, *extra]

    def measure(self, case: Case) -> None:
        """Every engine of a case, in turn, so that a slow minute slows them all."""
        engines = [e for e in case.engines if self.available(e)]
        if case.nom not in ("cinq", "1g") and not case.rows:  # a billion points are 34 times the same thirty millions
            self._compare(case, engines)
        for _ in range(self.repetitions):
            for engine in engines:
                wall, cpu, peak, out = run(self.command(engine, case, None), self.env)
                found = self.measures.setdefault((case.nom, engine), Measure())
                found.wall.append(wall)
                found.cpu.append(cpu)
                found.peak.append(peak)
                if out.strip().startswith("{"):
                    found.phase.append(json.loads(out.splitlines()[-1])["phase"])
                elif engine == "qpv" and not case.rows:
                    found.phase.append(self._own_phase(case))
                print(f"{case.nom} {engine}: {wall:.2f} s, {cpu:.2f} s CPU, {peak:.0f} MB", file=sys.stderr)

    def _own_phase(self, case: Case) -> float:
        """Seconds of our streaming phase, in a process of its own."""
        xy = ("lon", "lat", "EPSG:4326") if case.lonlat else ("x", "y", "EPSG:2154")
        command = [sys.executable, str(HERE / "phase.py"), str(self.zones), *xy, *(str(p) for p in case.points)]
        return float(json.loads(run(command, self.env)[3])["phase"])

    def _compare(self, case: Case, engines: list[str]) -> None:
        """Groups of every engine against GeoPandas' (or, where it is not asked, the first peer's)."""
        groups = {}
        for engine in engines:
            if engine.startswith("floor"):
                continue
            target = self.folder / ("g.csv" if engine == "qpv" else "g.json")
            run(self.command(engine, case, target), self.env)
            groups[engine] = _groups(target)
        if case.lonlat:
            target = self.folder / "g.csv"
            run(self.command("qpv", Case(case.nom, case.titre, case.lonlat, ("qpv",)), target), self.env)
            groups["projected"] = _groups(target)
        if len(groups) < 2:
            return
        self.compared.append(case.nom)
        reference = "geopandas" if "geopandas" in groups else next(e for e in groups if e != "qpv")
        for engine, found in groups.items():
            if wrong := _differences(groups[reference], found):
                self.differences.append(f"{case.nom}: {engine} differs from {reference} on {wrong} groups")


def _groups(path: Path) -> dict[tuple[str, str], tuple[int, float]]:
    if path.suffix == ".json":
        return {(r[0], r[1]): (int(r[2]), float(r[3])) for r in json.loads(path.read_text())}
    import csv

    with path.open(newline="") as stream:
        return {
            (r["code"], r["categorie"]): (int(r["nombre"]), float(r["somme_valeur"])) for r in csv.DictReader(stream)
        }


def _differences(a: dict[tuple[str, str], tuple[int, float]], b: dict[tuple[str, str], tuple[int, float]]) -> int:
    """Groups whose count differs, or whose sum does by more than what adding in another order rounds."""
    wrong = len(set(a) ^ set(b))
    for key in set(a) & set(b):
        close = abs(a[key][1] - b[key][1]) <= 1e-9 * max(1.0, abs(a[key][1]))
        wrong += not (a[key][0] == b[key][0] and close)
    return wrong


def cases(bench: Bench, wanted: list[str]) -> list[Case]:
    """The cases of the issue, those asked for."""
    big = ("floor", "floor_text", "qpv", "duckdb", "sedonadb", "geopandas", "strtree")
    one, thirty = 1_000_000, 30_000_000
    made = []
    for name in wanted:
        if name == "1m":
            made.append(Case(name, "1 M points", (bench.points(one),), big))
        elif name == "30m":
            made.append(Case(name, "30 M points", (bench.points(thirty),), big))
        elif name == "lonlat":
            made.append(
                Case(
                    name,
                    "30 M points, lon/lat",
                    (bench.points(thirty, lonlat=True),),
                    ("qpv",),
                    lonlat=(bench.points(thirty),),
                )
            )
        elif name == "1g":
            copies = tuple([bench.points(thirty)] * 34)
            made.append(Case(name, "1.02 billion points", copies, ("floor", "qpv", "duckdb")))
        elif name == "cinq":
            made.append(Case(name, "30 M points, five zonings", (bench.points(thirty),), ("qpv_cinq",)))
        elif name == "lignes":
            made.append(Case(name, "30 M points, a line each", (bench.points(thirty),), ("qpv", "duckdb"), rows=True))
    return made


def table(bench: Bench, made: list[Case]) -> str:
    """Markdown, one line an engine and case."""
    lines = [
        "| Case | Engine | wall s | phase s | CPU s | peak MB | wall ÷ ours | phase ÷ ours |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for case in made:
        ours = bench.measures.get((case.nom, case.engines[-1] if case.nom == "cinq" else "qpv"))
        for engine in case.engines:
            found = bench.measures.get((case.nom, engine))
            if found is None:
                lines.append(f"| {case.titre} | {engine} | not installed | | | | | |")
                continue
            ratio = found.median("wall") / ours.median("wall") if ours else float("nan")
            phases = found.median("phase") / ours.median("phase") if ours else float("nan")
            numbers = [f"{found.median('wall'):.2f}", f"{found.median('phase'):.2f}", f"{found.median('cpu'):.2f}"]
            numbers += [f"{found.median('peak'):.0f}", f"{ratio:.2f}", f"{phases:.2f}"]
            shown = " | ".join(n.replace("nan", "") for n in numbers)
            name = "**qpv-data**" if engine.startswith("qpv") else engine
            lines.append(f"| {case.titre} | {name} | {shown} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dossier", type=Path, default=HERE.parent / "data" / "bench", help="where data are made")
    parser.add_argument("--pairs-python", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument(
        "--cas", nargs="+", default=["1m", "30m", "lonlat", "lignes", "cinq"], help="1m 30m lonlat lignes cinq 1g"
    )
    parser.add_argument("--docs", type=Path, help="page to write the table in, between its marks")
    args = parser.parse_args()
    args.dossier.mkdir(parents=True, exist_ok=True)
    bench = Bench(args)
    if not bench.zones.exists():
        terrain.write_perimeters(bench.zones)
    if "cinq" in args.cas:
        tiling.write_run(bench.folder)
    made = cases(bench, args.cas)
    for case in made:
        bench.measure(case)
    found = table(bench, made)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    machine += f", medians of {args.repetitions}"
    print(f"{found}\n\n{machine}")
    agreed = f"all engines agree ({', '.join(bench.compared)})" if bench.compared else "not compared in these cases"
    print("Groups: " + ("; ".join(bench.differences) or agreed))
    if args.docs is not None:
        text = args.docs.read_text("utf-8")
        head, rest = text.split(MARKS[0])
        tail = rest.split(MARKS[1])[1]
        args.docs.write_text(f"{head}{MARKS[0]}\n{found}\n\n{machine}.\n{MARKS[1]}{tail}", "utf-8")
    if bench.differences:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
