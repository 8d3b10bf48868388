"""The addresses of the territory: random whole-metre points, placed in their zones by exact arithmetic."""

from __future__ import annotations

import random
from collections.abc import Sequence

from pyproj import Transformer

from qpv_data.demo.geometrie import Point, bounds, contains, too_close
from qpv_data.demo.lignes import Adresse
from qpv_data.demo.territoire import COMMUNES, PERIMETRES, QPV2015, QPV2024, Zone

# The files cross CRS changes whose straight edges are not the same lines: 8 cm apart on a 2 km edge.
MARGE_M = 3
EPSG_LIVRES = {4326: 9, 3946: 3}  # and 2154; decimals delivered
# uneven on purpose: some QPVs hold too few units to be published
POIDS_QPV = (9, 12, 8, 7, 10, 6, 5, 7, 4, 3, 2, 3, 1)
VOIES = (
    "rue des Brouillards", "allée du Loup-Garou", "avenue de l’Imaginaire", "impasse du Nœud",
    "place de la Chimère", "chemin du Vague-à-l’Âme", "boulevard Croquemitaine", "quai des Ombres",
)  # fmt: skip

_BORNES = {(zonage, z.code): bounds(z.rings) for zonage, zones in PERIMETRES.items() for z in zones}


def _locate(point: Point) -> dict[str, str | None] | None:
    """The zone of each zoning that holds the point, or None when the point is too close to any edge."""
    found: dict[str, str | None] = {}
    for zonage, zones in PERIMETRES.items():
        found[zonage] = None
        for zone in zones:
            west, south, east, north = _BORNES[zonage, zone.code]
            if not (west - MARGE_M <= point[0] <= east + MARGE_M):
                continue
            if not (south - MARGE_M <= point[1] <= north + MARGE_M):
                continue
            if too_close(zone.rings, point, MARGE_M):
                return None
            if contains(zone.rings, point):
                found[zonage] = zone.code
    return found


def _inside(rng: random.Random, zone: Zone) -> Point:
    west, south, east, north = bounds(zone.rings)
    while True:
        point = (rng.randint(west, east), rng.randint(south, north))
        if contains(zone.rings, point):
            return point


def _draw(rng: random.Random, sites: Sequence[Zone], poids: Sequence[int]) -> Point:
    """45 % in a QPV, 52 % anywhere in a commune, 3 % in the countryside beyond."""
    share = rng.random()
    if share < 0.45:
        return _inside(rng, rng.choices(sites, poids)[0])
    if share < 0.97:
        return _inside(rng, rng.choice(COMMUNES))
    west, south, east, north = bounds([ring for c in COMMUNES for ring in c.rings])
    beyond = rng.randint(500, 3_000)
    return rng.choice(
        [
            (west - beyond, rng.randint(south, north)),
            (east + beyond, rng.randint(south, north)),
            (rng.randint(west, east), south - beyond),
            (rng.randint(west, east), north + beyond),
        ]
    )


def addresses(rng: random.Random, n: int) -> list[Adresse]:
    """`n` addresses. The order is the draw's; two may share a point by chance."""
    sites = (*QPV2015, QPV2024[-1])  # the twelve of 2015 and the new one cover both generations' ground
    points: list[Point] = []
    places: list[dict[str, str | None]] = []
    while len(points) < n:
        point = _draw(rng, sites, POIDS_QPV)
        place = _locate(point)
        if place is not None:
            points.append(point)
            places.append(place)
    texts = _projected(points)
    return [
        Adresse(
            f"{rng.randint(1, 99)} {rng.choice(VOIES)}",
            {epsg: texts[epsg][k] for epsg in texts},
            place["commune"], place["iris"], place["qpv2015"], place["qpv2024"],
        )
        for k, place in enumerate(places)
    ]  # fmt: skip


def _projected(points: Sequence[Point]) -> dict[int, list[tuple[str, str]]]:
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    texts = {2154: [(f"{x}.0", f"{y}.0") for x, y in points]}
    for epsg, decimals in EPSG_LIVRES.items():
        a, b = Transformer.from_crs(2154, epsg, always_xy=True).transform(xs, ys)
        texts[epsg] = [(f"{x:.{decimals}f}", f"{y:.{decimals}f}") for x, y in zip(a, b, strict=True)]
    return texts
