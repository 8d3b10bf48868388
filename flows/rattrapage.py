"""Flow `rattrapage`: the past of some clauses, asked for again."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.utilities.annotations import quote

from flows import etapes
from flows.artefacts import show
from flows.etapes import tell
from qpv_data.backfill import backfill
from qpv_data.clause.model import Diffusion
from qpv_data.configure import configured
from qpv_data.operations.recording import recording
from qpv_data.pipeline import RunReport
from qpv_data.runs import Configuration


@task(name="rattraper", cache_policy=NO_CACHE, persist_result=False, timeout_seconds=etapes.LONGEST["flow"])
def ask_again(cfg: Configuration, jeux: list[str], de: str, a: str) -> RunReport:
    """What `qpv-data backfill` does; each step is told in the run's log."""
    return backfill(cfg, jeux, de, a, tell)


@flow(name="rattrapage", flow_run_name="rattrapage {de} à {a}", persist_result=False)
def rattrapage(
    jeux: list[str],
    de: str,
    a: str,
    sortie: Path,
    clauses: Path | None = None,
    miroir: Path | None = None,
    periode: str | None = None,
    maintenant: datetime | None = None,
    diffusion: Diffusion | None = None,
    finalite: str | None = None,
) -> RunReport:
    """Receive the deliveries of `jeux` (ids of clauses) from `de` to `a`, make again what depends on them, and publish.

    Raises InvalidDeclarationError or RunError.
    """
    cfg = configured(
        sortie, clauses=clauses, miroir=miroir, periode=periode, maintenant=maintenant, diffusion=diffusion,
        finalite=finalite,
    )  # fmt: skip
    with recording(cfg, "rattrapage") as recorder:
        report = ask_again(quote(cfg), jeux, de, a)
    show(cfg, report, recorder)
    return report
