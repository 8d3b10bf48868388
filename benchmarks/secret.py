"""Protect a table of national size, then attack what would be published: time, what is hidden, what is found.

    .venv/bin/python benchmarks/secret.py [--k 5 11] [--graine 5] [--processus 2] [--echelle 1]
    .venv/bin/python benchmarks/secret.py --plein 40x20x6
    .venv/bin/python benchmarks/secret.py --tableaux 200 [--attaques 2]

The attack is this script's own: it reads the shown values, crosses the public hierarchies itself and bounds every
hidden cell with `scipy.optimize.linprog`; it knows the true values only to say which cells are sensitive.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import time
from collections import Counter
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linprog
from scipy.sparse.csgraph import connected_components
from secret_tableau import COMMUNES, DEPARTEMENTS, QPV, dense, national

from qpv_data.secret.cells import Table
from qpv_data.secret.protection import Protection, protect_table
from qpv_data.secret.rules import Rule
from qpv_data.secret.writing import protected_rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--k", type=int, nargs="+", default=[5, 11])
    parser.add_argument("--graine", type=int, nargs="+", default=[5])
    parser.add_argument("--processus", type=int, default=2)
    parser.add_argument("--primaire", action="store_true", help="attack what primary suppression alone would show")
    parser.add_argument("--echelle", type=float, default=1.0, help="1 for the national size, less to try")
    parser.add_argument("--plein", help="a dense table of flat axes instead, of so many codes each: 40x20x6")
    parser.add_argument("--tableaux", type=int, help="so many national tables instead, of zones × four quarters")
    parser.add_argument("--attaques", type=int, default=0, help="with --tableaux: how many of them are attacked")
    asked = parser.parse_args()
    if asked.tableaux:
        for k in asked.k:
            many(asked.tableaux, asked.attaques, k, asked.processus)
        return
    sizes = [max(int(n * asked.echelle), 3) for n in (COMMUNES, QPV, DEPARTEMENTS)]
    for seed in asked.graine:
        if asked.plein:
            table = dense(seed, tuple(int(size) for size in asked.plein.split("x")))
        else:
            table = national(seed, *sizes)
        for k in asked.k:
            measure(table, k, seed, asked.processus, asked.primaire)


def many(count: int, attacked: int, k: int, processes: int) -> None:
    """Protect independent tables, each by one process, from its making to its verification; a process keeps none."""
    start = time.perf_counter()
    tasks = [(seed, k, seed < attacked) for seed in range(count)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        figures = np.array(list(pool.imap_unordered(_one_of_many, tasks)))
    seconds = time.perf_counter() - start
    cells, primary, hidden, cpu, _, exact, under = figures.sum(axis=0)
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"k = {k}: {count} tables, {cells:.0f} cells published, in {seconds:.0f} s with {processes} processes "
          f"({cpu:.0f} s of processor, load {load})")  # fmt: skip
    print(f"  primary {primary / cells:.2%}, secondary {(hidden - primary) / cells:.2%}")
    print(f"  largest memory of a process: {figures[:, 4].max() / 1024:.0f} MiB; {attacked} tables attacked: "
          f"{exact:.0f} cells recovered, {under:.0f} provably under {k}", flush=True)  # fmt: skip


def _one_of_many(task: tuple[int, int, bool]) -> tuple[float, ...]:
    seed, k, attacked = task
    before = time.process_time()
    table = national(seed, quarters=True)
    protection = protect_table(table, Rule(k=k))
    seconds = time.process_time() - before
    found = attack(table, shown_values(protection), protection.primary, k) if attacked else Counter()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    primary = (protection.primary & table.published).sum()
    counts = (table.published.sum(), primary, protection.hidden.sum())
    return (*map(float, counts), seconds, memory, found["exact"], found["under_k"])


def measure(table: Table, k: int, seed: int, processes: int, primary_too: bool) -> None:
    start, before = time.perf_counter(), _processor()
    protection = protect_table(table, Rule(k=k), processes)
    seconds, busy = time.perf_counter() - start, _processor() - before
    cells = int(table.published.sum())
    primary = int((protection.primary & table.published).sum())
    hidden = int(protection.hidden.sum())
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"k = {k}, seed {seed}: {cells} cells published, {len(table)} with the derivable ones")
    print(f"  protected in {seconds:.1f} s with {processes} processes ({busy:.0f} s of processor, load {load})")
    print(f"  sensitive, derivable included: {int(protection.primary.sum())}")
    print(f"  primary {primary / cells:.2%}, secondary {(hidden - primary) / cells:.2%}, hidden {hidden / cells:.2%}")
    _tell("attacked", table, protection, k)
    if primary_too:
        _tell("with primary suppression alone", table, replace(protection, hidden=protection.primary), k)


def _processor() -> float:
    """Seconds of processor of this process and of those that it waited for."""
    return sum(os.times()[:4])


def _tell(what: str, table: Table, protection: Protection, k: int) -> None:
    start = time.perf_counter()
    found = attack(table, shown_values(protection), protection.primary, k)
    print(f"  {what}: {time.perf_counter() - start:.1f} s, {found['programmes']} linear programmes,")
    print(f"  {found['exact']} cells exactly recovered, {found['under_k']} provably under {k}", flush=True)


def shown_values(protection: Protection) -> np.ndarray:
    """What the written rows give, back in an array with -1 where nothing is given."""
    table = protection.table
    values = np.full(table.shape, -1, dtype=np.int64)
    ranks = [{code: n for n, code in enumerate(axis.codes)} for axis in table.axes]
    rows = protected_rows(protection).to_pydict()
    names = [axis.name for axis in table.axes]
    for *codes, value in zip(*(rows[name] for name in names), rows["valeur"], strict=True):
        if value is not None:
            values[tuple(rank[c] for rank, c in zip(ranks, codes, strict=True))] = value
    return values.ravel()


def attack(table: Table, shown: np.ndarray, sensitive: np.ndarray, k: int, zeros_shown: bool = True) -> Counter[str]:
    """Bounds of every unknown cell, component by component. Published and hidden: at least 1 when zeros are shown."""
    unknown = np.flatnonzero(shown < 0)
    rows = lines(table)
    known = np.where(shown < 0, 0, shown)
    part = rows[:, unknown].tocsr()
    touched = np.flatnonzero(np.diff(part.indptr))
    part, right = part[touched], -(rows @ known)[touched]
    least = (table.published[unknown] & zeros_shown).astype(float)
    _, label = connected_components(part.T @ part, directed=False)
    order = np.argsort(label, kind="stable")
    found: Counter[str] = Counter()
    for own in np.split(order, np.flatnonzero(np.diff(label[order])) + 1):
        mine = part[:, own]
        used = np.flatnonzero(np.diff(mine.indptr))
        watched = sensitive[unknown[own]]
        _component(mine[used], right[used], least[own], watched, table.published[unknown[own]], k, found)
    return found


def _component(
    rows: sp.csr_matrix, right: np.ndarray, least: np.ndarray, watched: np.ndarray, hidden: np.ndarray, k: int,
    found: Counter[str],
) -> None:  # fmt: skip
    """Each feasible table widens what is known to be possible for every cell: most cells need no programme."""
    count = len(least)
    low, high = np.full(count, np.inf), np.full(count, -np.inf)

    def solve(gain: np.ndarray, upper: np.ndarray) -> bool:
        nonlocal low, high
        found["programmes"] += 1
        bounds = np.column_stack([least, upper])
        answer = linprog(-gain, A_eq=rows, b_eq=right, bounds=bounds, method="highs-ds")
        if answer.status == 0:
            low, high = np.minimum(low, answer.x), np.maximum(high, answer.x)
        return answer.status == 0

    free = np.full(count, np.inf)
    for _ in range(200):
        short = watched & (high < k - 1e-6)
        before = int(short.sum())
        if not before or not solve(short / k, np.where(short & (least <= k), k, free)):
            break
        if int((watched & (high < k - 1e-6)).sum()) == before:
            break
    for cell in range(count):
        for sign in (1.0, -1.0):
            under = watched[cell] and high[cell] < k - 1e-6
            tight = hidden[cell] and high[cell] - low[cell] < 1 - 1e-6
            if (under and sign > 0) or tight:
                gain = np.zeros(count)
                gain[cell] = sign
                if not solve(gain, free) and sign > 0:
                    high[cell] = np.inf
    found["under_k"] += int((watched & (high < k - 1e-6)).sum())
    found["exact"] += int((hidden & (high - low < 1 - 1e-6)).sum())


def lines(table: Table) -> sp.csr_matrix:
    """The equations of every axis: Kronecker products of its additions and the codes of the others."""
    blocks = []
    for n in range(len(table.axes)):
        product = sp.identity(1, format="csr")
        for m, axis in enumerate(table.axes):
            own = _additions(axis.equations, len(axis)) if m == n else sp.identity(len(axis), format="csr")
            product = sp.kron(product, own, format="csr")
        blocks.append(product)
    return sp.vstack(blocks).tocsr()


def _additions(equations: object, nodes: int) -> sp.csr_matrix:
    matrix = sp.lil_matrix((len(equations), nodes))  # type: ignore[arg-type]
    for n, (parent, children) in enumerate(equations):  # type: ignore[arg-type]
        matrix[n, parent] = -1
        for child in children:
            matrix[n, child] = 1
    return matrix.tocsr()


if __name__ == "__main__":
    main()
