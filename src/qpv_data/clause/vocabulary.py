"""The words of a clause: closed lists, shapes of codes and texts, and the frozen base of its models."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from pyproj import CRS
from pyproj.exceptions import CRSError

Identifiant = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Texte = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
CodeEpsg = Annotated[str, StringConstraints(pattern=r"^EPSG:[0-9]{4,6}$"), AfterValidator(lambda c: _placing(c))]
CodeDepartement = Annotated[str, StringConstraints(pattern=r"^(\d{2,3}|2[AB])$")]
CodeCommune = Annotated[str, StringConstraints(pattern=r"^(\d{5}|2[AB]\d{3})$")]

RESERVED = frozenset({"localisation", "localisation_motif", "territoire", "non_localise", "ensemble", "commune"})


@cache
def places_points(epsg: int) -> bool:
    """Whether `epsg` is a CRS that places a point on the ground: heights and geocentric systems have numbers too."""
    try:
        crs = CRS.from_epsg(epsg)
    except CRSError:
        return False
    return bool(crs.is_geographic or crs.is_projected)


def _placing(code: str) -> str:
    if not places_points(int(code.removeprefix("EPSG:"))):
        raise ValueError(f"système de coordonnées inconnu : {code}")
    return code


class Modele(BaseModel):
    """Frozen, and a typo in a key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False)


class Categorie(StrEnum):
    """The five categories of producer."""

    PUBLIC = "public"
    DELEGATAIRE = "delegataire"
    BAILLEUR = "bailleur"
    PRIVE_INTERET_GENERAL = "prive_interet_general"
    ASSOCIATION = "association"


class Diffusion(StrEnum):
    """The audience, from the widest to the narrowest."""

    OUVERT = "ouvert"
    PARTENAIRES = "partenaires"
    INTERNE = "interne"


class TypeColonne(StrEnum):
    """`entier` and `nombre` follow the format's decimal and thousands marks; codes are `texte`."""

    TEXTE = "texte"
    ENTIER = "entier"
    NOMBRE = "nombre"
    DATE = "date"
    BOOLEEN = "booleen"


class StatutMasque(StrEnum):
    """What a producer's mask means: it is never a zero, nor missing at random."""

    MASQUE_PRODUCTEUR = "masque_producteur"
    NON_LIVREE = "non_livree"
    NON_SIGNIFICATIVE = "non_significative"
    SANS_OBJET = "sans_objet"


class Producteur(Modele):
    nom: Texte
    categorie: Categorie
    siren: Annotated[str, StringConstraints(pattern=r"^\d{9}$")] | None = None


class DonneesPersonnelles(Modele):
    """Whether the feed, as received, holds personal data. Then no value of a rejected row is kept."""

    presentes: bool
    precision: Texte | None = None
