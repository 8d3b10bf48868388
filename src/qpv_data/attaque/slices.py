"""One quantity, one breakdown, one period: what the equations of the ground are written on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qpv_data.attaque.builder import Builder, Trust
from qpv_data.attaque.published import Zoning

WHOLE, UNPLACED = "territoire", "non_localise"


@dataclass(frozen=True)
class Slice:
    """One quantity, one breakdown, one period. `find` gives the cell of a zone, or None where there is none."""

    builder: Builder
    zoning: Zoning
    tag: str
    additive: bool
    find: Callable[[str, str], int | None]
    virtual: Callable[[str], int]
    label: str
    period: str

    def total(self, family: str, whole: int, parts: list[int], trust: Trust) -> None:
        """whole = Σ parts; for distinct units, whole ≤ Σ parts and each part ≤ whole."""
        named = f"{self.tag} : {family}"
        if self.additive:
            self.builder.row(named, [whole], parts, trust)
            return
        for part in parts:
            left = self.population(f"{self.short(whole)} sans {self.short(part)}")
            self.builder.row(named, [whole], [part, left], trust)
        twice = self.virtual(f"{family} : unités de {self.short(whole)} vues plusieurs fois")
        self.builder.row(named, [whole, twice], parts, trust)

    def short(self, cell: int) -> str:
        """The name of a zone's cell, without what the whole slice shares."""
        return self.builder.names[cell].removeprefix(f"{self.label} ").removesuffix(f" {self.period}")

    def population(self, name: str) -> int:
        """A cell that no row publishes, to which the rule applies."""
        cell = self.virtual(name)
        self.builder.derivable[cell] = True
        return cell
