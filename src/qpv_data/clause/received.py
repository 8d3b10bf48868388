"""What a clause says of the file that it receives: where it is, its format, its columns and its key."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from qpv_data.clause.source import Source
from qpv_data.clause.vocabulary import Expression, Identifiant, Modele, StatutMasque, Texte, TypeColonne

__all__ = ["Cle", "Colonne", "Format", "Source"]


class Format(Modele):
    """`vecteur` is any perimeter file (GeoJSON, shapefile, GeoPackage, MIF, GeoParquet), recognised by its content.

    A ZIP or a GZ around any of them is opened by itself.
    """

    type: Literal["csv", "json", "parquet", "vecteur", "xlsx", "dbf"]
    encodage: Texte | None = Field(default=None, description="Python codec name; mandatory for csv")
    separateur: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = None
    guillemet: Annotated[str, StringConstraints(min_length=1, max_length=1)] = '"'
    decimale: Literal[".", ","] = "."
    milliers: tuple[str, ...] = Field(default=(), description="thousands marks to drop, such as U+202F")
    racine: Texte | None = Field(default=None, description="json: path of the array, dots between keys")
    eclater: Texte | None = Field(default=None, description="json: path of an inner array, one row an element")
    couche: Texte | None = Field(default=None, description="vecteur: name of the layer")
    feuille: Texte | None = Field(default=None, description="xlsx: name of the sheet, when several are shown")
    cellules_fusionnees: Literal["refuser", "remplir"] = "refuser"
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
    doublons: Literal["refuser", "premier", "garder"] = Field(
        description="refuser: every row of a repeated key is rejected; premier: the first is kept; garder: all are"
    )
