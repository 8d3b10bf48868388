"""One batch of points: which are inside which zone, and which have no known place; all the others are outside."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qpv_data.grid.edges import Floats, Ints
from qpv_data.grid.fallback import Regle
from qpv_data.grid.index import Labels
from qpv_data.grid.zone_index import joined
from qpv_data.points.coordinates import Where, groups_by_crs, received
from qpv_data.points.ground import MOTIFS, NUMBER, Ground
from qpv_data.points.zoning import Reach, Zoning
from qpv_data.problems import MotifInconnu

if TYPE_CHECKING:
    from qpv_data.points.metric import Margins

_Number = TypeVar("_Number", bound=np.generic)
_NONE = np.zeros(0, np.int64), np.zeros(0, np.uint8)
_SWAPPED, _UNREADABLE = NUMBER[MotifInconnu.AXES_INVERSES], NUMBER[MotifInconnu.COORDONNEES_ILLISIBLES]


@dataclass(frozen=True)
class Placed:
    """Answers for `lus` points of a batch, and one zoning.

    `dedans`: rows, ascending, inside a zone, and `zone`, its number. `inconnus`: rows, ascending, of no known place,
    and `motifs`, why (numbers in MOTIFS). Every other row is outside. `corriges`: rows whose axes were exchanged.
    """

    lus: int
    dedans: Ints
    zone: Labels
    inconnus: Ints
    motifs: NDArray[np.uint8]
    corriges: int = 0
    paires: tuple[Ints, Labels] | None = None
    """(row, zone) of every zone that holds a point, sorted by both, when all were asked for."""

    @property
    def dehors(self) -> int:
        """How many are outside."""
        return self.lus - len(self.dedans) - len(self.inconnus)

    def reasons(self) -> Counter[str]:
        """How many of each reason."""
        counts = np.bincount(self.motifs, minlength=len(MOTIFS))
        return Counter({MOTIFS[n].value: int(counts[n]) for n in np.flatnonzero(counts)})


class Placer:
    """Places batches in one zoning. Threads share it: it changes nothing but its caches of what each CRS needs."""

    def __init__(self, zoning: Zoning, *, regle: Regle = "couvre", corriger_axes: bool = False) -> None:
        if regle not in get_args(Regle):
            raise ValueError(f"regle is one of {get_args(Regle)}, not {regle!r}")
        self.zoning = zoning
        self._regle, self._corriger = regle, corriger_axes
        self._ways: dict[str, tuple[Reach, Ground]] = {}

    def prepare(self, crs: str) -> None:
        """Make ready for points of `crs`, before threads start."""
        self._way(crs)

    def meets(self, crs: str, box: tuple[float, float, float, float]) -> bool:
        """Whether a zone may hold a point of a box (xmin, ymin, xmax, ymax) of `crs`."""
        return self._corriger or self._way(crs)[0].meets(box)

    def _way(self, crs: str) -> tuple[Reach, Ground]:
        if crs not in self._ways:
            self._ways[crs] = self.zoning.reach(crs, self._regle), self.zoning.ground(crs)
        return self._ways[crs]

    def place(self, batch: pa.RecordBatch, where: Where, *, touche: bool = True, toutes: bool = False) -> Placed:
        """Place the rows of a batch, each in its own CRS. `touche` false: no zone can hold any of them. `toutes`: give
        every zone that holds a point, and not the first alone."""
        found = received(batch, where)
        parts: list[tuple[Ints, _Part]] = []
        fixed = 0
        for crs, rows, reason in groups_by_crs(batch, where):
            if crs is None:
                assert rows is not None
                assert reason is not None
                lost = np.arange(len(rows)), np.full(len(rows), reason, np.uint8)
                parts.append((rows, _Part(*_NO_HIT, *lost, _NO_HIT)))
                continue
            x, y = (found.x, found.y) if rows is None else (found.x[rows], found.y[rows])
            part, corrected = self._one_crs(crs, x, y, touche=touche, toutes=toutes)
            fixed += corrected
            parts.append((_NO_HIT[0] if rows is None else rows, part))
        if len(parts) == 1 and where.colonne_epsg is None:
            rows, zone, lost_rows, why, pairs = parts[0][1]
            placed = Placed(batch.num_rows, rows, zone, lost_rows, why, fixed, pairs if toutes else None)
        else:
            placed = _together(batch.num_rows, parts, fixed, toutes=toutes)
        return _unreadable(placed, found.illisibles)

    def place_xy(self, crs: str, x: Floats, y: Floats) -> Placed:
        """Place coordinates of one CRS, NaN where absent."""
        part, fixed = self._one_crs(crs, np.ascontiguousarray(x, np.float64), np.ascontiguousarray(y, np.float64))
        return Placed(len(x), part.dedans, part.zone, part.inconnus, part.motifs, fixed)

    def every_xy(self, crs: str, x: Floats, y: Floats) -> tuple[Ints, Labels]:
        """(row, zone number) of every zone that holds each point, sorted by both."""
        x, y, _ = self._straight(crs, x, y)
        return self._way(crs)[0].every(x, y)

    def distances(self, batch: pa.RecordBatch, where: Where, placed: Placed, margins: Margins) -> Floats:
        """Metres to the nearest boundary for the rows of a batch; see `Margins`."""
        found = received(batch, where)
        out = np.full(placed.lus, np.nan)
        for crs, rows, _ in groups_by_crs(batch, where):
            if crs is None:
                continue
            every = np.arange(placed.lus) if rows is None else rows
            x, y, _ = self._straight(crs, found.x[every], found.y[every])
            out[every] = margins.distances(crs, x, y, _among(placed, every))
        return out

    def _one_crs(
        self, crs: str, x: Floats, y: Floats, *, touche: bool = True, toutes: bool = False
    ) -> tuple[_Part, int]:
        reach, ground = self._way(crs)
        x, y, fixed = self._straight(crs, x, y)
        pairs = _NO_HIT if not touche else reach.every(x, y) if toutes else reach.first(x, y)
        rows, zone = _firsts(*pairs) if toutes else pairs
        unknown, why = ground.unknown(x, y, rows)
        if not self.zoning.codes:
            # Nothing is outside of nothing.
            reasons = np.full(len(x), NUMBER[MotifInconnu.REFERENTIEL_VIDE], np.uint8)
            reasons[unknown] = why
            unknown, why = np.arange(len(x)), reasons
        return _Part(rows, zone, unknown, why, pairs), fixed

    def _straight(self, crs: str, x: Floats, y: Floats) -> tuple[Floats, Floats, int]:
        """The coordinates, x and y exchanged where that alone puts the point in France, if that is asked for; and how
        many were."""
        if not self._corriger:
            return x, y, 0
        unknown, why = self._way(crs)[1].unknown(x, y, _NO_HIT[0])
        swapped = unknown[why == _SWAPPED]
        x, y = x.copy(), y.copy()
        x[swapped], y[swapped] = y[swapped], x[swapped].copy()
        return x, y, len(swapped)


def _among(placed: Placed, rows: Ints) -> Placed:
    """The answers of some rows, in their order."""
    place = np.full(placed.lus, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    inside, lost = place[placed.dedans], place[placed.inconnus]
    held, unknown = inside >= 0, lost >= 0
    return Placed(len(rows), inside[held], placed.zone[held], lost[unknown], placed.motifs[unknown])


class _Part(NamedTuple):
    """Answers for the points of one CRS, as `Placed` has them."""

    dedans: Ints
    zone: Labels
    inconnus: Ints
    motifs: NDArray[np.uint8]
    paires: tuple[Ints, Labels]


def _firsts(rows: Ints, zone: Labels) -> tuple[Ints, Labels]:
    """The first zone of each row, out of pairs sorted by both."""
    new = np.ones(len(rows), dtype=bool)
    new[1:] = rows[1:] != rows[:-1]
    return rows[new], zone[new]


_NO_HIT = np.zeros(0, np.int64), np.zeros(0, np.int32)


def _sorted(rows: Ints, values: NDArray[_Number]) -> tuple[Ints, NDArray[_Number]]:
    order = np.argsort(rows, kind="stable")
    return rows[order], values[order]


def _together(lus: int, parts: list[tuple[Ints, _Part]], fixed: int, *, toutes: bool) -> Placed:
    inside = joined([_NO_HIT, *((rows[p.dedans], p.zone) for rows, p in parts)])
    lost = [_NONE, *((rows[p.inconnus], p.motifs) for rows, p in parts)]
    unknown, why = _sorted(np.concatenate([r for r, _ in lost]), np.concatenate([w for _, w in lost]))
    pairs = joined([_NO_HIT, *((rows[p.paires[0]], p.paires[1]) for rows, p in parts)]) if toutes else None
    return Placed(lus, *inside, unknown, why, fixed, pairs)


def _unreadable(placed: Placed, rows: Ints) -> Placed:
    """A text that is no number was read as an absence: say so."""
    if not len(rows):
        return placed
    motifs = placed.motifs.copy()
    motifs[np.isin(placed.inconnus, rows)] = _UNREADABLE
    return replace(placed, motifs=motifs)
