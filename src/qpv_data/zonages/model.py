"""What composing the zonings makes: zones, their memberships, and a report that names every oddity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Statut = Literal["normale", "degeneree", "sans_contour"]
Origine = Literal["declare", "composition", "geometrie"]

OVERLAP_MIN_M2 = 0.01
"""Two zones of a zoning overlap when they share more than this: below, it is the noise of reprojection."""

MEMBER_MIN_SHARE, MEMBER_MIN_M2, MEMBER_FALLBACK_SHARE = 0.005, 100.0, 0.5
"""A commune belongs to a zone that declares none when it holds more than 0.5 % of it *and* more than 100 m²
(contours are simplified: a neighbour's sliver is not a membership). When no commune passes, the one that holds
the most does, if it holds at least half of the zone."""


@dataclass(frozen=True)
class Zone:
    """One zone. `geometrie` (a shapely geometry, in `epsg`, metres) and `epsg` are None without contour.

    `geometrie_native` is the same as drawn, in the file's own CRS `epsg_natif`, when that is another.
    """

    zonage: str
    famille: str
    code: str
    nom: str | None
    millesime: str
    statut: Statut
    territoire: str | None = None
    epsg: int | None = None
    superficie_m2: float | None = None
    population: int | None = None
    reparee: bool = False
    geometrie: Any = None
    epsg_natif: int | None = None
    geometrie_native: Any = None


class Member(NamedTuple):
    """A commune of a zone, how we know, and how many inhabitants of the zone are there, None when nobody says."""

    zonage: str
    code_zone: str
    code_commune: str
    origine: Origine
    habitants: int | None = None


class Reparation(NamedTuple):
    """A geometry that was invalid. Areas in m², in the local CRS; 0 after when it collapsed."""

    zonage: str
    code_zone: str
    probleme: str
    aire_avant_m2: float
    aire_apres_m2: float


class Degeneree(NamedTuple):
    """A zone without any area: its values are not delivered, and the run goes on."""

    zonage: str
    code_zone: str
    forme: str


class Chevauchement(NamedTuple):
    """Two zones of one zoning that share an area, in m²; `code_a` < `code_b`."""

    zonage: str
    code_a: str
    code_b: str
    aire_m2: float


class Effectif(NamedTuple):
    """Number of zones of a zoning, by status."""

    zonage: str
    normale: int
    degeneree: int
    sans_contour: int


class CodeIllisible(NamedTuple):
    """A text that a list of communes holds and that is not a commune's code: it is dropped."""

    zonage: str
    code_zone: str
    texte: str


class EpciRemplace(NamedTuple):
    """A declared EPCI that the run's EPCIs do not know (an EPT, Paris): the communes' own are taken instead."""

    zonage: str
    code_zone: str
    code_epci: str


class Ecartees(NamedTuple):
    """Compositions without any commune in the run: they are not zones of it."""

    zonage: str
    nombre: int


@dataclass(frozen=True)
class ZonagesReport:
    """Everything sorted, so that the same inputs give the same bytes."""

    effectifs: tuple[Effectif, ...]
    reparations: tuple[Reparation, ...]
    degenerees: tuple[Degeneree, ...]
    chevauchements: tuple[Chevauchement, ...]
    communes_hors_liste: tuple[str, ...]
    codes_communes_illisibles: tuple[CodeIllisible, ...]
    epci_remplaces: tuple[EpciRemplace, ...]
    compositions_ecartees: tuple[Ecartees, ...]
    clauses_absentes: tuple[str, ...]
