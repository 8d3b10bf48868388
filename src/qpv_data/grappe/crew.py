"""Steps whose jobs go to a pool of workers: what is sent, what is kept here, and what becomes of the answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

from qpv_data.digests import file_digest
from qpv_data.grappe.parcels import Done, Parcel, UnreachableError, Way, parcel
from qpv_data.jobs import Job, Made, Outcome, Step
from qpv_data.problems import Problem
from qpv_data.runs import RunError

Future = TypeVar("Future")


class Pool(Protocol[Future]):
    """Where parcels go. All raise RunError `grappe_indisponible` when the cluster no longer answers."""

    def submit(self, given: Parcel, weight: int) -> Future:
        """Give a parcel, of so many bytes of input: the heavy ones are better begun first."""
        ...

    def ready(self, future: Future) -> bool:
        """Whether its answer is there."""
        ...

    def wait(self, futures: Sequence[Future]) -> None:
        """Until one more of them is ready."""
        ...

    def answer(self, future: Future) -> Done:
        """What a worker answered, once ready."""
        ...


def failed(message: str, remedy: str) -> RunError:
    """The cluster fails, and no feed is to blame: nothing is published."""
    return RunError(Problem.GRAPPE_INDISPONIBLE, message, remedy)


class Cluster(Generic[Future]):
    """A `Crew` over a pool."""

    def __init__(self, pool: Pool[Future], way: Way) -> None:
        self._pool, self._way = pool, way

    def in_order(self, steps: Iterable[Step[Made]]) -> Iterator[Made]:
        """Steps are begun one after the other, and their jobs run while the next ones are; each ends in its turn."""
        going = deque[_Going[Made, Future]]()
        for step in steps:
            going.append(_Going(self._sent, step))
            # What this machine has to do itself waits until all are begun: the workers are idle until then.
            while going and not going[0].mine and all(map(self._pool.ready, going[0].futures)):
                yield self._ended(going.popleft())
        while going:
            yield self._ended(going.popleft())

    def as_ready(self, steps: Iterable[Step[Made]]) -> Iterator[Made]:
        """A step goes on as soon as its jobs are done."""
        going: list[_Going[Made, Future]] = [_Going(self._sent, step) for step in steps]
        while going:
            ready = [s for s in going if all(map(self._pool.ready, s.futures))]
            if not ready:
                self._pool.wait([f for s in going for f in s.futures if not self._pool.ready(f)])
                continue
            # Those that the cluster did first: what is done here would make them wait.
            step = max(ready, key=lambda s: not s.mine)
            if step.ended:
                going.remove(step)
                yield step.made
            else:
                step.go_on()

    def _ended(self, step: _Going[Made, Future]) -> Made:
        while not step.ended:
            while waiting := [f for f in step.futures if not self._pool.ready(f)]:
                self._pool.wait(waiting)
            step.go_on()
        return step.made

    def _sent(self, job: Job) -> tuple[Outcome, Future | None]:
        if job.prive or (job.personnel and self._way.stores):
            return job.here, None
        try:
            given = parcel(job, self._way)
        except UnreachableError as e:
            raise failed(e.why, e.remedy) from e
        future = self._pool.submit(given, _weight(job))
        return (lambda: self._settled(job, self._pool.answer(future))), future

    def _settled(self, job: Job, done: Done) -> Any:
        """Put what a worker wrote in the lake, and give its answer. Raises the feed's own failure."""
        if done.unfit is not None:
            raise failed(f"un ouvrier ne peut pas {job.label} : {done.unfit[0]}", done.unfit[1])
        targets = {job.writes[w.sortie].parent / w.nom: w for w in done.written}
        for path in job.clears:
            if path not in targets and done.error is None:
                path.unlink(missing_ok=True)
        for target, written in targets.items():
            try:
                self._way.take(written.lieu, target)
            except UnreachableError as e:
                raise failed(e.why, e.remedy) from e
            target.chmod(written.mode)
            if file_digest(target) != written.sha256:
                target.unlink()  # its recipe is not noted: it is made again
                raise failed(f"{job.label} : un fichier est arrivé altéré", "vérifier le disque partagé, relancer")
        if done.error is not None:
            raise done.error
        return done.answer


class _Going(Generic[Made, Future]):
    """A step that has begun: the outcomes it waits for, or what it made. `mine`: some of its jobs run here."""

    def __init__(self, send: Callable[[Job], tuple[Outcome, Future | None]], step: Step[Made]) -> None:
        self._send, self._step = send, step
        self.ended, self.mine, self.futures = False, False, list[Future]()
        self._outcomes: list[Outcome] | None = None
        self.go_on()

    def go_on(self) -> None:
        """Give the step its outcomes, to the next jobs or to the end."""
        try:
            jobs = next(self._step) if self._outcomes is None else self._step.send(self._outcomes)
        except StopIteration as end:
            self.ended, self.mine, self.futures = True, False, []
            self.made: Made = end.value
            return
        sent = [self._send(job) for job in jobs]
        self._outcomes = [outcome for outcome, _ in sent]
        self.futures = [future for _, future in sent if future is not None]
        self.mine = len(self.futures) < len(sent)


def _weight(job: Job) -> int:
    paths = [p for read in job.reads.values() for p in (read.values() if not hasattr(read, "stat") else [read])]
    total = 0
    for path in paths:
        with suppress(OSError):
            total += path.stat().st_size
    return total
