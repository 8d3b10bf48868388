"""Read the composed zonings back, the way locate needs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from qpv_data.points.zoning import Zoning
from qpv_data.zonages.quarters import Quarters


@dataclass(frozen=True)
class ZoneGroup:
    """The zones of one zoning in one CRS: `codes`, sorted, and their geometries, aligned."""

    zonage: str
    epsg: int
    codes: NDArray[np.object_]
    geometries: NDArray[np.object_]


@dataclass(frozen=True)
class Zones:
    """`groups[zonage][epsg]`: the `normale` zones only, none for a zoning without contours.

    `couverture[zonage]`: territories where the zoning is declared in force: elsewhere a point is not outside, it
    is unknown to it. Both have every zoning of the run as keys. `natifs[zonage][epsg]`: zones as they were drawn,
    in their file's CRS, where it is not their territory's projected one. `membres[zonage][code]`: communes of a zone;
    `territoires[zonage][code]`: its territory, where it is known.
    """

    groups: Mapping[str, Mapping[int, ZoneGroup]]
    couverture: Mapping[str, frozenset[str]]
    connus: Mapping[str, frozenset[str]]
    familles: Mapping[str, str]
    natifs: Mapping[str, Mapping[int, ZoneGroup]] = field(default_factory=dict)
    membres: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    territoires: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    index: dict[str, Zoning] = field(default_factory=dict, compare=False, repr=False)
    """Zonings already indexed, by name: made on first need."""
    quartiers: dict[tuple[str, float], Quarters] = field(default_factory=dict, compare=False, repr=False)
    """What communes say of quarters, by zoning and `part_min`: made on first need."""

    def codes(self, zonage: str) -> frozenset[str]:
        """Every code of a zoning, with or without contour; none when the run has no such zoning."""
        return self.connus.get(zonage, frozenset())

    def perimetres(self) -> tuple[str, ...]:
        """The zonings that have contours, sorted, and those whose only contours have collapsed."""
        return tuple(sorted(z for z, groups in self.groups.items() if groups or self.familles.get(z) == "qpv"))

    def famille(self, zonage: str) -> str:
        """The family of a zoning: qpv, commune, epci…"""
        return self.familles[zonage]


def load_zones(directory: Path) -> Zones:
    """Read what `compose_zonages` wrote in `directory`."""
    in_force = pq.read_table(directory / "en_vigueur.parquet", columns=["zonage", "territoire"]).to_pylist()
    table = pq.read_table(
        directory / "zones.parquet",
        columns=["zonage", "famille", "territoire", "epsg", "code_zone", "statut", "geometrie"],
    ).sort_by([("zonage", "ascending"), ("epsg", "ascending"), ("code_zone", "ascending")])
    names = sorted({row["zonage"] for row in in_force} | set(pc.unique(table["zonage"]).to_pylist()))
    groups = {n: _grouped(table.filter(pc.field("statut") == "normale"), n, "epsg") for n in names}
    drawn = pq.read_table(directory / "zones_natives.parquet")
    natives = {n: _grouped(drawn, n, "epsg_natif") for n in names}
    coverage = {n: frozenset(row["territoire"] for row in in_force if row["zonage"] == n) for n in names}
    known: dict[str, set[str]] = {n: set() for n in names}
    families: dict[str, str] = {}
    territories: dict[str, dict[str, str]] = {n: {} for n in names}
    said = (table[c].to_pylist() for c in ("zonage", "famille", "code_zone", "territoire"))
    for zoning, family, code, territory in zip(*said, strict=True):
        known[zoning].add(code)
        families[zoning] = family
        if territory is not None:
            territories[zoning][code] = territory
    return Zones(
        MappingProxyType(groups),
        MappingProxyType(coverage),
        MappingProxyType({n: frozenset(codes) for n, codes in known.items()}),
        MappingProxyType(families),
        MappingProxyType(natives),
        MappingProxyType(_members(directory)),
        MappingProxyType(territories),
    )


def _members(directory: Path) -> dict[str, dict[str, frozenset[str]]]:
    found: dict[str, dict[str, set[str]]] = {}
    for row in pq.read_table(directory / "zones_communes.parquet").to_pylist():
        found.setdefault(row["zonage"], {}).setdefault(row["code_zone"], set()).add(row["code_commune"])
    return {name: {zone: frozenset(towns) for zone, towns in zones.items()} for name, zones in found.items()}


def _grouped(table: pa.Table, zoning: str, crs: str) -> Mapping[int, ZoneGroup]:
    """The zones of a zoning by the CRS in column `crs`."""
    drawn = table.filter(pc.field("zonage") == zoning).sort_by([("code_zone", "ascending")])
    found: dict[int, ZoneGroup] = {}
    for epsg in sorted(set(drawn[crs].to_pylist())):
        part = drawn.filter(pc.field(crs) == epsg)
        codes = np.array(part["code_zone"].to_pylist(), dtype=object)
        shapes = shapely.from_wkb(np.array(part["geometrie"].to_pylist(), dtype=object))
        found[epsg] = ZoneGroup(zoning, epsg, codes, shapes)
    return MappingProxyType(found)
