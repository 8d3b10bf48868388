"""Realistic dirt. Each stain changes the cells of one clean row and notes what the pipeline must say of it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from qpv_data.demo.lignes import Ligne

OCTET = "\x01"  # where `ecriture` puts a byte that the declared encoding cannot read
# mid-Atlantic, in each CRS delivered; with its axes swapped it is not in France either
AILLEURS = {2154: ("-2047417.0", "7260455.0"), 4326: ("-35.0", "48.0"), 3946: ("-1160000.0", "6100000.0")}


class Chiffon:
    """Hands out clean rows in random order, never one twice, and stains them."""

    def __init__(self, rng: random.Random, lignes: list[Ligne], fois: int) -> None:
        """`lignes` is changed in place; every number asked for is multiplied by `fois`."""
        self.rng, self.lignes, self.fois = rng, lignes, fois
        self._pile = [ligne for ligne in lignes if not ligne.sale]
        rng.shuffle(self._pile)

    def propres(self, n: int) -> list[Ligne]:
        """The next `n` × `fois` clean rows."""
        return [self._pile.pop() for _ in range(min(n * self.fois, len(self._pile)))]

    def cellule(self, n: int, colonne: str, texte: str | None, rejet: str) -> None:
        """Put `texte` in a column: the row is to be rejected."""
        for ligne in self.propres(n):
            ligne.cellules[colonne] = texte
            ligne.rejet = rejet

    def octets(self, n: int, colonne: str, texte: str = f"Ch{OCTET}teau brumeux") -> None:
        """A byte that the declared encoding cannot read. Never in a direct identifier: those are not read."""
        self.cellule(n, colonne, texte, "encodage_invalide")

    def champs(self, n: int) -> None:
        """Rows with a field too many, and others with two too few."""
        for k, ligne in enumerate(self.propres(n)):
            ligne.champs = 1 if k % 2 == 0 else -2
            ligne.rejet = "nombre_de_champs"

    def doublons(self, n: int, *, refuser: bool = False) -> None:
        """Copies that come later in the file. `refuser`: the original is to be rejected as well."""
        for ligne in self.propres(n):
            copie = ligne.copie()
            copie.rejet = "cle_en_double"
            if refuser:
                ligne.rejet = "cle_en_double"
            place = next(k for k, other in enumerate(self.lignes) if other is ligne)
            self.lignes.insert(self.rng.randint(place + 1, len(self.lignes)), copie)

    def lieux(self, x: str, y: str, epsg: int, combien: Mapping[str, int]) -> None:
        """Places that become unknown, by reason. `epsg` is that of the whole feed."""
        for motif, n in combien.items():
            for ligne in self.propres(n):
                _displace(ligne, x, y, motif, AILLEURS[epsg])

    def inconnus(self, n: int, motif: str, cellules: Mapping[str, Sequence[str | None]]) -> None:
        """Other reasons for an unknown place: an EPSG that lacks, a poor quality. One text at random."""
        for ligne in self.propres(n):
            for colonne, textes in cellules.items():
                ligne.cellules[colonne] = self.rng.choice(textes)
            ligne.inconnu = motif

    def sans_commune(self, n: int, colonne: str, textes: Sequence[str | None]) -> None:
        """Rows whose declared commune lacks or is unknown: their point decides. They stay clean."""
        for ligne in self.propres(n):
            ligne.cellules[colonne] = self.rng.choice(textes)
            ligne.commune_declaree = None


def _displace(ligne: Ligne, x: str, y: str, motif: str, ailleurs: tuple[str, str]) -> None:
    cells = ligne.cellules
    if motif == "axes_inverses":
        cells[x], cells[y] = cells[y], cells[x]
    elif motif == "coordonnees_absentes":
        cells[x], cells[y] = "", ""
    elif motif == "coordonnees_nulles":
        cells[x], cells[y] = "0", "0"
    elif motif == "coordonnees_illisibles":
        cells[y] = "n.c."
    elif motif == "hors_territoire":
        cells[x], cells[y] = ailleurs
    ligne.inconnu = motif
