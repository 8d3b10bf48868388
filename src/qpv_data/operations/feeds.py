"""Where each feed stands today: up to date, late, refused or absent; and what is due next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from qpv_data.clause.model import Clause
from qpv_data.compliance.journal import read_journal
from qpv_data.compliance.promises import promises
from qpv_data.compliance.states import NOTHING_CAME, Line, State, compliance

_HORIZON = timedelta(days=800)


class FeedState(StrEnum):
    """Readers see these words: French, closed list, the worst first."""

    ABSENTE = "absente"
    REFUSEE = "refusée"
    EN_RETARD = "en retard"
    A_JOUR = "à jour"
    ATTENDUE = "attendue"


@dataclass(frozen=True)
class FeedStatus:
    """One feed. `periode` and `depuis`: the last delivery in use, and the day it was there. `retard_jours`: of what is
    due. `probleme`: of the last try, when it failed. `manquent`: earlier periods that are due and never came.
    """

    jeu: str
    etat: FeedState
    periode: str | None = None
    depuis: date | None = None
    retard_jours: int | None = None
    probleme: str | None = None
    manquent: tuple[str, ...] = ()
    prochaine: date | None = None


@dataclass(frozen=True)
class Due:
    """A delivery that is promised for a day to come."""

    echeance: date
    jeu: str
    periode: str | None


def lines_of(clauses: Iterable[Clause], journal: Path, maintenant: datetime) -> dict[str, list[Line]]:
    """What each feed has promised and given, by its name."""
    known = sorted(clauses, key=lambda c: c.id)
    lines: dict[str, list[Line]] = {c.id: [] for c in known}
    for line in compliance(known, journal, maintenant):
        lines[line.clause].append(line)
    return lines


def feed_states(
    clauses: Iterable[Clause], lines: Mapping[str, Sequence[Line]], dues: Iterable[Due], journal: Path
) -> list[FeedStatus]:
    """Each feed, those that need somebody first, then by name. `lines`: of `lines_of`; `dues`: of `next_dues`."""
    coming = {due.jeu: due.echeance for due in dues}
    found = [_status(c, lines[c.id], journal, coming.get(c.id)) for c in clauses]
    order = list(FeedState)
    return sorted(found, key=lambda f: (order.index(f.etat), not (f.probleme or f.manquent), f.jeu))


def _status(clause: Clause, lines: Sequence[Line], journal: Path, prochaine: date | None) -> FeedStatus:
    due = [li for li in lines if li.etat is not State.ATTENDUE] or list(lines)
    used = next((li for li in reversed(lines) if li.livraison is not None), None)
    ever = used is not None or any(a.acceptee for a in read_journal(journal, clause.id).receptions)
    last = due[-1] if due else None
    missing = tuple(li.periode or "" for li in due[:-1] if li.etat in (State.MANQUANTE, State.REFUSEE))
    return FeedStatus(
        clause.id,
        _state(last, ever),
        used.periode if used else None,
        used.disponible_le if used else None,
        last.retard_jours if last is not None and last.etat is State.MANQUANTE else None,
        last.probleme if last is not None else None,
        missing,
        prochaine,
    )


def _state(last: Line | None, ever: bool) -> FeedState:
    if last is None or last.etat is State.ATTENDUE:
        return FeedState.ATTENDUE
    if last.etat is State.MANQUANTE:
        return FeedState.EN_RETARD if ever else FeedState.ABSENTE
    refused = last.probleme is not None and last.probleme not in NOTHING_CAME
    if last.etat is State.REFUSEE or refused:
        return FeedState.REFUSEE
    if last.livraison is None and last.etat is State.ANTERIEURE:
        return FeedState.A_JOUR if ever else FeedState.ATTENDUE
    return FeedState.A_JOUR


def next_dues(clauses: Iterable[Clause], lines: Mapping[str, Sequence[Line]], today: date) -> list[Due]:
    """The next delivery that each clause promises and that is not there yet, the soonest first."""
    found = []
    for clause in clauses:
        there = {li.periode for li in lines.get(clause.id, ()) if li.livraison is not None}
        for promise in promises(clause, today, today + _HORIZON):
            if promise.echeance is not None and promise.echeance >= today and promise.periode not in there:
                found.append(Due(promise.echeance, clause.id, promise.periode))
                break
    return sorted(found, key=lambda d: (d.echeance, d.jeu))
