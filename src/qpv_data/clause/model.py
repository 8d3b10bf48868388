"""The clause: one file declares one feed, and everything downstream follows from it.

Frozen pydantic models with French keys. Nothing about licence, CRS, purpose or privacy has a default:
a clause that says nothing is invalid. `docs/clause.md` explains each key to its writers.
"""

from __future__ import annotations

import math
import re
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator
from pyproj import CRS
from pyproj.exceptions import CRSError

from qpv_data.periods import Frequence, parse_period

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


class Source(Modele):
    """Where the feed is. `{periode}`, `{annee}` and `{trimestre}` in `url` make one delivery a period."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
    a_confirmer: bool = Field(default=False, description="the address could not be verified")
    membre: Texte | None = Field(default=None, description="file inside the archive; * and ? are allowed")
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    taille_max_mo: Annotated[int, Field(gt=0, le=100_000)] = 4_000

    @field_validator("url")
    @classmethod
    def _known_slots(cls, url: str) -> str:
        unknown = set(re.findall(r"\{(.*?)\}", url)) - {"periode", "annee", "trimestre"}
        if unknown:
            raise ValueError(f"champ inconnu dans l'adresse : {', '.join(sorted(unknown))}")
        return url


class Format(Modele):
    """`vecteur` is any perimeter file (GeoJSON, shapefile, GeoPackage), recognised by its content.

    A ZIP or a GZ around any of them is opened by itself.
    """

    type: Literal["csv", "json", "parquet", "vecteur"]
    encodage: Texte | None = Field(default=None, description="Python codec name; mandatory for csv")
    separateur: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = None
    guillemet: Annotated[str, StringConstraints(min_length=1, max_length=1)] = '"'
    decimale: Literal[".", ","] = "."
    milliers: tuple[str, ...] = Field(default=(), description="thousands marks to drop, such as U+202F")
    racine: Texte | None = Field(default=None, description="json: path of the array, dots between keys")
    eclater: Texte | None = Field(default=None, description="json: path of an inner array, one row an element")
    couche: Texte | None = Field(default=None, description="vecteur: name of the layer")
    lignes_a_sauter: Annotated[int, Field(ge=0, le=100)] = 0

    @model_validator(mode="after")
    def _csv_is_fully_described(self) -> Self:
        if self.type == "csv":
            absent = [k for k in ("encodage", "separateur") if getattr(self, k) is None]
            if absent:
                raise ValueError(f"un csv déclare : {', '.join(absent)}")
        if self.separateur in ("\0", "\r", "\n", self.guillemet) or self.guillemet in ("\0", "\r", "\n"):
            raise ValueError("`separateur` et `guillemet` diffèrent, et ne sont pas une fin de ligne")
        if self.decimale in self.milliers or not all(self.milliers):
            raise ValueError("`milliers` ne contient ni la marque décimale, ni un texte vide")
        if self.encodage is not None:
            try:
                "".encode(self.encodage)
            except LookupError as e:
                raise ValueError(f"encodage inconnu : {self.encodage}") from e
        return self


class Colonne(Modele):
    """One column of the conformed record. `source` is the header (or JSON path), aliases after it."""

    nom: Identifiant
    source: tuple[str, ...] = Field(min_length=1)
    type: TypeColonne
    obligatoire: bool = False
    identifiant_direct: bool = Field(default=False, description="dropped before anything is written")
    transformation: Expression | None = Field(
        default=None, description="SQL on `valeur`, the trimmed text received, before typing"
    )
    masques: dict[str, StatutMasque] = Field(default_factory=dict)
    recodage: dict[str, str] = Field(default_factory=dict)
    valeurs: tuple[str, ...] | None = Field(default=None, description="the only values allowed")
    motif: Texte | None = Field(default=None, description="regular expression that the whole value matches")
    minimum: float | None = None
    maximum: float | None = None
    completer: Annotated[int, Field(gt=0, le=20)] | None = Field(
        default=None, description="left-pad with zeros to this length: leading zeros get lost on the way"
    )
    decimale: Literal[".", ","] | None = Field(default=None, description="when it differs from the format's")
    format_date: tuple[str, ...] = ("%Y-%m-%d",)
    vrai: tuple[str, ...] = ("true", "1", "oui", "vrai", "t", "o")
    faux: tuple[str, ...] = ("false", "0", "non", "faux", "f", "n")
    libelle: Texte | None = None

    @field_validator("source", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("format_date", mode="before")
    @classmethod
    def _one_or_many_formats(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("format_date")
    @classmethod
    def _known_date_marks(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        if not formats:
            raise ValueError("au moins un format de date est attendu")
        for text in formats:
            marks = re.findall(r"%-?(.?)", text)
            if set(marks) - set("aAbBdHIjmMpSfyYz%") or not {"y", "Y"} & set(marks):
                raise ValueError(f"format de date inattendu : {text} (forme : %d/%m/%Y)")
        return formats

    @model_validator(mode="after")
    def _bounds_are_for_numbers(self) -> Self:
        bounds = [b for b in (self.minimum, self.maximum) if b is not None]
        if bounds and self.type not in (TypeColonne.ENTIER, TypeColonne.NOMBRE):
            raise ValueError("`minimum` et `maximum` sont pour les colonnes `entier` et `nombre`")
        if not all(math.isfinite(b) for b in bounds):
            raise ValueError("`minimum` et `maximum` sont des nombres finis")
        return self

    @field_validator("motif")
    @classmethod
    def _motif_compiles(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
            except re.error as e:
                raise ValueError(f"expression régulière invalide : {e}") from e
        return value


class Cle(Modele):
    """What makes a record unique, within its delivery. The order of `premier` is the file's."""

    colonnes: tuple[Identifiant, ...] = Field(min_length=1)
    doublons: Literal["refuser", "premier"] = Field(
        description="refuser: every row of a repeated key is rejected; premier: the first is kept"
    )


