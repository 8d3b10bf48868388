"""What a fictitious feed is made of: rows as delivered, and beside each cell what is true of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

Valeur = str | int | Decimal | None
TRIMESTRES = ("2024-T1", "2024-T2", "2024-T3", "2024-T4")


@dataclass(frozen=True)
class Adresse:
    """A point and its zones, known from the exact geometry. None: outside every zone of that zoning.

    `coordonnees`: by EPSG code, as texts ready to be delivered.
    """

    voie: str
    coordonnees: dict[int, tuple[str, str]]
    commune: str | None
    iris: str | None
    qpv2015: str | None
    qpv2024: str | None


@dataclass
class Ligne:
    """One row. `cellules`: texts as delivered, by header. `valeurs`: what a faithful reading gives.

    `rejet` and `inconnu` hold the reason that the pipeline must find; `champs` is the number of fields
    added to the row (or taken off). `zone` is the code carried by the rows of a feed located by code.
    """

    cellules: dict[str, str | None]
    valeurs: dict[str, Valeur]
    periode: str
    lieu: Adresse | None = None
    commune_declaree: str | None = None
    zone: str | None = None
    masques: dict[str, str] = field(default_factory=dict)
    rejet: str | None = None
    inconnu: str | None = None
    champs: int = 0

    @property
    def sale(self) -> bool:
        """Whether the row already carries a defect: a row has one at most, so that its reason is certain."""
        return self.rejet is not None or self.inconnu is not None

    def copie(self) -> Ligne:
        """The same row, independent of this one."""
        return Ligne(
            dict(self.cellules), dict(self.valeurs), self.periode, self.lieu, self.commune_declaree,
            self.zone, dict(self.masques), self.rejet, self.inconnu, self.champs,
        )  # fmt: skip


@dataclass
class Livraison:
    """One file. `lignes` is None for a delivery that never came; `recue_le`: the day when it was there."""

    id: str
    chemin: str
    lignes: list[Ligne] | None
    recue_le: date


@dataclass(frozen=True)
class Jeu:
    """One feed. `premiere`: number of its first row (2 under a header, 1 for elements)."""

    id: str
    livraisons: Sequence[Livraison]
    ecrire: Callable[[Sequence[Ligne]], bytes]
    premiere: int = 2
    zonage: str | None = None


@dataclass(frozen=True)
class Monde:
    """What every feed draws from: the seed, the scale and the addresses."""

    graine: int
    echelle: int
    adresses: Sequence[Adresse]

    def hasard(self, *cle: str) -> random.Random:
        """A generator of its own for each feed and delivery: one changes, the others stay the same."""
        return random.Random("/".join((str(self.graine), *cle)))  # noqa: S311 - a demonstration, not a secret

    def tirer(self, rng: random.Random, n: int) -> list[Adresse]:
        """`n` addresses, with repeats: all the dwellings of a tower share one."""
        return [rng.choice(self.adresses) for _ in range(n)]


def recue(periode: str, jours: int) -> date:
    """The day that comes `jours` days after the end of a quarter (or a year)."""
    month = int(periode[6]) * 3 if "T" in periode else 12
    year, month = int(periode[:4]) + month // 12, month % 12 + 1
    return date.fromordinal(date(year, month, 1).toordinal() - 1 + jours)
