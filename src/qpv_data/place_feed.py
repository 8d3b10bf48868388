"""Locate and aggregate one feed, sparing what would come out the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from qpv_data.addresses.feeds import geocoded
from qpv_data.aggregate import AggregateReport, aggregate
from qpv_data.clause.load import ClauseSet
from qpv_data.clause.model import ClauseJeu, LocalisationCode
from qpv_data.compliance.journal import Placement, record
from qpv_data.coverage import read_zone_table
from qpv_data.locate import LocateReport, locate
from qpv_data.operations.stages import bytes_in, stage
from qpv_data.problems import FeedError
from qpv_data.receive import Reception, report_on, version_of
from qpv_data.retention.kept import kept
from qpv_data.reuse import FOLDER as REUSE
from qpv_data.reuse import key_of, reused
from qpv_data.runs import UNIQUE, Configuration, clause_digest, release_period, series_periods
from qpv_data.zonages import Zones, load_zones
from qpv_data.zonages.quarters import Quarters, quarters_of


@dataclass(frozen=True)
class Placed:
    """A feed located and aggregated, or why it is not."""

    jeu: str
    localisations: tuple[LocateReport, ...]
    agregats: AggregateReport | None
    erreur: FeedError | None = None


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
    zones = partial(_zones, directory, (directory / "zones.parquet").stat().st_mtime_ns)
    period = release_period(cfg, clauses)
    reports, located = [], dict[str, Path]()
    try:
        for reception in receptions:
            if reception.jeu == clause.id and reception.conformed is not None:
                target = cfg.folder("located") / clause.id / reception.conformed.name
                bound = version_of(clauses.versions(clause.id), reception.clause_version)
                own = bound if isinstance(bound, ClauseJeu) else clause
                report, spared = _locate(cfg, own, reception, zones, target)
                reports.append(report)
                located[reception.conformed.stem] = target
                if not spared:
                    record(cfg.folder("journal"), _placement(cfg, reception, report))
                    report_on(cfg, own, reception.periode)
            elif reception.jeu == clause.id and reception.statut == "detruite":
                located |= _left(cfg, clause, reception)
        kept_cells = _kept(cfg, clause, receptions, located)
        aggregated = _aggregate(cfg, clause, located, kept_cells, series_periods(clause, period), zones)
    except FeedError as e:
        return Placed(clause.id, tuple(reports), None, e)
    return Placed(clause.id, tuple(reports), aggregated)


def _locate(
    cfg: Configuration, clause: ClauseJeu, reception: Reception, zones: Callable[[], Zones], target: Path
) -> tuple[LocateReport, bool]:
    """Locate one delivery, and whether it was spared: the same records, zones, clause and code gave what is there."""
    assert reception.conformed is not None
    with stage("localiser", clause.id, reception.periode) as seen:
        source = geocoded(clause, reception.conformed)
        # The delivery too: the journal and the partner's report say of each what became of it.
        key = key_of([source, *_zonings(cfg)], clause=clause_digest(clause), livraison=reception.livraison)
        note = cfg.folder("journal") / REUSE / clause.id / f"{target.stem}.json"
        told, spared = reused(
            note, key, lambda: [target], lambda: asdict(locate(clause, source, zones=zones(), located=target))
        )
        zonings = {name: (n[0], n[1], n[2]) for name, n in told["zonages"].items()}
        report = LocateReport(clause.id, told["lus"], zonings, told["motifs"])
        seen.livraison, seen.entrees, seen.sorties = reception.livraison, report.lus, report.lus
        seen.inconnues, seen.octets = sum(report.motifs.values()), bytes_in(target)
        seen.etat = "repris" if spared else "fait"
    return report, spared


def _aggregate(
    cfg: Configuration, clause: ClauseJeu, located: Mapping[str, Path], aside: Mapping[str, Path],
    periods: Sequence[str], zones: Callable[[], Zones],
) -> AggregateReport:  # fmt: skip
    """Aggregate a feed, unless what is there was made from the same."""
    directory, folder = cfg.folder("zonages"), cfg.folder("aggregated") / clause.id

    def make() -> Mapping[str, Any]:
        return asdict(
            aggregate(
                clause,
                located,
                periodes=periods,
                table=read_zone_table(directory),
                zonages=directory,
                aggregated=folder,
                travail=cfg.travail,
                quarters=_quarters(clause, zones()),
                conserves=aside,
            )
        )

    with stage("agreger", clause.id) as seen:
        cells = [f for nom in sorted(aside) for f in sorted(aside[nom].glob("*.parquet"))]
        files = [*(located[nom] for nom in sorted(located)), *cells, *_zonings(cfg)]
        said = {"clause": clause_digest(clause), "livraisons": sorted(located), "conserves": sorted(aside)}
        key = key_of(files, periodes=list(periods), **said)
        note = cfg.folder("journal") / REUSE / clause.id / "agregats.json"
        told, spared = reused(note, key, lambda: sorted(folder.glob("*.parquet")), make)
        report = AggregateReport(clause.id, told["enregistrements"], told["cellules"])
        seen.entrees, seen.sorties = report.enregistrements, sum(report.cellules.values())
        seen.octets, seen.etat = bytes_in(folder), "repris" if spared else "fait"
    return report


def _zonings(cfg: Configuration) -> list[Path]:
    """The files that say where zones are; the report on them apart."""
    return sorted(cfg.folder("zonages").glob("*.parquet"))


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
