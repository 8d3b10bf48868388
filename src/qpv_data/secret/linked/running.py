"""Protect many periods at once: in this process when they are small, else shared between others.

Workers are plain commands, `python -m qpv_data.secret.linked.running FOLDER…`, which read a job and write its answer in
a private folder: they import nothing of the program that asked (a scheduler, a test), and start in half a second.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qpv_data.cores import cores
from qpv_data.engine import scratch
from qpv_data.problems import FeedError
from qpv_data.secret.linked.protection import Job, Row, protect_job

SMALL = 5_000
"""Cells in all under which another process costs more than it brings."""

Answer = dict[str, list[Row]]


def protect_jobs(jobs: Sequence[Job], work: Path, processes: int | None = None) -> list[Answer]:
    """The answer of each job, which does not depend on `processes` (by default, as many as there are cores).

    Raises the first job's FeedError, in their order.
    """
    count = min(processes or cores(), len(jobs))
    if count <= 1 or sum(job.size for job in jobs) <= SMALL:
        return [protect_job(job) for job in jobs]
    with scratch(work) as folder:
        for number, job in enumerate(jobs):
            (folder / f"{number}.job").write_bytes(pickle.dumps(job))
        command = [sys.executable, "-m", "qpv_data.secret.linked.running"]
        running = []
        for share in shared(jobs, count):
            files = [str(folder / f"{n}.job") for n in share]
            running.append(subprocess.Popen([*command, *files], stdin=subprocess.DEVNULL))  # noqa: S603  ourselves
        codes = [process.wait() for process in running]
        if any(codes):
            raise RuntimeError(f"un processus de protection s'est arrêté (codes {codes})")
        answers = [_read(folder / f"{n}.job.answer") for n in range(len(jobs))]
    for answer in answers:
        if isinstance(answer, FeedError):
            raise answer
    return answers


def shared(jobs: Sequence[Job], count: int) -> list[list[int]]:
    """Numbers of the jobs of each process: the largest first, each to the one that has least."""
    shares: list[list[int]] = [[] for _ in range(count)]
    loads = [0] * count
    for number in sorted(range(len(jobs)), key=lambda n: (-jobs[n].size, n)):
        least = loads.index(min(loads))
        shares[least].append(number)
        loads[least] += jobs[number].size
    return [share for share in shares if share]


def _read(path: Path) -> Any:
    """What this run has just written in its private folder."""
    return pickle.loads(path.read_bytes())  # noqa: S301


def _serve(paths: Sequence[Path]) -> None:
    for path in paths:
        answer: Answer | FeedError
        try:
            answer = protect_job(_read(path))
        except FeedError as e:
            answer = e
        Path(f"{path}.answer").write_bytes(pickle.dumps(answer))


if __name__ == "__main__":
    _serve([Path(argument) for argument in sys.argv[1:]])
