"""The fictitious agglomeration of Valmorte-sur-Brume: zones, perimeters and compositions.

Coordinates are whole metres, EPSG:2154. The territory is the same for every seed: only records vary.
It lies in real countryside, under a department `99` that does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qpv_data.demo.geometrie import Anneau, Point, contains
from qpv_data.demo.perimetres import QPV_2015, QPV_2024

ORIGINE: Point = (612_000, 6_634_000)
PAS = 2_000  # side of an IRIS; a commune is two by two of them


@dataclass(frozen=True)
class Zone:
    """One zone. `parties`: polygons, each a shell and its holes; empty for a zone made of communes.

    `communes` are those that the zone touches (a perimeter) or is made of (a composition).
    """

    code: str
    nom: str
    parties: tuple[tuple[Anneau, ...], ...] = ()
    communes: tuple[str, ...] = ()

    @property
    def rings(self) -> list[Anneau]:
        """Every ring of every part, for the even-odd rule."""
        return [ring for partie in self.parties for ring in partie]


NOMS_COMMUNES = {
    "99001": "Valmorte-sur-Brume",
    "99002": "Les Marais-Perdus",
    "99003": "Brumeval",
    "99004": "Sainte-Chimère-l'Étang",
    "99005": "Nullepart-le-Vieux",
    "99006": "Croquemitaine-Ville",
    "99007": "Haut-Méandre",
    "99008": "L'Œuvre-aux-Songes",
}
POPULATIONS = {
    "99001": 41_230, "99002": 18_905, "99003": 12_480, "99004": 6_310,
    "99005": 9_875, "99006": 14_220, "99007": 5_640, "99008": 1_115,
}  # fmt: skip
SANS_IRIS = ("99004", "99007", "99008")  # too small to be divided: one IRIS, coded …0000
EPCI = (
    Zone("200099001", "CA des Brumes", communes=("99001", "99002", "99003", "99004", "99005", "99006")),
    Zone("200099002", "CC du Haut-Méandre et des Songes", communes=("99007", "99008")),
)
CONTRATS = (
    Zone("CV99-01", "Contrat de ville de Valmorte", communes=("99001", "99002", "99003", "99004")),
    Zone("CV99-02", "Contrat de ville des Deux-Brumes", communes=("99005", "99006", "99007")),
)
UNITES_URBAINES = (Zone("99701", "Valmorte-sur-Brume", communes=("99001", "99002", "99003", "99005", "99006")),)
JUMELAGE_2015 = (
    ("QN09901I", "QP099001"), ("QN09902M", "QP099002"), ("QN09903M", "QP099003"), ("QN09903M", "QP099004"),
    ("QN09904M", "QP099005"), ("QN09905M", "QP099005"), ("QN09906I", "QP099006"), ("QN09907I", "QP099007"),
    ("QN09908I", "QP099008"), ("QN09909M", "QP099009"), ("QN09910M", "QP099010"), ("QN09911M", "QP099012"),
)  # fmt: skip


def _node(i: int, j: int) -> Point:
    """Corner (i, j) of the IRIS mesh, moved by up to 240 m so that no border is straight."""
    return (
        ORIGINE[0] + PAS * i + (i * 137 + j * 211) % 481 - 240,
        ORIGINE[1] + PAS * j + (i * 173 + j * 97) % 481 - 240,
    )


def _quad(i: int, j: int) -> Anneau:
    return (_node(i, j), _node(i + 1, j), _node(i + 1, j + 1), _node(i, j + 1))


def _commune_ring(col: int, row: int) -> Anneau:
    """Border of a two-by-two block of the mesh, through all eight of its nodes."""
    i, j = 2 * col, 2 * row
    path = [(0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (0, 1)]
    return tuple(_node(i + di, j + dj) for di, dj in path)


def _communes() -> tuple[Zone, ...]:
    codes = sorted(NOMS_COMMUNES)
    return tuple(Zone(c, NOMS_COMMUNES[c], ((_commune_ring(n % 4, n // 4),),), (c,)) for n, c in enumerate(codes))


def _iris(communes: Sequence[Zone]) -> tuple[Zone, ...]:
    zones = []
    for n, commune in enumerate(communes):
        if commune.code in SANS_IRIS:
            zones.append(Zone(f"{commune.code}0000", commune.nom, commune.parties, (commune.code,)))
            continue
        for k, (di, dj) in enumerate([(0, 0), (1, 0), (0, 1), (1, 1)]):
            ring = _quad(2 * (n % 4) + di, 2 * (n // 4) + dj)
            nom = f"{commune.nom} {('Sud-Ouest', 'Sud-Est', 'Nord-Ouest', 'Nord-Est')[k]}"
            zones.append(Zone(f"{commune.code}010{k + 1}", nom, ((ring,),), (commune.code,)))
    return tuple(zones)


def _qpv(drawn: Sequence[tuple[str, str, Sequence[Sequence[Anneau]]]]) -> tuple[Zone, ...]:
    zones = []
    for code, nom, parties in drawn:
        placed = tuple(tuple(tuple(_place(p) for p in ring) for ring in partie) for partie in parties)
        vertices = [p for partie in placed for ring in partie for p in ring]
        touched = sorted({c.code for c in COMMUNES for p in vertices if contains(c.rings, p)})
        zones.append(Zone(code, nom, placed, tuple(touched)))
    return tuple(zones)


def _place(p: Point) -> Point:
    return ORIGINE[0] + p[0], ORIGINE[1] + p[1]


COMMUNES = _communes()
IRIS = _iris(COMMUNES)
QPV2015 = _qpv(QPV_2015)
QPV2024 = _qpv(QPV_2024)
PERIMETRES = {"qpv2015": QPV2015, "qpv2024": QPV2024, "commune": COMMUNES, "iris": IRIS}
COMPOSITIONS = {"epci": EPCI, "contrat": CONTRATS, "unite_urbaine": UNITES_URBAINES}


def epci_of(communes: Sequence[str]) -> tuple[str, ...]:
    """EPCIs that hold at least one of the communes, sorted."""
    return tuple(e.code for e in EPCI if set(e.communes) & set(communes))
