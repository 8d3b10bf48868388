"""Protect a feed: the rows to hide, so that nothing that its rules protect can be worked out from the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from qpv_data.engine import engine
from qpv_data.problems import FeedError, Problem, listed
from qpv_data.secret.cells import Bools
from qpv_data.secret.linked.ground import Ground, Zone
from qpv_data.secret.linked.judged import Indicator, name_nodes, read_atoms, read_ground, read_periods, read_raw
from qpv_data.secret.linked.measures import Period, measures_of
from qpv_data.secret.linked.system import Linked, components, empty_places, linked, targets, tied
from qpv_data.secret.linked.unions import left_over
from qpv_data.secret.moves import Block, limits
from qpv_data.secret.primary import Targets
from qpv_data.secret.protection import protect_alone
from qpv_data.secret.repair import reach_near
from qpv_data.secret.sequential import lift
from qpv_data.secret.verification import verify
from qpv_data.secret.witnesses import Pool, Witness

_SHORT = 1e-4
"""Cost of any other move, so that what lifts a cell is short."""

NOTHING = Targets(np.zeros(0, np.int64), np.zeros(0, np.bool_), np.zeros(0, np.int64))

Row = tuple[str, str, str, str]
"""(zoning, code, period, modality)."""


@dataclass
class _State:
    """A linked system while it is protected. `asked`: what each target was, once it was served."""

    link: Linked
    hidden: Bools
    served: dict[tuple[int, bool], int] = field(default_factory=dict)
    pools: list[Pool] = field(default_factory=list)
    known: set[tuple[int, ...]] = field(default_factory=set)
    looked: int = -1
    """How many cells were hidden when the nearly empty places were last looked for: hidden cells only grow."""

    def widen(self, link: Linked) -> None:
        """Take a system with more cells beyond the last one; witnesses move them as they move their parts."""
        before, self.link = len(self.hidden), link
        rows = link.system.rows[link.system.rows.shape[0] - (len(link.system.value) - before) :].tocsc()
        self.hidden = np.concatenate([self.hidden, np.ones(len(link.system.value) - before, np.bool_)])
        wider: dict[int, Witness] = {}
        for pool in self.pools:
            pool.room = link.system.value - link.system.least
            for target, witness in pool.proof.items():
                if id(witness) not in wider:
                    moves = rows[:, witness.cells] @ witness.change
                    moved = np.flatnonzero(moves)
                    cells = np.concatenate([witness.cells, before + moved])
                    wider[id(witness)] = Witness(cells, np.concatenate([witness.change, moves[moved]]))
                pool.proof[target] = wider[id(witness)]

    def pool(self, asked: Targets) -> Pool:
        """What witnesses known so far give for targets."""
        made = Pool(asked, self.link.system.value - self.link.system.least)
        for witness in {id(w): w for earlier in self.pools for w in earlier.proof.values()}.values():
            made.add(witness.cells, witness.change)
        return made


@dataclass(frozen=True)
class Job:
    """One period of a feed, to protect alone: periods share no equation."""

    jeu: str
    period: Period
    ground: Ground

    @property
    def size(self) -> int:
        """Cells."""
        return len(self.period.measures) * len(self.ground)


def jobs_of(
    jeu: str, indicators: Sequence[Indicator], composed: Mapping[str, Sequence[Zone]], work: Path,
    without: Collection[str] = (), breakdowns: bool = True,
) -> list[Job]:  # fmt: skip
    """Everything that is to be protected of a feed, read from the files of its indicators.

    To see what another choice would cost: `without` some zonings, or without `breakdowns`.
    """
    with engine(work) as con:
        ground = read_ground(con, indicators, composed, without)
        name_nodes(con, ground)
        possible = {i.id: read_atoms(con, i) for i in indicators}
        own = {i: np.array([atom in atoms for atom in ground.atoms], np.bool_) for i, atoms in possible.items()}
        jobs = []
        for name in read_periods(con, indicators):
            raws = [(i, read_raw(con, i, name, ground, breakdowns), own[i.id]) for i in indicators]
            jobs.append(Job(jeu, measures_of(name, [r for r in raws if r[1].modalities], ground), ground))
    return jobs


def protect_job(job: Job) -> dict[str, list[Row]]:
    """The rows to hide, by indicator: those of the primary rules and those that keep them from being worked out.

    The answer depends on the rows alone. Each target has a witness, verified in whole numbers before it is given.
    Raises FeedError when no suppression is enough, naming cells.
    """
    protect_period(job.jeu, job.period, job.ground)
    found: dict[str, list[Row]] = {}
    for rows in job.period.rows:
        hidden = np.flatnonzero(rows.hidden).tolist()
        own = [(*job.ground.zones[z], job.period.name, rows.modality) for z in hidden]
        found.setdefault(rows.indicator.id, []).extend(own)
    return found


def protect_period(jeu: str, period: Period, ground: Ground) -> None:
    """Hide rows until every target of every measure is kept apart. Changes `hidden` of the period's rows."""
    _hide_groups(period)
    _close(period)
    states = [_State(link := linked(period, numbers, ground), link.hidden()) for numbers in components(period)]
    while True:
        for state in states:
            _protect(jeu, period.name, state)
            _tell(state)
        before = sum(int(r.hidden.sum()) for r in period.rows)
        _close(period)
        grown = False
        for state in states:
            wider = state.hidden | state.link.hidden()
            grown |= bool((wider & ~state.hidden).any())
            state.hidden = wider
        if not grown and sum(int(r.hidden.sum()) for r in period.rows) == before:
            break
    for state in states:
        for pool in state.pools:
            verify(state.link.system, state.hidden, pool.targets, pool.proof)


