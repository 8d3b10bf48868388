"""What the contract promises about a feed beside its data: to whom, for what, under which rules, for how long.

Every promise is written. One that does not apply says so, with its reason: `{sans_objet: "…"}`; nothing is implied by
a silence, and nothing has a default. Which promises may be without object, and which may not, is in the types.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from qpv_data.clause.vocabulary import (
    BaseRgpd,
    Canal,
    Fondement,
    Grain,
    Identifiant,
    Modele,
    RoleDestinataire,
    StatutClause,
    Technique,
    Texte,
)

P = TypeVar("P")
Jours = Annotated[int, Field(ge=0, le=36_500)]
Pays = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class SansObjet(Modele):
    """A promise that does not apply, and why."""

    sans_objet: Texte


def _said(value: Any) -> str:
    """Which of the two branches a value is of: a reason for saying nothing, or the promise itself."""
    written = isinstance(value, SansObjet) or (isinstance(value, dict) and "sans_objet" in value)
    return "sans_objet" if written else "dit"


OuSansObjet = Annotated[Annotated[P, Tag("dit")] | Annotated[SansObjet, Tag("sans_objet")], Discriminator(_said)]
"""The promise `P`, or the reason why it does not apply."""


class Destinataire(Modele):
    """Who receives the data, and in which capacity."""

    nom: Texte
    role: RoleDestinataire


class Partage(Modele):
    """The conditions under which recipients use and pass on what they receive.

    Identifying anyone again is forbidden by every clause: the key says so in the signed text.
    """

    usages_interdits: tuple[Texte, ...] = Field(min_length=1)
    reidentification: Literal["interdite"]
    retransmission: OuSansObjet[Texte]
    transmission_observatoire: bool
    embargo_jours: Jours


class BaseLegale(Modele):
    """Why the data may be asked for, and the texts that say so."""

    fondement: Fondement
    references: tuple[Texte, ...] = Field(min_length=1)


class ProprieteIntellectuelle(Modele):
    """Whose the data are, and the words by which reuses name them."""

    titulaire: Texte
    mention: Texte


class Cout(Modele):
    """What a year of deliveries costs, in euros; zero is written."""

    montant_eur_par_an: Annotated[float, Field(ge=0)]
    a_la_charge_de: OuSansObjet[Texte]


class Duree(Modele):
    """The time of this version: from `debut` to `fin`, both days included. A later version starts after it."""

    statut: StatutClause
    contrat: OuSansObjet[Texte]
    signee_le: OuSansObjet[date]
    debut: date
    fin: OuSansObjet[date]
    renouvellement: OuSansObjet[Texte]

    @property
    def dernier_jour(self) -> date:
        """The last day in force; date.max when there is none."""
        return date.max if isinstance(self.fin, SansObjet) else self.fin

    def en_vigueur(self, jour: date) -> bool:
        """Whether this version is in force on that day."""
        return self.debut <= jour <= self.dernier_jour

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.dernier_jour < self.debut:
            raise ValueError("`fin` précède `debut`")
        if self.statut is StatutClause.SIGNEE and isinstance(self.signee_le, SansObjet):
            raise ValueError("une clause signée dit quand elle l'a été : `signee_le`")
        return self


class Granularite(Modele):
    """How fine the data are, at their producer's and as delivered; the generations of quarters that they serve."""

    native: Grain
    livree: Grain
    generations: OuSansObjet[Annotated[tuple[Identifiant, ...], Field(min_length=1)]]


class Transfert(Modele):
    """How a delivery travels."""

    canal: Canal
    chiffrement: OuSansObjet[Texte]


class Hebergement(Modele):
    """Where deliveries are kept."""

    hebergeur: Texte
    pays: tuple[Pays, ...] = Field(min_length=1)
    certification: OuSansObjet[Texte]
    journal_des_acces: bool


class Conservation(Modele):
    """Days that each form of a delivery is kept after it was received; what is left in a deposit, as `brut` is."""

    brut: Jours
    conforme: Jours
    localise: Jours
    rejets: Jours


class Destruction(Modele):
    """When what was received is destroyed, what is kept of it, and whether a proof is given.

    `agregats`: what becomes of the indicators, which hold no record. At the end of the clause (the last day of its
    last version, where versions follow one another) everything that is not kept is destroyed, whatever its age, and so
    is the feed's key of pseudonyms.
    """

    conservation_jours: Conservation
    agregats: Literal["conserves", "detruits"]
    preuve: bool


class Securite(Modele):
    """The measures that protect the data, and in how many hours a breach is told."""

    mesures: tuple[Texte, ...] = Field(min_length=1)
    habilitations: Texte
    incident_heures: Annotated[int, Field(ge=1, le=72)]


class DonneesPersonnelles(Modele):
    """Whether the feed, as received, holds personal data. Then no value of a rejected row is kept, and the clause
    says on which basis, by whose leave, and how persons are protected."""

    presentes: bool
    precision: Texte | None = None
    categories_particulieres: bool | None = None
    base_rgpd: BaseRgpd | None = None
    analyse_impact: OuSansObjet[Texte] | None = None
    techniques: tuple[Technique, ...] = ()
    personnes: tuple[Texte, ...] = ()

    @model_validator(mode="after")
    def _told_when_present(self) -> Self:
        told = {
            "precision": self.precision,
            "categories_particulieres": self.categories_particulieres,
            "base_rgpd": self.base_rgpd,
            "analyse_impact": self.analyse_impact,
            "techniques": self.techniques or None,
        }
        absent = [key for key, value in told.items() if value is None]
        if self.presentes and absent:
            raise ValueError(f"des données personnelles demandent aussi : {', '.join(absent)}")
        kept = [key for key in told if key != "precision" and key not in absent] + ["personnes"] * bool(self.personnes)
        if not self.presentes and kept:
            raise ValueError(f"sans données personnelles, enlever : {', '.join(kept)}")
        return self


class Gouvernance(Modele):
    """Who looks after the clause, how often it is read again, what happens when it is not kept."""

    comite: OuSansObjet[Texte]
    revue: OuSansObjet[Texte]
    charte_ethique: OuSansObjet[Texte]
    label: OuSansObjet[Texte]
    dpo: OuSansObjet[Texte]
    manquement: OuSansObjet[Texte]


def personal_faults(personnelles: DonneesPersonnelles, promesses: Mapping[str, object]) -> list[tuple[str, str]]:
    """Promises that a feed of personal data cannot leave without object: (path, why), empty when all is kept.

    `promesses`: the promises by key: `hebergement`, `destruction`, `securite`, and `gouvernance.dpo`.
    """
    if not personnelles.presentes:
        return []
    return [
        (key, "des données personnelles ne laissent pas cette promesse sans objet")
        for key, value in promesses.items()
        if isinstance(value, SansObjet)
    ]
