"""What the code of a commune says of quarters: all of it in one, none in any, or nothing. Never a share.

Areas are those of the composed contours, in their territory's projected CRS, m². `OVERLAP_MIN_M2` is the noise of
reprojection: an area under it is none, and a commune that lacks no more than it of its share has it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from qpv_data.clause.whereabouts import Quartiers
from qpv_data.placing.states import DEDANS, DEHORS, INCONNU
from qpv_data.problems import MotifInconnu
from qpv_data.zonages.model import MEMBER_MIN_M2, MEMBER_MIN_SHARE, OVERLAP_MIN_M2

if TYPE_CHECKING:
    from qpv_data.zonages.loading import Zones


class Answer(NamedTuple):
    """Where the rows of a commune are: `code` when `dedans`, `motif` when `inconnu`."""

    code: str | None
    etat: str
    motif: str | None


class Part(NamedTuple):
    """The ground that a commune and a quarter have in common, and that of each, m²."""

    commune: str
    quartier: str
    aire: float
    aire_commune: float
    aire_quartier: float


@dataclass(frozen=True)
class Quarters:
    """`reponses`: commune → answer, every commune of the run. `communes`: quarter → every commune that touches it,
    by the ground or by the lists; a quarter that none touches is not a key. `connus`: the quarters of which every
    commune is known: all their ground is that of communes of the run, which all have a contour."""

    zonage: str
    reponses: Mapping[str, Answer]
    communes: Mapping[str, frozenset[str]]
    connus: frozenset[str]

    def told(self, quartier: str) -> frozenset[str]:
        """The communes whose rows are all in this quarter."""
        touching = self.communes.get(quartier, frozenset())
        return frozenset(c for c in touching if c in self.reponses and self.reponses[c].code == quartier)


def quarters_of(asked: Quartiers, zones: Zones) -> Quarters:
    """Answer for each commune, once a run.

    A commune is in the one quarter that holds `part_min` of its area; outside where it shares no ground with any and
    no list puts it in one; else unknown (`commune_partagee`; two quarters that overlap over it too). A commune touches
    a quarter by the tolerance of memberships (`MEMBER_MIN_SHARE`), so that a sliver of a neighbour that simplified
    contours leave does not; it is enough for its own rows not to be outside.
    """
    key = (asked.zonage, asked.part_min)
    if key not in zones.quartiers:
        zones.quartiers[key] = _quarters(asked, zones)
    return zones.quartiers[key]


def _quarters(asked: Quartiers, zones: Zones) -> Quarters:
    whole: defaultdict[str, list[str]] = defaultdict(list)
    touching = defaultdict(set, {zone: set(towns) for zone, towns in zones.membres.get(asked.zonage, {}).items()})
    listed = {commune for towns in touching.values() for commune in towns}
    shared = set()
    for part in _parts(zones, asked.zonage):
        shared.add(part.commune)
        entire = part.aire >= asked.part_min * part.aire_commune - OVERLAP_MIN_M2
        if entire:
            whole[part.commune].append(part.quartier)
        if entire or part.aire > max(MEMBER_MIN_M2, MEMBER_MIN_SHARE * part.aire_quartier):
            touching[part.quartier].add(part.commune)
    silent = _silent(zones, asked.zonage, touching)
    answers = {}
    for commune in sorted(zones.codes("commune")):
        if len(held := whole[commune]) == 1:
            answers[commune] = Answer(held[0], DEDANS, None)
        elif commune in shared:
            answers[commune] = Answer(None, INCONNU, MotifInconnu.COMMUNE_PARTAGEE.value)
        elif commune in silent:
            answers[commune] = Answer(None, INCONNU, silent[commune])
        elif commune in listed:
            answers[commune] = Answer(None, INCONNU, MotifInconnu.COMMUNE_PARTAGEE.value)
        else:
            answers[commune] = Answer(None, DEHORS, None)
    communes = {zone: frozenset(towns) for zone, towns in touching.items()}
    return Quarters(asked.zonage, answers, communes, frozenset(_known(zones, asked.zonage, communes)))


def _known(zones: Zones, zonage: str, communes: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """The quarters whose ground outside every commune is a sliver at most; contours of communes may overlap."""
    drawn = {str(c) for group in zones.groups.get("commune", {}).values() for c in group.codes}
    for epsg, quarters in zones.groups.get(zonage, {}).items():
        towns = zones.groups.get("commune", {}).get(epsg)
        if towns is None:
            continue
        tree = shapely.STRtree(towns.geometries)
        for code, quarter in zip(map(str, quarters.codes), quarters.geometries, strict=True):
            if not communes.get(code, frozenset()) <= drawn:
                continue
            near = towns.geometries[tree.query(quarter, predicate="intersects")]
            left = shapely.area(shapely.difference(quarter, shapely.union_all(near)))
            if left <= max(MEMBER_MIN_M2, MEMBER_MIN_SHARE * shapely.area(quarter)):
                yield code


def _parts(zones: Zones, zonage: str) -> Iterator[Part]:
    """Every commune and quarter that share ground."""
    for epsg, towns in zones.groups.get("commune", {}).items():
        quarters = zones.groups.get(zonage, {}).get(epsg)
        if quarters is None:
            continue
        which, near = shapely.STRtree(towns.geometries).query(quarters.geometries, predicate="intersects")
        common = shapely.area(shapely.intersection(quarters.geometries[which], towns.geometries[near]))
        areas = shapely.area(quarters.geometries), shapely.area(towns.geometries)
        for n in np.flatnonzero(common > OVERLAP_MIN_M2):
            quarter, town = which[n], near[n]
            yield Part(
                str(towns.codes[town]),
                str(quarters.codes[quarter]),
                float(common[n]),
                areas[1][town],
                areas[0][quarter],
            )


def _silent(zones: Zones, zonage: str, touching: Mapping[str, set[str]]) -> dict[str, str]:
    """The communes that nothing puts outside, and why: no contour of theirs, none of any quarter, one of a quarter
    that no list places, or a territory where the zoning is not in force."""
    drawn = {str(c) for group in zones.groups.get("commune", {}).values() for c in group.codes}
    quarters = {str(c) for group in zones.groups.get(zonage, {}).values() for c in group.codes}
    lost = {zones.territoires.get(zonage, {}).get(c) for c in zones.codes(zonage) - quarters - set(touching)}
    found = {}
    for commune in zones.codes("commune"):
        territory = zones.territoires.get("commune", {}).get(commune)
        if commune not in drawn or not quarters or None in lost or territory in lost:
            found[commune] = MotifInconnu.REFERENTIEL_VIDE.value
        elif territory not in zones.couverture.get(zonage, frozenset()):
            found[commune] = MotifInconnu.HORS_COUVERTURE.value
    return found
