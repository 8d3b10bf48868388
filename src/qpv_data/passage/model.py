"""What a passage is made of: two generations of zones, the natures of a link, the table and its tolerance."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import pyarrow as pa

from qpv_data.problems import FeedError, Problem

TOLERANCE_M = 12.0
"""Default tolerance: a piece of ground counts when it is somewhere wider than this.

It is what the simplification of the 2024 file at hand can move a contour by: the agreement with the 2015 contours of
the same name is best when those are simplified to 0.0001° (11.1 m from north to south), and coordinates are
rounded to 0.00001° (0.6 m from the true vertex). See docs/decisions/passage.md for the measures.
"""


class Nature(StrEnum):
    """What a link is, by geometry alone. Readers see these words: French, closed list."""

    INCHANGE = "inchange"
    MODIFIE = "modifie"
    SCINDE = "scinde"
    FUSIONNE = "fusionne"
    RECOMPOSE = "recompose"
    RECOUVREMENT = "recouvrement"
    NOUVEAU = "nouveau"
    DISPARU = "disparu"
    INDETERMINE = "indetermine"


class Motif(StrEnum):
    """Why a zone's fate cannot be told: it is then neither new nor gone."""

    CONTOUR_ABSENT = "contour_absent"
    HORS_COUVERTURE = "hors_couverture"


class Contour(NamedTuple):
    """A zone. `geometrie`: valid, in `epsg`, the projected CRS of its territory, metres.

    A zone whose contour has collapsed keeps the point or line that is left; None when nothing is.
    """

    code: str
    territoire: str | None
    epsg: int | None
    geometrie: Any

    @property
    def aire(self) -> float:
        """Area in m², 0 for a zone without contour."""
        return 0.0 if self.geometrie is None else float(self.geometrie.area)


@dataclass(frozen=True)
class Generation:
    """The zones of one zoning, sorted by code. `couverture`: territories that it speaks of; elsewhere, the absence
    of a zone says nothing."""

    zonage: str
    contours: tuple[Contour, ...]
    couverture: frozenset[str]

    @staticmethod
    def of(zonage: str, contours: Iterable[Contour], couverture: Iterable[str]) -> Generation:
        """Zones in any order. Raises FeedError naming every code met twice."""
        ordered = tuple(sorted(contours, key=lambda c: c.code))
        repeated = sorted({a.code for a, b in itertools.pairwise(ordered) if a.code == b.code})
        if repeated:
            message = f"codes de zone en double : {', '.join(repeated)}"
            raise FeedError(zonage, Problem.DOUBLON, message, "donner une zone par code")
        return Generation(zonage, ordered, frozenset(couverture))


_TEXT, _REAL, _COUNT = pa.string(), pa.float64(), pa.int32()
PASSAGES = pa.schema(
    [
        ("zonage_depart", _TEXT), ("code_depart", _TEXT), ("zonage_arrivee", _TEXT), ("code_arrivee", _TEXT),
        ("territoire", _TEXT), ("nature", _TEXT), ("motif", _TEXT), ("groupe", _COUNT),
        ("liens_depart", _COUNT), ("liens_arrivee", _COUNT),
        ("aire_depart_m2", _REAL), ("aire_arrivee_m2", _REAL), ("aire_commune_m2", _REAL),
        ("part_depart", _REAL), ("part_arrivee", _REAL), ("iou", _REAL),
        ("largeur_perdue_m", _REAL), ("largeur_gagnee_m", _REAL),
        ("reste_depart", _REAL), ("reste_arrivee", _REAL), ("double_depart", _REAL), ("double_arrivee", _REAL),
        ("poids_depart", _REAL), ("poids_arrivee", _REAL), ("poids_commun", _REAL),
        ("part_poids_depart", _REAL), ("part_poids_arrivee", _REAL),
        ("reste_poids_depart", _REAL), ("reste_poids_arrivee", _REAL), ("tolerance_m", _REAL),
    ]
)  # fmt: skip
"""One row a link, then one a zone without any. Areas in m², widths in metres, shares from 0 to 1; null where there
is nothing to say (no such zone, no point layer). `reste_*` and `double_*` are the zone's, repeated on its rows."""
