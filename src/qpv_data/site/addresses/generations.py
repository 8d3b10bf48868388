"""Points in the quarters of every generation, by the exact engine, on the contours that the release publishes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from qpv_data.grid.edges import Floats
from qpv_data.locator import Locator
from qpv_data.points.ground import NUMBER
from qpv_data.points.metric import Margins
from qpv_data.points.opening import zoning_of_shapes
from qpv_data.problems import MotifInconnu
from qpv_data.site.model import Zone
from qpv_data.site.reading import Release
from qpv_data.zonages.perimeters import polygons_of, repair

Answers = NDArray[np.int32]
DEHORS, INCONNU = -1, -2
LIMITE_M = 10.0
"""Nearer than this to a limit, an address is to be checked: about half of a street, from its axis to its doors."""
LOIN_M = 2_000.0
"""A position farther than this from the bounds of its commune is not one."""
_LONLAT = "EPSG:4326"
_DEGREE_M = 111_320.0
_NOWHERE = (NUMBER[MotifInconnu.AXES_INVERSES], NUMBER[MotifInconnu.HORS_TERRITOIRE])


@dataclass(frozen=True)
class Generation:
    """The quarters of one zoning. `premier`: the number of its first zone among those of all generations."""

    zonage: str
    zones: tuple[Zone, ...]
    contours: NDArray[Any]
    territoires: frozenset[str] | None
    premier: int


@dataclass(frozen=True)
class Generations:
    """The generations, the newest first; their zones are numbered one after the other, by code in each."""

    toutes: tuple[Generation, ...]
    emprises: Mapping[str, tuple[float, float, float, float]]
    """Commune of the site → its bounds in degrees (west, south, east, north), where its contour is known."""

    @property
    def zones(self) -> list[Zone]:
        return [zone for generation in self.toutes for zone in generation.zones]


def generations(release: Release, communes: Collection[str]) -> Generations:
    """Every generation with a contour that the communes may meet."""
    boxes = _boxes(release, communes)
    sql = (
        "SELECT zonage, code_zone, geometrie FROM zones WHERE famille = 'qpv' AND geometrie IS NOT NULL"
        " ORDER BY zonage DESC, code_zone"
    )
    rows = release.open.execute(sql).fetchall()
    contours, _ = repair(shapely.from_wkb(np.array([bytes(r[2]) for r in rows], dtype=object)))
    found: list[Generation] = []
    first = 0
    for zonage in dict.fromkeys(r[0] for r in rows):
        kept = {
            code: shape
            for (own, code, _), contour in zip(rows, contours, strict=True)
            if own == zonage and (shape := polygons_of(contour)) is not None
        }
        if boxes is not None:
            near = shapely.STRtree(list(kept.values())).query(boxes, predicate=None)[1]
            chosen = set(near.tolist())
            kept = {code: shape for n, (code, shape) in enumerate(kept.items()) if n in chosen}
        if kept:
            zones = tuple(release.zones[zonage, code] for code in kept)
            shapes = np.array(list(kept.values()), dtype=object)
            found.append(Generation(zonage, zones, shapes, _in_force(release, zonage), first))
            first += len(zones)
    return Generations(tuple(found), _bounds(release, communes))


def _bounds(release: Release, communes: Collection[str]) -> dict[str, tuple[float, float, float, float]]:
    sql = (
        "SELECT code_zone, bbox.xmin, bbox.ymin, bbox.xmax, bbox.ymax FROM zones"
        " WHERE zonage = 'commune' AND bbox.xmin IS NOT NULL AND list_contains(?, code_zone)"
    )
    return {c: tuple(box) for c, *box in release.open.execute(sql, [sorted(communes)]).fetchall()}


def _boxes(release: Release, communes: Collection[str]) -> NDArray[Any] | None:
    """Where an address of the communes may be; None when one of them has no contour to say it, or none is known."""
    bounds = _bounds(release, communes)
    if not communes or set(bounds) != set(communes):
        return None
    room = 2 * LOIN_M / _DEGREE_M
    wide = [(w - room / _squeeze(s, n), s - room, e + room / _squeeze(s, n), n + room)
            for w, s, e, n in bounds.values()]  # fmt: skip
    return np.array([shapely.box(*b) for b in wide], dtype=object)


def _squeeze(south: float, north: float) -> float:
    return float(np.cos(np.radians((south + north) / 2)))


def _in_force(release: Release, zonage: str) -> frozenset[str] | None:
    """Territories where a generation was ever in force; None when the release does not say."""
    rows = release.open.execute("SELECT DISTINCT territoire FROM en_vigueur WHERE zonage = ?", [zonage]).fetchall()
    return frozenset(str(t) for (t,) in rows if t is not None) or None


class Placing:
    """Locates points: an answer a point, of two numbers a generation.

    The first: the zone, DEHORS, or INCONNU where the generation says nothing of the place. The second: the zone whose
    limit is nearer than LIMITE_M, or −1.
    """

    def __init__(self, every: Generations) -> None:
        self.every = every
        self._ways: list[tuple[Generation, Locator, Margins]] = []
        for g in every.toutes:
            zoning = zoning_of_shapes([z.code for z in g.zones], g.contours, _LONLAT, g.zonage)
            zoning = replace(zoning, territoires=g.territoires)
            self._ways.append((g, Locator(zoning), Margins(zoning, LIMITE_M)))

    def answers(self, lon: Floats, lat: Floats) -> tuple[Answers, NDArray[np.bool_]]:
        """(answers, whether the point is in no French territory). In: finite degrees, shape (n,)."""
        out = np.full((len(lon), 2 * len(self._ways)), -1, dtype=np.int32)
        nowhere = np.zeros(len(lon), dtype=bool)
        for k, (generation, locator, margins) in enumerate(self._ways):
            placed = locator.placed(lon, lat, crs=_LONLAT)
            out[placed.inconnus, 2 * k] = INCONNU
            out[placed.dedans, 2 * k] = generation.premier + placed.zone
            nowhere[placed.inconnus[np.isin(placed.motifs, _NOWHERE)]] = True
            _, whose = margins.nearest(_LONLAT, lon, lat, placed)
            out[:, 2 * k + 1] = np.where(whose >= 0, generation.premier + whose, -1)
        return out, nowhere

    def astray(self, commune: NDArray[np.object_], lon: Floats, lat: Floats) -> NDArray[np.bool_]:
        """Whether each point is farther than LOIN_M from the bounds of its commune; false where these are not known."""
        out = np.zeros(len(lon), dtype=bool)
        for code in set(commune.tolist()):
            if (box := self.every.emprises.get(code)) is None:
                continue
            west, south, east, north = box
            rows = np.flatnonzero(commune == code)
            across = np.maximum(np.maximum(west - lon[rows], lon[rows] - east), 0) * _squeeze(south, north)
            high = np.maximum(np.maximum(south - lat[rows], lat[rows] - north), 0)
            out[rows] = np.hypot(across, high) * _DEGREE_M > LOIN_M
        return out
