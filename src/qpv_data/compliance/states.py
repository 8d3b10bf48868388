"""What came of each promise: due, received, late, refused, missing; how fresh, how complete, how well located."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path

from qpv_data.clause.model import Clause
from qpv_data.clause.vocabulary import StatutClause
from qpv_data.compliance.drift import drift
from qpv_data.compliance.journal import Attempt, Journal, Placement, read_journal
from qpv_data.compliance.promises import Promise, promises
from qpv_data.periods import parse_period
from qpv_data.problems import Problem

# Nothing reached us: a producer's silence, or a network's, is not a refusal.
NOTHING_CAME = frozenset(
    {
        Problem.SOURCE_INJOIGNABLE.value,
        Problem.SOURCE_ABSENTE.value,
        Problem.SOURCE_TRONQUEE.value,
        Problem.SOURCE_TROP_LENTE.value,
        Problem.URL_REFUSEE.value,
        Problem.MIROIR_INCOMPLET.value,
    }
)


class State(StrEnum):
    """What came of a promise. Readers see these words: French, closed list."""

    ATTENDUE = "attendue"
    RECUE = "recue"
    EN_RETARD = "en_retard"
    REFUSEE = "refusee"
    MANQUANTE = "manquante"
    ANTERIEURE = "anterieure"


@dataclass(frozen=True)
class Line:
    """One promise and what came of it. Days are local dates; shares are from 0 to 1, null when nothing is known.

    `etat`: `attendue` (its day is not come), `recue` (in time), `en_retard` (received after its day), `refusee`
    (something came and cannot be used), `manquante` (its day is over and nothing came), `anterieure` (received, or
    not, for a day before the clause: nothing was promised). `retard_jours`: from the day due to the one received, or
    to today. `fraicheur_jours`: age of the delivery in use. `completude`: filled share of the declared columns.
    `localises`: share of records whose place is known. `derive`: what changed since the delivery before; when the
    last one is refused, from the one in use to that one.
    """

    clause: str
    version: str
    producteur: str
    categorie: str
    periode: str | None
    echeance: date | None
    etat: State
    disponible_le: date | None = None
    retard_jours: int | None = None
    fraicheur_jours: int | None = None
    livraison: str | None = None
    probleme: str | None = None
    message: str | None = None
    recues: int | None = None
    conformes: int | None = None
    completude: float | None = None
    localises: float | None = None
    rejetees: Mapping[str, int] = field(default_factory=dict)
    derive: tuple[str, ...] = ()


def compliance(clauses: Iterable[Clause], journal: Path, maintenant: datetime) -> list[Line]:
    """Every promise of these clauses, by clause and period, as known on the day of `maintenant`.

    `journal`: the folder that receptions are recorded in. A clause that was never asked for has its promises too.
    """
    today = maintenant.date()
    ordered = sorted(clauses, key=lambda c: c.id)
    return [line for c in ordered for _, line in _lines(c, read_journal(journal, c.id), today)]


def line_of(clause: Clause, journal: Journal, attempt: Attempt, maintenant: datetime) -> Line | None:
    """The promise that a try was about; None when none was made, or not yet."""
    return next((line for tries, line in _lines(clause, journal, maintenant.date()) if attempt in tries), None)


def _lines(clause: Clause, journal: Journal, today: date) -> Iterator[tuple[Sequence[Attempt], Line]]:
    """Each promise with the tries at it."""
    since, before = clause.duree.debut, None
    if clause.duree.statut is not StatutClause.SIGNEE:
        # Nobody signed a date: open data owe nothing before they were first asked for.
        since = max(since, min((d for a in journal.receptions if (d := _day(a))), default=today))
    for promise in promises(clause, since, today):
        tries = [a for a in journal.of(promise.livraison) if promise.met_by(_day(a) or _asked(a), _reached(a))]
        # A delivery may be accepted, then refused by a later stage, or the reverse under a corrected clause.
        settled = {a.livraison: a.acceptee for a in tries}
        kept = [a for a in tries if a.acceptee and settled[a.livraison]]
        yield tries, _line(clause, promise, tries, kept, before, journal.localisations, today)
        before = kept[-1] if kept else before


def _line(
    clause: Clause, promise: Promise, tries: Sequence[Attempt], kept: Sequence[Attempt], before: Attempt | None,
    places: Sequence[Placement], today: date,
) -> Line:  # fmt: skip
    last = tries[-1] if tries else None
    known = {"clause": clause.id, "version": last.clause_version if last else clause.version,
             "producteur": clause.producteur.nom, "categorie": clause.producteur.categorie.value,
             "periode": promise.periode, "echeance": promise.echeance}  # fmt: skip
    failed = last if last is not None and not last.acceptee else None
    problem = {"probleme": failed.probleme, "message": failed.message} if failed else {}
    early = promise.echeance is not None and promise.echeance < clause.duree.debut
    if not kept:
        state = State.ANTERIEURE if early else _unmet(promise, failed, today)
        late = (today - promise.echeance).days if promise.echeance and state is State.MANQUANTE else None
        changed = drift(before, failed) if before is not None and failed is not None else ()
        return Line(**known, etat=state, retard_jours=late, derive=changed, **problem)  # type: ignore[arg-type]
    # In time or not is settled by the first delivery that was accepted; what is read, by the last.
    first, used = min(_day(a) or _asked(a) for a in kept), kept[-1]
    late = max(0, (first - promise.echeance).days) if promise.echeance and not early else None
    state = State.ANTERIEURE if early else State.EN_RETARD if late else State.RECUE
    return Line(
        **known,  # type: ignore[arg-type]
        etat=state,
        disponible_le=first,
        retard_jours=late,
        fraicheur_jours=(today - (_day(used) or _asked(used))).days,
        livraison=used.livraison,
        recues=used.recues,
        conformes=used.conformes,
        completude=sum(used.renseignes.values()) / len(used.renseignes) if used.renseignes else None,
        localises=_located(places, used.livraison),
        rejetees=used.rejetees,
        derive=_changes(before, used, failed),
        **problem,  # type: ignore[arg-type]
    )


def _changes(before: Attempt | None, used: Attempt, failed: Attempt | None) -> tuple[str, ...]:
    if failed is not None:
        return drift(used, failed)
    return drift(before, used) if before is not None else ()


def _unmet(promise: Promise, failed: Attempt | None, today: date) -> State:
    if failed is not None and failed.probleme not in NOTHING_CAME:
        return State.REFUSEE
    return State.ATTENDUE if promise.echeance is None or today <= promise.echeance else State.MANQUANTE


def _located(places: Sequence[Placement], livraison: str | None) -> float | None:
    """Share of the records whose place is known, the last time that this delivery was located."""
    found = [p for p in places if p.livraison == livraison and p.lus]
    return 1 - sum(found[-1].inconnus.values()) / found[-1].lus if found else None


def _day(attempt: Attempt) -> date | None:
    return date.fromisoformat(attempt.disponible_le) if attempt.disponible_le else None


def _asked(attempt: Attempt) -> date:
    return datetime.fromisoformat(attempt.quand).date()


def _reached(attempt: Attempt) -> date | None:
    return parse_period(attempt.derniere_periode).fin if attempt.derniere_periode else None
