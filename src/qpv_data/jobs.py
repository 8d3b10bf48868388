"""The heavy part of a step, as a job that can run anywhere: a function of the package, paths in, paths out.

A step (receive a delivery, place a feed) is a generator: it keeps the lock, the journal and the recipes to itself,
yields the jobs that it needs, and is given one outcome a job, to be called for what the job answers. Who runs the jobs
is a `Crew`: this process (`Alone`), or a cluster (`qpv_data.grappe`). What a step does of outcomes, in which order,
does not depend on it: so the bytes do not either.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

Read = Path | Mapping[str, Path]
Outcome = Callable[[], Any]
Made = TypeVar("Made")


@dataclass(frozen=True)
class Job:
    """One call of `do`, a function of a module: `do(**given, **reads, **writes, travail=<scratch>)`.

    `reads`: files or folders, alone or by name. `writes`: files, or folders when their name has no suffix; a file that
    `do` writes beside one is an output too. `clears`: what must be gone when the job ends and did not write it.
    `prive`: it needs keys or opens raw files of persons, and never leaves the machine that holds the lake. `personnel`:
    it reads records of persons, which are put in no store.
    """

    etape: str
    jeu: str
    nom: str
    do: Callable[..., Any]
    given: Mapping[str, Any]
    reads: Mapping[str, Read]
    writes: Mapping[str, Path]
    clears: tuple[Path, ...] = ()
    prive: bool = False
    personnel: bool = False
    travail: Path = field(default=Path(), compare=False)

    @property
    def label(self) -> str:
        """For logs: no value of a record."""
        return " ".join(part for part in (self.etape, self.jeu, self.nom) if part)

    def here(self) -> Any:
        """Run it in this process, on the paths that it names."""
        return self.do(**self.given, **self.reads, **self.writes, travail=self.travail)


Step = Generator[Sequence[Job], Sequence[Outcome], Made]


class Crew(Protocol):
    """Who runs the jobs of steps."""

    def in_order(self, steps: Iterable[Step[Made]]) -> Iterator[Made]:
        """What each step gives, in their order; each is begun, and ends, after the one before."""
        ...

    def as_ready(self, steps: Iterable[Step[Made]]) -> Iterator[Made]:
        """The same, but steps, which must be strangers to one another, may go on and end before those before them."""
        ...


class Alone:
    """This process, one job after the other: each runs when its step calls for what it answers."""

    def in_order(self, steps: Iterable[Step[Made]]) -> Iterator[Made]:
        """One step after the other."""
        return (here(step) for step in steps)

    as_ready = in_order


def here(step: Step[Made]) -> Made:
    """Run a step whole, its jobs in this process."""
    try:
        jobs = next(step)
        while True:
            jobs = step.send([job.here for job in jobs])
    except StopIteration as end:
        made: Made = end.value
        return made
