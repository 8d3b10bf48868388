"""Time and memory of every stage on the embedded territory: `python benchmarks/stages.py [--echelle 1 10]`.

Each stage runs in a fresh process, over what the one before it left on disk; what a stage answers is pickled beside
it. Seconds are those of the stage's calls, imports apart; peak MB is the whole process, imports included. Nothing
is asserted about time: a figure is for comparing two versions on one machine.
"""

from __future__ import annotations

import argparse
import json
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from qpv_data import pipeline
from qpv_data.aggregate import aggregate
from qpv_data.cli import demo_configuration
from qpv_data.conform import conform
from qpv_data.coverage import read_zone_table
from qpv_data.fetch import FetchPolicy, fetch
from qpv_data.land import land
from qpv_data.locate import locate
from qpv_data.problems import FeedError
from qpv_data.protect import protect
from qpv_data.publish import publish
from qpv_data.receive import receive
from qpv_data.runs import Configuration, delivery_url, exclusive, series_periods
from qpv_data.zonages import compose_zonages, load_zones


class Chrono:
    """Seconds spent in the `with` blocks of a stage."""

    secondes = 0.0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.secondes += time.perf_counter() - start


@dataclass(frozen=True)
class Work:
    """One scale's folder, and what its stages share."""

    out: Path
    echelle: int

    @property
    def cfg(self) -> Configuration:
        """The demonstration's configuration, as `qpv-data demo` makes it."""
        saved: Configuration = self.load("configuration")
        return saved

    def save(self, name: str, value: object) -> None:
        """Keep a stage's answer for the next process."""
        (self.out / f"{name}.pickle").write_bytes(pickle.dumps(value))

    def load(self, name: str) -> Any:
        """The answer of an earlier stage."""
        return pickle.loads((self.out / f"{name}.pickle").read_bytes())


Stage = Callable[[Work, Chrono], int]


def generate(work: Work, chrono: Chrono) -> int:
    with chrono():
        cfg = demo_configuration(work.out, work.echelle, quiet=True)
    work.save("configuration", cfg)
    return 0


def fetching(work: Work, chrono: Chrono) -> int:
    clauses, period, cfg = pipeline.prepare(work.cfg)
    folder = work.out / "telecharge"
    folder.mkdir()
    fetched = []
    with pipeline.transport(cfg) as reach:
        for clause, expected in pipeline.deliveries(clauses, period):
            url = delivery_url(clause, expected.periode)
            try:
                with chrono():
                    found = fetch(url, jeu=clause.id, into=folder, policy=FetchPolicy(), transport=reach)
                fetched.append((clause, expected, found))
            except FeedError:  # the territory has a missing delivery, on purpose
                continue
    work.save("fetch", fetched)
    return 0


def landing(work: Work, chrono: Chrono) -> int:
    cfg, delivered = work.cfg, []
    for clause, expected, found in work.load("fetch"):
        with chrono():
            delivery = land(
                found,
                clause_id=clause.id,
                clause_version=clause.version,
                periode=expected.periode,
                diffusion=clause.diffusion.value,
                raw=cfg.folder("raw"),
                recue_le=cfg.maintenant,
            )
        delivered.append((clause, expected, delivery))
    work.save("land", delivered)
    return 0


def conforming(work: Work, chrono: Chrono) -> int:
    cfg, conformed, rows = work.cfg, [], 0
    for clause, expected, delivery in work.load("land"):
        target = cfg.folder("conformed") / clause.id / f"{expected.nom}.parquet"
        rejets = cfg.folder("rejets") / clause.id / f"{expected.nom}.parquet"
        where = {"conformed": target, "rejets": rejets, "travail": cfg.travail}
        with chrono():
            report = conform(clause, delivery.fichier, periode=expected.periode, **where)
        rows += report.recues
        conformed.append((clause, expected, target))
    work.save("conform", conformed)
    return rows


def zoning(work: Work, chrono: Chrono) -> int:
    cfg = work.cfg
    clauses, _, _ = pipeline.prepare(cfg)
    found = {clause.id: path for clause, _, path in work.load("conform") if clause.nature == "zonage"}
    with chrono():
        report = compose_zonages(clauses.zonages, found, cfg.folder("zonages"))
    return sum(e.normale + e.degeneree + e.sans_contour for e in report.effectifs)