def _hide_groups(period: Period) -> None:
    """Shares of everyone or of no one; but a zero that a count publishes is known, and hiding the share is useless."""
    for rows in period.rows:
        if not rows.group.any() or not rows.measures:
            continue
        part = period.measures[rows.measures[0]]
        zero = part.value[: len(rows.group)] == 0
        rows.hidden |= rows.group & ~rows.frozen & ~(zero & part.counted)


def _close(period: Period) -> None:
    """A row is hidden when a measure that it shows is hidden there, and a measure when all its rows are."""
    while True:
        before = sum(int(r.hidden.sum()) for r in period.rows)
        lost = [~m.shown() & m.exists() for m in period.measures]
        for rows in period.rows:
            for n in rows.measures:
                rows.hidden |= rows.exists & lost[n] & ~rows.frozen
        if sum(int(r.hidden.sum()) for r in period.rows) == before:
            return


def _tell(state: _State) -> None:
    """Hide every row that shows a cell that is now hidden."""
    nodes, zones = len(state.link.ground), len(state.link.ground.zones)
    for n, measure in enumerate(state.link.measures):
        own = state.hidden[n * nodes : n * nodes + zones]
        for rows in measure.rows:
            rows.hidden |= rows.exists & own


def _protect(jeu: str, period: str, state: _State) -> None:
    """Serve the targets that are new, then those of the empty places that a reader would know to be nearly empty."""
    state.link = state.link.renewed()
    _serve(jeu, period, state, targets(state.link))
    _move_the_rest(jeu, period, state)
    while len(found := _nearly_empty(state)):
        _serve(jeu, period, state, found)
    while (left := left_over(state.link, state.hidden, state.known)) is not None:
        state.widen(left[0])
        _serve(jeu, period, state, left[1])


def _move_the_rest(jeu: str, period: str, state: _State) -> None:
    """Give every other hidden cell a witness that moves it, up or down: else its value would be known exactly."""
    stuck: list[int] = []
    for up in (True, False):
        moved = {c for pool in state.pools for w in pool.proof.values() for c in w.cells.tolist()}
        asked = tied(state.link, state.hidden, up)
        left = np.array([n for n, c in enumerate(asked.cell.tolist()) if c not in moved], dtype=np.int64)
        stuck = _reach(state, Targets(asked.cell[left], asked.up[left], asked.amount[left]))
        if not stuck:
            return
    _refuse(jeu, period, state, stuck)


