"""Polygons onto zones: the area and the share of every pair that shares an area."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from qpv_data.areas.cover import Cover
from qpv_data.areas.shares import Ints, Shares, shares_of
from qpv_data.zonages.crs import Geometries

NOISE = 1e-9
"""A pair that shares less than this part of the smaller of the two shares nothing: it is what rounding leaves along
a common edge."""


class Zoned:
    """Zones ready to be asked about. Prepared for GEOS, from copies of its own: one thread at a time.

    In: the cover of valid polygons of one plane CRS (metres), and the number of each of its zones in the answers.
    """

    def __init__(self, cover: Cover, number: NDArray[np.int32]) -> None:
        self.cover, self.number = cover, number
        self._zones: Geometries = shapely.from_wkb(shapely.to_wkb(cover.geometries))
        shapely.prepare(self._zones)
        self._areas = shapely.area(self._zones)
        self._tree = shapely.STRtree(self._zones)

    def shares(self, sources: Geometries) -> Shares:
        """Every (source, zone) that share an area. Sources: valid polygons of the same CRS, or missing."""
        source, part, inside = self.pairs(sources)
        return shares_of(shapely.area(sources), self.cover, self.number, source, part, inside)

    def pairs(self, sources: Geometries) -> tuple[Ints, Ints, NDArray[np.float64]]:
        """(source, part of the cover, share by area) of all that share an area, in no order.

        A source wholly inside a zone is not cut: its share is 1 exactly. So is that of a source equal to a zone.
        """
        source, zone = self._tree.query(sources)
        inside = shapely.covers(self._zones[zone], sources[source])
        whole = shapely.area(sources)
        cut = np.flatnonzero(~inside)
        cut = cut[shapely.intersects(self._zones[zone[cut]], sources[source[cut]])]
        area = np.where(inside, whole[source], 0.0)
        area[cut] = shapely.area(shapely.intersection(self._zones[zone[cut]], sources[source[cut]]))
        kept = area > NOISE * np.minimum(whole[source], self._areas[zone])
        source, zone, area = source[kept], zone[kept], area[kept]
        share = np.minimum(area / whole[source], 1.0)
        share[share > 1 - NOISE] = 1.0
        return source, zone, share


def usable(geometries: Geometries) -> tuple[Geometries, NDArray[np.bool_], Ints]:
    """Valid polygons, which ones are absent, and which ones have no area (points, lines, collapsed).

    An invalid source is repaired the way zones are. The last two are positions; they are for the caller to set aside.
    """
    from qpv_data.zonages.perimeters import polygons_of, repair

    flat = shapely.force_2d(geometries)
    xy, owner = shapely.get_coordinates(flat, return_index=True)
    absent = shapely.is_missing(flat) | shapely.is_empty(flat)
    absent[owner[~np.isfinite(xy).all(axis=1)]] = True
    flat = np.array(flat, dtype=object)
    flat[absent] = None
    sound, _ = repair(flat)
    other = np.flatnonzero(~np.isin(shapely.get_type_id(sound), (3, 6)) & ~absent)
    for i in other:
        sound[i] = polygons_of(sound[i])
    return sound, absent, np.flatnonzero(~absent & ~(shapely.area(sound) > 0))
