"""Flow `disponibilite`: ask each source whether it answers, and note it: what `qpv-data sonder` does."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact

from flows import etapes
from qpv_data.clause.check import checked_clauses
from qpv_data.configure import configured
from qpv_data.operations.probing import note_probes, probe_all
from qpv_data.pipeline import transport


@flow(name="disponibilite", persist_result=False, timeout_seconds=etapes.HOUR // 2)
def disponibilite(
    sortie: Path,
    clauses: Path | None = None,
    miroir: Path | None = None,
    maintenant: datetime | None = None,
) -> dict[str, int]:
    """How many sources were asked, and how many did not answer. The folder is not held: a run may be under way."""
    cfg = configured(sortie, clauses=clauses, miroir=miroir, maintenant=maintenant)
    declared = checked_clauses(cfg.clauses, cfg.maintenant.date())
    with transport(cfg) as reach:
        found = probe_all([c.clause for c in declared.chargees], cfg.maintenant.date(), reach)
    note_probes(cfg.folder("journal"), found, cfg.maintenant)
    rows = [
        {
            "jeu": p.jeu,
            "période": p.periode or "",
            "répond": "non" if p.probleme else "oui",
            "problème": f"{p.probleme.value} : {p.message}" if p.probleme else "",
            "secondes": round(p.secondes, 2),
        }
        for p in sorted(found, key=lambda p: (p.probleme is None, p.jeu))
    ]
    for p in found:
        if p.probleme is not None:
            get_run_logger().warning("%s %s : %s, %s", p.jeu, p.periode or "", p.probleme.value, p.message)
    etapes.artifact(lambda: create_table_artifact(rows, "sources", "Les sources répondent-elles ?"))
    return {"sondees": len(found), "muettes": sum(p.probleme is not None for p in found)}