def locating(work: Work, chrono: Chrono) -> int:
    cfg, located, rows = work.cfg, [], 0
    with chrono():
        zones = load_zones(cfg.folder("zonages"))
    for clause, expected, path in work.load("conform"):
        if clause.nature != "jeu":
            continue
        target = cfg.folder("located") / clause.id / path.name
        with chrono():
            rows += locate(clause, path, zones=zones, located=target).lus
        located.append((clause.id, expected.nom, target))
    work.save("locate", located)
    return rows


def aggregating(work: Work, chrono: Chrono) -> int:
    clauses, period, cfg = pipeline.prepare(work.cfg)
    folder, rows = cfg.folder("zonages"), 0
    for clause in clauses.jeux:
        mine = {name: path for jeu, name, path in work.load("locate") if jeu == clause.id}
        with chrono():
            report = aggregate(
                clause,
                mine,
                periodes=series_periods(clause, period),
                table=read_zone_table(folder),
                zonages=folder,
                aggregated=cfg.folder("aggregated") / clause.id,
                travail=cfg.travail,
            )
        rows += sum(report.cellules.values())
    return rows


def protecting(work: Work, chrono: Chrono) -> int:
    clauses, _, cfg = pipeline.prepare(work.cfg)
    with chrono():
        protected = protect(list(clauses.indicateurs()), cfg.folder("aggregated"), work.out / "protege", cfg.travail)
    return _cells(protected.cellules)


def publishing(work: Work, chrono: Chrono) -> int:
    """Nothing but protect makes what publish accepts, so it runs here first, untimed."""
    clauses, period, cfg = pipeline.prepare(work.cfg)
    protected = protect(list(clauses.indicateurs()), cfg.folder("aggregated"), work.out / "protege", cfg.travail)
    with exclusive(cfg), pipeline.transport(cfg) as reach:
        receptions = [receive(cfg, clause, due, reach) for clause, due in pipeline.deliveries(clauses, period)]
        with chrono():
            release = publish(replace(cfg, periode=str(period)), clauses, protected, receptions, {})
    return release.lignes


def _cells(files: Any) -> int:
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(path).num_rows for path in files.values())


STAGES: dict[str, tuple[str, Stage]] = {
    "generate": ("", generate),
    "fetch": ("", fetching),
    "land": ("", landing),
    "conform": ("rows received", conforming),
    "zonings": ("zones", zoning),
    "locate": ("records", locating),
    "aggregate": ("cells", aggregating),
    "protect": ("cells", protecting),
    "publish": ("values", publishing),
}


def peak_mb() -> float:
    """Largest resident size of this process so far; Linux's own figure, since a child inherits its parent's maximum."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def run_one(name: str, work: Work) -> None:
    """In the child: run a stage and print its measures as JSON."""
    chrono = Chrono()
    rows = STAGES[name][1](work, chrono)
    print(json.dumps({"rows": rows, "seconds": chrono.secondes, "peak": peak_mb()}))


def measure(echelle: int, console: Console) -> Table:
    """Run every stage at one scale, each in a process of its own."""
    table = Table(title=f"échelle {echelle}", title_justify="left")
    table.add_column("stage")
    for column in ("rows", "seconds", "peak MB"):
        table.add_column(column, justify="right")
    table.add_column("rows are")
    total = 0.0
    with tempfile.TemporaryDirectory(prefix="qpv-bench-") as folder:
        for name, (unit, _) in STAGES.items():
            with console.status(f"échelle {echelle}: {name}"):
                command = [sys.executable, __file__, "--stage", name, "--out", folder, "--echelle", str(echelle)]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found = json.loads(done.stdout.splitlines()[-1])
            total += found["seconds"]
            rows = f"{found['rows']:,}" if unit else ""
            table.add_row(name, rows, f"{found['seconds']:.2f}", f"{found['peak']:.0f}", unit)
    table.add_section()
    table.add_row("total", "", f"{total:.2f}", "", "")
    return table


def main() -> None:
    """Parent: measure each scale. Child (`--stage`): run one stage."""
    parser = argparse.ArgumentParser(description="Time and memory of every stage on the embedded territory.")
    parser.add_argument("--echelle", type=int, nargs="+", default=[1, 10], help="scales to measure (default: 1 10)")
    parser.add_argument("--stage", choices=list(STAGES), help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.stage:
        run_one(args.stage, Work(args.out, args.echelle[0]))
        return
    console = Console()
    for echelle in args.echelle:
        console.print(measure(echelle, console))


if __name__ == "__main__":
    main()
