"""Place a feed: locate every delivery of it, then aggregate its series; what has not changed is not made again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC
from pathlib import Path
from typing import Any

from qpv_data.addresses.feeds import geocoded
from qpv_data.aggregate import AggregateReport
from qpv_data.clause.load import ClauseSet
from qpv_data.clause.model import ClauseJeu
from qpv_data.compliance.journal import Placement, record
from qpv_data.jobs import Job, Outcome, Step, here
from qpv_data.locate import LocateReport
from qpv_data.operations.stages import SPARED, bytes_in, stage
from qpv_data.placing_jobs import AGREGER, LOCALISER, aggregating_jobs, locating_job
from qpv_data.problems import FeedError
from qpv_data.receive import Reception, report_on, version_of
from qpv_data.recipes import Recipe, counts_of, digest, done, recipe
from qpv_data.retention.kept import FOLDER, kept
from qpv_data.runs import UNIQUE, Configuration, clause_digest, release_period, series_periods

__all__ = ["AGREGER", "LOCALISER", "Placed", "aggregating", "located_path", "locating", "place", "placing"]


@dataclass(frozen=True)
class Placed:
    """A feed located and aggregated, or why it is not."""

    jeu: str
    localisations: tuple[LocateReport, ...]
    agregats: AggregateReport | None
    erreur: FeedError | None = None


def place(cfg: Configuration, clauses: ClauseSet, clause: ClauseJeu, receptions: Sequence[Reception]) -> Placed:
    """Locate every usable delivery of a feed, then aggregate its whole series."""
    return here(placing(cfg, clauses, clause, receptions))


def placing(cfg: Configuration, clauses: ClauseSet, clause: ClauseJeu, receptions: Sequence[Reception]) -> Step[Placed]:
    """The same as a step: geocoding, recipes, journal and reports are its own; a delivery is a job, then the series."""
    with stage("placement", clause.id, evenement="jeu") as seen:
        placed = yield from _placing(cfg, clauses, clause, receptions)
        seen.entrees = sum(r.lus for r in placed.localisations)
        seen.inconnues = sum(sum(r.motifs.values()) for r in placed.localisations)
        if placed.erreur is not None:
            seen.etat, seen.probleme = "refuse", placed.erreur.probleme.value
    return placed


def _placing(
    cfg: Configuration, clauses: ClauseSet, clause: ClauseJeu, receptions: Sequence[Reception]
) -> Step[Placed]:
    reports, located = list[LocateReport](), dict[str, Path]()
    try:
        for reception in receptions:
            if reception.jeu == clause.id and reception.statut == "detruite":
                located |= _left(cfg, clause, reception)
        asked, failure = _asked(cfg, clauses, clause, receptions)
        outcomes = iter((yield [one.job for one in asked if one.counts is None]))
        for one in asked:
            reports.append(_settled(cfg, one, outcomes))
            located[one.recette.nom] = one.target
            record(cfg.folder("journal"), _placement(cfg, one.reception, reports[-1]))
            report_on(cfg, one.clause, one.reception.periode)
        if failure is not None:
            raise failure
        report = yield from _aggregating(cfg, clauses, clause, located, _kept(cfg, clause, receptions, located))
    except FeedError as e:
        return Placed(clause.id, tuple(reports), None, e)
    return Placed(clause.id, tuple(reports), report)


@dataclass(frozen=True)
class _Asked:
    """A delivery to locate, under the version of the clause that binds it; `counts` when it need not be done again."""

    reception: Reception
    clause: ClauseJeu
    recette: Recipe
    target: Path
    counts: Mapping[str, Any] | None
    job: Job


def _asked(
    cfg: Configuration, clauses: ClauseSet, clause: ClauseJeu, receptions: Sequence[Reception]
) -> tuple[list[_Asked], FeedError | None]:
    """The deliveries to locate, up to the one that no geocoder could answer for, and why."""
    found = list[_Asked]()
    for reception in receptions:
        if reception.jeu != clause.id or reception.conformed is None:
            continue
        bound = version_of(clauses.versions(clause.id), reception.clause_version)
        own = bound if isinstance(bound, ClauseJeu) else clause
        try:
            records = geocoded(own, reception.conformed)
        except FeedError as e:
            return found, e
        target = located_path(cfg, clause.id, reception.conformed.stem)
        asked = locating(cfg, own, records, target.stem)
        job = locating_job(own, records, cfg.folder("zonages"), target, cfg.travail)
        found.append(_Asked(reception, own, asked, target, counts_of(cfg, asked), job))
    return found, None


def located_path(cfg: Configuration, jeu: str, nom: str) -> Path:
    """Where the located records of a delivery are."""
    return cfg.folder("located") / jeu / f"{nom}.parquet"


def locating(cfg: Configuration, clause: ClauseJeu, records: Path, nom: str) -> Recipe:
    """What the located records of a delivery are made from."""
    inputs = {"enregistrements": digest(records), "zonages": digest(cfg.folder("zonages"))}
    return recipe(LOCALISER, clause.id, nom, {**inputs, "clause": clause_digest(clause)})


def aggregating(
    cfg: Configuration, clauses: ClauseSet, clause: ClauseJeu, located: Mapping[str, Path]
) -> tuple[Recipe, list[str]]:
    """What the aggregates of a feed are made from, and the periods of its series."""
    periods = series_periods(clause, release_period(cfg, clauses))
    inputs = {f"localisees {nom}": digest(path) for nom, path in located.items()}
    aside = digest(cfg.folder("aggregated") / clause.id / FOLDER)
    inputs |= {"conserves": aside, "zonages": digest(cfg.folder("zonages")), "periodes": " ".join(periods)}
    return recipe(AGREGER, clause.id, "", {**inputs, "clause": clause_digest(clause)}), periods


def _settled(cfg: Configuration, one: _Asked, outcomes: Iterator[Outcome]) -> LocateReport:
    """What was counted when it was located: before, or by the next of the outcomes."""
    with stage(LOCALISER, one.clause.id, one.reception.periode) as seen:
        if (counts := one.counts) is not None:
            zonings = {name: (n[0], n[1], n[2]) for name, n in counts["zonages"].items()}
            report = LocateReport(counts["jeu"], counts["lus"], zonings, counts["motifs"])
            seen.etat = SPARED
        else:
            report = next(outcomes)()
            done(cfg, one.recette, [one.target], asdict(report))
        seen.livraison, seen.entrees, seen.sorties = one.reception.livraison, report.lus, report.lus
        seen.inconnues, seen.octets = sum(report.motifs.values()), bytes_in(one.target)
    return report


def _aggregating(
    cfg: Configuration, clauses: ClauseSet, clause: ClauseJeu, located: Mapping[str, Path], aside: Mapping[str, Path]
) -> Step[AggregateReport]:
    target = cfg.folder("aggregated") / clause.id
    with stage(AGREGER, clause.id) as seen:
        report, spared = yield from _cells(cfg, clauses, clause, located, aside, target)
        seen.entrees, seen.sorties = report.enregistrements, sum(report.cellules.values())
        seen.octets, seen.etat = bytes_in(target), SPARED if spared else "fait"
    return report


def _cells(
    cfg: Configuration, clauses: ClauseSet, clause: ClauseJeu, located: Mapping[str, Path], aside: Mapping[str, Path],
    target: Path,
) -> Step[tuple[AggregateReport, bool]]:  # fmt: skip
    """What was counted, and whether it was before."""
    asked, periods = aggregating(cfg, clauses, clause, located)
    if (counts := counts_of(cfg, asked)) is not None:
        return AggregateReport(**counts), True
    jobs = aggregating_jobs(clause, periods, located, cfg.folder("zonages"), target, aside, cfg.travail)
    outcomes = yield jobs
    parts: list[AggregateReport] = [outcome() for outcome in outcomes]
    report = replace(parts[0], cellules={name: n for part in parts for name, n in part.cellules.items()})
    done(cfg, asked, (p for p in target.glob("*.parquet") if not p.name.startswith(".")), asdict(report))
    return report, False


def _left(cfg: Configuration, clause: ClauseJeu, reception: Reception) -> dict[str, Path]:
    """The located records that the clause keeps longer than the conformed ones that they were made from."""
    nom = reception.periode or UNIQUE
    target = located_path(cfg, clause.id, nom)
    return {nom: target} if target.is_file() else {}


def _kept(
    cfg: Configuration, clause: ClauseJeu, receptions: Sequence[Reception], located: Mapping[str, Path]
) -> Mapping[str, Path]:
    """The aggregates that were set aside when the records of destroyed deliveries were."""
    gone = {r.periode or UNIQUE for r in receptions if r.jeu == clause.id and r.statut == "detruite"}
    folders = kept(cfg.folder("aggregated") / clause.id)
    return {nom: folder for nom, folder in folders.items() if nom in gone and nom not in located}


def _placement(cfg: Configuration, reception: Reception, report: LocateReport) -> Placement:
    """What the journal keeps of a location; the delivery in use is the one that was located."""
    now = cfg.maintenant.astimezone(UTC).isoformat(timespec="seconds")
    return Placement(now, reception.jeu, reception.livraison or "", report.lus, report.motifs)
