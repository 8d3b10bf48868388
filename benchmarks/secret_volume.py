"""A whole ledger of tables, at volume: 200 indicators × four quarters and their year, 2.1 M cells without the year.

    python benchmarks/secret_volume.py --k 11 [--tableaux 200] [--processus 2]
    python benchmarks/secret_volume.py --k 11 --trimestre

Each table is made, protected, verified and attacked by one process that keeps nothing of it; the attack is the
project's own (`qpv_data.attaque`), which shares no code with the protection and reads what would be written alone.
`--trimestre`: one more quarter of every indicator instead, as `publish` protects it, beside the quarter before, whose
rows are frozen as they were published. Times are seconds of processor: machines are shared.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from secret_jeu import on_ground
from secret_tableau import national

from qpv_data.attaque.bounds import analyse
from qpv_data.attaque.cells import place, table_system
from qpv_data.attaque.table import Rule as Announced
from qpv_data.attaque.table import build_axis
from qpv_data.secret.axes import Axis
from qpv_data.secret.linked.judged import Indicator, Raw
from qpv_data.secret.linked.measures import measures_of
from qpv_data.secret.linked.protection import protect_period
from qpv_data.secret.protection import Protection, protect_table
from qpv_data.secret.rules import Rule
from qpv_data.secret.writing import protected_rows

STEP = 20
"""Tables between two lines of progress."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--k", type=int, nargs="+", default=[11])
    parser.add_argument("--tableaux", type=int, default=200)
    parser.add_argument("--processus", type=int, default=2)
    parser.add_argument("--trimestre", action="store_true", help="one more quarter, the one before being frozen")
    asked = parser.parse_args()
    for k in asked.k:
        tasks = [(seed, k) for seed in range(asked.tableaux)]
        run(quarter if asked.trimestre else table, tasks, asked.processus)


def run(one: Callable[[tuple[int, int]], dict[str, float]], tasks: list[tuple[int, int]], processes: int) -> None:
    start, figures = time.perf_counter(), []
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for told in pool.imap_unordered(one, tasks):
            figures.append(told)
            if not len(figures) % STEP or len(figures) == len(tasks):
                load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
                print(f"k = {tasks[0][1]}: {len(figures)} of {len(tasks)}, {time.perf_counter() - start:.0f} s elapsed "
                      f"with {processes} processes (load {load})")  # fmt: skip
                print("  " + ", ".join(said(name, [f[name] for f in figures]) for name in told), flush=True)


def said(name: str, values: list[float]) -> str:
    """Memory is of the largest process; everything else adds up."""
    return f"{name} {max(values):.0f}" if name.startswith("MiB") else f"{name} {sum(values):,.0f}"


def table(task: tuple[int, int]) -> dict[str, float]:
    seed, k = task
    start = time.process_time()
    protection = protect_table(national(seed, quarters=True), Rule(k=k))
    protected = time.process_time()
    told = attacked(protection, k)
    shown = protection.table.published
    primary = (protection.primary & shown).sum()
    return {
        "cells": float(shown.sum()), "primary": float(primary), "secondary": float(protection.hidden.sum() - primary),
        **told, "protection s": protected - start, "attack s": time.process_time() - protected, "MiB": _memory(),
    }  # fmt: skip


def attacked(protection: Protection, k: int) -> dict[str, float]:
    """What the attack breaks of the rows that would be written, and what it could not settle.

    `empty`: places that no row publishes, known to have fewer than k units, and where in truth nobody is.
    """
    axes = [build_axis(axis.name, files(axis)) for axis in protection.table.axes]
    found = analyse(table_system(place(protected_rows(protection), axes, "bench"), axes, Announced(k), "bench"))
    names = [{code: n for n, code in enumerate(axis.codes)} for axis in protection.table.axes]
    places = [np.array([own[code] for code in axis.codes]) for own, axis in zip(names, axes, strict=True)]
    truth = protection.table.measures.value.reshape(protection.table.shape)[np.ix_(*places)].ravel()
    assert ((found.low <= truth) & (truth <= found.high)).all(), "a bound excludes the truth"
    broken = found.broken & (truth > 0)
    return {
        "findings": float(broken.sum()), "empty": float((found.broken & (truth == 0)).sum()),
        "unproven": float(found.unproven.sum()),
    }  # fmt: skip


def files(axis: Axis) -> list[dict[str, str]]:
    """The hierarchies that its readers are told, code → parent: a file for each root."""
    above: dict[str, str] = {}
    several: list[dict[str, str]] = []
    for parent, children in axis.equations:
        own = {axis.codes[c]: axis.codes[parent] for c in children}
        if own.keys() & above.keys():  # a second hierarchy on the same codes: quarters that straddle communes
            several.append({axis.codes[parent]: "", **own})
        else:
            above |= own
    roots = {code: "" for code in above.values() if code not in above}
    return [{**roots, **above}, *several]


def quarter(task: tuple[int, int]) -> dict[str, float]:
    """The new quarter alone, then the one before as a later release takes it again."""
    seed, k = task
    ground, counts = on_ground(national(seed, quarters=True), ["2024-T3", "2024-T4"])
    indicator = Indicator("n", "compte", Rule(k=k), False, False, Path(), Path())
    zones, everywhere = len(ground.zones), np.ones(len(ground.atoms), np.bool_)

    def protect(values: np.ndarray, published: np.ndarray | None) -> tuple[np.ndarray, float]:
        start = time.process_time()
        exists, nothing = np.arange(len(values)) < zones, np.zeros(len(values))
        few = exists & (values > 0) & (values < k)
        frozen = nothing if published is None else np.concatenate([published, nothing[zones:]])
        hidden = few if published is None else exists & (frozen == 0)
        planes = {
            "existe": exists, "cachee": hidden, "groupe": nothing, "gelee": frozen, "numerateur": values,
            "denominateur": np.full(len(values), np.nan), "u_total": values, "u_numerateur": values,
            "part_dominante": np.full(len(values), np.nan),
        }  # fmt: skip
        raw = Raw(("ensemble",), {name: np.asarray(plane, float)[None] for name, plane in planes.items()})
        period = measures_of("2024", [(indicator, raw, everywhere)], ground)
        protect_period("national", period, ground)
        return ~period.rows[0].hidden, time.process_time() - start

    before, first = protect(counts[0], None)
    again, frozen = protect(counts[0], before)
    assert (again == before).all(), "ce qui avait paru ne paraît plus"
    shown, new = protect(counts[1], None)
    return {
        "cells": float(zones), "hidden": float((~shown).sum()), "first time s": first, "new quarter s": new,
        "frozen quarter s": frozen, "MiB": _memory(),
    }  # fmt: skip


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
