"""The seven stages in order, for one release. No scheduler here: flows/ wraps the same steps.

Steps: `receive` each delivery, `refer` composes the zonings, `place` locates and aggregates a feed,
`release` protects and publishes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from qpv_data.access import Access, note
from qpv_data.certificate import RevisionError
from qpv_data.clause.check import checked_clauses
from qpv_data.clause.load import ClauseSet, LeftOut
from qpv_data.clause.model import Clause, ClauseJeu, Indicateur
from qpv_data.clause.scope import scope
from qpv_data.compliance.journal import record
from qpv_data.feeds import Placed, place, placing
from qpv_data.history import ledger
from qpv_data.jobs import Alone, Crew, Step
from qpv_data.operations.stages import Stage, bytes_in, stage
from qpv_data.periods import Period
from qpv_data.problems import FeedError, Problem, listed
from qpv_data.protect import protect
from qpv_data.publish import Release, publish
from qpv_data.receive import Reception, Transport, attempt_of, holding, receiving
from qpv_data.runs import (
    Configuration,
    Expected,
    RunError,
    exclusive,
    expected_deliveries,
    hold_audience,
    hold_clock,
    release_period,
)
from qpv_data.sources.mirror import mirrored
from qpv_data.zonages import ZonagesReport, compose_zonages

__all__ = ["Placed", "Progress", "RunReport", "place", "run"]


@dataclass(frozen=True)
class Progress:
    """One step that has ended, for whoever watches. `detail` holds no personal value."""

    etape: str
    jeu: str
    detail: str
    fait: int
    total: int


Watcher = Callable[[Progress], None]


@dataclass(frozen=True)
class RunReport:
    """What a run did."""

    release: Release
    receptions: tuple[Reception, ...]
    places: tuple[Placed, ...]
    zonages: ZonagesReport
    ecartes: tuple[LeftOut, ...] = ()


@contextmanager
def transport(cfg: Configuration) -> Iterator[Transport | None]:
    """How addresses are reached: as they are, or through the mirror's loopback server."""
    with mirrored(cfg.miroir) as reach:
        yield reach


def prepare(cfg: Configuration) -> tuple[ClauseSet, Period, Configuration]:
    """Check every declaration before anything is written, and settle the release's period."""
    clauses = scope(checked_clauses(cfg.clauses, cfg.maintenant.date()), cfg.diffusion, cfg.finalite)
    if not clauses.jeux:
        reasons = listed(f"{left.jeu} : {left.message}" for left in clauses.ecartes)
        message = f"aucun jeu pour cette diffusion et cette finalité ({reasons})"
        raise RunError(Problem.RIEN_A_PUBLIER, message, "revoir --diffusion et --finalite, ou les clauses")
    hold_audience(cfg)
    hold_clock(cfg)
    period = release_period(cfg, clauses)
    return clauses, period, replace(cfg, periode=str(period))


def deliveries(clauses: ClauseSet, period: Period) -> list[tuple[Clause, Expected]]:
    """Every delivery that the release expects, referentials first."""
    ordered: list[Clause] = [*clauses.zonages, *clauses.jeux]
    return [(clause, expected) for clause in ordered for expected in expected_deliveries(clause, period)]


