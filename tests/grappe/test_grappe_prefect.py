"""The pool of a flow: each job is a task run that bears its name, given to Prefect's task runner."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qpv_data.grappe.parcels import Done, parcel
from qpv_data.grappe.shared import Shared
from qpv_data.jobs import Job

pytest.importorskip("prefect_dask", reason="l'extension `dask` n'est pas installée : pip install 'qpv-data[dask]'")


@dataclass(frozen=True)
class Wrapped:
    key: str


class Runner:
    """What DaskTaskRunner is asked for."""

    client = None

    def __init__(self) -> None:
        self.asked: list[tuple[Any, dict[str, Any]]] = []

    def submit(self, task: Any, parameters: dict[str, Any]) -> Any:
        self.asked.append((task, parameters))

        class Run:
            wrapped_future = Wrapped(f"calculer-{len(self.asked)}")

            def result(self) -> Done:
                return Done(answer=parameters["label"])

        return Run()


def test_a_job_is_a_task_run_that_bears_its_name(tmp_path: Path) -> None:
    from flows.grappe import PrefectPool, compute

    runner = Runner()
    pool = PrefectPool(runner)
    job = Job("localiser", "points", "2024-T3", print, {}, {}, {"located": tmp_path / "x.parquet"})
    given = parcel(job, Shared(tmp_path / "travail"))
    future = pool.submit(given, 1)
    ((task, parameters),) = runner.asked
    assert task is compute
    assert compute.task_run_name == "{label}"
    assert parameters == {"given": given, "label": "localiser points 2024-T3"}
    assert pool.told(future).answer == "localiser points 2024-T3"
    assert pool.given == [future]
    # State is in the run's folder, and Dask runs lost jobs again.
    assert compute.persist_result is False
    assert not compute.retries
