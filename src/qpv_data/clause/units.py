"""Another privacy unit of the same records: households and persons, dwellings and landlords."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from qpv_data.clause.vocabulary import Identifiant, Modele, Texte


class AutreUnite(Modele):
    """A unit that the same figures must protect as well, counted in a way of its own and held to its own threshold.

    Exactly one of `colonne_unite` (distinct values), `effectif` (summed) or `une_unite_par_ligne` says how.
    """

    unite: Texte = Field(description="what is counted as well: personne, bailleur…")
    unite_famille: Identifiant | None = Field(
        default=None, description="the family's unit that `unite` stands for, when they have not the same name"
    )
    seuil: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="cells of fewer of these units are hidden; stricter than the family's"
    )
    colonne_unite: Identifiant | None = None
    effectif: Identifiant | None = None
    une_unite_par_ligne: bool = False

    @model_validator(mode="after")
    def _counted_in_one_way(self) -> Self:
        counted_in_one_way(self.colonne_unite, self.effectif, self.une_unite_par_ligne)
        return self


def counted_in_one_way(column: str | None, headcount: str | None, a_row: bool) -> None:
    """Raises ValueError unless exactly one way of counting units is declared."""
    if sum([column is not None, headcount is not None, a_row]) != 1:
        raise ValueError(
            "déclarer comment compter les unités : `colonne_unite`, `effectif` ou `une_unite_par_ligne`, "
            "un seul des trois"
        )
