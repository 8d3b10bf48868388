"""What locating adds to a record when its clause declares errors of position, or a rule about boundary streets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qpv_data.clause.model import ClauseJeu
from qpv_data.places import Places
from qpv_data.uncertainty.boundaries import Floats, Ints
from qpv_data.uncertainty.distance import distances, holders
from qpv_data.uncertainty.errors import largest_sigma_m, position_errors, quality_of
from qpv_data.uncertainty.probability import ZoneProbabilities
from qpv_data.zonages.loading import Zones

SMALLEST, REACH = 1e-9, 6.5
"""A probability within 1e-9 of 0 or 1 is not kept; the mass beyond 6.5 deviations is under 1e-9."""

SIGMA = "erreur_ecart_type_m"
_P = pa.list_(pa.struct([("code_zone", pa.string()), ("p", pa.float64())]))


def probability_column(zonage: str) -> str:
    """list<struct<code_zone, p>>: the zones that the record is in with a probability strictly between 0 and 1, by
    code; null when there is none, and then the zone of the record, if any, is certain."""
    return f"{zonage}__p"


def distance_column(zonage: str) -> str:
    """Metres to the boundary of the record's zone, else of the nearest; null beyond what the clause can need."""
    return f"{zonage}__distance_limite_m"


def both_sides_columns(zonage: str) -> tuple[str, str]:
    """Code of the zone of the record, else of the nearest within the widest `largeur_limite_m` (the smallest code of
    several at the same distance), and how far outside it the record is, in metres."""
    return f"{zonage}__deux_cotes", f"{zonage}__deux_cotes_m"


def widest_m(clause: ClauseJeu) -> float:
    """The widest boundary street that an indicator declares, in metres; 0 for none."""
    return max((i.largeur_limite_m or 0.0 for i in clause.indicateurs), default=0.0)


def needs_columns(clause: ClauseJeu) -> bool:
    """Whether the clause declares errors of position, or an indicator that counts both sides of a boundary."""
    quality = quality_of(clause)
    return (quality is not None and quality.mesuree) or widest_m(clause) > 0


def measured_zonings(zones: Zones) -> tuple[str, ...]:
    """Zonings whose bounds are computed: those with perimeters, communes apart (a record's own code is preferred)."""
    return tuple(z for z in zones.perimetres() if z != "commune")