def refer(
    cfg: Configuration, clauses: ClauseSet, receptions: Sequence[Reception]
) -> tuple[ZonagesReport, tuple[Reception, ...]]:
    """Compose the zonings of the run. A referential that cannot be used is refused by name and the others go on.

    Returns the receptions too, those of refused referentials amended.
    """
    settled = {(r.jeu, r.periode): r for r in receptions}
    usable = {r.jeu: r.conformed for r in receptions if r.conformed is not None}
    conformed: dict[str, Path] = {z.id: p for z in clauses.zonages if (p := usable.get(z.id)) is not None}
    while conformed:
        try:
            with stage("composer") as seen:
                report = compose_zonages(clauses.zonages, conformed, cfg.folder("zonages"))
                seen.octets = bytes_in(cfg.folder("zonages"))
        except FeedError as e:
            if e.jeu not in conformed:
                raise
            del conformed[e.jeu]
            settled[e.jeu, None] = replace(
                settled[e.jeu, None],
                statut="refusee",
                livraison=None,
                conformed=None,
                probleme=e.probleme.value,
                message=e.message,
                remede=e.remede,
            )
            refused = next(z for z in clauses.zonages if z.id == e.jeu)
            record(cfg.folder("journal"), attempt_of(cfg, refused, settled[e.jeu, None]))
            continue
        return report, tuple(settled.values())
    message = "aucun référentiel de zonage n'a pu être lu"
    raise RunError(Problem.REFERENTIEL_ABSENT, message, "voir les livraisons refusées ou absentes")


def release(
    cfg: Configuration, clauses: ClauseSet, receptions: Sequence[Reception], places: Sequence[Placed]
) -> Release:
    """Protect what was aggregated in this run, and publish it."""
    ready = {p.jeu for p in places if p.erreur is None}
    indicators = [(c, i) for c, i in clauses.indicateurs() if c.id in ready]
    if not indicators:
        message = "aucun jeu n'a pu être agrégé"
        raise RunError(Problem.RIEN_A_PUBLIER, message, "voir les livraisons refusées ou absentes")
    errors: Mapping[str, FeedError] = {p.jeu: p.erreur for p in places if p.erreur is not None}
    with stage("publication", evenement="publication") as seen:
        made = _published(cfg, clauses, indicators, receptions, errors, seen)
        seen.publication, seen.sorties, seen.etat = made.id, made.lignes, "nouvelle" if made.nouvelle else "inchangee"
    used = ready | {z.id for z in clauses.zonages}
    for reception in receptions:
        if reception.usable and reception.jeu in used:
            _note_published(cfg, clauses, reception, made)
    return made


def _published(
    cfg: Configuration, clauses: ClauseSet, indicators: Sequence[tuple[ClauseJeu, Indicateur]],
    receptions: Sequence[Reception], errors: Mapping[str, FeedError], seen: Stage,
) -> Release:  # fmt: skip
    """Protect and publish; once more when corrections of earlier figures give people away: those wait."""
    folders = cfg.folder("aggregated"), cfg.folder("zonages"), cfg.travail / "protege", cfg.travail
    earlier, waiting = ledger(cfg.sortie), dict[str, set[str]]()
    while True:
        with stage("proteger"):
            protected = protect(indicators, *folders, ledger=earlier, deferred=waiting)
        seen.en_attente = tuple(sorted(f"{jeu} {p}" for jeu, periods in protected.en_attente.items() for p in periods))
        with stage("publier") as put:
            try:
                made = publish(cfg, clauses, protected, receptions, errors)
            except RevisionError as e:
                put.etat = "a_refaire"
                known = {(jeu, p) for jeu, periods in protected.en_attente.items() for p in periods}
                if e.revisions <= known:
                    raise e.refusal from e
                for jeu, period in e.revisions | known:
                    waiting.setdefault(jeu, set()).add(period)
            else:
                put.sorties, put.octets, put.publication = made.lignes, bytes_in(made.dossier), made.id
                return made


def _note_published(cfg: Configuration, clauses: ClauseSet, reception: Reception, made: Release) -> None:
    """A line of the access log for each delivery that a release was made from."""
    clause = clauses.versions(reception.jeu)[0]
    version, purposes = reception.clause_version or clause.version, tuple(clause.finalites)
    note(cfg, Access("publication", clause.id, reception.livraison, version, purposes, sorties=(made.id,)))


Selection = Callable[[Clause, Expected], bool]


def everything(clause: Clause, expected: Expected) -> bool:
    """Every delivery is asked for."""
    return True


