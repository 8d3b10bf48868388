"""What a clause promises of its records: period, secrecy, indicators, checks, examples, coverage."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from qpv_data.clause.units import AutreUnite, counted_in_one_way
from qpv_data.clause.vocabulary import (
    CodeCommune,
    CodeDepartement,
    Diffusion,
    Expression,
    Identifiant,
    Modele,
    Texte,
)
from qpv_data.periods import Frequence, parse_period


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


class Rupture(Modele):
    """A break in series: what follows does not compare with what precedes."""

    periode: str = Field(description="the first period that does not compare with those before it")
    motif: Texte
    indicateurs: tuple[Identifiant, ...] | None = Field(default=None, min_length=1, description="all when absent")


class Secret(Modele):
    """The privacy rule. `seuil`: ours. `producteur`: an official table, its own masks are honoured.

    `sans_objet`: no person, household or business behind a record; `justification` says why.
    With `seuil`, `famille` gives the rule, which `seuil` and `dominance` may make stricter (`clause.secrecy.rule_of`
    says what is in force), and exactly one of `colonne_unite` (distinct values), `effectif` (summed) or
    `une_unite_par_ligne` says how units are counted. `autres_unites`: the same figures protect those too.
    """

    regime: Literal["seuil", "producteur", "sans_objet"]
    famille: Identifiant | None = Field(default=None, description="the family of data, in `regles_secret.yml`")
    unite: Texte | None = Field(default=None, description="what is counted: menage, personne, entreprise…")
    unite_famille: Identifiant | None = Field(
        default=None, description="the family's unit that `unite` stands for, when they have not the same name"
    )
    seuil: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="cells of fewer units are hidden; stricter than the family's"
    )
    dominance: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None, description="cells whose largest contributor exceeds this share are hidden; stricter likewise"
    )
    colonne_unite: Identifiant | None = None
    effectif: Identifiant | None = None
    une_unite_par_ligne: bool = False
    contributeur: Identifiant | None = None
    autres_unites: tuple[AutreUnite, ...] = Field(default=(), description="units that are protected at the same time")
    groupe_homogene: Literal["secret"] | None = Field(
        default=None, description="no count is broken down, since its zeros are published; stricter than the family's"
    )
    justification: Texte | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.regime == "seuil":
            if absent := [f"`{key}`" for key in ("famille", "unite") if getattr(self, key) is None]:
                raise ValueError(f"le régime `seuil` déclare {' et '.join(absent)} (familles : regles_secret.yml)")
            counted_in_one_way(self.colonne_unite, self.effectif, self.une_unite_par_ligne)
            if self.dominance is not None and not (self.contributeur or self.colonne_unite):
                raise ValueError("`dominance` demande `contributeur` (ou `colonne_unite`)")
            names = [self.unite, *(other.unite for other in self.autres_unites)]
            if twice := sorted({str(name) for name in names if names.count(name) > 1}):
                raise ValueError(f"unité déclarée deux fois : {', '.join(twice)}")
        elif self.justification is None:
            raise ValueError(f"le régime `{self.regime}` demande une `justification`")
        elif self.autres_unites or self.groupe_homogene:
            raise ValueError(f"`autres_unites` et `groupe_homogene` vont avec le régime `seuil`, pas `{self.regime}`")
        return self

    @model_serializer(mode="wrap")
    def _written(self, usual: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What came later is not written when it is not said: the digest of the other clauses is what it was."""
        said: dict[str, Any] = usual(self)
        return {key: v for key, v in said.items() if v or key not in ("autres_unites", "groupe_homogene")}


class Modalites(Modele):
    """A closed list of categories; what matches none is `non_renseigne`, so that they sum to `ensemble`."""

    axe: Identifiant
    expression: Expression
    valeurs: dict[Identifiant, Texte] = Field(min_length=1, description="code: label")


class Indicateur(Modele):
    """A measure. Expressions are SQL over the clause's columns, one record at a time.

    compte: records (or distinct `distinct`); somme: Σ numerateur; moyenne: Σ numerateur / Σ denominateur
    (1 a record unless declared); part and taux: facteur × Σ numerateur / Σ denominateur, where a taux may
    take its denominator from other indicators (`par`); releve: a ready-made figure, one record a zone; minimum and
    maximum: of numerateur; etendue: the largest numerateur less the smallest denominateur (numerateur unless declared).
    """

    id: Identifiant
    titre: Texte
    definition: Texte
    unite: Texte
    nature: Literal["compte", "somme", "moyenne", "part", "taux", "releve", "minimum", "maximum", "etendue"]
    nature_temporelle: Literal["stock", "flux", "moyenne", "glissant"]
    decimales: Annotated[int, Field(ge=0, le=6)]
    filtre: Expression | None = None
    numerateur: Expression | None = None
    denominateur: Expression | None = None
    distinct: Expression | None = None
    par: tuple[Identifiant, ...] = Field(
        default=(), description="indicators that divide it: a zoning takes the first that has values there"
    )
    facteur: Annotated[float, Field(gt=0)] | None = None
    modalites: Modalites | None = None
    diffusion: Diffusion | None = None
    seuil: Annotated[int, Field(ge=2)] | None = Field(default=None, description="stricter than the clause's")
    regle_limite: Literal["strict", "deux_cotes"] = "strict"
    largeur_limite_m: Annotated[float, Field(gt=0, le=200)] | None = Field(
        default=None, description="deux_cotes: a record this near to a QPV, in metres, counts in it"
    )
    rayon_m: Annotated[float, Field(gt=0, le=5000)] | None = Field(
        default=None, description="a record counts in every QPV that it is at most so many metres from"
    )
    reserve: Texte | None = Field(default=None, description="a caveat, for readers")

    @field_validator("par", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _what_each_nature_needs(self) -> Self:
        if self.nature != "compte" and self.numerateur is None and not (self.nature == "taux" and self.par):
            raise ValueError(f"un indicateur `{self.nature}` déclare `numerateur`")
        if self.nature == "compte" and (self.numerateur or self.denominateur):
            raise ValueError("un `compte` n'a ni numérateur ni dénominateur : voir `filtre` et `distinct`")
        if self.nature == "taux" and bool(self.par) == (self.denominateur is not None):
            raise ValueError("un `taux` déclare `denominateur` ou `par`, l'un des deux")
        if self.par and self.nature != "taux":
            raise ValueError("`par` est réservé aux taux")
        if self.distinct is not None and self.nature not in ("compte", "taux"):
            raise ValueError("`distinct` est réservé aux comptes")
        if (self.regle_limite == "deux_cotes") != (self.largeur_limite_m is not None):
            raise ValueError("`largeur_limite_m` accompagne la règle `deux_cotes`, et elle seule")
        if self.rayon_m is not None and (self.regle_limite != "strict" or self.nature == "releve"):
            raise ValueError("`rayon_m` ne va ni avec la règle `deux_cotes`, ni avec un relevé")
        return self

    @property
    def extreme(self) -> bool:
        """Whether the value is that of one record, or of two: it is no sum, and nothing hides who it is of."""
        return self.nature in ("minimum", "maximum", "etendue")


class Controle(Modele):
    """A check on conformed records: the expression holds on every row (null counts as held)."""

    id: Identifiant
    expression: Expression
    gravite: Literal["avertir", "arreter"]


class Controles(Modele):
    """Floors and checks. A delivery below them is refused and the last good one is kept."""

    lignes_min: Annotated[int, Field(ge=1)]
    rejets_max: Annotated[float, Field(ge=0, le=1)]
    baisse_max: Annotated[float, Field(gt=0, lt=1)] | None = None
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
