"""The seven stages in order, for one release. No scheduler here: flows/ wraps the same steps.

Steps: `receive` each delivery, `refer` composes the zonings, `place` locates and aggregates a feed,
`release` protects and publishes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC
from functools import lru_cache
from pathlib import Path

from qpv_data.access import Access, note
from qpv_data.addresses.feeds import geocoded
from qpv_data.aggregate import AggregateReport, aggregate
from qpv_data.certificate import RevisionError
from qpv_data.clause.check import checked_clauses
from qpv_data.clause.load import ClauseSet, LeftOut
from qpv_data.clause.model import Clause, ClauseJeu, Indicateur, LocalisationCode
from qpv_data.clause.scope import scope
from qpv_data.compliance.journal import Placement, record
from qpv_data.coverage import read_zone_table
from qpv_data.history import ledger
from qpv_data.locate import LocateReport, locate
from qpv_data.operations.stages import Stage, bytes_in, stage
from qpv_data.periods import Period
from qpv_data.problems import FeedError, Problem, listed
from qpv_data.protect import protect
from qpv_data.publish import Release, publish
from qpv_data.receive import Reception, Transport, attempt_of, receive, report_on, version_of
from qpv_data.retention.kept import kept
from qpv_data.runs import (
    UNIQUE,
    Configuration,
    Expected,
    RunError,
    exclusive,
    expected_deliveries,
    hold_audience,
    release_period,
    series_periods,
)
from qpv_data.sources.mirror import mirrored
from qpv_data.zonages import ZonagesReport, Zones, compose_zonages, load_zones
from qpv_data.zonages.quarters import Quarters, quarters_of


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
class Placed:
    """A feed located and aggregated, or why it is not."""

    jeu: str
    localisations: tuple[LocateReport, ...]
    agregats: AggregateReport | None
    erreur: FeedError | None = None


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


@lru_cache(maxsize=1)
def _zones(directory: Path, stamp: int) -> Zones:
    return load_zones(directory)


def place(cfg: Configuration, clauses: ClauseSet, clause: ClauseJeu, receptions: Sequence[Reception]) -> Placed:
    """Locate every usable delivery of a feed, then aggregate its whole series."""
    with stage("placement", clause.id, evenement="jeu") as seen:
        placed = _place(cfg, clauses, clause, receptions)
        seen.entrees = sum(r.lus for r in placed.localisations)
        seen.inconnues = sum(sum(r.motifs.values()) for r in placed.localisations)
        if placed.erreur is not None:
            seen.etat, seen.probleme = "refuse", placed.erreur.probleme.value
    return placed


def _place(cfg: Configuration, clauses: ClauseSet, clause: ClauseJeu, receptions: Sequence[Reception]) -> Placed:
    directory = cfg.folder("zonages")
    zones = _zones(directory, (directory / "zones.parquet").stat().st_mtime_ns)
    period = release_period(cfg, clauses)
    reports, located = [], dict[str, Path]()
    try:
        for reception in receptions:
            if reception.jeu == clause.id and reception.conformed is not None:
                target = cfg.folder("located") / clause.id / reception.conformed.name
                bound = version_of(clauses.versions(clause.id), reception.clause_version)
                own = bound if isinstance(bound, ClauseJeu) else clause
                reports.append(_locate(own, reception, zones, target))
                located[reception.conformed.stem] = target
                record(cfg.folder("journal"), _placement(cfg, reception, reports[-1]))
                report_on(cfg, own, reception.periode)
            elif reception.jeu == clause.id and reception.statut == "detruite":
                located |= _left(cfg, clause, reception)
        with stage("agreger", clause.id) as seen:
            report = aggregate(
                clause,
                located,
                periodes=series_periods(clause, period),
                table=read_zone_table(directory),
                zonages=directory,
                aggregated=cfg.folder("aggregated") / clause.id,
                travail=cfg.travail,
                quarters=_quarters(clause, zones),
                conserves=_kept(cfg, clause, receptions, located),
            )
            seen.entrees, seen.sorties = report.enregistrements, sum(report.cellules.values())
            seen.octets = bytes_in(cfg.folder("aggregated") / clause.id)
    except FeedError as e:
        return Placed(clause.id, tuple(reports), None, e)
    return Placed(clause.id, tuple(reports), report)


def _locate(clause: ClauseJeu, reception: Reception, zones: Zones, target: Path) -> LocateReport:
    assert reception.conformed is not None
    with stage("localiser", clause.id, reception.periode) as seen:
        report = locate(clause, geocoded(clause, reception.conformed), zones=zones, located=target)
        seen.livraison, seen.entrees, seen.sorties = reception.livraison, report.lus, report.lus
        seen.inconnues, seen.octets = sum(report.motifs.values()), bytes_in(target)
    return report


def _left(cfg: Configuration, clause: ClauseJeu, reception: Reception) -> dict[str, Path]:
    """The located records that the clause keeps longer than the conformed ones that they were made from."""
    nom = reception.periode or UNIQUE
    target = cfg.folder("located") / clause.id / f"{nom}.parquet"
    return {nom: target} if target.is_file() else {}


def _kept(
    cfg: Configuration, clause: ClauseJeu, receptions: Sequence[Reception], located: Mapping[str, Path]
) -> Mapping[str, Path]:
    """The aggregates that were set aside when the records of destroyed deliveries were."""
    gone = {r.periode or UNIQUE for r in receptions if r.jeu == clause.id and r.statut == "detruite"}
    folders = kept(cfg.folder("aggregated") / clause.id)
    return {nom: folder for nom, folder in folders.items() if nom in gone and nom not in located}


def _quarters(clause: ClauseJeu, zones: Zones) -> Quarters | None:
    place = clause.localisation
    asked = place.quartiers if isinstance(place, LocalisationCode) else None
    return quarters_of(asked, zones) if asked is not None else None


def _placement(cfg: Configuration, reception: Reception, report: LocateReport) -> Placement:
    """What the journal keeps of a location; the delivery in use is the one that was located."""
    now = cfg.maintenant.astimezone(UTC).isoformat(timespec="seconds")
    return Placement(now, reception.jeu, reception.livraison or "", report.lus, report.motifs)


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


def run(cfg: Configuration, watch: Watcher) -> RunReport:
    """The whole of it. Raises InvalidDeclarationError or RunError; a feed's own failure is in the report."""
    clauses, period, cfg = prepare(cfg)
    with transport(cfg) as reach, exclusive(cfg):
        expected = deliveries(clauses, period)
        receptions = []
        for n, (clause, delivery) in enumerate(expected, start=1):
            receptions.append(receive(cfg, clause, delivery, reach, clauses.versions(clause.id)))
            watch(Progress("réception", clause.id, said(receptions[-1]), n, len(expected)))
        zonings, received = refer(cfg, clauses, receptions)
        watch(Progress("zonages", "", counted(zonings), 1, 1))
        places = []
        for n, feed in enumerate(clauses.jeux, start=1):
            places.append(place(cfg, clauses, feed, received))
            watch(Progress("localisation", feed.id, told(places[-1]), n, len(clauses.jeux)))
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
