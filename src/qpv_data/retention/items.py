"""What is to be destroyed, and what came of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from qpv_data.retention.terms import Forme, Term

EXECUTION, DEPOT = "execution", "depot"


class Etat(StrEnum):
    """What came of one file."""

    DETRUIT = "detruit"
    DEJA_ABSENT = "deja_absent"
    ECHEC = "echec"


@dataclass(frozen=True)
class Item:
    """One file to destroy. `lieu`: `execution`, `depot`, `sauvegarde 1`, `prefect 1`.

    `racine` and `chemin` say where it is, and never leave the journal of intents: partners choose names. `sha256` is
    that of its content when its destruction was decided; of a key, its fingerprint in the place of a digest.
    """

    forme: Forme
    jeu: str
    livraison: str | None
    clause_version: str
    echeance: str
    motif: str
    lieu: str
    racine: str
    chemin: str
    sha256: str
    taille: int

    @property
    def cle(self) -> tuple[str, str, str]:
        """What tells it from another."""
        return self.racine, self.chemin, self.sha256

    def told(self) -> dict[str, Any]:
        """What a proof says of it."""
        return {k: v for k, v in asdict(self).items() if k not in ("racine", "chemin")}


@dataclass(frozen=True)
class Outcome:
    """An item, what came of it, and for a failure why; `le` is the UTC instant, ISO 8601, of its destruction."""

    item: Item
    etat: Etat
    le: str | None = None
    raison: str | None = None


@dataclass(frozen=True)
class Hindrance:
    """Something due, or that may be, that cannot be destroyed: which feed, where, why. No partner's name in it."""

    jeu: str
    lieu: str
    raison: str


def item_of(
    forme: Forme, jeu: str, livraison: str | None, term: Term, lieu: str, racine: str, chemin: str, sha256: str,
    taille: int,
) -> Item:  # fmt: skip
    """An item due under `term`."""
    due = term.echeance.isoformat()
    return Item(forme, jeu, livraison, term.clause_version, due, term.motif.value, lieu, racine, chemin, sha256, taille)
