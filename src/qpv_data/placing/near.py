"""Every quarter that a record is near: a stop 200 m from two of them serves both.

A record then counts in several zones of one zoning, so their values do not sum; communes and totals keep their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from qpv_data.clause.expressions import literal, quote
from qpv_data.clause.model import ClauseJeu
from qpv_data.places import Places
from qpv_data.problems import FeedError, Problem
from qpv_data.zonages.loading import Zones

_NEAR = pa.list_(pa.struct([("code_zone", pa.string()), ("m", pa.float64())]))


def near_column(zonage: str) -> str:
    """list<struct<code_zone, m>>: the zones within the widest `rayon_m` of the clause, by code, and how far they are in
    metres (0 inside and on the boundary); null where there is none."""
    return f"{zonage}__proches"


def widest_radius_m(clause: ClauseJeu) -> float:
    """The widest radius that an indicator declares, in metres; 0 for none."""
    return max((i.rayon_m or 0.0 for i in clause.indicateurs), default=0.0)


def near_selects(clause: ClauseJeu, names: Sequence[str]) -> list[str]:
    """SQL of the view `enregistrements`: `z_pr__<zonage>`. `names`: columns of the located files.

    Raises FeedError when they lack what the clause needs: silence would pass for nothing near.
    """
    suffix = near_column("")
    found = [n.removesuffix(suffix) for n in names if n.endswith(suffix)]
    if widest_radius_m(clause) and not found:
        message = f"la localisation n'a pas ce que la clause demande : {suffix}"
        raise FeedError(clause.id, Problem.TOTAUX_INEGAUX, message, "signaler ce défaut du logiciel")
    return [f"{quote(near_column(z))} AS {quote('z_pr__' + z)}" for z in found]


def near_select(zonage: str, rayon_m: float | None, columns: Sequence[str]) -> str | None:
    """SELECT of `mesures` where a record is once in each zone of `zonage` within `rayon_m`; None where no such rule
    applies: other zonings than quarters stay strict. `columns`: those of the view `enregistrements`."""
    name = f"z_pr__{zonage}"
    if rayon_m is None or name not in columns:
        return None
    return (
        f"SELECT {literal(zonage)} AS zonage, _proche.code_zone AS code_zone, * EXCLUDE (_proche)"
        f" FROM (SELECT *, unnest({quote(name)}) AS _proche FROM mesures) WHERE _proche.m <= {rayon_m!r}"
    )


class NearColumns:
    """The columns of a clause, for batches of records. One thread at a time."""

    def __init__(self, clause: ClauseJeu, zones: Zones) -> None:
        self._zones, self._radius = zones, widest_radius_m(clause)
        self._trees: dict[tuple[str, int], shapely.STRtree] = {}

    def __call__(self, places: Places) -> dict[str, pa.Array]:
        """In: the places of a batch. Out: a column a zoning of quarters; none when no indicator has a radius.

        Distances are in the projected CRS of each territory.
        """
        if not self._radius:
            return {}
        quarters = [z for z in self._zones.perimetres() if self._zones.famille(z) == "qpv"]
        return {near_column(zoning): self._of(zoning, places) for zoning in quarters}

    def _of(self, zoning: str, places: Places) -> pa.Array:
        rows, codes, metres = [np.zeros(0, np.int64)], [np.zeros(0, object)], [np.zeros(0)]
        for number, territory in enumerate(places.territoires):
            asked = np.flatnonzero(places.territoire == number)
            group = self._zones.groups[zoning].get(territory.epsg)
            if group is None or not len(asked) or territory.id not in self._zones.couverture[zoning]:
                continue
            tree = self._tree(zoning, territory.epsg, group.geometries)
            points: Any = shapely.points(places.x[asked], places.y[asked])
            point, zone = tree.query(points, predicate="dwithin", distance=self._radius)
            rows.append(asked[point])
            codes.append(group.codes[zone])
            metres.append(shapely.distance(points[point], group.geometries[zone]))
        return _lists(len(places.x), np.concatenate(rows), np.concatenate(codes), np.concatenate(metres))

    def _tree(self, zoning: str, epsg: int, geometries: Any) -> shapely.STRtree:
        if (zoning, epsg) not in self._trees:
            self._trees[zoning, epsg] = shapely.STRtree(geometries)
        return self._trees[zoning, epsg]


def _lists(n: int, rows: Any, codes: Any, metres: Any) -> pa.Array:
    """One list a row, by code; null where it would be empty."""
    order = np.lexsort((codes.astype(str), rows))
    count = np.bincount(rows, minlength=n)
    pairs = pa.StructArray.from_arrays(
        [pa.array(codes[order], pa.string()), pa.array(metres[order])], fields=list(_NEAR.value_type)
    )
    offsets = np.concatenate([[0], np.cumsum(count)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pairs, type=_NEAR, mask=pa.array(count == 0))
