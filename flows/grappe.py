"""The heavy jobs of a flow on a cluster, through Prefect's DaskTaskRunner: each is a task run that bears its name.

What is sent, what stays, and what becomes of the answers is the package's (`qpv_data.grappe`). Workers import this
module, and report to the same Prefect API: start them from the project's folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from qpv_data.grappe.cluster import DaskPool, at_work, crew_over
from qpv_data.grappe.crew import Cluster, failed
from qpv_data.grappe.parcels import Done, Parcel
from qpv_data.problems import Problem
from qpv_data.runs import Configuration, RunError


@task(name="calculer", task_run_name="{label}", cache_policy=NO_CACHE, persist_result=False)
def compute(given: Parcel, label: str) -> Done:
    """Run a parcel on the worker that took it."""
    return at_work(given)


class PrefectPool(DaskPool):
    """Dask's workers, each parcel a task run of Prefect."""

    def __init__(self, runner: Any) -> None:
        super().__init__(runner.client)
        self._runner, self._runs = runner, dict[str, Any]()

    def submit(self, given: Parcel, weight: int) -> Any:
        """Through the task runner; in the order of steps, since it knows no weight."""
        run = self._runner.submit(compute, {"given": given, "label": given.job.label})
        self._runs[run.wrapped_future.key] = run
        self.given.append(run.wrapped_future)
        return run.wrapped_future

    def told(self, future: Any) -> Done:
        """What the task run gave."""
        done: Done = self._runs[future.key].result()
        return done


@contextmanager
def engaged(cfg: Configuration, adresse: str, echange: str | None) -> Iterator[Cluster[Any]]:
    """The workers of the scheduler at `adresse`, within a flow. Raises RunError."""
    try:
        from prefect_dask import DaskTaskRunner
    except ImportError:
        remedy = "pip install 'qpv-data[dask]'"
        raise RunError(Problem.EXTENSION_ABSENTE, "prefect-dask n'est pas installé", remedy) from None
    try:
        runner = DaskTaskRunner(address=adresse).__enter__()
    except (OSError, ValueError) as e:
        message = f"pas de réponse à {adresse} ({type(e).__name__})"
        raise failed(message, "lancer `dask scheduler`, et vérifier l'adresse") from e
    try:
        with crew_over(PrefectPool(runner), cfg, echange) as crew:
            yield crew
    finally:
        runner.__exit__(None, None, None)