def _serve(jeu: str, period: str, state: _State, wanted: Targets) -> None:
    """Reach the targets that were not asked before. Raises FeedError when one is out of reach."""
    keys = list(zip(wanted.cell.tolist(), wanted.up.tolist(), wanted.amount.tolist(), strict=True))
    new = [n for n, (cell, up, amount) in enumerate(keys) if state.served.get((cell, up), 0) < amount]
    kept = np.array(new, dtype=np.int64)
    stuck = _reach(state, Targets(wanted.cell[kept], wanted.up[kept], wanted.amount[kept]))
    state.served |= {(c, up): amount for c, up, amount in (keys[n] for n in new)}
    _refuse(jeu, period, state, stuck)


def _refuse(jeu: str, period: str, state: _State, stuck: Sequence[int]) -> None:
    """Raise for cells that nothing protects. But what earlier releases gave away cannot be taken back: where they have
    frozen something, the attack says whether this one adds to it."""
    if stuck and not any(m.frozen().any() for m in state.link.measures):
        where = listed(state.link.name(cell) for cell in stuck)
        message = f"impossible de protéger, même en cachant tout ce qui l'entoure ({period}) : {where}"
        raise FeedError(jeu, Problem.CONTROLE_NON_TENU, message, "publier des modalités ou des zones plus larges")


def _reach(state: _State, fresh: Targets) -> list[int]:
    """Reach targets, block by block, then what is left in all that equations join. The cells out of reach."""
    if not len(fresh):
        return []
    system = state.link.system
    pool = state.pool(fresh)
    for cells in state.link.blocks():
        block = Block(system, cells)
        at = block.local(fresh.cell)
        own = np.flatnonzero((at >= 0) & ~pool.reached)
        if len(own):
            local = Targets(at[own], fresh.up[own], fresh.amount[own])
            free, proof = protect_alone((block.alone(), state.hidden[block.cells], local), exchanging=False)
            state.hidden[block.cells] |= free
            for t, witness in proof.items():
                pool.proof[int(own[t])] = Witness(block.cells[witness.cells], witness.change)
                pool.reached[own[t]] = True
    nobody = np.zeros(0, np.int64)
    stuck = [
        int(fresh.cell[target])
        for target in np.flatnonzero(~pool.reached).tolist()
        if not pool.reached[target] and not reach_near(system, state.hidden, pool, target, nobody)
    ]
    state.pools.append(pool.only_reached())
    return stuck


def _nearly_empty(state: _State) -> Targets:
    """Atoms where nothing is, and where a reader works out that there is something under k, or nothing: as much as a
    small number, for there is no telling which. Nothing to do where it is certain that nothing is."""
    if int(state.hidden.sum()) == state.looked:
        return NOTHING  # nothing was hidden since they were all looked at
    state.looked = int(state.hidden.sum())
    empty = empty_places(state.link)
    left = np.flatnonzero([(c, True) not in state.served for c in empty.cell.tolist()])
    pool = state.pool(Targets(empty.cell[left], empty.up[left], empty.amount[left]))
    found = []
    for cells in state.link.blocks():
        block = Block(state.link.system, cells)
        at, free = block.local(pool.targets.cell), state.hidden[block.cells]
        lift(block, free, pool, at)
        for target in np.flatnonzero((at >= 0) & ~pool.reached).tolist():
            if not pool.reached[target] and highest(block, free, pool, target, int(at[target])) > 0:
                found.append(target)
    state.pools.append(pool.only_reached())
    rank = np.array(found, dtype=np.int64)
    return Targets(pool.targets.cell[rank], pool.targets.up[rank], pool.targets.amount[rank])


def highest(block: Block, free: Bools, pool: Pool, target: int, at: int) -> int:
    """How high a reader may put a cell, up to what is asked; the move is kept."""
    cost = np.full(len(block), _SHORT)
    up = cost.copy()
    up[at] = -1.0
    rooms = limits(block, free)
    rooms[0][at] = min(rooms[0][at], float(pool.targets.amount[target]))
    move = block.solve((up, cost), rooms, None)
    if move is None or move[at] < 1e-6:
        return 0
    whole = block.whole(move)
    if whole is not None:
        pool.add(block.cells, whole)
    return 0 if pool.reached[target] else int(np.ceil(move[at] - 1e-6))
