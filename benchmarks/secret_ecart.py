"""How far the suppression of small blocks is from the least costly one: the gap to the best bound of an exact model.

    .venv/bin/python benchmarks/secret_ecart.py [--blocs 200] [--limite 60] [--k 5] [--cases 500] [--graine 1]
    .venv/bin/python benchmarks/secret_ecart.py --national [--blocs 5] [--limite 150]

The model is the exact one (Fischetti and Salazar): a choice of cells and, for each protected cell, a move of the chosen
cells that reaches it; HiGHS bounds its least cost under a limit of time. Blocks: the communes and quarters of one
department × flat categories, of counts. Their equations are those of a network, where a move of `a` through a cell need
move no other by more than `a`: the limit on each move is exact. Moves are not asked to be whole, which can only lower
the bound. `--national`: the smallest blocks of a fifth of the national table (`secret_tableau.py`), a department each.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator

import highspy
import numpy as np
import scipy.sparse as sp
from secret_tableau import COMMUNES, DEPARTEMENTS, QPV, _built, national

from qpv_data.secret.blocks import blocks_of
from qpv_data.secret.cells import Bools, Ints, Table, disjoint_table
from qpv_data.secret.costs import weights
from qpv_data.secret.equations import system_of
from qpv_data.secret.moves import Block, quiet
from qpv_data.secret.primary import Targets, primary
from qpv_data.secret.protection import protect_alone, protect_table
from qpv_data.secret.rules import Rule

Job = tuple[Block, Bools, Targets]
"""A block, what is hidden of it whatever it costs, and its targets."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocs", type=int, default=200)
    parser.add_argument("--limite", type=float, default=60, help="seconds that HiGHS is given for each block")
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--cases", type=int, default=500, help="cells of a block, at most")
    parser.add_argument("--graine", type=int, default=1)
    parser.add_argument("--national", action="store_true", help="departments of a national table (seed 5) instead")
    asked = parser.parse_args()
    gaps, own, best, solved = [], 0.0, 0.0, 0
    for n, protected in enumerate(departments(asked.blocs, asked.k) if asked.national else random_blocks(asked)):
        job, cost, seconds = protected
        bound, optimal = bound_of(job, asked.limite)
        bound = min(max(bound, 0.0), cost)
        gap = (cost - bound) / cost if cost else 0.0
        gaps.append(gap)
        own, best, solved = own + cost, best + bound, solved + optimal
        print(f"{n}: {len(job[0])} cells, {len(job[2])} targets, cost {cost:.2f} in {seconds:.2f} s of processor, "
              f"bound {bound:.2f}{' (optimum)' if optimal else ''}, gap {gap:.1%}", flush=True)  # fmt: skip
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"{len(gaps)} blocks, k = {asked.k}, {asked.limite:.0f} s each (load {load}): {solved} solved to the optimum")
    print(f"gap to the best bound: all costs together {(own - best) / own:.1%}, mean {np.mean(gaps):.1%}, "
          f"median {np.median(gaps):.1%}, nine in ten under {np.quantile(gaps, 0.9):.1%}")  # fmt: skip


def random_blocks(asked: argparse.Namespace) -> Iterator[tuple[Job, float, float]]:
    """A block, what its protection costs, and the seconds that it took."""
    for n in range(asked.blocs):
        table = block_of(np.random.default_rng((asked.graine, n)), asked.cases)
        start = time.process_time()
        protection = protect_table(table, Rule(k=asked.k))
        seconds = time.process_time() - start
        block, targets = Block(protection.system, np.arange(len(table))), protection.targets
        local = Targets(block.local(targets.cell), targets.up, targets.amount)
        cost = float(protection.system.weight[protection.hidden & ~protection.primary].sum())
        yield (block, protection.primary[block.cells], local), cost, seconds


