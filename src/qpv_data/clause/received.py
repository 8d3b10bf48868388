"""What a clause says of the file that it receives: where it is, its format, its columns and its key."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from qpv_data.clause.source import Source
from qpv_data.clause.vocabulary import Expression, Identifiant, Modele, StatutMasque, Texte, TypeColonne

__all__ = ["Cle", "Colonne", "Format", "Source"]

Normalisation = Literal["espaces", "casse", "accents", "alphanumerique", "zeros"]
_ON_TEXTS = ("transformation", "recodage", "valeurs", "motif", "completer", "corrections", "eclater")


class Deplier(Modele):
    """A wide table made long: one row of the file gives one row a modality, which keeps its line.

    Each measure says which headers hold it, by a pattern that the whole header matches; its named groups are the
    axes: `POP(?P<age>[0-9]{4})_(?P<sexe>[FH])`. The columns' `source` may then be an axis or a measure.
    """

    mesures: dict[Identifiant, Texte] = Field(min_length=1, description="name: pattern of its headers (Python)")

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the axes, in the order of the first pattern."""
        return tuple(re.compile(next(iter(self.mesures.values()))).groupindex)

    @model_validator(mode="after")
    def _same_axes_everywhere(self) -> Self:
        try:
            groups = [set(re.compile(pattern).groupindex) for pattern in self.mesures.values()]
        except re.error as e:
            raise ValueError(f"expression régulière invalide : {e}") from e
        if not groups[0] or any(g != groups[0] for g in groups):
            raise ValueError("les motifs nomment les mêmes axes, un au moins : (?P<age>…)")
        if groups[0] & set(self.mesures):
            raise ValueError("un axe et une mesure ont chacun leur nom")
        return self


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
    deplier: Deplier | None = Field(default=None, description="a wide table: one row a modality")

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
        if self.deplier is not None and self.type == "json":
            raise ValueError("`deplier` est pour les fichiers qui ont un en-tête ; en json, voir `eclater`")
        return self


class Note(Modele):
    """A companion column (`NOTE_…`) that says why a value is absent: what it masks is no value, whatever is written."""

    source: tuple[str, ...] = Field(min_length=1)
    statuts: dict[str, StatutMasque] = Field(min_length=1)

    @field_validator("source", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class Correction(Modele):
    """A known fault of a delivery, put right: the rows where `quand` holds and whose text is `avant` get `apres`.

    `quand` is SQL over the texts received, of every column under its name. A number of such rows that is not
    `attendu` refuses the delivery: the producer may have corrected it.
    """

    quand: Expression
    avant: str | None = Field(description="the text received, its blanks at both ends apart; null: nothing")
    apres: str | None = Field(description="the text that replaces it; null: nothing")
    raison: Texte
    attendu: Annotated[int, Field(ge=1)]


class Colonne(Modele):
    """One column of the conformed record. `source` is the header (or JSON path), aliases after it.

    A column with `calcul` is read nowhere: it is made of the texts received in others, and its `source` is that SQL.
    """

    nom: Identifiant
    source: tuple[str, ...] = Field(min_length=1)
    calcul: Expression | None = Field(
        default=None, description="SQL over the texts received in the other columns; in the place of `source`"
    )
    type: TypeColonne
    obligatoire: bool = False
    identifiant_direct: Literal["supprimer", "pseudonymiser"] | bool = Field(
        default=False, description="dropped, or replaced by a keyed HMAC, before anything is written"
    )
    normalisation: tuple[Normalisation, ...] | None = Field(
        default=None, description="pseudonymiser: what of the text does not count, before the HMAC"
    )
    transformation: Expression | None = Field(
        default=None, description="SQL on `valeur`, the trimmed text received, before typing"
    )
    masques: dict[str, StatutMasque] = Field(default_factory=dict)
    note: Note | None = Field(default=None, description="companion column that tells why a value is absent")
    corrections: tuple[Correction, ...] = ()
    eclater: Annotated[str, StringConstraints(min_length=1)] | None = Field(
        default=None, description="mark between the values of one cell: one row a value"
    )
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

    @property
    def lue(self) -> bool:
        """Whether the column is read: a direct identifier that is dropped stays where it was received."""
        return self.identifiant_direct != "supprimer"

    @property
    def a_statut(self) -> bool:
        """Whether a column `<nom>__statut` says why a value is absent."""
        return bool(self.masques) or self.note is not None

    @model_validator(mode="before")
    @classmethod
    def _made_or_read(cls, declared: Any) -> Any:
        if not isinstance(declared, dict) or declared.get("calcul") is None:
            return declared
        made = (f"= {declared['calcul']}",)
        said = declared.get("source", made)
        if (said if isinstance(said, str) else tuple(said)) not in (made, *made):
            raise ValueError("une colonne a une `source` ou un `calcul`, l'un des deux")
        if used := [k for k in ("identifiant_direct", "note", "corrections", "eclater") if declared.get(k)]:
            raise ValueError(f"une colonne calculée n'est pas reçue : {', '.join(used)} est pour celles qui le sont")
        return {**declared, "source": made}

    @field_validator("source", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("identifiant_direct")
    @classmethod
    def _true_drops(cls, value: Any) -> Any:
        return "supprimer" if value is True else value

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

    @model_validator(mode="after")
    def _a_pseudonym_is_only_a_text(self) -> Self:
        replaced = self.identifiant_direct == "pseudonymiser"
        if replaced != (self.normalisation is not None):
            raise ValueError("`normalisation` accompagne `pseudonymiser`, et lui seul ; [] garde le texte tel quel")
        used = [k for k in _ON_TEXTS if getattr(self, k)]
        if replaced and (self.type is not TypeColonne.TEXTE or used):
            said = ", ".join(used) or "un autre type que `texte`"
            raise ValueError(f"un pseudonyme est un texte, qui ne se retouche pas : {said}")
        if self.note is not None and "" in self.masques:
            raise ValueError("`note` dit ce qu'une valeur vide veut dire : `masques` n'a pas de texte vide")
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


class Totaux(Modele):
    """Rows that are no records: totals (`Ensemble`), or another mesh. They are kept apart, and may be checked."""

    lignes: Expression = Field(description="SQL condition on the columns; such rows are rejected as ligne_de_total")
    sommes: tuple[Identifiant, ...] = Field(default=(), description="columns whose total is the sum of the records")
    par: tuple[Identifiant, ...] = Field(default=(), description="columns that a total and its records share")
    tolerance: Annotated[float, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _par_goes_with_sommes(self) -> Self:
        if (self.par or self.tolerance) and not self.sommes:
            raise ValueError("`par` et `tolerance` accompagnent `sommes`")
        return self


class Cle(Modele):
    """What makes a record unique, within its delivery. The order of `premier` is the file's."""

    colonnes: tuple[Identifiant, ...] = Field(min_length=1)
    doublons: Literal["refuser", "premier", "garder"] = Field(
        description="refuser: every row of a repeated key is rejected; premier: the first is kept; garder: all are"
    )
    totaux: Totaux | None = None
