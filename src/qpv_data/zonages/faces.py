"""The faces of the map: the ground that every crossing of zones cuts out, whether or not a record lies there.

A reader has the perimeters: a face where nothing was recorded is a place where something could have been.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from qpv_data.zonages.loading import ZoneGroup, Zones

INHABITABLE_M2 = 100.0
"""Smaller faces are the noise of contours drawn at different scales, where nobody lives: they are left out."""

Face = frozenset[tuple[str, str]]
"""The (zoning, code) of the zones that cross there, one a zoning at most."""


def faces(zones: Zones, zonings: Sequence[str]) -> set[Face]:
    """The crossings of zones of these zonings that cover at least INHABITABLE_M2, in each projected system.

    Of two zones of one zoning that overlap the smallest code has the ground, as when records are located.
    """
    systems = sorted({epsg for zoning in zonings for epsg in zones.groups.get(zoning, {})})
    found: set[Face] = set()
    for epsg in systems:
        layers = [zones.groups[z][epsg] for z in sorted(zonings) if epsg in zones.groups.get(z, {})]
        shapes, names = np.zeros(0, dtype=object), list[Face]()
        for layer in layers:
            shapes, names = _crossed(shapes, names, layer)
        found |= set(names)
    return found


def _crossed(
    shapes: NDArray[np.object_], names: list[Face], layer: ZoneGroup
) -> tuple[NDArray[np.object_], list[Face]]:
    """Cut faces by the zones of one more zoning, and add what they hold of ground that had none."""
    zones = _apart(layer)
    face, zone = _touching(shapes, zones)
    own = [(layer.zonage, str(code)) for code in layer.codes]
    made = [shapely.intersection(shapes[face], zones[zone])] if len(face) else []
    labels = [names[f] | {own[z]} for f, z in zip(face.tolist(), zone.tolist(), strict=True)]
    for kept, other, at, by, said in (
        (shapes, zones, face, zone, names),
        (zones, shapes, zone, face, [frozenset({pair}) for pair in own]),
    ):
        made.append(_less(kept, other, at, by))
        labels += said
    every = np.concatenate(made) if made else np.zeros(0, dtype=object)
    large = shapely.area(every) >= INHABITABLE_M2
    return every[large], [label for label, keep in zip(labels, large.tolist(), strict=True) if keep]


def _touching(first: NDArray[np.object_], second: NDArray[np.object_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of ranks of shapes that meet."""
    if not len(first) or not len(second):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    pairs = shapely.STRtree(second).query(first, predicate="intersects")
    return pairs[0].astype(np.int64), pairs[1].astype(np.int64)


def _less(
    kept: NDArray[np.object_], other: NDArray[np.object_], at: NDArray[np.int64], by: NDArray[np.int64]
) -> NDArray[np.object_]:
    """Each shape without the others that it meets."""
    left = kept.copy()
    order = np.lexsort((by, at))
    starts = np.flatnonzero(np.diff(at[order], prepend=-1))
    for own in np.split(order, starts[1:]) if len(order) else []:
        rank = int(at[own[0]])
        left[rank] = shapely.difference(kept[rank], shapely.union_all(other[by[own]]))
    return left


def _apart(layer: ZoneGroup) -> NDArray[np.object_]:
    """The zones of a zoning, sorted by code, each without those before it."""
    shapes = layer.geometries.copy()
    first, second = _touching(shapes, shapes)
    before = second < first
    first, second = first[before], second[before]
    shared = shapely.area(shapely.intersection(shapes[first], shapes[second])) > 0
    return _less(shapes, layer.geometries, first[shared], second[shared])
