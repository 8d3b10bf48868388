"""Flow `livraison`: one delivery, fetched, landed and conformed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Failed

from flows import etapes
from flows.etapes import tell
from qpv_data.clause.check import checked_clauses
from qpv_data.clause.load import ClauseSet
from qpv_data.clause.model import Clause, ClauseJeu
from qpv_data.configure import configured
from qpv_data.operations.recording import recording
from qpv_data.periods import parse_period
from qpv_data.pipeline import Progress, said, transport
from qpv_data.problems import Problem
from qpv_data.receive import Reception, due_day
from qpv_data.runs import (
    Configuration,
    Expected,
    RunError,
    exclusive,
    expected_deliveries,
    release_period,
)


@flow(name="livraison", flow_run_name="livraison {clause}", persist_result=False)
def livraison(
    clause: str,
    sortie: Path,
    periode: str | None = None,
    clauses: Path | None = None,
    miroir: Path | None = None,
    maintenant: datetime | None = None,
) -> Reception | State[Reception]:
    """Receive the delivery of `clause` for `periode`, by default the last one that is due.

    A delivery that is refused, missing, or replaced by the last good one makes the run fail, saying why: someone
    has to call the producer. Raises InvalidDeclarationError or RunError.
    """
    cfg = configured(sortie, clauses=clauses, miroir=miroir, maintenant=maintenant)
    declared = checked_clauses(cfg.clauses, cfg.maintenant.date())
    asked = _clause(declared, clause)
    expected = _expected(cfg, declared, asked, periode)
    with recording(cfg, "livraison"), transport(cfg) as reach, exclusive(cfg):
        reception = etapes.received(cfg, asked, expected, reach, declared.versions(asked.id))
        tell(Progress("réception", asked.id, said(reception), 1, 1))
    if reception.statut in ("recue", "inchangee", "detruite"):
        return reception
    return Failed(message=f"{asked.id} {said(reception)}")


def _clause(declared: ClauseSet, name: str) -> Clause:
    for loaded in declared.chargees:
        if loaded.clause.id == name:
            return loaded.clause
    known = ", ".join(c.clause.id for c in declared.chargees)
    raise RunError(Problem.REFERENCE_INCONNUE, f"aucune clause `{name}`", f"choisir parmi : {known}")


def _expected(cfg: Configuration, declared: ClauseSet, clause: Clause, periode: str | None) -> Expected:
    """The delivery asked for; without a period, the last of this clause that is due."""
    if not (isinstance(clause, ClauseJeu) and clause.par_periode):
        if periode is not None:
            message = f"`{clause.id}` est livré d'un bloc"
            raise RunError(Problem.PERIODE_INVALIDE, message, "ne pas donner de période")
        return Expected(clause.id, None)
    if periode is not None:
        return _of_period(clause, periode)
    alone = ClauseSet(declared.racine, tuple(c for c in declared.chargees if c.clause is clause))
    today = cfg.maintenant.date().isoformat()
    due = [
        e
        for e in expected_deliveries(clause, release_period(cfg, alone))
        if (due_day(clause, e.periode) or "") <= today
    ]
    return due[-1]  # release_period raises when none is


def _of_period(clause: ClauseJeu, periode: str) -> Expected:
    try:
        known = expected_deliveries(clause, parse_period(periode))
    except ValueError as e:
        raise RunError(Problem.PERIODE_INVALIDE, str(e), "écrire par exemple 2024-T3") from e
    if not known or known[-1].periode != periode:
        message = f"{periode} n'est pas une livraison de `{clause.id}`"
        last = f" à {clause.periode.fin}" if clause.periode.fin else ""
        remedy = f"ses périodes ({clause.periode.frequence.value}) vont de {clause.periode.debut}{last}"
        raise RunError(Problem.PERIODE_INVALIDE, message, remedy)
    return known[-1]