def departments(count: int, k: int) -> Iterator[tuple[Job, float, float]]:
    table = national(5, COMMUNES // 5, QPV // 5, DEPARTEMENTS // 5)
    system = system_of(table, weights(table))
    sensitive, targets = primary(table, Rule(k=k))
    for cells in sorted(blocks_of(table), key=lambda c: (len(c), int(c[0])))[:count]:
        block = Block(system, cells)
        at = block.local(targets.cell)
        own = np.flatnonzero(at >= 0)
        hidden = (sensitive | ~table.published)[block.cells]
        job = block.alone(), hidden, Targets(at[own], targets.up[own], targets.amount[own])
        start = time.process_time()
        free, proof = protect_alone(job)
        if len(proof) < len(own):
            continue  # a target that the department alone does not reach: the whole table is needed
        yield job, float(block.weight[free & ~hidden].sum()), time.process_time() - start


def block_of(draw: np.random.Generator, most: int) -> Table:
    """Communes, quarters and what is left of each commune × categories, of the sizes of a national table."""
    categories = int(draw.integers(3, 9))
    wanted = int(draw.integers(60, most + 1)) // (categories + 1) - 1  # zones, the department aside
    parents: dict[str, str | None] = {"D": None}
    people: dict[str, float] = {}
    while len(parents) - 1 < wanted:
        commune = f"C{len(parents):03d}"
        inside = [f"{commune}_{q}" for q in range(int(draw.integers(1, 5)))] + [f"{commune}_reste"]
        if len(parents) + len(inside) > wanted:
            break
        parents |= {commune: "D"} | dict.fromkeys(inside, commune)
        people |= {q: 1_000 + draw.lognormal(7.3, 0.8) for q in inside}
    zone = _built("zone", parents or {"D": None})
    category = _built("modalite", {"ensemble": None} | {f"m{m}": "ensemble" for m in range(categories)})
    shares = np.maximum(draw.dirichlet(np.full(categories, 0.8)), 0.003)
    mean = [people.get(zone.codes[f], 1_000.0) * 0.01 * draw.dirichlet(60 * shares / shares.sum()) for f in zone.finest]
    counts = draw.poisson(np.array(mean)).astype(np.int64).ravel()
    return disjoint_table((zone, category), counts, counts, (counts > 0).astype(np.int64), 0)


def bound_of(job: Job, limit: float) -> tuple[float, bool]:
    """The best lower bound of the exact model's cost, and whether it is the optimum."""
    block, hidden, targets = job
    lp = _model(block, hidden, targets.cell, targets.up, targets.amount.astype(float))
    highs = quiet()
    highs.setOptionValue("solver", "choose")
    highs.setOptionValue("time_limit", limit)
    highs.setOptionValue("mip_rel_gap", 0.0)
    highs.passModel(lp)
    highs.run()
    optimal = highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return float(highs.getInfo().mip_dual_bound), optimal


def _model(block: Block, primary: np.ndarray, at: Ints, up: np.ndarray, amount: np.ndarray) -> highspy.HighsLp:
    """Columns: a choice for each cell, then for each target what goes up and what goes down of each cell."""
    n, targets = len(block), len(at)
    rows, lower, upper = [], [], []
    for t in range(targets):
        wide = sp.lil_matrix((1, 1 + 2 * targets))
        wide[0, 1 + 2 * t], wide[0, 2 + 2 * t] = 1, -1
        choice = sp.csr_matrix((block.rows.shape[0], n))
        moves = sp.kron(wide[:, 1:], block.rows)
        rows.append(sp.hstack([choice, moves]))
        lower += [0.0] * block.rows.shape[0]
        upper += [0.0] * block.rows.shape[0]
        for side, most in ((0, np.full(n, amount[t])), (1, np.minimum(block.room, amount[t]))):
            one = sp.lil_matrix((1, 2 * targets))
            one[0, 2 * t + side] = 1
            rows.append(sp.hstack([sp.diags(-most), sp.kron(one, sp.identity(n))]))
            lower += [-highspy.kHighsInf] * n
            upper += [0.0] * n
    matrix = sp.vstack(rows).tocsc()
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = matrix.shape[1], matrix.shape[0]
    lp.col_cost_ = np.concatenate([block.weight, np.zeros(2 * n * targets)])
    low, high = np.zeros(lp.num_col_), np.concatenate([np.ones(n), np.full(2 * n * targets, highspy.kHighsInf)])
    low[:n][primary] = 1.0
    for t in range(targets):
        column = n + 2 * n * t + (0 if up[t] else n) + at[t]
        other = n + 2 * n * t + (n if up[t] else 0) + at[t]
        low[column], high[other] = amount[t], 0.0
    lp.col_lower_, lp.col_upper_ = low, high
    lp.row_lower_, lp.row_upper_ = np.array(lower), np.array(upper)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    lp.integrality_ = [highspy.HighsVarType.kInteger] * n + [highspy.HighsVarType.kContinuous] * (2 * n * targets)
    lp.offset_ = -float(block.weight[primary].sum())
    return lp


if __name__ == "__main__":
    main()
