"""Protect a table: what to hide, and the proof that it is enough."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from qpv_data.secret.benders import exact
from qpv_data.secret.blocks import blocks_of
from qpv_data.secret.cells import Bools, Ints, Table
from qpv_data.secret.circuits import Circuits
from qpv_data.secret.costs import weights
from qpv_data.secret.equations import System, system_of
from qpv_data.secret.improvement import improve
from qpv_data.secret.moves import Block
from qpv_data.secret.primary import Targets, primary
from qpv_data.secret.repair import repair
from qpv_data.secret.rules import Rule
from qpv_data.secret.sequential import protect_block
from qpv_data.secret.singletons import protect_from_singletons
from qpv_data.secret.tidying import exchange, tidy
from qpv_data.secret.unions import sensitive_unions
from qpv_data.secret.verification import verify
from qpv_data.secret.witnesses import Pool, Witness

EXCHANGED = 1_000
"""Cells of a block in which dear cells are exchanged for cheaper ones, at most: it doubles the time, for 1 % less."""
IMPROVED = 2_000
"""Cells of a block in which several are tried at once, at most."""


@dataclass(frozen=True)
class Protection:
    """`hidden`: cells of the table that are not shown, `primary` among them; cells that are published nowhere are in
    neither. `proof`: for each target, a table that a reader cannot exclude."""

    table: Table
    system: System
    primary: Bools
    hidden: Bools
    targets: Targets
    proof: dict[int, Witness]


def protect_table(table: Table, rule: Rule, processes: int = 1, weight: np.ndarray | None = None) -> Protection:
    """Hide what the rule asks, and what keeps it from being worked out.

    The answer depends on the table alone: not on `processes`, on the order of rows or on the clock. It is verified
    against every target before it is given. Raises FeedError when no suppression is enough.
    """
    system = system_of(table, weights(table) if weight is None else weight)
    sensitive, targets = primary(table, rule)
    hidden = sensitive | ~table.published
    pool = _protect(table, system, hidden, targets, processes)
    protect_from_singletons(table, system, hidden, pool)
    while found := sensitive_unions(table, system, hidden, rule):
        unions, extra = found
        system = system.with_unions(unions, table.unions(unions).value)
        hidden = np.concatenate([hidden, np.ones(len(unions), np.bool_)])
        pool = _carried_over(pool, extra, system)
        repair(table, system, hidden, pool)
        protect_from_singletons(table, system, hidden, pool)
    verify(system, hidden, pool.targets, pool.proof)
    shown = hidden[: len(table)] & table.published
    return Protection(table, system, sensitive, shown, pool.targets, pool.proof)


def _protect(table: Table, system: System, hidden: Bools, targets: Targets, processes: int) -> Pool:
    """Block by block, then whatever is left. Changes `hidden`."""
    pool = Pool(targets, system.value - system.least)
    jobs, places = [], []
    for cells in blocks_of(table):
        block = Block(system, cells)
        if sum(len(axis.finest) > 1 for axis in table.axes) > 2:
            block.circuits = Circuits(table.axes, table.shape, block.cells)
        at = block.local(targets.cell)
        own = np.flatnonzero(at >= 0)
        if len(own):
            jobs.append((block.alone(), hidden[block.cells], Targets(at[own], targets.up[own], targets.amount[own])))
            places.append((block.cells, own))
    for (cells, own), (free, proof) in zip(places, _in_processes(jobs, processes), strict=True):
        hidden[cells] = free
        for t, witness in proof.items():
            pool.proof[int(own[t])], pool.reached[own[t]] = Witness(cells[witness.cells], witness.change), True
    repair(table, system, hidden, pool)
    return pool


_Job = tuple[Block, Bools, Targets]
_Answer = tuple[Bools, dict[int, Witness]]


def _in_processes(jobs: Sequence[_Job], processes: int) -> list[_Answer]:
    if processes <= 1 or len(jobs) <= 1:
        return [protect_alone(job) for job in jobs]
    context = multiprocessing.get_context("spawn")  # a fork would copy the threads of Arrow and DuckDB half-alive
    with ProcessPoolExecutor(min(processes, len(jobs)), mp_context=context) as executor:
        return list(executor.map(protect_alone, jobs))


def protect_alone(job: _Job, exchanging: bool = True) -> _Answer:
    """Protect a block exactly when it is small; else target after target, then again among the cells that this hid,
    from the last target to the first; then without what all can do without.

    `exchanging`: try dear cells for cheaper ones at last, where the block is small.
    What was hidden for the first targets is often useless once the last ones are served: the second round hides a part
    of what the first did, and never more.
    """
    block, hidden, targets = job
    room = block.room.astype(np.int64)
    if (best := exact(block, hidden, targets, room)) is not None:
        return best
    first, wide = Pool(targets, room), hidden.copy()
    missed = protect_block(block, wide, first)
    kept = np.flatnonzero(wide)
    if (wide == hidden).all():
        return wide, first.proof
    within = np.setdiff1d(np.arange(len(targets)), missed)[::-1]
    second = Pool(Targets(targets.cell[within], targets.up[within], targets.amount[within]), room)
    narrow = hidden.copy()
    known = {n: first.proof[int(t)] for n, t in enumerate(within)}
    if len(protect_block(block.only(wide), narrow, second, known)):
        return wide, first.proof  # a search cut short: the first round stands
    assert not np.setdiff1d(np.flatnonzero(narrow), kept).size, "le second tour cache autre chose que le premier"
    tidy(block, narrow, hidden, second)
    if exchanging:
        changed = len(block) <= EXCHANGED and exchange(block, narrow, hidden, second)
        if (len(block) <= IMPROVED and improve(block, narrow, hidden, second)) or changed:
            tidy(block, narrow, hidden, second)
    return narrow, {int(within[t]): witness for t, witness in second.proof.items()}


def _carried_over(pool: Pool, extra: Targets, system: System) -> Pool:
    """A pool with more targets, and the proofs that it had."""
    both = [np.concatenate(pair) for pair in zip(_columns(pool.targets), _columns(extra), strict=True)]
    wider = Pool(Targets(*both), system.value - system.least)
    added = system.rows[system.rows.shape[0] - len(system.value) + len(pool.room) :, : len(pool.room)].tocsc()
    for t, witness in pool.proof.items():
        unions = added[:, witness.cells] @ witness.change
        moved = np.flatnonzero(unions)
        cells = np.concatenate([witness.cells, len(pool.room) + moved])
        wider.proof[t], wider.reached[t] = Witness(cells, np.concatenate([witness.change, unions[moved]])), True
    return wider


def _columns(targets: Targets) -> tuple[Ints, Bools, Ints]:
    return targets.cell, targets.up, targets.amount
