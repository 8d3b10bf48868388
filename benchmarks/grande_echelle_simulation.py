"""A cluster, event by event: jobs of the measured lengths, slow machines, one that dies, a driver that does its own.

Not a model of Dask: the rules that matter. A free worker takes the heaviest job that waits; a job of a worker that dies
starts again from nothing elsewhere; a feed is aggregated once its deliveries are located; what holds personal data is
conformed by the driver, one delivery after the other.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Measures = Mapping[str, Mapping[str, Mapping[str, float]]]
LINK = 1e9 / 8  # bytes a second of a machine's link
LOSS_S = 120.0  # to see that a worker is lost, and that its job is to be run again
CONFORM, LOCATE, AGGREGATE = "conformer", "localiser", "agreger"


@dataclass(frozen=True)
class Plan:
    """What is to be done. `livraisons`: into how many equal deliveries the events of a quarter come; `indicateurs`: how
    many jobs aggregate them; `pilote`: the driver conforms."""

    evenements: float
    livraisons: int
    indicateurs: int
    pilote: bool


@dataclass(frozen=True)
class Cluster:
    """`ouvriers` of one core each. `lents`: share that run at half speed; `perdus`: how many die, half-way."""

    ouvriers: int
    lents: float = 0.05
    perdus: int = 1


@dataclass
class State:
    """The clock, what waits, and what runs."""

    waiting: list[tuple[float, str]] = field(default_factory=list)
    events: list[tuple[float, int, str, str, float]] = field(default_factory=list)
    order: int = 0

    def push(self, at: float, kind: str, job: str, seconds: float) -> None:
        """Something will happen."""
        self.order += 1
        heapq.heappush(self.events, (at, self.order, kind, job, seconds))


def hours(measured: Mapping[str, Mapping[str, float]], plan: Plan, cluster: Cluster, seed: int) -> float:
    """From the first byte conformed to the last cell, in hours."""
    drawn, state = random.Random(seed), State()
    part = plan.evenements / plan.livraisons
    seconds = {stage: _seconds(measured[stage], part) for stage in (CONFORM, LOCATE)}
    # Every indicator reads the records of every delivery.
    seconds[AGGREGATE] = _seconds(measured[AGGREGATE], plan.evenements) / plan.indicateurs
    speeds = [0.5 if drawn.random() < cluster.lents else drawn.uniform(0.9, 1.0) for _ in range(cluster.ouvriers)]
    free, located, ended, dying = speeds[:], 0, 0.0, cluster.perdus
    for n in range(plan.livraisons):
        if plan.pilote:
            state.push((n + 1) * seconds[CONFORM], "fini", CONFORM, 0.0)
        else:
            state.waiting.append((seconds[CONFORM], CONFORM))
    now = 0.0
    while state.waiting or state.events:
        while free and state.waiting:
            state.waiting.sort()
            length, job = state.waiting.pop()
            speed = free.pop()
            if dying and job == LOCATE and located > plan.livraisons // 2:
                dying -= 1  # half-way: the worker is gone, and the job waits again
                state.push(now + length / speed / 2 + LOSS_S, "perdu", job, length)
            else:
                state.push(now + length / speed, "libre", job, speed)
        now, _, kind, job, value = heapq.heappop(state.events)
        if kind == "perdu":
            state.waiting.append((value, job))
            continue
        if kind == "libre":
            free.append(value)
            free.sort()
        ended = now
        if job == CONFORM:
            state.waiting.append((seconds[LOCATE], LOCATE))
        elif job == LOCATE:
            located += 1
            if located == plan.livraisons:
                state.waiting += [(seconds[AGGREGATE], AGGREGATE)] * plan.indicateurs
    return ended / 3600


def _seconds(stage: Mapping[str, float], rows: float) -> float:
    """Of one core: what was measured, and the journey of the bytes."""
    moved = stage["octets_lus_ligne"] + stage["octets_ecrits_ligne"]
    return rows / stage["lignes_s"] + rows * moved / LINK


CASES = ((1, 1), (1, 12), (4, 12), (16, 12), (16, 90), (32, 90), (64, 90))


def table(measures: Measures, events: float, draws: int = 100) -> str:
    """Hours of each case and feed, median and worst of so many draws, as a table."""
    lines = ["| Jeu | Livraisons | Ouvriers | Médiane (h) | Pire de 100 (h) | Sans perte ni lenteur (h) |",
             "|---|---:|---:|---:|---:|---:|"]  # fmt: skip
    for jeu, measured in measures.items():
        for workers, parts in CASES:
            plan = Plan(events, parts, 2, pilote=jeu == "validations")
            found = sorted(hours(measured, plan, Cluster(workers, perdus=min(1, workers - 1)), n) for n in range(draws))
            ideal = hours(measured, plan, Cluster(workers, 0.0, 0), 0)
            cells: list[Any] = [jeu, parts, workers, *(f"{h:.1f}" for h in (found[draws // 2], found[-1], ideal))]
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)
