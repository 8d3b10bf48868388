"""Read the composed zonings back, the way locate needs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray


@dataclass(frozen=True)
class ZoneGroup:
    """The zones of one zoning in one projected CRS (metres): `codes`, sorted, and their geometries, aligned."""

    zonage: str
    epsg: int
    codes: NDArray[np.object_]
    geometries: NDArray[np.object_]


@dataclass(frozen=True)
class Zones:
    """`groups[zonage][epsg]`: the `normale` zones only, none for a zoning without contours.

    `couverture[zonage]`: territories where the zoning is declared in force: elsewhere a point is not outside, it
    is unknown to it. Both have every zoning of the run as keys.
    """

    groups: Mapping[str, Mapping[int, ZoneGroup]]
    couverture: Mapping[str, frozenset[str]]


def load_zones(directory: Path) -> Zones:
    """Read what `compose_zonages` wrote in `directory`."""
    in_force = pq.read_table(directory / "en_vigueur.parquet", columns=["zonage", "territoire"]).to_pylist()
    table = pq.read_table(
        directory / "zones.parquet", columns=["zonage", "epsg", "code_zone", "statut", "geometrie"]
    ).sort_by([("zonage", "ascending"), ("epsg", "ascending"), ("code_zone", "ascending")])
    names = sorted({row["zonage"] for row in in_force} | set(pc.unique(table["zonage"]).to_pylist()))
    groups: dict[str, Mapping[int, ZoneGroup]] = {}
    for name in names:
        drawn = table.filter((pc.field("zonage") == name) & (pc.field("statut") == "normale"))
        found: dict[int, ZoneGroup] = {}
        for epsg in sorted(set(drawn["epsg"].to_pylist())):
            part = drawn.filter(pc.field("epsg") == epsg)
            codes = np.array(part["code_zone"].to_pylist(), dtype=object)
            shapes = shapely.from_wkb(np.array(part["geometrie"].to_pylist(), dtype=object))
            found[epsg] = ZoneGroup(name, epsg, codes, shapes)
        groups[name] = MappingProxyType(found)
    coverage = {n: frozenset(row["territoire"] for row in in_force if row["zonage"] == n) for n in names}
    return Zones(MappingProxyType(groups), MappingProxyType(coverage))
