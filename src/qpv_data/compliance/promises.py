"""What a clause promises, and by which day: one promise a period."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from qpv_data.clause.model import Clause, ClauseJeu
from qpv_data.periods import Frequence, Period, parse_period, period_of, periods_between

FREQUENCES = {
    "mensuelle": Frequence.M,
    "trimestrielle": Frequence.T,
    "semestrielle": Frequence.S,
    "annuelle": Frequence.A,
}


@dataclass(frozen=True)
class Promise:
    """One delivery that a clause promises.

    `periode`: what it speaks of, null for a referential delivered once. `livraison`: the period that names the
    delivery, null for a file that is replaced. `echeance`: null when no day was promised. A file that is replaced
    keeps its promise with a version whose records reach `atteint`, or, when records are not dated, one that was there
    after `apres` and no later than `jusqua`, when the next one is promised.
    """

    periode: str | None
    livraison: str | None
    echeance: date | None
    apres: date = date.min
    jusqua: date = date.max

    atteint: date | None = None

    def met_by(self, there: date, reached: date | None) -> bool:
        """Whether a version that was `there` that day, with records up to `reached`, can be this promise's."""
        if self.atteint is not None and reached is not None:
            return reached >= self.atteint
        return self.apres < there <= self.jusqua


def promises(clause: Clause, depuis: date, aujourdhui: date) -> Iterator[Promise]:
    """The promises of a clause whose period has ended by `aujourdhui`, or by its last day, oldest first.

    A feed of one delivery a period promises each period of its series. A file that is replaced promises a new
    version each `periodicite`, from the last period that had ended on the day `depuis`, so that something is always
    promised, and within its series. A fixed period, or a file delivered once (`ponctuelle`), is one promise.
    """
    aujourdhui = min(aujourdhui, clause.duree.dernier_jour)
    if isinstance(clause, ClauseJeu) and clause.par_periode:
        for period in _series(clause, aujourdhui):
            yield Promise(str(period), str(period), _due(clause, period))
        return
    frequency = FREQUENCES.get(clause.periodicite)
    if isinstance(clause, ClauseJeu) and (clause.periode.origine == "fixe" or frequency is None):
        period = parse_period(clause.periode.fin or clause.periode.debut)
        if period.fin < aujourdhui:
            yield Promise(str(period), None, _due(clause, period))
        return
    if frequency is None:
        yield Promise(None, None, None)
        return
    last = _ended(aujourdhui, frequency)
    dated, first = isinstance(clause, ClauseJeu), min(_ended(depuis, frequency), last)
    if isinstance(clause, ClauseJeu):
        first = max(first, period_of(parse_period(clause.periode.debut).debut, frequency))
        if clause.periode.fin is not None:
            last = min(last, period_of(parse_period(clause.periode.fin).fin, frequency))
    for period in periods_between(first, last):
        reach = period.fin if dated else None
        yield Promise(str(period), None, _due(clause, period), period.fin, period.next().fin, reach)


def _series(clause: ClauseJeu, today: date) -> Iterator[Period]:
    first = parse_period(clause.periode.debut)
    last = _ended(today, first.frequence)
    if clause.periode.fin is not None:
        last = min(last, parse_period(clause.periode.fin))
    return periods_between(first, last)


def _ended(day: date, frequency: Frequence) -> Period:
    """The last period that ended before `day`."""
    return period_of(period_of(day, frequency).debut - timedelta(days=1), frequency)


def _due(clause: Clause, period: Period) -> date:
    return period.fin + timedelta(days=clause.echeance_jours)
