"""Maps drawn in the page: perimeters in a local plane, without a background that would have to be fetched.

The projection is the plate carrée of the map's middle latitude: over an agglomeration, distances are right to a
thousandth, and nothing is measured on these drawings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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

Outline = list[Any]


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
        for polygon in outline:
            for ring in polygon:
                points = self._ring(ring)
                if len(points) > 2:
                    steps = "L".join(f"{coordinate(x)} {coordinate(y)}" for x, y in points[1:])
                    drawn.append(f"M{coordinate(points[0][0])} {coordinate(points[0][1])}L{steps}Z")
        return "".join(drawn)

    def middle(self, outline: Outline) -> tuple[float, float]:
        """A point inside, near the middle."""
        point = shapely.point_on_surface(shape_of(outline))
        return self._at(point.x, point.y)

    def extent(self, outline: Outline) -> float:
        """The larger side of what it takes in the drawing."""
        west, south, east, north = shape_of(outline).bounds
        return float(max((east - west) * self.squeeze, north - south) * self.scale)

    def _at(self, lon: float, lat: float) -> tuple[float, float]:
        return (lon - self.west) * self.squeeze * self.scale, (self.north - lat) * self.scale

    def _ring(self, ring: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
        kept: list[tuple[float, float]] = []
        for lon, lat, *_ in ring:
            x, y = self._at(lon, lat)
            if not kept or abs(x - kept[-1][0]) + abs(y - kept[-1][1]) >= 0.5:
                kept.append((x, y))
        return kept


def shape_of(outline: Outline) -> Any:
    """A shapely geometry, in degrees."""
    return shapely.multipolygons([shapely.polygons(p[0], holes=p[1:] or None) for p in outline])


def plane(outlines: Sequence[Outline], width: float = WIDTH, tallest: float = TALLEST) -> Plane:
    """The plane that shows all of them, with a margin of 2 %."""
    boxes = np.array([shape_of(o).bounds for o in outlines])
    west, south = boxes[:, 0].min(), boxes[:, 1].min()
    east, north = boxes[:, 2].max(), boxes[:, 3].max()
    squeeze = math.cos(math.radians((south + north) / 2))
    across, high = max((east - west) * squeeze, 1e-6), max(north - south, 1e-6)
    west, north = west - 0.02 * across / squeeze, north + 0.02 * high
    across, high = across * 1.04, high * 1.04
    scale = min(width / across, tallest / high)
    return Plane(float(west), float(north), float(scale), float(squeeze), across * scale, high * scale)


def coloured(
    quarters: Sequence[Zone], outlines: Mapping[str, Outline], ground: Sequence[Outline],
    style: Callable[[Zone], tuple[str, str]], title: str, name: str, link: Callable[[Zone], str],
) -> Markup:  # fmt: skip
    """Quarters over the communes. `style` gives the class of a quarter and its words (a `title`, for the pointer)."""
    drawn = [z for z in quarters if z.code in outlines]
    if not drawn:
        return Markup("")
    view = plane(
        [outlines[z.code] for z in drawn] if len(drawn) > MANY else [*ground, *(outlines[z.code] for z in drawn)]
    )
    body = [tag("path", d=d, class_="commune") for o in ground if (d := view.path(o))]
    for zone in drawn:
        kind, words = style(zone)
        told = f"<title>{escape(words)}</title>"
        mark = _mark(view, outlines[zone.code], kind, told)
        body.append(_linked(link(zone), words, mark, zone.code) if len(drawn) <= MANY else mark)
    return figure(view.width, view.height, "".join(body), title, name, links=len(drawn) <= MANY)


def around(zone: Zone, neighbours: Sequence[Zone], outlines: Mapping[str, Outline], ground: Sequence[Outline],
           link: Callable[[Zone], str], name: str) -> Markup:  # fmt: skip
    """A quarter and what is near it: its neighbours, its communes."""
    if zone.code not in outlines:
        return Markup("")
    view = plane([_frame(zone, neighbours, outlines)], 360.0, 260.0)
    body = [tag("path", d=d, class_="commune") for o in ground if (d := view.path(o))]
    for other in neighbours:
        if other.code in outlines and other.code != zone.code:
            told = f"<title>{escape(other.nom)}</title>"
            mark = _mark(view, outlines[other.code], "voisin", told)
            body.append(_linked(link(other), other.nom, mark, other.code))
    body.append(_mark(view, outlines[zone.code], "ici", f"<title>{escape(zone.nom)}</title>"))
    return figure(view.width, view.height, "".join(body), f"Le périmètre de {zone.nom} et ce qui l'entoure", name,
                  links=True)  # fmt: skip


def _frame(zone: Zone, neighbours: Sequence[Zone], outlines: Mapping[str, Outline]) -> Outline:
    """What is shown around a quarter: room on every side, and its nearest neighbours that do not make it a speck."""
    own = shape_of(outlines[zone.code])
    west, south, east, north = own.bounds
    side = max(east - west, north - south)
    shown = shapely.box(west - side * 0.9, south - side * 0.65, east + side * 0.9, north + side * 0.65)
    for other in neighbours:
        if other.code in outlines:
            both = shapely.box(*shapely.union_all([shown, shape_of(outlines[other.code]).envelope]).bounds)
            if max(both.bounds[2] - both.bounds[0], both.bounds[3] - both.bounds[1]) <= WIDEST * side:
                shown = both
    return [[list(shown.exterior.coords)]]


def nearest(zone: Zone, centres: Mapping[str, tuple[float, float]], count: int) -> list[str]:
    """Codes of the quarters whose centre is nearest, ties by code."""
    if zone.code not in centres:
        return []
    lon, lat = centres[zone.code]
    squeeze = math.cos(math.radians(lat))
    far = [(math.hypot((x - lon) * squeeze, y - lat), code) for code, (x, y) in centres.items() if code != zone.code]
    return [code for _, code in sorted(far)[:count]]


def _linked(target: str, words: str, mark: str, code: str) -> str:
    return f'<a href="{escape(target)}" data-code="{escape(code)}" aria-label="{escape(words)}">{mark}</a>'


def _mark(view: Plane, outline: Outline, kind: str, told: str) -> str:
    if view.extent(outline) < TOO_SMALL:
        x, y = view.middle(outline)
        return tag("circle", told, cx=x, cy=y, r=TOO_SMALL / 2, class_=f"quartier {kind}")
    return tag("path", told, d=view.path(outline), class_=f"quartier {kind}")
