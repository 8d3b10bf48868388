"""Flow `retention`: what is due under its clause is destroyed, with a signed proof: what `qpv-data purge` does."""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime
from pathlib import Path

from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Failed

from flows import etapes
from qpv_data.clause.check import checked_clauses
from qpv_data.configure import configured
from qpv_data.operations.recording import recording
from qpv_data.retention.intents import pending
from qpv_data.retention.items import Etat, Item
from qpv_data.retention.proof import signing_key
from qpv_data.retention.purge import look, purge
from qpv_data.retention.settings import read_settings


@flow(name="retention", persist_result=False, timeout_seconds=4 * etapes.HOUR)
def retention(
    sortie: Path,
    clauses: Path | None = None,
    configuration: Path | None = None,
    confirmer: bool = False,
    maintenant: datetime | None = None,
) -> dict[str, int] | State[dict[str, int]]:
    """Show what is due; with `confirmer`, destroy it. `configuration`: where backups are.

    The signing key is asked for when something is due, and not before. Fails when what is due could not be destroyed.
    """
    cfg = configured(sortie, clauses=clauses, maintenant=maintenant)
    declared = checked_clauses(cfg.clauses, cfg.maintenant.date())
    settings = read_settings(configuration, cfg.sortie)
    with recording(cfg, "retention"):
        made = look(cfg, declared, settings, os.environ)
        due = [*made.items, *(before.items if (before := pending(cfg.folder("preuves"))) else ())]
        _show(due)
        if not (confirmer and due):
            hindered = len(made.empeches)
            return {"dus": len(due), "detruits": 0, "empeches": hindered}
        report = purge(cfg, declared, settings, signing_key(os.environ), os.environ)
    counts = Counter(o.etat for o in report.resultats)
    told = {"dus": len(due), "detruits": counts[Etat.DETRUIT], "empeches": len(report.empeches) + counts[Etat.ECHEC]}
    get_run_logger().info("%s", told)
    return told if report.entiere else Failed(message=f"{told['empeches']} destructions empêchées : qpv-data purge")


def _show(due: list[Item]) -> None:
    """A row a delivery and form: where files are is not said, partners choose names."""
    groups = Counter((i.jeu, i.livraison or "", i.forme.value, str(i.echeance)) for i in due)
    rows = [
        {"jeu": jeu, "livraison": ident, "forme": form, "dû le": day, "fichiers": count}
        for (jeu, ident, form, day), count in sorted(groups.items())
    ]
    etapes.artifact(lambda: create_table_artifact(rows or [{"dû": "rien"}], "retention", "Ce qui est dû"))