class Periode(Modele):
    """Which period a record speaks of.

    `fixe`: all of them, `debut`. `livraison`: the period of the delivery, one file a period.
    `colonne`: the date in `colonne`. Values stand for every period from `debut` to `fin`.
    """

    origine: Literal["fixe", "livraison", "colonne"]
    frequence: Frequence
    debut: str
    fin: str | None = None
    colonne: Identifiant | None = None

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        for key in ("debut", "fin"):
            value = getattr(self, key)
            if value is not None and parse_period(value).frequence != self.frequence:
                raise ValueError(f"{key} ({value}) n'est pas de fréquence {self.frequence.value}")
        if (self.origine == "colonne") != (self.colonne is not None):
            raise ValueError("`colonne` accompagne l'origine `colonne`, et elle seule")
        if self.origine == "fixe" and self.fin not in (None, self.debut):
            raise ValueError("une période fixe n'a que `debut`")
        if self.fin is not None and parse_period(self.fin) < parse_period(self.debut):
            raise ValueError("`fin` précède `debut`")
        return self


class QualitePosition(Modele):
    """Classes of a geolocation quality column. `inconnu`: not a place (a random point in the commune)."""

    colonne: Identifiant
    inconnu: tuple[str, ...] = Field(min_length=1)


class LocalisationPoint(Modele):
    """A point: `x` is longitude or easting. `crs` for all rows, or `colonne_epsg` row by row, not both."""

    mode: Literal["point"]
    x: Identifiant
    y: Identifiant
    crs: CodeEpsg | None = None
    colonne_epsg: Identifiant | None = None
    commune: Identifiant | None = Field(default=None, description="column with the commune's code")
    qualite: QualitePosition | None = None

    @model_validator(mode="after")
    def _one_crs(self) -> Self:
        if (self.crs is None) == (self.colonne_epsg is None):
            raise ValueError("déclarer `crs` ou `colonne_epsg`, l'un des deux et un seul")
        return self


class LocalisationCode(Modele):
    """Rows that already carry the code of a zone of `zonage`."""

    mode: Literal["code"]
    zonage: Identifiant
    colonne: Identifiant


Localisation = Annotated[LocalisationPoint | LocalisationCode, Field(discriminator="mode")]


class Secret(Modele):
    """The privacy rule. `seuil`: ours. `producteur`: an official table, its own masks are honoured.

    `sans_objet`: no person, household or business behind a record; `justification` says why.
    With `seuil`, exactly one of `colonne_unite` (distinct values), `effectif` (summed) or
    `une_unite_par_ligne` says how units are counted.
    """

    regime: Literal["seuil", "producteur", "sans_objet"]
    unite: Texte | None = Field(default=None, description="what is counted: menage, personne, entreprise…")
    seuil: Annotated[int, Field(ge=2)] | None = Field(default=None, description="cells of fewer units are hidden")
    dominance: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None, description="cells whose largest contributor exceeds this share are hidden"
    )
    colonne_unite: Identifiant | None = None
    effectif: Identifiant | None = None
    une_unite_par_ligne: bool = False
    contributeur: Identifiant | None = None
    justification: Texte | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.regime == "seuil":
            if self.unite is None or self.seuil is None:
                raise ValueError("le régime `seuil` déclare `unite` et `seuil`")
            ways = [self.colonne_unite is not None, self.effectif is not None, self.une_unite_par_ligne]
            if sum(ways) != 1:
                raise ValueError(
                    "déclarer comment compter les unités : `colonne_unite`, `effectif` ou "
                    "`une_unite_par_ligne`, un seul des trois"
                )
            if self.dominance is not None and not (self.contributeur or self.colonne_unite):
                raise ValueError("`dominance` demande `contributeur` (ou `colonne_unite`)")
        elif self.justification is None:
            raise ValueError(f"le régime `{self.regime}` demande une `justification`")
        return self


class Modalites(Modele):
    """A closed list of categories; what matches none is `non_renseigne`, so that they sum to `ensemble`."""

    axe: Identifiant
    expression: Expression
    valeurs: dict[Identifiant, Texte] = Field(min_length=1, description="code: label")


