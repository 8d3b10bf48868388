"""Flow `publication`: a quarter, from every delivery that it expects to the release."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from prefect import flow
from prefect.utilities.annotations import quote

from flows import etapes
from flows.artefacts import show
from flows.etapes import tell
from qpv_data.clause.model import Diffusion
from qpv_data.operations.recording import recording
from qpv_data.pipeline import Progress, RunReport, counted, deliveries, said, told, transport
from qpv_data.runs import Configuration, exclusive


@flow(name="publication", persist_result=False)
def publication(
    sortie: Path,
    clauses: Path | None = None,
    miroir: Path | None = None,
    periode: str | None = None,
    maintenant: datetime | None = None,
    diffuseur: str = "qpv-data",
    diffusion: Diffusion = Diffusion.PARTENAIRES,
    finalite: str | None = None,
) -> RunReport:
    """Publish a quarter (`periode`, by default the last deliverable one): what `qpv_data.pipeline.run` does.

    Raises InvalidDeclarationError or RunError; a feed's own failure is in the report and in the release.
    """
    cfg = etapes.configuration(sortie, clauses, miroir, periode, maintenant, diffuseur, diffusion, finalite)
    limit = etapes.Deadline()
    with recording(cfg, "publication") as recorder:
        report = _publish(cfg, limit)
    show(cfg, report, recorder)
    return report


def _publish(cfg: Configuration, limit: etapes.Deadline) -> RunReport:
    declared, period, cfg = etapes.prepare(cfg)
    with transport(cfg) as reach, exclusive(cfg):
        expected = deliveries(declared, period)
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
