"""Place a feed: locate every delivery of it, then aggregate its series; what has not changed is not made again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC
from functools import lru_cache
from pathlib import Path

from qpv_data.addresses.feeds import geocoded
from qpv_data.aggregate import AggregateReport, aggregate
from qpv_data.clause.load import ClauseSet
from qpv_data.clause.model import ClauseJeu, LocalisationCode
from qpv_data.compliance.journal import Placement, record
from qpv_data.coverage import read_zone_table
from qpv_data.locate import LocateReport, locate
from qpv_data.operations.stages import SPARED, Stage, bytes_in, stage
from qpv_data.problems import FeedError
from qpv_data.receive import Reception, report_on, version_of
from qpv_data.recipes import Recipe, counts_of, digest, done, recipe
from qpv_data.retention.kept import FOLDER, kept
from qpv_data.runs import UNIQUE, Configuration, clause_digest, release_period, series_periods
from qpv_data.zonages import Zones, load_zones
from qpv_data.zonages.quarters import Quarters, quarters_of

LOCALISER, AGREGER = "localiser", "agreger"


@dataclass(frozen=True)
class Placed:
    """A feed located and aggregated, or why it is not."""

    jeu: str
    localisations: tuple[LocateReport, ...]
    agregats: AggregateReport | None
    erreur: FeedError | None = None


def place(cfg: Configuration, clauses: ClauseSet, clause: ClauseJeu, receptions: Sequence[Reception]) -> Placed:
    """Locate every usable delivery of a feed, then aggregate its whole series."""
    with stage("placement", clause.id, evenement="jeu") as seen:
        placed = _placed(cfg, clauses, clause, receptions)
        seen.entrees = sum(r.lus for r in placed.localisations)
        seen.inconnues = sum(sum(r.motifs.values()) for r in placed.localisations)
        if placed.erreur is not None:
            seen.etat, seen.probleme = "refuse", placed.erreur.probleme.value
    return placed


def _placed(cfg: Configuration, clauses: ClauseSet, clause: ClauseJeu, receptions: Sequence[Reception]) -> Placed:
    reports, located = list[LocateReport](), dict[str, Path]()
    try:
        for reception in receptions:
            if reception.jeu == clause.id and reception.conformed is not None:
                bound = version_of(clauses.versions(clause.id), reception.clause_version)
                own = bound if isinstance(bound, ClauseJeu) else clause
                target = located_path(cfg, clause.id, reception.conformed.stem)
                with stage(LOCALISER, clause.id, reception.periode) as seen:
                    reports.append(_located(cfg, own, geocoded(own, reception.conformed), target, seen))
                    seen.livraison = reception.livraison
                located[target.stem] = target
                record(cfg.folder("journal"), _placement(cfg, reception, reports[-1]))
                report_on(cfg, own, reception.periode)
            elif reception.jeu == clause.id and reception.statut == "detruite":
                located |= _left(cfg, clause, reception)
        with stage(AGREGER, clause.id) as seen:
            report = _aggregated(cfg, clauses, clause, located, _kept(cfg, clause, receptions, located), seen)
            seen.entrees, seen.sorties = report.enregistrements, sum(report.cellules.values())
            seen.octets = bytes_in(cfg.folder("aggregated") / clause.id)
    except FeedError as e:
        return Placed(clause.id, tuple(reports), None, e)
    return Placed(clause.id, tuple(reports), report)


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


def _located(cfg: Configuration, clause: ClauseJeu, records: Path, target: Path, seen: Stage) -> LocateReport:
    asked = locating(cfg, clause, records, target.stem)
    if (counts := counts_of(cfg, asked)) is not None:
        zonings = {name: (n[0], n[1], n[2]) for name, n in counts["zonages"].items()}
        report = LocateReport(counts["jeu"], counts["lus"], zonings, counts["motifs"])
        seen.etat = SPARED
    else:
        report = locate(clause, records, zones=_zones(cfg), located=target)
        done(cfg, asked, [target], asdict(report))
    seen.entrees, seen.sorties, seen.octets = report.lus, report.lus, bytes_in(target)
    seen.inconnues = sum(report.motifs.values())
    return report


def _aggregated(
    cfg: Configuration, clauses: ClauseSet, clause: ClauseJeu, located: Mapping[str, Path], aside: Mapping[str, Path],
    seen: Stage,
) -> AggregateReport:  # fmt: skip
    asked, periods = aggregating(cfg, clauses, clause, located)
    if (counts := counts_of(cfg, asked)) is not None:
        seen.etat = SPARED
        return AggregateReport(**counts)
    directory, target = cfg.folder("zonages"), cfg.folder("aggregated") / clause.id
    report = aggregate(
        clause,
        located,
        periodes=periods,
        table=read_zone_table(directory),
        zonages=directory,
        aggregated=target,
        travail=cfg.travail,
        quarters=_quarters(clause, lambda: _zones(cfg)),
        conserves=aside,
    )
    done(cfg, asked, (p for p in target.glob("*.parquet") if not p.name.startswith(".")), asdict(report))
    return report


def _zones(cfg: Configuration) -> Zones:
    directory = cfg.folder("zonages")
    return _loaded(directory, digest(directory))


@lru_cache(maxsize=1)
def _loaded(directory: Path, content: str) -> Zones:
    return load_zones(directory)


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


def _quarters(clause: ClauseJeu, zones: Callable[[], Zones]) -> Quarters | None:
    place = clause.localisation
    asked = place.quartiers if isinstance(place, LocalisationCode) else None
    return quarters_of(asked, zones()) if asked is not None else None


def _placement(cfg: Configuration, reception: Reception, report: LocateReport) -> Placement:
    """What the journal keeps of a location; the delivery in use is the one that was located."""
    now = cfg.maintenant.astimezone(UTC).isoformat(timespec="seconds")
    return Placement(now, reception.jeu, reception.livraison or "", report.lus, report.motifs)
