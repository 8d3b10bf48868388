"""How near to the truth of amounts the bounds of an attack come, with the truth in hand: for the publisher.

An amount that one contributor dominates is protected when no reader comes nearer to it than its rule asks. Only who has
the contributions can tell: the largest share of each cell is in what was aggregated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from qpv_data.attaque.bounds import analyse
from qpv_data.attaque.builder import Builder
from qpv_data.attaque.families import attack_believed
from qpv_data.attaque.feeds import feeds
from qpv_data.attaque.ledger import read_ledger
from qpv_data.attaque.levels import level_of, within
from qpv_data.attaque.measures import Measure, Place, facts, measured, protected, providers
from qpv_data.attaque.published import Release, database, exact
from qpv_data.attaque.refusal import RefusedInputError
from qpv_data.attaque.system import INFINITE
from qpv_data.attaque.vintages import vintages

Truth = dict[tuple[Measure, Place], tuple[Fraction, Fraction]]  # the amount, and the level of its rule


@dataclass(frozen=True)
class Near:
    """A hidden amount, the bounds that readers have, and how far from it they should have been."""

    cell: str
    amount: Fraction
    low: Fraction | None
    high: Fraction | None
    level: Fraction

    def line(self) -> str:
        """One line for a person."""
        low, high = ("?" if v is None else f"{float(v):g}" for v in (self.low, self.high))
        bounds = f"encadré de {low} à {high}"
        return f"{self.cell} : {float(self.amount):g}, {bounds} ; il fallait {float(self.level):g} d'écart"

    def row(self) -> dict[str, Any]:
        """As JSON."""
        bounds = [None if v is None else float(v) for v in (self.low, self.high)]
        told = {"montant": float(self.amount), "bas": bounds[0], "haut": bounds[1], "ecart": float(self.level)}
        return {"cellule": self.cell, **told}


def audit_amounts(folders: Sequence[Path], aggregated: Path) -> list[Near]:
    """Hidden amounts that one contributor dominates, and that readers of these releases come too near to.

    `aggregated`: what the stage aggregate wrote, `<jeu>/<indicateur>.parquet`.
    """
    if not aggregated.is_dir():
        raise RefusedInputError(str(aggregated), "source_absente", "dossier introuvable", "donner celui d'aggregated")
    ledger = read_ledger(folders)
    found: list[Near] = []
    for jeu in ledger.jeux():
        releases = ledger.feed(jeu)
        truth = _truth(aggregated / jeu, jeu, releases)
        if truth:
            states = vintages([f for f in facts(releases) if f.measure.jeu == jeu])
            for feed in feeds(states, releases):
                for builder in feed.builders:
                    found += _near(builder, truth)
    return found


def _truth(folder: Path, jeu: str, releases: Sequence[Release]) -> Truth:
    found: Truth = {}
    for release in releases:
        for indicator, row in release.catalogue.items():
            path = folder / f"{indicator}.parquet"
            if row["jeu"] == jeu and protected(row) and row["dominance"] is not None and path.is_file():
                found |= dict(_dominated(path, indicator, row, release))
    return found


def _dominated(
    path: Path, indicator: str, row: Mapping[str, Any], release: Release
) -> Iterator[tuple[tuple[Measure, Place], tuple[Fraction, Fraction]]]:
    """Cells that the rule (1, dominance) finds sensitive, with their level."""
    measure = next((m for m, column in providers(row) if column == "numerateur"), None)
    with database() as con:
        cells = con.execute(
            "SELECT zonage, code_zone, periode, modalite, CAST(somme_numerateur AS DOUBLE), part_dominante"
            " FROM read_parquet($path) WHERE part_dominante IS NOT NULL AND somme_numerateur IS NOT NULL",
            {"path": str(path)},
        ).fetchall()
    for zoning, zone, period, modality, total, share in cells:
        amount = Fraction(exact(float(total)))
        largest = amount * Fraction(exact(float(share)))
        level = level_of(largest, amount, Fraction(exact(float(row["dominance"]))))
        if measure is not None and level > 0:
            axis = release.axes.get((indicator, modality)) or ""
            place = Place(axis, modality if axis else "", zoning, zone, period)
            yield (measured(measure, row, release.zoning.family.get(zoning)), place), (amount, level)


def _near(builder: Builder, truth: Truth) -> list[Near]:
    """Exhaustive bounds of the dominated cells of one system."""
    wanted = {cell: truth[key[:2]] for key, cell in builder.at.items() if isinstance(key, tuple) and key[:2] in truth}
    # Of a small number of units k is what readers must not exclude, and it is at least 1 for all: `attack` judges both.
    wanted = {
        c: told for c, told in wanted.items() if builder.hidden[c] and not (builder.count[c] and told[0] < builder.k[c])
    }
    if not wanted:
        return []
    _, dropped = attack_believed(builder, 0)
    system = builder.system(dropped)
    asked = np.zeros(len(system.low), bool)
    asked[list(wanted)] = True
    analysis = analyse(replace(system, hidden=asked, derivable=np.zeros(len(asked), bool)), exhaustive=True)
    found = []
    for cell, (amount, level) in sorted(wanted.items()):
        low, high = int(analysis.low[cell]), int(analysis.high[cell])
        bounds = (
            None if low <= -INFINITE else Fraction(low, system.scale),
            None if high >= INFINITE else Fraction(high, system.scale),
        )
        if within(amount, None if builder.count[cell] else bounds[0], bounds[1], level):
            found.append(Near(system.name(cell), amount, *bounds, level))
    return found
