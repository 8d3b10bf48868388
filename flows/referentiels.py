"""Flow `referentiels`: the zonings, from the deliveries of the referentials' clauses."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from prefect import flow
from prefect.utilities.annotations import quote

from flows import etapes
from flows.etapes import tell
from qpv_data.clause.check import checked_clauses
from qpv_data.configure import configured
from qpv_data.operations.recording import recording
from qpv_data.pipeline import Progress, counted, said, transport
from qpv_data.runs import Expected, exclusive
from qpv_data.zonages import ZonagesReport


@flow(name="referentiels", persist_result=False)
def referentiels(
    sortie: Path,
    clauses: Path | None = None,
    miroir: Path | None = None,
    maintenant: datetime | None = None,
) -> ZonagesReport:
    """Receive every referential and compose the zonings of the run's folder.

    Raises InvalidDeclarationError or RunError; a referential that fails is refused by name and the others go on.
    """
    cfg = configured(sortie, clauses=clauses, miroir=miroir, maintenant=maintenant)
    declared = checked_clauses(cfg.clauses, cfg.maintenant.date())
    with recording(cfg, "referentiels"), transport(cfg) as reach, exclusive(cfg):
        receptions = []
        for n, clause in enumerate(declared.zonages, start=1):
            expected = Expected(clause.id, None)
            receptions.append(etapes.received(cfg, clause, expected, reach, declared.versions(clause.id)))
            tell(Progress("réception", clause.id, said(receptions[-1]), n, len(declared.zonages)))
        report, _ = etapes.refer(cfg, quote(declared), quote(receptions))
        tell(Progress("zonages", "", counted(report), 1, 1))
    return report
