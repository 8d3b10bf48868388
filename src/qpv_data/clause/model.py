"""The clause: one file declares one feed, and everything downstream follows from it.

Frozen pydantic models with French keys. Nothing about licence, CRS, purpose or privacy has a default:
a clause that says nothing is invalid. `docs/clause.md` explains each key to its writers.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from qpv_data.clause.promises import (
    BaseLegale,
    Conservation,
    Cout,
    Destinataire,
    Destruction,
    DonneesPersonnelles,
    Duree,
    Gouvernance,
    Granularite,
    Hebergement,
    OuSansObjet,
    Partage,
    ProprieteIntellectuelle,
    SansObjet,
    Securite,
    Transfert,
)
from qpv_data.clause.received import Cle, Colonne, Format, Source
from qpv_data.clause.rules import (
    Controle,
    Controles,
    Couverture,
    Exemple,
    Indicateur,
    Modalites,
    Periode,
    Rupture,
    Secret,
)
from qpv_data.clause.units import AutreUnite
from qpv_data.clause.vocabulary import (
    RESERVED,
    Categorie,
    CodeCommune,
    CodeDepartement,
    CodeEpsg,
    Diffusion,
    Expression,
    Identifiant,
    Modele,
    Producteur,
    StatutMasque,
    Texte,
    TypeColonne,
    places_points,
)
from qpv_data.clause.whereabouts import (
    Localisation,
    LocalisationAdresse,
    LocalisationCode,
    LocalisationPoint,
    PointDeReference,
    QualitePosition,
    Quartiers,
)

__all__ = [
    "RESERVED",
    "AutreUnite",
    "BaseLegale",
    "Categorie",
    "Clause",
    "ClauseBase",
    "ClauseJeu",
    "ClauseZonage",
    "Cle",
    "CodeCommune",
    "CodeDepartement",
    "CodeEpsg",
    "Colonne",
    "Conservation",
    "Controle",
    "Controles",
    "Cout",
    "Couverture",
    "Destinataire",
    "Destruction",
    "Diffusion",
    "DonneesPersonnelles",
    "Duree",
    "Exemple",
    "Expression",
    "Format",
    "Gouvernance",
    "Granularite",
    "Hebergement",
    "Identifiant",
    "Indicateur",
    "ListeDeCodes",
    "Localisation",
    "LocalisationAdresse",
    "LocalisationCode",
    "LocalisationPoint",
    "Modalites",
    "Modele",
    "OuSansObjet",
    "Partage",
    "Periode",
    "PointDeReference",
    "Producteur",
    "ProprieteIntellectuelle",
    "QualitePosition",
    "Quartiers",
    "Rupture",
    "SansObjet",
    "Secret",
    "Securite",
    "Source",
    "StatutMasque",
    "Texte",
    "Transfert",
    "TypeColonne",
    "Vigueur",
    "Zonage",
    "places_points",
]


class ClauseBase(Modele):
    """What every clause says."""

    id: Identifiant
    version: Texte
    titre: Texte
    theme: Identifiant
    principe: Literal["donnees_publiques", "donnees_interet_general"]
    producteur: Producteur
    destinataires: tuple[Destinataire, ...] = Field(min_length=1)
    finalites: dict[Identifiant, Texte] = Field(min_length=1, description="code: one sentence")
    diffusion: Diffusion
    partage: Partage
    base_legale: BaseLegale
    licence: Texte
    propriete_intellectuelle: ProprieteIntellectuelle
    cout: Cout
    duree: Duree
    granularite: Granularite
    couverture: Couverture
    periodicite: Literal["ponctuelle", "mensuelle", "trimestrielle", "semestrielle", "annuelle"]
    echeance_jours: Annotated[int, Field(ge=0, le=730)] = Field(
        description="days after the end of the period by which the delivery is due"
    )
    transfert: Transfert
    hebergement: OuSansObjet[Hebergement]
    destruction: OuSansObjet[Destruction]
    securite: OuSansObjet[Securite]
    donnees_personnelles: DonneesPersonnelles
    secret: Secret
    gouvernance: Gouvernance
    source: Source
    format: Format
    colonnes: tuple[Colonne, ...] = Field(min_length=1)
    cle: Cle
    controles: Controles
    exemples: tuple[Exemple, ...] = ()
    a_confirmer: tuple[Texte, ...] = Field(default=(), description="keys, dots between, that are not established")

    def colonne(self, nom: str) -> Colonne:
        """The declared column `nom`. Raises KeyError when the clause has none."""
        for colonne in self.colonnes:
            if colonne.nom == nom:
                return colonne
        raise KeyError(nom)


class ClauseJeu(ClauseBase):
    """A feed of records, from which indicators are made."""

    nature: Literal["jeu"]
    periode: Periode
    localisation: Localisation
    conformation: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.sql$")] | None = Field(
        default=None, description="a SELECT in sql/conformer/ over one view a member of the archive"
    )
    indicateurs: tuple[Indicateur, ...] = Field(min_length=1)
    ruptures: tuple[Rupture, ...] = Field(default=(), description="breaks: no change is computed across them")

    @property
    def par_periode(self) -> bool:
        """Whether each period is a delivery of its own: the address says which."""
        return self.source.par_periode


class Vigueur(Modele):
    """When the zoning is in force in a territory; metadata for readers, never a filter."""

    territoire: Identifiant
    de: date
    a: date | None = None


class ListeDeCodes(Modele):
    """A cell that holds several codes, such as `"02571, 02691"`."""

    colonne: Identifiant
    separateur: Annotated[str, StringConstraints(min_length=1)]


class Zonage(Modele):
    """What a referential's clause adds: the zoning that it makes.

    `perimetres`: polygons; `liste`: codes and names without contours (the COG's communes);
    `composition`: one row a zone and commune (EPCI, contrat de ville, unité urbaine).
    """

    id: Identifiant
    famille: Literal["qpv", "commune", "epci", "contrat", "unite_urbaine", "iris", "autre"]
    millesime: Annotated[str, StringConstraints(pattern=r"^\d{4}$")]
    objet: Literal["perimetres", "liste", "composition"]
    code: Identifiant
    nom: Identifiant
    motif_code: Texte = Field(description="every code matches it whole: asserts the vintage")
    crs: CodeEpsg | None = None
    commune: Identifiant | None = Field(default=None, description="composition: the commune's code")
    communes: ListeDeCodes | None = None
    epci: ListeDeCodes | None = None
    population: Identifiant | None = None
    population_commune: Identifiant | None = Field(
        default=None, description="composition: inhabitants of the zone in the commune of the row"
    )
    en_vigueur: tuple[Vigueur, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _what_each_kind_needs(self) -> Self:
        if (self.objet == "perimetres") != (self.crs is not None):
            raise ValueError("`crs` accompagne les périmètres, et eux seuls")
        if (self.objet == "composition") != (self.commune is not None):
            raise ValueError("`commune` accompagne les compositions, et elles seules")
        if self.population_commune is not None and self.objet != "composition":
            raise ValueError("`population_commune` est d'une composition, et d'elle seule")
        if self.id in RESERVED - {"commune"}:
            raise ValueError(f"`{self.id}` est réservé")
        if (self.famille == "commune") != (self.id == "commune"):
            raise ValueError("le zonage de famille `commune` a pour id `commune`, et lui seul")
        return self


class ClauseZonage(ClauseBase):
    """A referential: perimeters, a list of codes, or a composition of communes."""

    nature: Literal["zonage"]
    zonage: Zonage


Clause = ClauseJeu | ClauseZonage
