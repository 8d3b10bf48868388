"""Flow `publication`: a quarter, from every delivery that it expects to the release."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from prefect import flow
from prefect.utilities.annotations import quote

from flows import etapes
from flows.artefacts import show
from flows.etapes import tell
from qpv_data.clause.load import ClauseSet
from qpv_data.clause.model import Clause, Diffusion
from qpv_data.configure import configured
from qpv_data.operations.recording import recording
from qpv_data.pipeline import (
    Progress,
    RunReport,
    all_placed,
    counted,
    deliveries,
    receptions_begun,
    said,
    told,
    transport,
)
from qpv_data.receive import Transport
from qpv_data.runs import Configuration, Expected, exclusive


@flow(name="publication", persist_result=False)
def publication(
    sortie: Path,
    clauses: Path | None = None,
    miroir: Path | None = None,
    periode: str | None = None,
    maintenant: datetime | None = None,
    diffuseur: str | None = None,
    diffusion: Diffusion | None = None,
    finalite: str | None = None,
    grappe: str | None = None,
    echange: str | None = None,
) -> RunReport:
    """Publish a quarter (`periode`, by default the last deliverable one): what `qpv_data.pipeline.run` does. What is
    not said is as the folder has it.

    `grappe`: the address of a Dask scheduler, whose workers conform, locate and aggregate (DaskTaskRunner); `echange`:
    the store through which files go, when they do not see `sortie`.
    Raises InvalidDeclarationError or RunError; a feed's own failure is in the report and in the release.
    """
    cfg = configured(
        sortie, clauses=clauses, miroir=miroir, periode=periode, maintenant=maintenant, diffuseur=diffuseur,
        diffusion=diffusion, finalite=finalite,
    )  # fmt: skip
    limit = etapes.Deadline()
    with recording(cfg, "publication") as recorder:
        report = _publish(cfg, limit, grappe, echange)
    show(cfg, report, recorder)
    return report


def _publish(cfg: Configuration, limit: etapes.Deadline, grappe: str | None, echange: str | None) -> RunReport:
    declared, period, cfg = etapes.prepare(cfg)
    with transport(cfg) as reach, exclusive(cfg):
        expected = deliveries(declared, period)
        if grappe is not None:
            return _on_cluster(cfg, declared, expected, reach, grappe, echange, limit)
        receptions = []
        for n, (clause, delivery) in enumerate(expected, start=1):
            limit.hold()
            receptions.append(etapes.received(cfg, clause, delivery, reach, declared.versions(clause.id)))
            tell(Progress("réception", clause.id, said(receptions[-1]), n, len(expected)))
        zonings, received = etapes.refer(cfg, quote(declared), quote(receptions))
        tell(Progress("zonages", "", counted(zonings), 1, 1))
        places = []
        for n, feed in enumerate(declared.jeux, start=1):
            limit.hold()
            places.append(etapes.place(cfg, quote(declared), quote(feed), quote(received)))
            tell(Progress("localisation", feed.id, told(places[-1]), n, len(declared.jeux)))
        made = etapes.release(cfg, quote(declared), quote(received), quote(places))
        tell(Progress("publication", "", made.id, 1, 1))
    return RunReport(made, received, tuple(places), zonings, declared.ecartes)


def _on_cluster(
    cfg: Configuration, declared: ClauseSet, expected: list[tuple[Clause, Expected]], reach: Transport | None,
    grappe: str, echange: str | None, limit: etapes.Deadline,
) -> RunReport:  # fmt: skip
    """The same, with a task run for each heavy job, on the worker that does it."""
    from flows.grappe import engaged

    def watched(step: Progress) -> None:
        tell(step)
        limit.hold()

    with engaged(cfg, grappe, echange) as crew:
        receptions = []
        for reception in crew.in_order(receptions_begun(cfg, declared, expected, reach)):
            receptions.append(reception)
            watched(Progress("réception", reception.jeu, said(reception), len(receptions), len(expected)))
        zonings, received = etapes.refer(cfg, quote(declared), quote(receptions))
        tell(Progress("zonages", "", counted(zonings), 1, 1))
        places = all_placed(cfg, declared, received, watched, crew)
        made = etapes.release(cfg, quote(declared), quote(received), quote(places))
        tell(Progress("publication", "", made.id, 1, 1))
    return RunReport(made, received, tuple(places), zonings, declared.ecartes)
