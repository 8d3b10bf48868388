"""Zones to share onto: each measured in the projected CRS of its territory, whatever the CRS of its file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from qpv_data.areas.cover import Cover, cover_of
from qpv_data.areas.extents import use_of
from qpv_data.areas.moving import move, move_polygons
from qpv_data.problems import FeedError, Problem, listed
from qpv_data.zonages.crs import Geometries, in_metres, lon_lat, same_crs


@dataclass(frozen=True)
class Plan:
    """Zones of one plane CRS, in metres: their numbers in the zoning, ascending, and their valid polygons."""

    crs: str
    number: NDArray[np.int32]
    geometries: Geometries

    @cached_property
    def cover(self) -> Cover:
        """The zones and the unions of those that overlap."""
        return cover_of(self.geometries)


@dataclass(frozen=True)
class Cibles:
    """A zoning to share onto. `codes`: sorted; a zone's number is its place there. Zones of no area are in no plan."""

    codes: tuple[str, ...]
    plans: tuple[Plan, ...]

    def moved_to(self, crs: str) -> Plan:
        """The zones that lie where `crs` is used, in it, for a grid's cells. Edges are within a millimetre a move."""
        numbers: list[NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
        shapes: list[Geometries] = [np.zeros(0, dtype=object)]
        for plan in self.plans:
            near = np.flatnonzero(_used_there(plan, crs))
            # Not checked again: what moving may cross, by a hair, changes no area; cover.py repairs what it joins.
            shapes.append(move(plan.geometries[near], plan.crs, crs, "zones"))
            numbers.append(plan.number[near])
        number = np.concatenate(numbers)
        order = np.argsort(number)
        return Plan(crs, number[order], np.concatenate(shapes)[order])


def cibles(
    codes: Sequence[str], geometries: Geometries, crs: str, sans_aire: Sequence[str] = (), name: str = "zones"
) -> Cibles:
    """Zones under distinct codes, valid polygons in `crs`: geographic or not, they go to their territory's own.

    `sans_aire`: codes of zones without area, which are in the answers all the same.
    Raises FeedError: doublon, crs_inattendu (zones out of every territory, all of them named).
    """
    from qpv_data.zonages.territories import load_territories, territory_of_points

    every = sorted([*codes, *sans_aire])
    if len(set(every)) != len(every):
        twice = sorted({c for c in every if every.count(c) > 1})
        raise FeedError(name, Problem.DOUBLON, f"codes de zones répétés : {listed(twice)}", "un code par zone")
    if not len(codes):
        return Cibles(tuple(every), ())
    xmin, ymin, xmax, ymax = shapely.bounds(geometries).T
    places = territory_of_points(*lon_lat((xmin + xmax) / 2, (ymin + ymax) / 2, crs))
    if (places < 0).any():
        lost = [code for code, place in zip(codes, places, strict=True) if place < 0]
        message = f"{len(lost)} zones hors de tout territoire français, lues en {crs[:40]} : {listed(lost)}"
        raise FeedError(name, Problem.CRS_INATTENDU, message, "vérifier le système de coordonnées et l'ordre des axes")
    epsg = np.array([t.epsg for t in load_territories()])[places]
    number = {code: n for n, code in enumerate(every)}
    numbers = np.array([number[c] for c in codes], dtype=np.int32)
    plans = []
    for own in np.unique(epsg):
        rows = np.flatnonzero(epsg == own)
        rows = rows[np.argsort(numbers[rows])]
        moved = move_polygons(geometries[rows], crs, f"EPSG:{own}", name)
        alive = ~shapely.is_missing(moved) & (shapely.area(moved) > 0)
        plans.append(Plan(f"EPSG:{own}", numbers[rows][alive], moved[alive]))
    return Cibles(tuple(every), tuple(plans))


def planes(codes: Sequence[str], geometries: Geometries, crs: str) -> Cibles:
    """Zones taken where they are, in a plane CRS in metres, valid. Raises FeedError crs_inattendu for another CRS."""
    require_metres(crs, "zones")
    order = sorted(range(len(codes)), key=lambda i: codes[i])
    shapes = np.array(geometries, dtype=object)[order]
    return Cibles(tuple(codes[i] for i in order), (Plan(crs, np.arange(len(order), dtype=np.int32), shapes),))


def cibles_of_file(path: Path, code: str, crs: str | None = None) -> Cibles:
    """The zones of any polygon file, under its column `code`; `crs` for a file that names none."""
    from qpv_data.zonages.files import read_zones_file

    read = read_zones_file(path, code, crs)
    return cibles(read.codes, read.geometries, read.crs, read.sans_aire, path.name)


def cibles_of_run(directory: Path, zonage: str) -> Cibles:
    """The zones of a zoning composed by a run, in its folder `zonages`. Raises FeedError reference_inconnue."""
    from qpv_data.zonages.loading import load_zones

    known = load_zones(directory)
    if zonage not in known.groups or not known.groups[zonage]:
        names = ", ".join(known.perimetres()) or "aucun"
        message = f"zonage {zonage!r} sans contours dans {directory.name} ; zonages : {names}"
        raise FeedError("zonages", Problem.REFERENCE_INCONNUE, message, "nommer l'un d'eux")
    groups = known.groups[zonage]
    every = tuple(sorted(known.codes(zonage)))
    number = {code: n for n, code in enumerate(every)}
    plans = [
        Plan(f"EPSG:{epsg}", np.array([number[c] for c in g.codes], dtype=np.int32), np.asarray(g.geometries))
        for epsg, g in sorted(groups.items())
    ]
    return Cibles(every, tuple(plans))


def require_metres(crs: str, name: str) -> None:
    """Raise FeedError crs_inattendu for coordinates that are not metres on the ground."""
    if not in_metres(crs):
        message = f"{crs[:60]} n'est pas un système plan en mètres : ni surface ni longueur n'y ont de sens"
        raise FeedError(
            name, Problem.CRS_INATTENDU, message, "utiliser la projection du territoire, EPSG:2154 pour l'hexagone"
        )


def _used_there(plan: Plan, crs: str) -> NDArray[np.bool_]:
    used = use_of(crs)
    if used is None or same_crs(plan.crs, crs) or not len(plan.geometries):
        return np.ones(len(plan.geometries), dtype=bool)
    xmin, ymin, xmax, ymax = shapely.bounds(plan.geometries).T
    lon, lat = lon_lat((xmin + xmax) / 2, (ymin + ymax) / 2, plan.crs)
    west, south, east, north = used
    inside: NDArray[np.bool_] = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    return inside
