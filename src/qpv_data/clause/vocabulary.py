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

RESERVED = frozenset(
    {"localisation", "localisation_motif", "territoire", "non_localise", "ensemble", "commune", "atome"}
)


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


class Fondement(StrEnum):
    """Why the data may be asked for."""

    OPEN_DATA = "open_data"
    STATISTIQUE_PUBLIQUE = "statistique_publique"
    DELEGATION_DE_SERVICE_PUBLIC = "delegation_de_service_public"
    CONVENTION = "convention"
    INTERET_GENERAL = "interet_general"
    ALTRUISME = "altruisme"


class RoleDestinataire(StrEnum):
    """In which capacity someone receives the data."""

    ORCHESTRATEUR = "orchestrateur"
    OBSERVATOIRE_NATIONAL = "observatoire_national"
    PARTENAIRE = "partenaire"
    SOUS_TRAITANT = "sous_traitant"
    HABITANTS = "habitants"
    PUBLIC = "public"


class StatutClause(StrEnum):
    """Where the clause stands. Open data are used without a signature, under their licence."""

    PROJET = "projet"
    SIGNEE = "signee"
    LICENCE_OUVERTE = "licence_ouverte"
    RESILIEE = "resiliee"


class Grain(StrEnum):
    """What one row is about, at its finest."""

    PERSONNE = "personne"
    MENAGE = "menage"
    ETABLISSEMENT = "etablissement"
    EQUIPEMENT = "equipement"
    EVENEMENT = "evenement"
    ADRESSE = "adresse"
    POINT = "point"
    TRONCON = "troncon"
    PARCELLE = "parcelle"
    CARREAU = "carreau"
    IRIS = "iris"
    QPV = "qpv"
    COMMUNE = "commune"
    CONTRAT = "contrat"
    ZONE = "zone"


class Canal(StrEnum):
    """How a delivery travels."""

    TELECHARGEMENT = "telechargement"
    API = "api"
    DEPOT = "depot"
    SFTP = "sftp"
    S3 = "s3"


class BaseRgpd(StrEnum):
    """The six bases of article 6 of the GDPR."""

    CONSENTEMENT = "consentement"
    CONTRAT = "contrat"
    OBLIGATION_LEGALE = "obligation_legale"
    INTERETS_VITAUX = "interets_vitaux"
    MISSION_INTERET_PUBLIC = "mission_interet_public"
    INTERET_LEGITIME = "interet_legitime"


class Technique(StrEnum):
    """How persons are protected in what is published."""

    AGREGATION = "agregation"
    SUPPRESSION = "suppression"
    ARRONDI = "arrondi"
    BRUIT = "bruit"
    PSEUDONYMISATION = "pseudonymisation"


class Producteur(Modele):
    nom: Texte
    categorie: Categorie
    siren: Annotated[str, StringConstraints(pattern=r"^\d{9}$")] | None = None
    contact: Texte | None = None
