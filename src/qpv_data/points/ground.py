"""What the absence of a zone means: the point is outside, or its place is unknown, and why.

A place is known when its coordinates are finite, not (0, 0), and in a French territory where the zoning is in force.
Zones that lie in no French territory are a map of their own: there any finite place but (0, 0) is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qpv_data.grid.edges import Floats, Ints
from qpv_data.problems import MotifInconnu
from qpv_data.projection import moved_points

if TYPE_CHECKING:
    from qpv_data.zonages.territories import Territory

MOTIFS: tuple[MotifInconnu, ...] = tuple(MotifInconnu)
"""A reason is its place in this list."""
NUMBER = {motif: n for n, motif in enumerate(MOTIFS)}
_WGS84 = "EPSG:4326"


@dataclass(frozen=True)
class Ground:
    """The known world of points in `crs`.

    `sure`: a box (xmin, ymin, xmax, ymax) in which every place is known, empty (inf, …) when there is none;
    `territoires`: ids of the French territories, by number in `load_territories()`, where an absence is "outside".
    `libre`: no territory is looked at.
    """

    crs: str
    sure: tuple[float, float, float, float]
    en_vigueur: frozenset[str] | None
    libre: bool = False

    def unknown(self, x: Floats, y: Floats, found: Ints) -> tuple[Ints, NDArray[np.uint8]]:
        """Rows, ascending, of the points whose place is unknown, and why (number in MOTIFS).

        In: coordinates in `crs`, NaN when absent; `found`: rows, ascending, that a zone holds: these are known.
        """
        xmin, ymin, xmax, ymax = self.sure
        none = np.zeros(0, np.int64), np.zeros(0, np.uint8)
        if not len(x):
            return none
        # One comparison a bound: a NaN makes it false.
        if x.min() > xmin and x.max() < xmax and y.min() > ymin and y.max() < ymax:
            return none
        doubtful = ~((x > xmin) & (x < xmax) & (y > ymin) & (y < ymax))
        doubtful[found] = False
        rows = np.flatnonzero(doubtful)
        why = self._why(x[rows], y[rows])
        kept = why != _KNOWN
        return rows[kept], why[kept]

    def _why(self, x: Floats, y: Floats) -> NDArray[np.uint8]:
        why = np.full(len(x), _KNOWN, dtype=np.uint8)
        finite = np.isfinite(x) & np.isfinite(y)
        missing = np.isnan(x) | np.isnan(y)
        zero = (x == 0) & (y == 0)
        if not self.libre:
            asked = np.flatnonzero(finite & ~zero)
            why[asked] = self._territory(x[asked], y[asked])
        why[~finite] = NUMBER[MotifInconnu.COORDONNEES_INFINIES]
        why[missing] = NUMBER[MotifInconnu.COORDONNEES_ABSENTES]
        why[zero] = NUMBER[MotifInconnu.COORDONNEES_NULLES]
        return why

    def _territory(self, x: Floats, y: Floats) -> NDArray[np.uint8]:
        place = self.territory(x, y)
        why = np.full(len(x), _KNOWN, dtype=np.uint8)
        away = np.flatnonzero(place < 0)
        if len(away):
            swapped = self.territory(y[away], x[away]) >= 0
            why[away] = np.where(
                swapped, NUMBER[MotifInconnu.AXES_INVERSES], NUMBER[MotifInconnu.HORS_TERRITOIRE]
            ).astype(np.uint8)
        if self.en_vigueur is not None:
            covered = np.array([*(t.id in self.en_vigueur for t in self.known), True])
            why[~covered[place]] = NUMBER[MotifInconnu.HORS_COUVERTURE]
        return why

    def territory(self, x: Floats, y: Floats) -> NDArray[np.int16]:
        """Number of the French territory of each point, −1 in none. In: finite coordinates."""
        from qpv_data.zonages.territories import territory_of_points

        return territory_of_points(*moved_points(self.crs, _WGS84, x, y))

    @cached_property
    def known(self) -> tuple[Territory, ...]:
        """The French territories, by number."""
        from qpv_data.zonages.territories import load_territories

        return load_territories()


_KNOWN = 255
_NOWHERE = (np.inf, np.inf, -np.inf, -np.inf)


def ground_of(crs: str, principal: str | None, en_vigueur: frozenset[str] | None, *, libre: bool = False) -> Ground:
    """The ground of points in `crs`, for zones that are mostly in the territory `principal` (its id).

    The box is inside that territory's extent, as `crs` sees it: most places are known at once.
    """
    if libre:
        return Ground(crs, _NOWHERE, None, libre=True)
    ground = Ground(crs, _NOWHERE, en_vigueur)
    chosen = [t for t in ground.known if t.id == principal and (en_vigueur is None or t.id in en_vigueur)]
    if not chosen:
        return ground
    number = ground.known.index(chosen[0])
    west, south, east, north = max(chosen[0].emprises, key=lambda e: (e[2] - e[0]) * (e[3] - e[1]))
    shrink = 1e-3 * min(east - west, north - south)
    outline = _sides((west + shrink, south + shrink, east - shrink, north - shrink))
    outline = [moved_points(_WGS84, crs, *side) for side in outline]
    bottom, top, left, right = outline
    box = (float(left[0].max()), float(bottom[1].max()), float(right[0].min()), float(top[1].min()))
    for _ in range(4):
        if not np.isfinite(box).all() or box[0] >= box[2] or box[1] >= box[3]:
            return ground
        rim = [np.concatenate(c) for c in zip(*_sides(box), strict=True)]
        holds_zero = box[0] <= 0 <= box[2] and box[1] <= 0 <= box[3]
        if not holds_zero and (ground.territory(*rim) == number).all():
            return Ground(crs, box, en_vigueur)
        wide, high = (box[2] - box[0]) * 0.05, (box[3] - box[1]) * 0.05
        box = (box[0] + wide, box[1] + high, box[2] - wide, box[3] - high)
    return ground


def _sides(box: tuple[float, float, float, float], steps: int = 256) -> list[tuple[Floats, Floats]]:
    """Points along the sides of a box: south, north, west, east."""
    x = np.linspace(box[0], box[2], steps)
    y = np.linspace(box[1], box[3], steps)
    flat = [(x, np.full(steps, v)) for v in (box[1], box[3])]
    return flat + [(np.full(steps, v), y) for v in (box[0], box[2])]


def territory_of_zones(crs: str, centres: tuple[Floats, Floats]) -> str | None:
    """Id of the French territory that most of these points of `crs` are in; None when none is in any."""
    ground = Ground(crs, _NOWHERE, None)
    found = ground.territory(*centres)
    inside = found[found >= 0]
    return ground.known[int(np.bincount(inside).argmax())].id if len(inside) else None
