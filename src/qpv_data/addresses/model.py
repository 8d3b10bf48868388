"""What is asked of a geocoder, what it answers, and which service is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

Geocodeur = Literal["addok", "geoplateforme"]
URL_ADDOK: Final = "http://127.0.0.1:7878"
URL_GEOPLATEFORME: Final = "https://data.geopf.fr/geocodage"
# An answer counts as a place from this score, and for a house number alone.
SCORE_MIN: Final = 0.8
TYPE_ACCEPTE: Final = "housenumber"
# Addok answers 413 beyond it; no address of the BAN is half as long.
LONGUEUR_MAX: Final = 200

X, Y, SCORE, TYPE, LIBELLE = "adresse_x", "adresse_y", "adresse_score", "adresse_type", "adresse_libelle"
DISTANCE, MOTIF = "adresse_distance_m", "adresse_motif"
# What geocoding adds to the records: no clause may declare such a column.
AJOUTEES: Final = (X, Y, SCORE, TYPE, DISTANCE, LIBELLE, MOTIF)


@dataclass(frozen=True)
class Service:
    """Which geocoder is asked, where, and whether the addresses are personal data.

    `hote_interne`: the on-premises host that the clause (or the command) declares; loopback needs none.
    """

    geocodeur: Geocodeur
    url: str
    personnelles: bool
    hote_interne: str | None = None


@dataclass(frozen=True)
class Question:
    """One address, cleaned: never empty, on one line. `commune`: Insee code; `code_postal`: five digits."""

    texte: str
    commune: str | None = None
    code_postal: str | None = None

    def __repr__(self) -> str:
        return "Question(…)"  # an address never reaches a log by way of a traceback


@dataclass(frozen=True)
class Answer:
    """The best candidate. `lon, lat`: degrees, EPSG:4326; `score`: 0 to 1; `type`: the geocoder's own word.

    `communes`: the Insee codes that the place bears (after and before a merger). `rivale`: whether another place
    answers as well, so that this one was picked by chance.
    """

    lon: float
    lat: float
    score: float
    type: str
    communes: tuple[str, ...]
    code_postal: str | None
    libelle: str
    rivale: bool = False

    def __repr__(self) -> str:
        return "Answer(…)"


@dataclass(frozen=True)
class Unanswered:
    """The service failed on this very address, and answers others."""


Reply = Answer | Unanswered | None


class OutageError(Exception):
    """The service does not answer, or answers anything but what it should. The message holds no address."""


class Geocoder(Protocol):
    """A transport. `lot`: how many questions it likes at once."""

    lot: int

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """One reply a question, in order; None: no candidate. Raises OutageError; then no question is answered."""
