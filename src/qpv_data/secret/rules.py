"""What a cell must satisfy to be shown, and how far a reader must be kept from one that is not."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Annotated, Literal

import yaml
from pydantic import Field

from qpv_data.clause.vocabulary import Identifiant, Modele, Texte
from qpv_data.resources import referentials_dir

FAIL_CLOSED_K = 11
_FREQUENCY_MARGIN = 0.30  # of τ-ARGUS for cells hidden by the number of units, whose value is not that number


class Nk(Modele):
    """The first `n` contributors bring at most `pourcent` of the total."""

    n: Annotated[int, Field(ge=1, le=10)]
    pourcent: Annotated[float, Field(gt=0, lt=100)]


class Rule(Modele):
    """The rule of one table. Nothing has a default but what does not apply: `k` is always said."""

    k: Annotated[int, Field(ge=1)]
    dominance: Annotated[float, Field(gt=0, lt=1)] | None = None
    nk: Nk | None = None
    p_pourcent: Annotated[float, Field(gt=0)] | None = None
    marge: Annotated[float, Field(gt=0)] = _FREQUENCY_MARGIN

    @property
    def reads_contributors(self) -> bool:
        """Whether the rule needs the share of the largest contributor."""
        return self.dominance is not None or self.nk is not None or self.p_pourcent is not None

    @property
    def reads_records(self) -> bool:
        """Whether the rule needs more contributors than the first: only records tell them."""
        return self.p_pourcent is not None or (self.nk is not None and self.nk.n > 1)

    def stricter(self, other: Rule) -> Rule:
        """A rule that asks what both do."""
        shares = [r.dominance for r in (self, other) if r.dominance is not None]
        percents = [r.p_pourcent for r in (self, other) if r.p_pourcent is not None]
        both = [r.nk for r in (self, other) if r.nk is not None]
        return Rule(
            k=max(self.k, other.k),
            dominance=min(shares, default=None),
            # Two of them are not comparable in general: more contributors under the smaller share covers both.
            nk=Nk(n=max(r.n for r in both), pourcent=min(r.pourcent for r in both)) if both else None,
            p_pourcent=max(percents, default=None),
            marge=max(self.marge, other.marge),
        )

    def looser_than(self, floor: Rule) -> list[str]:
        """The keys of this rule that ask less than `floor`."""
        looser = ["k"] if self.k < floor.k else []
        for name, wider in (("dominance", 1), ("p_pourcent", -1), ("marge", -1)):
            own, least = getattr(self, name), getattr(floor, name)
            if least is not None and (own is None or (own - least) * wider > 0):
                looser.append(name)
        if floor.nk is not None and (self.nk is None or self.nk.n < floor.nk.n or self.nk.pourcent > floor.nk.pourcent):
            looser.append("nk")
        return looser


class Family(Modele):
    """One family of data, as `referentiels/regles_secret.yml` declares it.

    `groupe_homogene: secret`: that all of a zone are of one category is not to be told, so that counts are not broken
    down, since their zeros are published; shares of each category are, and hide 0 % and 100 %.
    """

    id: Identifiant
    libelle: Texte
    unites: dict[Identifiant, Annotated[int, Field(ge=1)]] = Field(min_length=1)
    dominance: Annotated[float, Field(gt=0, lt=1)] | None
    nk: Nk | None
    p_pourcent: Annotated[float, Field(gt=0)] | None
    arrondi: Annotated[int, Field(ge=2)] | None
    source: Texte
    date: date | None
    confiance: Literal["haute", "moyenne", "basse"]
    fondement: Literal["open_data"] | None = None  # a family whose clauses have this basis only
    groupe_homogene: Literal["publie", "secret"] = "publie"
    limites: Texte | None

    def rule(self, unite: str | None) -> Rule:
        """The rule for that kind of unit, the strictest when none is told. Low confidence: k of 11 at least."""
        k = self.unites[unite] if unite is not None else max(self.unites.values())
        if self.confiance == "basse":
            k = max(k, FAIL_CLOSED_K)
        return Rule(k=k, dominance=self.dominance, nk=self.nk, p_pourcent=self.p_pourcent)


class _Families(Modele):
    familles: tuple[Family, ...] = Field(min_length=1)


@cache
def load_families() -> dict[str, Family]:
    """Every declared family, by id."""
    text = (referentials_dir() / "regles_secret.yml").read_text(encoding="utf-8")
    families = _Families.model_validate(yaml.safe_load(text)).familles
    found = {f.id: f for f in families}
    assert len(found) == len(families), "une famille est déclarée deux fois"
    return found