class Indicateur(Modele):
    """A measure. Expressions are SQL over the clause's columns, one record at a time.

    compte: records (or distinct `distinct`); somme: Σ numerateur; moyenne: Σ numerateur / Σ denominateur
    (1 a record unless declared); part and taux: facteur × Σ numerateur / Σ denominateur, where a taux may
    take its denominator from another indicator (`par`); releve: a ready-made figure, one record a zone.
    """

    id: Identifiant
    titre: Texte
    definition: Texte
    unite: Texte
    nature: Literal["compte", "somme", "moyenne", "part", "taux", "releve"]
    nature_temporelle: Literal["stock", "flux", "moyenne", "glissant"]
    decimales: Annotated[int, Field(ge=0, le=6)]
    filtre: Expression | None = None
    numerateur: Expression | None = None
    denominateur: Expression | None = None
    distinct: Expression | None = None
    par: Identifiant | None = None
    facteur: Annotated[float, Field(gt=0)] | None = None
    modalites: Modalites | None = None
    diffusion: Diffusion | None = None
    seuil: Annotated[int, Field(ge=2)] | None = Field(default=None, description="stricter than the clause's")
    reserve: Texte | None = Field(default=None, description="a caveat, for readers")

    @model_validator(mode="after")
    def _what_each_nature_needs(self) -> Self:
        needs = {"compte": False, "somme": True, "moyenne": True, "part": True, "taux": True, "releve": True}
        if needs[self.nature] and self.numerateur is None and not (self.nature == "taux" and self.par):
            raise ValueError(f"un indicateur `{self.nature}` déclare `numerateur`")
        if self.nature == "compte" and (self.numerateur or self.denominateur):
            raise ValueError("un `compte` n'a ni numérateur ni dénominateur : voir `filtre` et `distinct`")
        if self.nature == "taux" and (self.par is None) == (self.denominateur is None):
            raise ValueError("un `taux` déclare `denominateur` ou `par`, l'un des deux")
        if self.par is not None and self.nature != "taux":
            raise ValueError("`par` est réservé aux taux")
        if self.distinct is not None and self.nature not in ("compte", "taux"):
            raise ValueError("`distinct` est réservé aux comptes")
        return self


class Controle(Modele):
    """A check on conformed records: the expression holds on every row (null counts as held)."""

    id: Identifiant
    expression: Expression
    gravite: Literal["avertir", "arreter"]


class Controles(Modele):
    """Floors and checks. A delivery below them is refused and the last good one is kept."""

    lignes_min: Annotated[int, Field(ge=1)]
    rejets_max: Annotated[float, Field(ge=0, le=1)]
    lignes: tuple[Controle, ...] = ()


class Exemple(Modele):
    """An acceptance example: a raw row, and either the conformed values or the reason of its rejection."""

    entree: dict[str, str | None]
    attendu: dict[str, str | int | float | bool | date | None] | None = None
    rejet: str | None = None

    @model_validator(mode="after")
    def _one_outcome(self) -> Self:
        if (self.attendu is None) == (self.rejet is None):
            raise ValueError("un exemple a `attendu` ou `rejet`, l'un des deux")
        return self


class Couverture(Modele):
    """The territory that the feed speaks of: outside it a zero would be a lie."""

    france: bool = False
    departements: tuple[CodeDepartement, ...] = ()
    communes: tuple[CodeCommune, ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if sum([self.france, bool(self.departements), bool(self.communes)]) != 1:
            raise ValueError("déclarer `france`, `departements` ou `communes`, un seul des trois")
        return self


class ClauseBase(Modele):
    """What every clause says."""

    id: Identifiant
    version: Texte
    titre: Texte
    theme: Identifiant
    principe: Literal["donnees_publiques", "donnees_interet_general"]
    producteur: Producteur
    finalites: tuple[Texte, ...] = Field(min_length=1)
    diffusion: Diffusion
    licence: Texte
    donnees_personnelles: DonneesPersonnelles
    couverture: Couverture
    periodicite: Literal["ponctuelle", "mensuelle", "trimestrielle", "semestrielle", "annuelle"]
    echeance_jours: Annotated[int, Field(ge=0, le=730)] = Field(
        description="days after the end of the period by which the delivery is due"
    )
    source: Source
    format: Format
    colonnes: tuple[Colonne, ...] = Field(min_length=1)
    cle: Cle
    controles: Controles
    exemples: tuple[Exemple, ...] = ()

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
    secret: Secret
    conformation: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.sql$")] | None = Field(
        default=None, description="a SELECT in sql/conformer/ over one view a member of the archive"
    )
    indicateurs: tuple[Indicateur, ...] = Field(min_length=1)

    @property
    def par_periode(self) -> bool:
        """Whether each period is a delivery of its own: the address says which."""
        return "{" in self.source.url


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
    en_vigueur: tuple[Vigueur, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _what_each_kind_needs(self) -> Self:
        if (self.objet == "perimetres") != (self.crs is not None):
            raise ValueError("`crs` accompagne les périmètres, et eux seuls")
        if (self.objet == "composition") != (self.commune is not None):
            raise ValueError("`commune` accompagne les compositions, et elles seules")
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
