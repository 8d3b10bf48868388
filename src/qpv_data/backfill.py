"""Ask again for the past: some clauses, over some periods; nothing is asked of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qpv_data.clause.check import checked_clauses
from qpv_data.clause.load import ClauseSet
from qpv_data.clause.model import Clause, ClauseJeu
from qpv_data.jobs import Crew
from qpv_data.periods import Period, parse_period
from qpv_data.pipeline import RunReport, Watcher, deliveries, prepare, run
from qpv_data.problems import Problem
from qpv_data.runs import Configuration, Expected, RunError


@dataclass(frozen=True)
class Asked:
    """The deliveries of `jeux` whose period is within `de` and `a`, both included. A feed delivered as a whole has no
    period, and is asked for."""

    jeux: frozenset[str]
    de: Period
    a: Period

    def __call__(self, clause: Clause, expected: Expected) -> bool:
        """Whether this delivery is asked for."""
        if clause.id not in self.jeux:
            return False
        if expected.periode is None:
            return True
        period = parse_period(expected.periode)
        return self.de.debut <= period.debut and period.fin <= self.a.fin


def backfill(
    cfg: Configuration, jeux: Sequence[str], de: str, a: str, watch: Watcher, crew: Crew | None = None
) -> RunReport:
    """Receive the deliveries of `jeux` (ids of clauses) from `de` to `a`, make again what depends on them, and publish.

    Raises InvalidDeclarationError or RunError: an unknown clause, or periods that are none of its.
    """
    asked = asked_for(checked_clauses(cfg.clauses, cfg.maintenant.date()), jeux, de, a)
    _hold_expected(cfg, asked)
    return run(cfg, watch, asked, crew)


def _hold_expected(cfg: Configuration, asked: Asked) -> None:
    """A feed of which nothing is asked would be passed over, as if it had been asked for again."""
    clauses, period, _ = prepare(cfg)
    met = {clause.id for clause, expected in deliveries(clauses, period) if asked(clause, expected)}
    for jeu in sorted(asked.jeux - met):
        left = next((e.message for e in clauses.ecartes if e.jeu == jeu), None)
        message = f"aucune livraison de `{jeu}` n'est à demander de {asked.de} à {asked.a}"
        if left is not None:
            raise RunError(Problem.RIEN_A_PUBLIER, f"{message} : {left}", "revoir --diffusion et --finalite")
        remedy = f"la publication va jusqu'à {period} ; attendre, ou donner des périodes d'avant"
        raise RunError(Problem.PERIODE_INVALIDE, message, remedy)


def asked_for(clauses: ClauseSet, jeux: Sequence[str], de: str, a: str) -> Asked:
    """What these words ask for. Raises RunError, as `backfill` says."""
    try:
        asked = Asked(frozenset(jeux), parse_period(de), parse_period(a))
    except ValueError as e:
        raise RunError(Problem.PERIODE_INVALIDE, str(e), "écrire par exemple 2023-T1") from e
    if asked.a.fin < asked.de.debut:
        raise RunError(Problem.PERIODE_INVALIDE, f"{a} finit avant {de}", "donner --de avant --a")
    known = {loaded.clause.id: loaded.clause for loaded in clauses.chargees}
    for jeu in jeux:
        if jeu not in known:
            remedy = f"choisir parmi : {', '.join(sorted(known))}"
            raise RunError(Problem.REFERENCE_INCONNUE, f"aucune clause `{jeu}`", remedy)
        _hold_series(known[jeu], asked, de, a)
    return asked


def _hold_series(clause: Clause, asked: Asked, de: str, a: str) -> None:
    """Periods that a series does not have are a mistake of whoever asks: said, never passed over."""
    if not (isinstance(clause, ClauseJeu) and clause.par_periode):
        return
    first, last = clause.periode.debut, clause.periode.fin
    late = last is not None and asked.de.debut > parse_period(last).fin
    if asked.a.fin < parse_period(first).debut or late:
        message = f"{de} à {a} n'est pas dans la série de `{clause.id}`"
        remedy = f"sa série va de {first}{f' à {last}' if last else ''}"
        raise RunError(Problem.PERIODE_INVALIDE, message, remedy)
