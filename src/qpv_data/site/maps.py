"""Maps drawn in the page: perimeters in a local plane, without a background that would have to be fetched.

The projection is the plate carrée of the map's middle latitude: over an agglomeration, distances are right to a
thousandth, and nothing is measured on these drawings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from markupsafe import Markup, escape

from qpv_data.site.model import Zone
from qpv_data.site.svg import coordinate, figure, tag

WIDTH = 640.0
TALLEST = 560.0
TOO_SMALL = 4.0
"""A quarter narrower than this many units of the drawing is a disc."""
MANY = 120
"""Over this many quarters, names and links are left to the list: tags on top of each other say nothing."""

WIDEST = 7.0
"""A drawing around a quarter is at most this many times as wide as the quarter."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Outline:
    """A perimeter: coordinates of a MultiPolygon in degrees, and what holds it (west, south, east, north)."""

    coordonnees: list[Any]
    boite: Box

    @cached_property
    def dedans(self) -> tuple[float, float]:
        """A point inside, near the middle."""
        point = shapely.point_on_surface(shape_of(self.coordonnees))
        return point.x, point.y

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of its box."""
        west, south, east, north = self.boite
        return (west + east) / 2, (south + north) / 2

    def meets(self, box: Box) -> bool:
        """Whether the boxes have a point in common."""
        west, south, east, north = self.boite
        return west <= box[2] and east >= box[0] and south <= box[3] and north >= box[1]


def outline(coordinates: list[Any]) -> Outline:
    """Of the coordinates of a MultiPolygon."""
    xs = [p[0] for polygon in coordinates for p in polygon[0]]
    ys = [p[1] for polygon in coordinates for p in polygon[0]]
    return Outline(coordinates, (min(xs), min(ys), max(xs), max(ys)))


@dataclass(frozen=True)
class Plane:
    """From degrees to the units of a drawing `width` by `height`."""

    west: float
    north: float
    scale: float
    squeeze: float
    width: float
    height: float

    def path(self, outline: Outline) -> str:
        """The `d` of a path. Vertices closer than half a unit to the one before are left out."""
        drawn = []
        for polygon in outline.coordonnees:
            for ring in polygon:
                points = self._ring(ring)
                if len(points) > 2:
                    steps = "L".join(f"{coordinate(x)} {coordinate(y)}" for x, y in points[1:])
                    drawn.append(f"M{coordinate(points[0][0])} {coordinate(points[0][1])}L{steps}Z")
        return "".join(drawn)

    def middle(self, outline: Outline) -> tuple[float, float]:
        """A point inside, near the middle."""
        return self._at(*outline.dedans)

    def extent(self, outline: Outline) -> float:
        """The larger side of what it takes in the drawing."""
        west, south, east, north = outline.boite
        return float(max((east - west) * self.squeeze, north - south) * self.scale)

    @property
    def box(self) -> Box:
        """What it shows, in degrees."""
        east = self.west + self.width / (self.squeeze * self.scale)
        return self.west, self.north - self.height / self.scale, east, self.north

    def _at(self, lon: float, lat: float) -> tuple[float, float]:
        return (lon - self.west) * self.squeeze * self.scale, (self.north - lat) * self.scale

    def _ring(self, ring: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
        kept: list[tuple[float, float]] = []
        for lon, lat, *_ in ring:
            x, y = self._at(lon, lat)
            if not kept or abs(x - kept[-1][0]) + abs(y - kept[-1][1]) >= 0.5:
                kept.append((x, y))
        return kept


def shape_of(coordinates: list[Any]) -> Any:
    """A shapely geometry, in degrees."""
    return shapely.multipolygons([shapely.polygons(p[0], holes=p[1:] or None) for p in coordinates])


def plane(shown: Sequence[Box], width: float = WIDTH, tallest: float = TALLEST) -> Plane:
    """The plane that shows all these boxes, with a margin of 2 %."""
    boxes = np.array(shown)
    west, south = boxes[:, 0].min(), boxes[:, 1].min()
    east, north = boxes[:, 2].max(), boxes[:, 3].max()
    squeeze = math.cos(math.radians((south + north) / 2))
    across, high = max((east - west) * squeeze, 1e-6), max(north - south, 1e-6)
    west, north = west - 0.02 * across / squeeze, north + 0.02 * high
    across, high = across * 1.04, high * 1.04
    scale = min(width / across, tallest / high)
    return Plane(float(west), float(north), float(scale), float(squeeze), across * scale, high * scale)


def around(zone: Zone, neighbours: Sequence[Zone], outlines: Mapping[str, Outline], ground: Sequence[Outline],
           link: Callable[[Zone], str], name: str) -> Markup:  # fmt: skip
    """A quarter and what is near it: its neighbours, its communes."""
    if zone.code not in outlines:
        return Markup("")
    frame = _frame(zone, neighbours, outlines)
    view = plane([frame], 360.0, 260.0)
    body = [tag("path", d=d, class_="commune") for o in ground if o.meets(frame) and (d := view.path(o))]
    for other in neighbours:
        if other.code in outlines and other.code != zone.code and outlines[other.code].meets(frame):
            told = f"<title>{escape(other.appel)}</title>"
            mark = _mark(view, outlines[other.code], "voisin", told)
            body.append(linked(link(other), other.appel, mark, other.code))
    body.append(_mark(view, outlines[zone.code], "ici", f"<title>{escape(zone.nom)}</title>"))
    return figure(view.width, view.height, "".join(body), f"Le périmètre de {zone.nom} et ce qui l'entoure", name,
                  links=True)  # fmt: skip


def _frame(zone: Zone, neighbours: Sequence[Zone], outlines: Mapping[str, Outline]) -> Box:
    """What is shown around a quarter: room on every side, and its nearest neighbours that do not make it a speck."""
    west, south, east, north = outlines[zone.code].boite
    side = max(east - west, north - south)
    shown = (west - side * 0.9, south - side * 0.65, east + side * 0.9, north + side * 0.65)
    for other in neighbours:
        if other.code in outlines:
            theirs = outlines[other.code].boite
            both = (
                min(shown[0], theirs[0]),
                min(shown[1], theirs[1]),
                max(shown[2], theirs[2]),
                max(shown[3], theirs[3]),
            )
            if max(both[2] - both[0], both[3] - both[1]) <= WIDEST * side:
                shown = both
    return shown


def nearest(zone: Zone, centres: Mapping[str, tuple[float, float]], count: int) -> list[str]:
    """Codes of the quarters whose centre is nearest, ties by code."""
    if zone.code not in centres:
        return []
    lon, lat = centres[zone.code]
    squeeze = math.cos(math.radians(lat))
    far = [(math.hypot((x - lon) * squeeze, y - lat), code) for code, (x, y) in centres.items() if code != zone.code]
    return [code for _, code in sorted(far)[:count]]


def linked(target: str, words: str, mark: str, code: str) -> str:
    return f'<a href="{escape(target)}" data-code="{escape(code)}" aria-label="{escape(words)}">{mark}</a>'


def _mark(view: Plane, outline: Outline, kind: str, told: str) -> str:
    if view.extent(outline) < TOO_SMALL:
        x, y = view.middle(outline)
        return tag("circle", told, cx=x, cy=y, r=TOO_SMALL / 2, class_=f"quartier {kind}")
    return tag("path", told, d=view.path(outline), class_=f"quartier {kind}")
