"""Where a record is: a point, a code, an address; and how sure its place is."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from qpv_data.addresses.model import X, Y
from qpv_data.clause.vocabulary import CodeEpsg, Identifiant, Modele, Texte


class QualitePosition(Modele):
    """Classes of a geolocation quality column. `inconnu`: not a place (a random point in the commune).

    The error of a position is the radius of the circle around the point that holds the true place with the
    probability `confiance`: the metres of `colonne_erreur_m` where it has some, else those of its class in
    `erreurs_m`. Once errors are declared, a record without one has no known place: there is no default error.
    """

    colonne: Identifiant
    inconnu: tuple[str, ...] = Field(min_length=1)
    erreurs_m: dict[str, Annotated[float, Field(ge=0, le=5000)]] = Field(default_factory=dict)
    colonne_erreur_m: Identifiant | None = None
    erreur_max_m: Annotated[float, Field(gt=0, le=5000)] | None = Field(
        default=None, description="beyond it, what `colonne_erreur_m` says is not a place"
    )
    confiance: Annotated[float, Field(gt=0, lt=1)] | None = None

    @property
    def mesuree(self) -> bool:
        """Whether the clause says how wrong a position can be."""
        return bool(self.erreurs_m) or self.colonne_erreur_m is not None

    @model_validator(mode="after")
    def _errors_are_complete(self) -> Self:
        if self.mesuree != (self.confiance is not None):
            raise ValueError("`confiance` accompagne `erreurs_m` ou `colonne_erreur_m`, et eux seuls")
        if (self.colonne_erreur_m is None) != (self.erreur_max_m is None):
            raise ValueError("`erreur_max_m` accompagne `colonne_erreur_m`, et elle seule")
        if both := sorted(set(self.erreurs_m) & set(self.inconnu)):
            raise ValueError(f"classe à la fois dans `erreurs_m` et dans `inconnu` : {', '.join(both)}")
        return self


class LocalisationPoint(Modele):
    """A point: `x` is longitude or easting. `crs` for all rows, or `colonne_epsg` row by row, not both."""

    mode: Literal["point"]
    x: Identifiant
    y: Identifiant
    crs: CodeEpsg | None = None
    colonne_epsg: Identifiant | None = None
    commune: Identifiant | None = Field(default=None, description="column with the commune's code")
    qualite: QualitePosition | None = None
    axes: Literal["signaler", "corriger"] = Field(
        default="signaler", description="what becomes of a point that is in France once x and y are exchanged"
    )

    @model_validator(mode="after")
    def _one_crs(self) -> Self:
        if (self.crs is None) == (self.colonne_epsg is None):
            raise ValueError("déclarer `crs` ou `colonne_epsg`, l'un des deux et un seul")
        return self


class Quartiers(Modele):
    """How the code of a commune says a quarter of `zonage`: the commune has `part_min` of its area in it.

    No default: below the whole, it is what the clause accepts that a commune's figure holds of another place.
    """

    zonage: Identifiant
    part_min: Annotated[float, Field(gt=0.5, le=1)]


class LocalisationCode(Modele):
    """Rows that already carry the code of a zone of `zonage`.

    `millesime`: the year of the codes, which must be the zoning's. Without it codes alone are asserted: a delivery
    of which no code is the zoning's, or some is another generation's, is refused. `quartiers`: without it a commune
    says nothing of quarters.
    """

    mode: Literal["code"]
    zonage: Identifiant
    colonne: Identifiant
    millesime: Annotated[str, StringConstraints(pattern=r"^\d{4}$")] | None = None
    quartiers: Quartiers | None = Field(default=None, description="only where `zonage` is `commune`")


class PointDeReference(Modele):
    """A point that the feed already gives: how far the geocoded address is from it is kept."""

    x: Identifiant
    y: Identifiant
    crs: CodeEpsg


class LocalisationAdresse(Modele):
    """An address, geocoded between conform and locate; see qpv_data.addresses.

    `adresse`: its columns, joined by spaces. `url`: where the geocoder is; loopback, unless `hote_interne` declares
    the same host. `geoplateforme` is a public service: never for personal data.
    """

    mode: Literal["adresse"]
    adresse: tuple[Identifiant, ...] = Field(min_length=1)
    code_commune: Identifiant
    code_postal: Identifiant | None = None
    geocodeur: Literal["addok", "geoplateforme"] = "addok"
    url: Texte | None = None
    hote_interne: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.:-]{0,252}$")] | None = None
    reference: PointDeReference | None = None

    @field_validator("adresse", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @property
    def commune(self) -> str:
        """The column that declares the commune, as for a point."""
        return self.code_commune

    @property
    def qualite(self) -> None:
        """No class of quality: a geocoded address is a house number, or is unknown."""
        return None

    @property
    def point(self) -> LocalisationPoint:
        """How the geocoded records are located."""
        return LocalisationPoint(mode="point", x=X, y=Y, crs="EPSG:4326", commune=self.code_commune)


Localisation = Annotated[LocalisationPoint | LocalisationCode | LocalisationAdresse, Field(discriminator="mode")]
