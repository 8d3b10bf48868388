"""Overlaps between zones, so that totals close: the part of a source that is in some zone is counted once.

Zones that overlap are joined, cluster by cluster, into unions that do not overlap. Zones and unions are then shared
together: a zone's own share is its value, the shares of the unions and of the zones that overlap none say how much
of the source is covered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from qpv_data.areas.moving import sound
from qpv_data.zonages.crs import Geometries
from qpv_data.zonages.model import OVERLAP_MIN_M2


@dataclass(frozen=True)
class Cover:
    """`geometries`: the `zones` first ones are the zones, in the order given; then the unions of those that overlap.

    `counted`: for each, whether it is one of the parts, apart from one another, that make what zones cover.
    """

    geometries: Geometries
    zones: int
    counted: NDArray[np.bool_]

    @property
    def overlapping(self) -> bool:
        """Whether any two zones overlap."""
        return len(self.geometries) > self.zones


def cover_of(geometries: Geometries) -> Cover:
    """The cover of valid polygons of one plane CRS, in metres; missing ones cover nothing.

    Two zones that share OVERLAP_MIN_M2 or less do not overlap: it is the noise of moving them.
    """
    geometries, first, second = overlapping_pairs(geometries)
    root = np.arange(len(geometries))
    while True:  # the smallest number of each cluster, handed from neighbour to neighbour
        before = root.copy()
        np.minimum.at(root, first, root[second])
        np.minimum.at(root, second, root[first])
        root = root[root]
        if (root == before).all():
            break
    clustered = np.zeros(len(geometries), dtype=bool)
    clustered[first] = clustered[second] = True
    unions = [shapely.union_all(geometries[clustered & (root == r)]) for r in np.unique(root[clustered])]
    joined: NDArray[Any] = np.empty(len(geometries) + len(unions), dtype=object)
    joined[: len(geometries)] = geometries
    joined[len(geometries) :] = unions
    return Cover(joined, len(geometries), np.concatenate([~clustered, np.ones(len(unions), dtype=bool)]))


def overlapping_pairs(geometries: Geometries) -> tuple[Geometries, NDArray[np.int64], NDArray[np.int64]]:
    """The polygons, those that meet others repaired, and the pairs of positions, the smaller first, that overlap."""
    left, right = shapely.STRtree(geometries).query(geometries)
    once = left < right
    left, right = left[once], right[once]
    near = np.unique(np.concatenate([left, right]))
    geometries = geometries.copy()
    geometries[near] = sound(geometries[near])
    met = shapely.intersects(geometries[left], geometries[right])
    left, right = left[met], right[met]
    apart = shapely.touches(geometries[left], geometries[right])  # most neighbours: much cheaper than an area
    left, right = left[~apart], right[~apart]
    shared = shapely.area(shapely.intersection(geometries[left], geometries[right])) > OVERLAP_MIN_M2
    return geometries, left[shared], right[shared]
