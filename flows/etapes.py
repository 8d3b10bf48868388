"""The package's steps as Prefect tasks, shared by the flows.

No task retries. The one step that reads the network, `receive`, already tries again with exponential pauses and
jitter inside `fetch`, resumes cut bodies, and answers a `Reception` whatever the feed does: a retry here would
only multiply those waits. What the other steps raise (a refused declaration, a full disk) does not heal by itself.

No caching and no persisted results: the steps keep their own state in the run's folder, under its lock, and a
second memory that could disagree with it would publish stale figures. Tasks run one after the other, in the order
of `pipeline.run`, which is what makes both ways give the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.utilities.annotations import quote

from qpv_data import pipeline
from qpv_data import receive as receiving
from qpv_data.clause.check import unconfirmed
from qpv_data.clause.load import ClauseSet
from qpv_data.clause.model import Clause, ClauseJeu
from qpv_data.periods import Period
from qpv_data.pipeline import Placed, Progress, Watcher
from qpv_data.problems import Problem
from qpv_data.publish import Release
from qpv_data.receive import Reception, Transport
from qpv_data.runs import Configuration, Expected, RunError
from qpv_data.zonages import ZonagesReport

HOUR = 3600
LONGEST = {"receive": 2 * HOUR, "place": 4 * HOUR, "release": 6 * HOUR, "refer": HOUR, "flow": 12 * HOUR}
"""Seconds. A fetch is bounded by itself (an hour); these are for what hangs where nobody thought of it."""

# A flow's parameters travel through the API as JSON; whoever watches the run is told through this instead.
_WATCHER: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched_by(watch: Watcher) -> Iterator[None]:
    """Within this context, the flows also report each step that ends to `watch`."""
    token = _WATCHER.set(watch)
    try:
        yield
    finally:
        _WATCHER.reset(token)


def tell(step: Progress) -> None:
    """Say that a step has ended: in the run's log, and to whoever watches."""
    get_run_logger().info("%s", " ".join(part for part in (step.etape, step.jeu, step.detail) if part))
    if (watch := _WATCHER.get()) is not None:
        watch(step)


@task(name="vérifier les clauses", cache_policy=NO_CACHE, persist_result=False)
def prepare(cfg: Configuration) -> tuple[ClauseSet, Period, Configuration]:
    """Every declaration is checked before anything is written; what is to be confirmed is in the run's log."""
    prepared = pipeline.prepare(cfg)
    for pending in unconfirmed(prepared[0]):
        get_run_logger().warning("%s", pending)
    return prepared


@task(
    name="recevoir",
    task_run_name="recevoir {clause.id} {expected.nom}",
    cache_policy=NO_CACHE,
    persist_result=False,
    timeout_seconds=LONGEST["receive"],
)
def receive(
    cfg: Configuration, clause: Clause, expected: Expected, reach: Transport | None, versions: Sequence[Clause] = ()
) -> Reception:
    """Fetch, land and conform one delivery; a feed's own failure is in the answer."""
    return receiving.receive(cfg, clause, expected, reach, versions)


def received(
    cfg: Configuration, clause: Clause, expected: Expected, reach: Transport | None, versions: Sequence[Clause] = ()
) -> Reception:
    """The task `receive`; one that lasts too long is stopped, and the last good delivery of its feed stands in."""
    try:
        return receive(cfg, quote(clause), expected, reach, quote(versions))
    except TimeoutError:
        return receiving.give_up(cfg, clause, expected, versions)


def artifact(make: Callable[[], object]) -> None:
    """Make an artifact of the run. One that cannot be made is a warning: what the run did is done."""
    try:
        make()
    except Exception as e:  # noqa: BLE001  Prefect's database may be locked or lost
        get_run_logger().warning("artefact non écrit (%s)", type(e).__name__)


class Deadline:
    """The time that a whole flow may take, looked at between tasks: Prefect's own limit on a flow does not count the
    time of tasks that have one."""

    def __init__(self) -> None:
        self._end = time.monotonic() + LONGEST["flow"]

    def hold(self) -> None:
        """Raises RunError when it is past."""
        if time.monotonic() > self._end:
            message = f"le flux dure depuis plus de {LONGEST['flow'] // HOUR} h"
            raise RunError(Problem.DELAI_DEPASSE, message, "relancer : ce qui est fait est repris")


@task(name="composer les zonages", cache_policy=NO_CACHE, persist_result=False, timeout_seconds=LONGEST["refer"])
def refer(
    cfg: Configuration, clauses: ClauseSet, receptions: Sequence[Reception]
) -> tuple[ZonagesReport, tuple[Reception, ...]]:
    """Compose the zonings of the run; a referential that cannot be used is refused by name."""
    return pipeline.refer(cfg, clauses, receptions)


@task(
    name="localiser et agréger",
    task_run_name="localiser {feed.id}",
    cache_policy=NO_CACHE,
    persist_result=False,
    timeout_seconds=LONGEST["place"],
)
def place(cfg: Configuration, clauses: ClauseSet, feed: ClauseJeu, receptions: Sequence[Reception]) -> Placed:
    """Locate and aggregate one feed."""
    return pipeline.place(cfg, clauses, feed, receptions)


@task(name="protéger et publier", cache_policy=NO_CACHE, persist_result=False, timeout_seconds=LONGEST["release"])
def release(
    cfg: Configuration, clauses: ClauseSet, receptions: Sequence[Reception], places: Sequence[Placed]
) -> Release:
    """Protect what was aggregated in this run, and publish it."""
    return pipeline.release(cfg, clauses, receptions, places)