def run(cfg: Configuration, watch: Watcher, only: Selection = everything, crew: Crew | None = None) -> RunReport:
    """The whole of it; of the deliveries that `only` leaves out, what is held is used and nobody is asked.

    `crew`: who conforms, locates and aggregates; this process, unless others are given. Raises InvalidDeclarationError
    or RunError; a feed's own failure is in the report.
    """
    clauses, period, cfg = prepare(cfg)
    crew = crew or Alone()
    with transport(cfg) as reach, exclusive(cfg):
        expected = deliveries(clauses, period)
        steps = receptions_begun(cfg, clauses, expected, reach, only)
        receptions = []
        for n, reception in enumerate(crew.in_order(steps), start=1):
            receptions.append(reception)
            watch(Progress("réception", reception.jeu, said(reception), n, len(expected)))
        return _rest(cfg, clauses, receptions, watch, crew)


def receptions_begun(
    cfg: Configuration, clauses: ClauseSet, expected: Sequence[tuple[Clause, Expected]], reach: Transport | None,
    only: Selection = everything,
) -> Iterator[Step[Reception]]:  # fmt: skip
    """A step for each delivery, in order."""
    for clause, delivery in expected:
        versions = clauses.versions(clause.id)
        if only(clause, delivery):
            yield receiving(cfg, clause, delivery, reach, versions)
        else:
            yield holding(cfg, clause, delivery, versions)


def all_placed(
    cfg: Configuration, clauses: ClauseSet, received: Sequence[Reception], watch: Watcher, crew: Crew
) -> list[Placed]:
    """Every feed located and aggregated; in the order of clauses, whatever the order in which they ended."""
    ended = dict[str, Placed]()
    for n, placed in enumerate(crew.as_ready(placing(cfg, clauses, f, received) for f in clauses.jeux), start=1):
        ended[placed.jeu] = placed
        watch(Progress("localisation", placed.jeu, told(placed), n, len(clauses.jeux)))
    return [ended[feed.id] for feed in clauses.jeux]


def run_on(cfg: Configuration, receptions: Callable[[Configuration, ClauseSet, Period], Sequence[Reception]],
           watch: Watcher) -> RunReport:  # fmt: skip
    """The same, from receptions that are given rather than asked for. The folder is the caller's already."""
    clauses, period, cfg = prepare(cfg)
    return _rest(cfg, clauses, receptions(cfg, clauses, period), watch, Alone())


def _rest(
    cfg: Configuration, clauses: ClauseSet, receptions: Sequence[Reception], watch: Watcher, crew: Crew
) -> RunReport:
    """From what was received to the release."""
    zonings, received = refer(cfg, clauses, receptions)
    watch(Progress("zonages", "", counted(zonings), 1, 1))
    places = all_placed(cfg, clauses, received, watch, crew)
    made = release(cfg, clauses, received, places)
    watch(Progress("publication", "", made.id, 1, 1))
    return RunReport(made, received, tuple(places), zonings, clauses.ecartes)


def said(reception: Reception) -> str:
    """One line on a delivery."""
    label = f"{reception.periode or 'unique'} {reception.statut}"
    if reception.probleme:
        return f"{label} ({reception.probleme} : {reception.message})"
    if reception.statut == "detruite":
        return label
    rejected = sum(reception.rejetees.values())
    return f"{label} : {reception.recues} reçues = {reception.conformes} conformes + {rejected} rejetées"


def counted(zonings: ZonagesReport) -> str:
    """One line on the zonings."""
    return f"{sum(e.normale + e.degeneree + e.sans_contour for e in zonings.effectifs)} zones"


def told(placed: Placed) -> str:
    """One line on a feed."""
    if placed.erreur is not None:
        return f"{placed.erreur.probleme.value} : {placed.erreur.message}"
    unknown = sum(sum(r.motifs.values()) for r in placed.localisations)
    return f"{sum(r.lus for r in placed.localisations)} enregistrements, {unknown} de lieu inconnu"