class UncertaintyColumns:
    """The columns of a clause, for batches of records; what it holds is built once, on first need. One thread."""

    def __init__(self, clause: ClauseJeu, zones: Zones) -> None:
        self._clause, self._zones = clause, zones
        self._built: dict[tuple[str, int], ZoneProbabilities] = {}

    def __call__(self, table: pa.Table, places: Places) -> dict[str, pa.Array]:
        """In: a batch of conformed records and their places. Out: the columns, aligned; none when nothing needs them.

        Distances are from the zones as projected in the territory's CRS: within a centimetre of those drawn in
        longitude and latitude.
        """
        if not needs_columns(self._clause):
            return {}
        columns: dict[str, pa.Array] = {}
        quality = quality_of(self._clause)
        sigma = np.full(table.num_rows, np.nan)
        if quality is not None and quality.mesuree:
            sigma = np.where(places.territoire >= 0, position_errors(quality, table).sigma_m, np.nan)
            columns[SIGMA] = pa.array(sigma, pa.float64(), from_pandas=True)
        for zoning in measured_zonings(self._zones):
            if SIGMA in columns:
                columns[probability_column(zoning)] = self._probabilities(zoning, places, sigma)
            if self._zones.famille(zoning) == "qpv":
                columns |= self._distances(zoning, places)
        return columns

    def _of(self, zoning: str, epsg: int) -> ZoneProbabilities | None:
        group = self._zones.groups[zoning].get(epsg)
        if group is None:
            return None
        if (zoning, epsg) not in self._built:
            self._built[zoning, epsg] = ZoneProbabilities.of(group.codes, group.geometries)
        return self._built[zoning, epsg]

    def _parts(self, zoning: str, places: Places) -> list[tuple[Ints, ZoneProbabilities]]:
        """Rows of each territory that the zoning has zones in, and these."""
        parts = []
        for number, territory in enumerate(places.territoires):
            rows = np.flatnonzero(places.territoire == number)
            if len(rows) and territory.id in self._zones.couverture[zoning]:
                zones = self._of(zoning, territory.epsg)
                if zones is not None:
                    parts.append((rows, zones))
        return parts

    def _probabilities(self, zoning: str, places: Places, sigma: Floats) -> pa.Array:
        n = len(places.x)
        count = np.zeros(n, dtype=np.int64)
        found: list[tuple[Ints, NDArray[Any], Floats]] = []
        for rows, zones in self._parts(zoning, places):
            asked = rows[sigma[rows] > 0]
            # One computation a geocode: the records of a tower have one place and one error.
            keys = np.column_stack([places.x[asked], places.y[asked], sigma[asked]])
            geocodes, at = np.unique(keys, axis=0, return_inverse=True)
            x, y, deviation = (np.ascontiguousarray(c) for c in geocodes.T)
            point, zone, p = zones.uncertain(x, y, deviation, SMALLEST, REACH)
            limits = np.searchsorted(point, np.arange(len(geocodes) + 1))
            owner, place = _spread(limits, at.reshape(-1))
            found.append((asked[owner], np.array(zones.codes, dtype=object)[zone[place]], p[place]))
            np.add.at(count, asked[owner], 1)
        return _lists(count, found)

    def _distances(self, zoning: str, places: Places) -> dict[str, pa.Array]:
        n, widest = len(places.x), widest_m(self._clause)
        cap = max(widest, REACH * largest_sigma_m(quality_of(self._clause)))
        away, side_m = np.full(n, np.nan), np.full(n, np.nan)
        side: NDArray[np.object_] = np.full(n, None, dtype=object)
        for rows, zones in self._parts(zoning, places):
            x, y = places.x[rows], places.y[rows]
            holder = holders(x, y, zones.index)
            away[rows], zone = distances(x, y, zones.boundaries, holder, cap)
            outside = np.where(holder < 0, away[rows], 0.0)
            zone = np.where(holder < 0, zone, holder)
            beside = np.flatnonzero(outside <= widest)
            side[rows[beside]] = np.array(zones.codes, dtype=object)[zone[beside]]
            side_m[rows[beside]] = outside[beside]
        columns = {distance_column(zoning): pa.array(away, pa.float64(), from_pandas=True)}
        if widest:
            code, metres = both_sides_columns(zoning)
            columns |= {code: pa.array(side, pa.string()), metres: pa.array(side_m, pa.float64(), from_pandas=True)}
        return columns


def _spread(limits: NDArray[np.intp], which: NDArray[np.intp]) -> tuple[Ints, Ints]:
    """(position in `which`, place from limits[k] to limits[k + 1]) for each k of `which`."""
    number = limits[which + 1] - limits[which]
    owner = np.repeat(np.arange(len(which)), number)
    return owner, np.arange(len(owner)) + np.repeat(limits[which] - (np.cumsum(number) - number), number)


def _lists(count: Ints, found: list[tuple[Ints, NDArray[Any], Floats]]) -> pa.Array:
    """One list a row, null where it would be empty."""
    rows = np.concatenate([np.zeros(0, np.int64), *(f[0] for f in found)])
    order = np.argsort(rows, kind="stable")
    codes = np.concatenate([np.zeros(0, object), *(f[1] for f in found)])[order]
    p = np.concatenate([np.zeros(0), *(f[2] for f in found)])[order]
    pairs = pa.StructArray.from_arrays([pa.array(codes, pa.string()), pa.array(p)], fields=list(_P.value_type))
    offsets = np.concatenate([[0], np.cumsum(count)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pairs, type=_P, mask=pa.array(count == 0))
