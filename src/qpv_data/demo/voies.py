"""The streets of the territory as an extract of the Base Adresse Nationale: fictitious, the same for every seed.

Streets are straight lines with houses on both sides. Some cross a limit, one runs along one, some houses stand four
metres from it; names, suffixes and kinds of position are those that real extracts have and that break careless readers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import hypot

from pyproj import Transformer

from qpv_data.addresses.ban import CHAMPS, SANS_NUMERO
from qpv_data.demo.ecriture import table
from qpv_data.demo.geometrie import Point
from qpv_data.demo.territoire import NOMS_COMMUNES, ORIGINE

CHEMIN = "adresses/adresses-99.csv"
_COTE_M = 6  # from the axis of a street to its doors
_DECIMALES = 9


@dataclass(frozen=True)
class Voie:
    """One street, from `debut` to `fin` (metres from the territory's origin), with `maisons` numbers from `premier`.

    `suffixes`: number → suffixes added beside it. `position`: that of every house.
    """

    commune: str
    nom: str
    debut: Point
    fin: Point
    maisons: int
    premier: int = 1
    suffixes: Sequence[tuple[int, str]] = ()
    position: str = "entrée"
    ancienne: str = ""


VOIES: tuple[Voie, ...] = (
    # crosses both halves of L'Étourdie, the strip between them, and leaves
    Voie("99003", "Rue des Brouillards", (9_700, 2_600), (10_830, 2_620), 36, suffixes=((12, "bis"), (12, "ter"))),
    Voie("99003", "Avenue de l’Imaginaire", (10_100, 2_420), (10_420, 2_800), 16),
    Voie("99003", "Impasse du Nœud", (9_600, 2_700), (9_660, 2_820), 6, suffixes=((3, "a"), (3, "b"))),
    # from corner to corner of L'Étourdie Ouest: its southern limit, one side of the street in, the other out
    Voie("99003", "Chemin de la Lisière", (9_520, 2_301), (9_980, 2_324), 20),
    Voie("99003", "Rue du 8 mai 1945", (8_900, 800), (9_200, 900), 10),
    Voie("99001", "Rue des Brouillards", (640, 760), (1_150, 1_060), 24),
    Voie("99001", "Boulevard Croquemitaine", (2_420, 2_560), (3_600, 2_960), 40, suffixes=((7, "bis"),)),
    Voie("99001", "Place de la Chimère", (2_600, 2_800), (2_640, 2_840), 5, position="parcelle"),
    Voie("99001", "Quai des Ombres", (200, 3_200), (1_400, 3_500), 18, position="segment"),
    Voie("99001", "Rue Saint-Loup-l’Égaré", (900, 700), (1_000, 1_250), 14),
    Voie("99002", "Chemin du Vague-à-l’Âme", (4_740, 1_000), (5_900, 1_020), 28),
    Voie("99002", "Allée du Loup-Garou", (4_900, 850), (5_000, 1_200), 8, premier=2),
    Voie("99004", "Rue de l’Étang \"d'En-Haut\"", (14_420, 1_000), (14_700, 1_400), 8),
    Voie("99004", "Cour de la Couronne", (13_850, 1_300), (14_080, 1_480), 8),
    Voie("99004", "Rue des Frères Grincheux", (13_520, 1_100), (13_600, 1_750), 12),
    Voie("99005", "Rue des Deux-Jumeaux & Cie", (820, 5_400), (1_940, 6_100), 26),
    Voie("99005", "Allée <b>Sans-Balise</b>", (2_760, 6_800), (3_160, 7_050), 10),
    Voie("99005", "Rue du Vieux-Moulin", (900, 5_300), (960, 5_500), 4, ancienne="Nullepart-le-Petit"),
    Voie("99005", "Rue du Vieux-Moulin", (3_400, 5_000), (3_500, 5_200), 4),
    Voie("99006", "Avenue des Fées", (6_430, 6_500), (7_200, 6_540), 22),
    Voie("99006", "Montée de la " + "Très-" * 14 + "Longue Attente du Brouillard", (7_750, 5_050), (7_950, 5_480), 8),
    Voie("99008", "Rue de L’Œuvre", (14_500, 6_000), (14_700, 6_100), 6),
    Voie("99007", "Rue du Pont-aux-Chimères", (8_050, 5_050), (8_700, 5_100), 14),
)  # fmt: skip
LIEUX_DITS: tuple[tuple[str, str, Point], ...] = (
    ("99001", "Le Vallon-Perdu", (1_800, 1_900)),
    ("99005", "Champ de l’Oubli", (1_000, 5_400)),
)
# (commune, name, number, offset): four metres inside and outside the eastern limit of Les Lanternes Éteintes
_AU_BORD = (
    ("99001", "Sente du Bord", 1, (1_216, 895)),
    ("99001", "Sente du Bord", 2, (1_224, 895)),
)
# A position of an address that is already there, on the other side of a limit.
_SECONDES = (("99003", "Rue des Brouillards", 1, (9_430, 2_600), "segment"),)


def extract() -> bytes:
    """The CSV of 23 fields, sorted by id: about four hundred addresses."""
    found = [*_houses(), *_places()]
    lons, lats = Transformer.from_crs(2154, 4326, always_xy=True).transform(
        [p[0] for _, p in found], [p[1] for _, p in found]
    )
    rows = []
    for (row, point), lon, lat in zip(found, lons, lats, strict=True):
        row |= {"x": f"{point[0]}.0", "y": f"{point[1]}.0"}
        row |= {"lon": f"{lon:.{_DECIMALES}f}", "lat": f"{lat:.{_DECIMALES}f}"}
        rows.append([row[name] for name in CHAMPS])
    return table(CHAMPS, sorted(rows))


def _houses() -> Iterator[tuple[dict[str, str], Point]]:
    for voie in VOIES:
        more: dict[int, list[str]] = {}
        for number, suffix in voie.suffixes:
            more.setdefault(number, []).append(suffix)
        for rank in range(voie.maisons):
            number = voie.premier + rank
            for shift, suffix in enumerate(("", *more.get(number, ()))):
                point = _door(voie, rank, shift)
                yield _row(voie.commune, voie.nom, number, suffix, voie.position, voie.ancienne), point


def _places() -> Iterator[tuple[dict[str, str], Point]]:
    for commune, name, number, at in _AU_BORD:
        yield _row(commune, name, number, "", "entrée", ""), _on_ground(at)
    for commune, name, number, at, position in _SECONDES:
        yield _row(commune, name, number, "", position, ""), _on_ground(at)
    for commune, name, at in LIEUX_DITS:
        yield _row(commune, name, SANS_NUMERO, "", "", ""), _on_ground(at)


def _door(voie: Voie, rank: int, shift: int) -> Point:
    """Even numbers on the left of the street, odd ones on its right; a suffix is two metres farther along."""
    (x1, y1), (x2, y2) = voie.debut, voie.fin
    length = hypot(x2 - x1, y2 - y1)
    along = (rank + 0.5) / voie.maisons * length + 2 * shift
    side = _COTE_M if (voie.premier + rank) % 2 == 0 else -_COTE_M
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    return _on_ground((round(x1 + along * ux - side * uy), round(y1 + along * uy + side * ux)))


def _on_ground(offset: Point) -> Point:
    return ORIGINE[0] + offset[0], ORIGINE[1] + offset[1]


def _row(commune: str, name: str, number: int, suffix: str, position: str, former: str) -> dict[str, str]:
    code = f"{commune}_{sum(ord(c) * 31**k for k, c in enumerate(name + former)) % 10_000:04d}"
    return {
        **dict.fromkeys(CHAMPS, ""),
        "id": f"{code}_{number:05d}" + (f"_{suffix}" if suffix else ""), "numero": str(number), "rep": suffix,
        "nom_voie": name, "code_postal": f"99{int(commune[2:]) * 10:03d}", "code_insee": commune,
        "nom_commune": NOMS_COMMUNES[commune], "code_insee_ancienne_commune": "99905" if former else "",
        "nom_ancienne_commune": former, "type_position": position, "source_position": "commune",
        "source_nom_voie": "commune", "certification_commune": "1",
    }  # fmt: skip
