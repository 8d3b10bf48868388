"""What travels: a job, where its files are, the code that it expects; and what a worker answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from qpv_data.digests import file_digest
from qpv_data.engine import scratch
from qpv_data.jobs import Job, Read
from qpv_data.problems import FeedError
from qpv_data.software import computing_digest


@dataclass(frozen=True)
class Written:
    """A file that a job wrote: the output it belongs to, its name from that output's folder, and where it waits."""

    sortie: str
    nom: str
    sha256: str
    mode: int
    lieu: str


@dataclass(frozen=True)
class Done:
    """`answer`: what the job gives; `error`: the feed's own failure; `unfit`: (what, remedy) of a worker that cannot
    work, which has then done nothing."""

    answer: Any = None
    error: FeedError | None = None
    written: tuple[Written, ...] = ()
    unfit: tuple[str, str] | None = None


class Way(Protocol):
    """How files go between the lake and a worker."""

    stores: bool
    """Whether records are copied to a store on their way."""

    def send(self, job: Job) -> Any:
        """On the lake's side: make the job's files reachable; what `here` needs to find them. Raises OSError."""
        ...

    def here(self, sent: Any, folder: Path) -> Mapping[str, Read]:
        """On the worker's side: the files to read, in this process's reach. Raises UnreachableError."""
        ...

    def outputs(self, sent: Any, folder: Path) -> Path:
        """On the worker's side: a new folder to write in."""
        ...

    def give(self, sent: Any, path: Path, digest: str) -> str:
        """On the worker's side: where an output waits for the lake, whole."""
        ...

    def take(self, lieu: str, target: Path) -> None:
        """On the lake's side: put an output at `target`, whole or not at all. Raises OSError."""
        ...


class UnreachableError(Exception):
    """A worker does not see the files of its job: why, and the remedy."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why, remedy)
        self.why, self.remedy = why, remedy


@dataclass(frozen=True)
class Parcel:
    """A job without its paths of the lake, and the way to its files."""

    job: Job
    way: Way
    sent: Any
    logiciel: str

    def __repr__(self) -> str:
        """What Dask shows of it in its logs: names alone."""
        return f"<{self.job.label}>"


def parcel(job: Job, way: Way) -> Parcel:
    """Make the job's files reachable, and wrap it."""
    sent = way.send(job)
    names = {key: Path(path.name) for key, path in job.writes.items()}
    return Parcel(replace(job, reads={}, writes=names, clears=(), travail=Path()), way, sent, computing_digest())


_ONE = threading.Lock()
"""A process runs one job at a time, whatever the number of its threads: its memory is that of one job."""


def work(given: Parcel, local: Path) -> Done:
    """Run a parcel in this process; `local` is a folder of this machine."""
    if given.logiciel != computing_digest():
        return Done(unfit=("son logiciel n'est pas celui de la machine qui pilote", "installer les mêmes versions"))
    with _ONE, scratch(local) as folder:
        try:
            reads = given.way.here(given.sent, folder)
        except UnreachableError as e:
            return Done(unfit=(e.why, e.remedy))
        root = given.way.outputs(given.sent, folder)
        writes = {key: root / key / path.name for key, path in given.job.writes.items()}
        for path in writes.values():
            path.parent.mkdir(parents=True)
        job = replace(given.job, reads=reads, writes=writes, travail=folder / "travail")
        answer, error = None, None
        try:
            answer = job.here()
        except FeedError as e:
            error = e
        return Done(answer, error, tuple(_given(given, root)))


def _given(given: Parcel, root: Path) -> Iterator[Written]:
    for key in given.job.writes:
        folder = root / key
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")):
            digest, mode = file_digest(path), path.stat().st_mode & 0o777
            lieu = given.way.give(given.sent, path, digest)
            yield Written(key, path.relative_to(folder).as_posix(), digest, mode, lieu)
