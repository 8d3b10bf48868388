"""Declarations and what earlier runs left: refused clauses, a run without an end, a clock that went back, backups."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from qpv_data.clause.model import Clause, SansObjet
from qpv_data.operations.check import Check, fault, ok, warning
from qpv_data.operations.events import read_events
from qpv_data.operations.host_checks import closed, standing, there
from qpv_data.operations.settings import NAME, operation_of
from qpv_data.operations.state import held, run_states
from qpv_data.problems import InvalidDeclarationError, Problem, listed
from qpv_data.retention.proof import signing_key
from qpv_data.runs import RunError

_OLD_BACKUP = timedelta(days=8)
_SKEW = timedelta(minutes=5)


def lake_checks(
    sortie: Path, clauses: Sequence[Clause], now: datetime, environment: Mapping[str, str] = os.environ
) -> Iterator[Check]:
    """What the run's folder tells; nothing of a folder that is not there yet."""
    journal = sortie / "journal"
    if closed(standing(sortie)) is not None:
        return  # said already
    if (unread := closed(journal)) is not None:
        yield unread
        return
    events = list(read_events(journal, 12))
    yield last_run(events, held(sortie))
    yield clock_went_on(events, now)
    yield backups(events, now, there(sortie / "raw"))
    if (key := signing(clauses, environment)) is not None:
        yield key


def last_run(events: Sequence[Mapping[str, object]], running: bool) -> Check:
    """Whether the last run ended, and how."""
    runs = run_states(events, running)
    if not runs:
        return ok("exécution", "aucune encore")
    last = runs[-1]
    if last.etat == "interrompue":
        message = f"{last.execution} n'a pas fini"
        return warning("exécution", Problem.EXECUTION_INTERROMPUE, message, "relancer : ce qui est fait est repris")
    if last.etat == "echec":
        message = f"{last.execution} a échoué ({last.probleme})"
        return warning("exécution", Problem.EXECUTION_INTERROMPUE, message, "lire journal/, corriger, relancer")
    return ok("exécution", f"{last.execution} {'en cours' if last.etat == 'en cours' else 'réussie'}")


def clock_went_on(events: Sequence[Mapping[str, object]], now: datetime) -> Check:
    """A log that is ahead of the clock: it was put back, or set wrong when a run wrote."""
    if not events:
        return ok("heure", now.isoformat(timespec="seconds"))
    last = datetime.fromisoformat(str(events[-1]["quand"]))
    if last - now > _SKEW:
        message = f"le journal va jusqu'au {last:%d/%m/%Y %H:%M}, après maintenant ({now:%d/%m/%Y %H:%M} UTC)"
        remedy = "régler l'heure : timedatectl set-ntp true ; ôter SOURCE_DATE_EPOCH s'il est défini"
        return warning("heure", Problem.HORLOGE_DECALEE, message, remedy)
    return ok("heure", now.isoformat(timespec="seconds"))


def backups(events: Sequence[Mapping[str, object]], now: datetime, holds: bool) -> Check:
    """The last backup that was noted. `holds`: whether there is anything to save."""
    saved = [datetime.fromisoformat(str(e["quand"])) for e in events if e["evenement"] == "sauvegarde"]
    remedy = "qpv-data sauvegarder, chaque nuit : docs/exploitation.md"
    if not holds:
        return ok("sauvegarde", "rien à sauvegarder encore")
    if not saved:
        return warning("sauvegarde", Problem.SAUVEGARDE_ANCIENNE, "aucune n'est notée", remedy)
    age = now - saved[-1]
    if age > _OLD_BACKUP:
        return warning("sauvegarde", Problem.SAUVEGARDE_ANCIENNE, f"la dernière a {age.days} jours", remedy)
    return ok("sauvegarde", f"la dernière : {saved[-1]:%d/%m/%Y %H:%M} UTC")


def signing(clauses: Sequence[Clause], environment: Mapping[str, str]) -> Check | None:
    """The key that signs proofs of destruction, where a clause has something destroyed."""
    if all(isinstance(c.destruction, SansObjet) for c in clauses):
        return None
    try:
        signing_key(environment)
    except RunError as e:
        return warning("clé de signature", e.probleme, e.message, e.remede)
    return ok("clé de signature", "définie")


def notifications(clauses: Path, environment: Mapping[str, str] = os.environ) -> Check:
    """Whom a run tells, and whether what they ask for is there. Raises InvalidDeclarationError."""
    declared = operation_of(clauses).notifications
    named = [v for n in declared for v in (n.secret, getattr(n, "url_secrete", None)) if v is not None]
    absent = [v for v in named if not environment.get(v, "").strip()]
    if absent:
        message, remedy = f"variables absentes : {listed(absent)}", "les définir là où la chaîne s'exécute"
        return fault("notifications", Problem.SECRET_ABSENT, message, remedy)
    if not declared:
        return ok("notifications", f"aucune n'est déclarée ({NAME})")
    return ok("notifications", listed(f"{n.type} ({', '.join(n.quand)})" for n in declared))


def declarations(sujet: str, error: InvalidDeclarationError, remede: str) -> Check:
    """Refused declarations: every run would stop before writing anything."""
    count = len(error.violations)
    first = error.violations[0] if error.violations else None
    message = f"{count} faute{'s' * (count > 1)}" + (f" ; la première : {first}" if first else "")
    return fault(sujet, first.probleme if first else Problem.VALEUR_INVALIDE, message, remede)
