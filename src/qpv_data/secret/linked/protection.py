"""Protect a feed: the rows to hide, so that nothing that its rules protect can be worked out from the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qpv_data.engine import engine
from qpv_data.problems import FeedError, Problem, listed
from qpv_data.secret.linked.goals import targets, tied
from qpv_data.secret.linked.ground import Ground, Zone
from qpv_data.secret.linked.judged import Indicator, name_nodes, read_atoms, read_ground, read_raws
from qpv_data.secret.linked.measures import Period, measures_of
from qpv_data.secret.linked.state import State, nearly_empty, reach
from qpv_data.secret.linked.system import components, linked
from qpv_data.secret.linked.unions import left_over
from qpv_data.secret.primary import Targets
from qpv_data.secret.verification import verify

_SHORT = 1e-4
"""Cost of any other move, so that what lifts a cell is short."""

NOTHING = Targets(np.zeros(0, np.int64), np.zeros(0, np.bool_), np.zeros(0, np.int64))

Row = tuple[str, str, str, str]
"""(zoning, code, period, modality)."""


@dataclass(frozen=True)
class Job:
    """One period of a feed, to protect alone: periods share no equation. `plain`: the same, where measures that are
    equal by chance are two."""

    jeu: str
    period: Period
    ground: Ground
    plain: Period | None = None

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
        raws = {i.id: read_raws(con, i, ground, breakdowns) for i in indicators}
    jobs = []
    for name in sorted({period for own_raws in raws.values() for period in own_raws}):
        given = [(i, raw, own[i.id]) for i in indicators if (raw := raws[i.id].get(name)) is not None]
        both = [measures_of(name, given, ground, by_chance) for by_chance in (True, False)]
        jobs.append(Job(jeu, both[0], ground, both[1]))
    return jobs


def protect_job(job: Job) -> dict[str, list[Row]]:
    """The rows to hide, by indicator: those of the primary rules and those that keep them from being worked out.

    The answer depends on the rows alone. Each target has a witness, verified in whole numbers before it is given.
    Raises FeedError when no suppression is enough, naming cells.
    """
    period = job.period
    try:
        protect_period(job.jeu, period, job.ground)
    except FeedError:
        # Sums that are equal by chance may leave no other table: readers are not told that they are equal.
        if job.plain is None:
            raise
        protect_period(job.jeu, period := job.plain, job.ground)
    found: dict[str, list[Row]] = {}
    for rows in period.rows:
        hidden = np.flatnonzero(rows.hidden).tolist()
        own = [(*job.ground.zones[z], period.name, rows.modality) for z in hidden]
        found.setdefault(rows.indicator.id, []).extend(own)
    return found


def protect_period(jeu: str, period: Period, ground: Ground) -> None:
    """Hide rows until every target of every measure is kept apart. Changes `hidden` of the period's rows."""
    _hide_groups(period)
    _close(period)
    states = [State(link := linked(period, numbers, ground), link.hidden()) for numbers in components(period)]
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


def _tell(state: State) -> None:
    """Hide every row that shows a cell that is now hidden."""
    nodes, zones = len(state.link.ground), len(state.link.ground.zones)
    for n, measure in enumerate(state.link.measures):
        own = state.hidden[n * nodes : n * nodes + zones]
        for rows in measure.rows:
            rows.hidden |= rows.exists & own


def _protect(jeu: str, period: str, state: State) -> None:
    """Serve the targets that are new, then those of the empty places that a reader would know to be nearly empty."""
    state.link = state.link.renewed()
    _serve(jeu, period, state, targets(state.link))
    _move_the_rest(jeu, period, state)
    while len(found := nearly_empty(state)):
        _serve(jeu, period, state, found)
    while (left := left_over(state.link, state.hidden, state.known)) is not None:
        state.widen(left[0])
        _serve(jeu, period, state, left[1])


def _move_the_rest(jeu: str, period: str, state: State) -> None:
    """Give every other hidden cell a witness that moves it, up or down: else its value would be known exactly."""
    stuck: list[int] = []
    for up in (True, False):
        moved = {c for pool in state.pools for w in pool.proof.values() for c in w.cells.tolist()}
        asked = tied(state.link, state.hidden, up)
        left = np.array([n for n, c in enumerate(asked.cell.tolist()) if c not in moved], dtype=np.int64)
        stuck = reach(state, Targets(asked.cell[left], asked.up[left], asked.amount[left]))
        if not stuck:
            return
    _refuse(jeu, period, state, stuck)


def _serve(jeu: str, period: str, state: State, wanted: Targets) -> None:
    """Reach the targets that were not asked before. Raises FeedError when one is out of reach."""
    keys = list(zip(wanted.cell.tolist(), wanted.up.tolist(), wanted.amount.tolist(), strict=True))
    new = [n for n, (cell, up, amount) in enumerate(keys) if state.served.get((cell, up), 0) < amount]
    kept = np.array(new, dtype=np.int64)
    stuck = reach(state, Targets(wanted.cell[kept], wanted.up[kept], wanted.amount[kept]))
    state.served |= {(c, up): amount for c, up, amount in (keys[n] for n in new)}
    _refuse(jeu, period, state, stuck)


def _refuse(jeu: str, period: str, state: State, stuck: Sequence[int]) -> None:
    """Raise for cells that nothing protects. But what earlier releases gave away cannot be taken back: where they have
    frozen something, the attack says whether this one adds to it. And a share of nobody that published zeros already
    give away is public: zeros are."""
    stuck = [cell for cell in stuck if state.link.system.value[cell]]
    if stuck and not any(m.frozen().any() for m in state.link.measures):
        where = listed(state.link.name(cell) for cell in stuck)
        message = f"impossible de protéger, même en cachant tout ce qui l'entoure ({period}) : {where}"
        raise FeedError(jeu, Problem.CONTROLE_NON_TENU, message, "publier des modalités ou des zones plus larges")
