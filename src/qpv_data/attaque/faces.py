"""Faces of the map: the ground that the published contours cut out, and nothing else is ground.

Contours come in longitude and latitude, drawn at several scales: what two of them leave between each other by less
than a sliver is held for empty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from qpv_data.attaque.refusal import RefusedInputError

SLIVER_M2 = 50.0
"""A smaller face is the noise of contours: it is held for empty."""
HABITABLE_M2 = 100.0
"""On a smaller face nobody lives: records may lie there, and it is no population to protect."""

NARROW_M = 0.05
"""A face narrower than this on average is what drawing one edge in two coordinate systems leaves: it is empty too."""

_RADIUS_M = 6_371_000.0
Shapes = NDArray[np.object_]
Members = tuple[tuple[str, str], ...]  # (zoning, zone), by zoning


@dataclass(frozen=True)
class Faces:
    """`zonings`: those whose every zone has a contour. `area`: m² of each face, by the zones that hold it.

    `grounds`: what was worked out of them (`atoms`), kept for the next slice.
    """

    zonings: frozenset[str]
    area: Mapping[Members, float]
    grounds: dict[tuple[frozenset[str], tuple[str, ...]], Any] = field(default_factory=dict, compare=False, repr=False)


def read_faces(folder: Path, known: dict[str, Faces | None]) -> Faces | None:
    """The faces of a release's zones; None when its communes have no contour, and only tables then tell the ground.

    `known`: faces by the digest of their file, for releases that share it.
    """
    path = folder / "zones.parquet"
    if not path.is_file():
        return None
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest not in known:
        known[digest] = _faces(path)
    return known[digest]


def _faces(path: Path) -> Faces | None:
    names = pq.read_schema(path).names
    if not {"zonage", "code_zone", "geometrie"} <= set(names):
        return None
    with pq.ParquetFile(path) as file:  # `read_table` leaves the closing to a thread of its own
        table = file.read(columns=["zonage", "code_zone", "geometrie"])
    try:
        shapes = shapely.from_wkb(np.array(table["geometrie"].to_pylist(), dtype=object))
    except (shapely.errors.GEOSException, TypeError, pa.ArrowInvalid) as e:
        message = str(e).splitlines()[0][:200]
        raise RefusedInputError(path.name, "format_inattendu", message, "vérifier la publication") from None
    drawn: dict[str, dict[str, shapely.Geometry]] = {}
    without = set()
    for zoning, code, shape in zip(table["zonage"].to_pylist(), table["code_zone"].to_pylist(), shapes, strict=True):
        if shape is None:
            without.add(zoning)
        else:
            drawn.setdefault(zoning, {})[code] = shape
    drawn = {zoning: zones for zoning, zones in drawn.items() if zoning not in without}
    if "commune" not in drawn:
        return None
    named = [(zoning, code) for zoning, zones in drawn.items() for code in zones]
    planes = _plane(np.array([drawn[zoning][code] for zoning, code in named], dtype=object))
    for (zoning, code), shape in zip(named, planes, strict=True):
        drawn[zoning][code] = shape
    return cut(drawn)


def cut(drawn: Mapping[str, Mapping[str, shapely.Geometry]]) -> Faces:
    """The common refinement of zonings: zoning → zone → contour in metres. Of two zones of
    one zoning that overlap, the smaller code has the ground, as in what is published."""
    shapes, members = np.zeros(0, dtype=object), list[Members]()
    for zoning in sorted(drawn):
        codes = sorted(drawn[zoning])
        contours = np.array([drawn[zoning][c] for c in codes], dtype=object)
        bad = ~shapely.is_valid(contours)
        contours[bad] = shapely.make_valid(contours[bad])
        own = _apart(contours)
        shapes, members = _crossed(shapes, members, own, [(zoning, c) for c in codes])
    area: dict[Members, float] = {}
    for held, size in zip(members, shapely.area(shapes).tolist(), strict=True):
        area[held] = area.get(held, 0.0) + size
    return Faces(frozenset(drawn), {held: size for held, size in area.items() if size >= SLIVER_M2})


def _crossed(
    shapes: Shapes, members: list[Members], zones: Shapes, names: list[tuple[str, str]]
) -> tuple[Shapes, list[Members]]:
    """Cut faces by the zones of one more zoning; ground that had none is added."""
    if not len(shapes):
        return zones, [(name,) for name in names]
    zone, face = shapely.STRtree(shapes).query(zones, predicate="intersects")
    both = shapely.intersection(shapes[face], zones[zone])
    made = [both, _less(shapes, zones, face, zone), _less(zones, shapes, zone, face)]
    said = [(*members[f], names[z]) for f, z in zip(face.tolist(), zone.tolist(), strict=True)]
    said += [*members, *[(name,) for name in names]]
    every = np.concatenate(made)
    kept = _is_ground(every)
    return every[kept], [m for m, keep in zip(said, kept.tolist(), strict=True) if keep]


def _less(shapes: Shapes, others: Shapes, at: NDArray[np.int64], by: NDArray[np.int64]) -> Shapes:
    """Each shape without the others that it meets."""
    left = shapes.copy()
    order = np.lexsort((by, at))
    for group in np.split(order, np.flatnonzero(np.diff(at[order])) + 1) if len(order) else []:
        rank = at[group[0]]
        left[rank] = shapely.difference(shapes[rank], shapely.union_all(others[by[group]]))
    return left


def _apart(contours: Shapes) -> Shapes:
    """Each zone without those before it."""
    second, first = shapely.STRtree(contours).query(contours, predicate="intersects")
    before = first < second
    return _less(contours, contours, second[before], first[before])


def _is_ground(shapes: Shapes) -> NDArray[np.bool_]:
    """More than what straightening edges twice leaves along them."""
    area, length = shapely.area(shapes), shapely.length(shapes)
    return np.asarray((area > 0) & (2 * area > NARROW_M * length))


def _plane(shapes: Shapes) -> Shapes:
    """Longitude and latitude to metres, such that what is straight on the ground is straight: the vertices that one
    contour has along a long edge of another are then on it. Territories oceans apart do not meet."""
    middle = shapely.bounds(shapes).reshape(-1, 2, 2).mean(axis=1)
    region = np.floor((middle[:, 0] + 20) / 40)
    moved = shapes.copy()
    for number in np.unique(region[np.isfinite(region)]):
        own = np.flatnonzero(region == number)
        moved[own] = shapely.transform(
            shapes[own], _gnomonic(np.radians(middle[own].mean(axis=0)), float(number) * 1e8)
        )
    return moved


def _gnomonic(centre: NDArray[np.float64], east: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    def project(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
        longitude, latitude = np.radians(degrees[:, 0]) - centre[0], np.radians(degrees[:, 1])
        sine, cosine = np.sin(centre[1]), np.cos(centre[1])
        depth = sine * np.sin(latitude) + cosine * np.cos(latitude) * np.cos(longitude)
        x = np.cos(latitude) * np.sin(longitude) / depth
        y = (cosine * np.sin(latitude) - sine * np.cos(latitude) * np.cos(longitude)) / depth
        return np.column_stack([east + _RADIUS_M * x, _RADIUS_M * y])

    return project
