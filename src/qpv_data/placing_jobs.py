"""The two heavy jobs of placing a feed: locate one delivery, and aggregate its series, whole or an indicator each.

Zones are given as the folder that `compose_zonages` wrote, and read once by each process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from qpv_data.aggregate import AggregateReport, aggregate, output_paths
from qpv_data.clause.model import ClauseJeu, LocalisationCode
from qpv_data.coverage import read_zone_table
from qpv_data.jobs import Job
from qpv_data.locate import LocateReport, locate
from qpv_data.recipes import digest
from qpv_data.zonages import Zones, load_zones
from qpv_data.zonages.quarters import Quarters, quarters_of

LOCALISER, AGREGER = "localiser", "agreger"
# Of located records, compressed, from which indicators are aggregated each on its own: below, opening them again would
# cost more than is gained. It depends on the records alone, so that every machine makes the same jobs.
LARGE = 256 << 20


def locating_job(clause: ClauseJeu, records: Path, zonages: Path, target: Path, travail: Path) -> Job:
    """Locate one delivery."""
    return Job(
        LOCALISER,
        clause.id,
        target.stem,
        locate_job,
        {"clause": clause},
        {"conformed": records, "zonages": zonages},
        {"located": target},
        personnel=clause.donnees_personnelles.presentes,
        travail=travail,
    )


def locate_job(clause: ClauseJeu, conformed: Path, zonages: Path, located: Path, travail: Path) -> LocateReport:
    """`locate`, over the zonings of a folder."""
    return locate(clause, conformed, zones=_zones(zonages), located=located)


def aggregating_jobs(
    clause: ClauseJeu,
    periodes: Sequence[str],
    located: Mapping[str, Path],
    zonages: Path,
    target: Path,
    aside: Mapping[str, Path],
    travail: Path,
) -> list[Job]:
    """Aggregate a feed: one job, or one an indicator when its records are many."""
    names = [i.id for i in clause.indicateurs]
    large = sum(path.stat().st_size for path in located.values() if path.is_file()) >= LARGE
    return [
        Job(
            AGREGER,
            clause.id,
            part[0] if large else "",
            aggregate_job,
            {"clause": clause, "periodes": tuple(periodes), "indicateurs": part},
            {"located": located, "zonages": zonages, "conserves": aside},
            {"aggregated": target},
            clears=tuple(path for name in part for path in output_paths(target, name)),
            personnel=clause.donnees_personnelles.presentes,
            travail=travail,
        )
        for part in ([(name,) for name in names] if large else [tuple(names)])
    ]


def aggregate_job(
    clause: ClauseJeu,
    periodes: Sequence[str],
    indicateurs: Sequence[str],
    located: Mapping[str, Path],
    zonages: Path,
    conserves: Mapping[str, Path],
    aggregated: Path,
    travail: Path,
) -> AggregateReport:
    """`aggregate`, over the zonings of a folder."""
    return aggregate(
        clause,
        located,
        periodes=periodes,
        table=read_zone_table(zonages),
        zonages=zonages,
        aggregated=aggregated,
        travail=travail,
        quarters=_quarters(clause, zonages),
        conserves=conserves,
        indicateurs=frozenset(indicateurs),
    )


def _quarters(clause: ClauseJeu, zonages: Path) -> Quarters | None:
    place = clause.localisation
    asked = place.quartiers if isinstance(place, LocalisationCode) else None
    return quarters_of(asked, _zones(zonages)) if asked is not None else None


def _zones(directory: Path) -> Zones:
    return _loaded(directory, digest(directory))


@lru_cache(maxsize=1)
def _loaded(directory: Path, content: str) -> Zones:
    return load_zones(directory)
