"""How near to the truth of amounts the bounds of an attack come, with the truth in hand: for the publisher.

An amount that one contributor dominates, or that too few units of any kind bring, is protected when no reader comes
nearer to it than its rule asks. Only who has the records can tell: the largest share of each cell, and how many units
of each kind it has, are in what was aggregated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from qpv_data.attaque.bounds import analyse
from qpv_data.attaque.builder import Builder
from qpv_data.attaque.families import attack_believed
from qpv_data.attaque.feeds import feeds
from qpv_data.attaque.ledger import read_ledger
from qpv_data.attaque.levels import few_level, level_of, within
from qpv_data.attaque.measures import Measure, Place, facts, measured, protected, providers
from qpv_data.attaque.published import Release, database, exact
from qpv_data.attaque.refusal import RefusedInputError
from qpv_data.attaque.roots import expanded
from qpv_data.attaque.system import INFINITE
from qpv_data.attaque.vintages import vintages

Key = tuple[Measure, Place]
Levels = tuple[Fraction, Fraction, Fraction | None]
"""The amount, and how far from it readers must stay, above and below; None: bounds below are not judged."""
Truth = dict[Key, Levels]


@dataclass(frozen=True)
class Near:
    """An amount, the bounds that readers have, and how far from it they should have been."""

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
    """Amounts that one contributor dominates or that too few units bring, of the first kind or of any other, and that
    these releases show, or hide so badly that readers come too near to them.

    `aggregated`: what the stage aggregate wrote, `<jeu>/<indicateur>.parquet` and, for the other units of a feed that
    has several, `<indicateur>.unites.parquet` with their thresholds. Of too few units, only bounds above are judged.
    """
    if not aggregated.is_dir():
        raise RefusedInputError(str(aggregated), "source_absente", "dossier introuvable", "donner celui d'aggregated")
    ledger = read_ledger(expanded(folders))
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
            if row["jeu"] == jeu and protected(row) and path.is_file():
                dominated = _dominated(path, row) if row["dominance"] is not None else iter(())
                for told in (dominated, _few(path, row)):
                    for column, at, levels in told:
                        if (key := _key(column, at, indicator, row, release)) is not None:
                            found[key] = _wider(levels, found.get(key))
    return found


def _wider(levels: Levels, before: Levels | None) -> Levels:
    if before is None:
        return levels
    below = [level for level in (levels[2], before[2]) if level is not None]
    return levels[0], max(levels[1], before[1]), max(below, default=None)


def _key(column: str, at: tuple[str, ...], indicator: str, row: Mapping[str, Any], release: Release) -> Key | None:
    """The figure of one column of `valeurs` at (zoning, zone, period, modality)."""
    zoning, zone, period, modality = at
    measure = next((m for m, own in providers(row) if own == column), None)
    if measure is None:
        return None
    axis = release.axes.get((indicator, modality)) or ""
    place = Place(axis, modality if axis else "", zoning, zone, period)
    return measured(measure, row, release.zoning.family.get(zoning)), place


_Told = Iterator[tuple[str, tuple[str, ...], Levels]]


def _read(path: Path, query: str) -> list[tuple[Any, ...]]:
    with database() as con:
        return con.execute(query, {"path": str(path)}).fetchall()


def _dominated(path: Path, row: Mapping[str, Any]) -> _Told:
    """Cells that the rule (1, dominance) finds sensitive, with their level."""
    cells = _read(
        path,
        "SELECT zonage, code_zone, periode, modalite, CAST(somme_numerateur AS DOUBLE), part_dominante"
        " FROM read_parquet($path) WHERE part_dominante IS NOT NULL AND somme_numerateur IS NOT NULL",
    )
    for *at, total, share in cells:
        amount = Fraction(exact(float(total)))
        largest = amount * Fraction(exact(float(share)))
        level = level_of(largest, amount, Fraction(exact(float(row["dominance"]))))
        if level > 0:
            yield "numerateur", tuple(at), (amount, level, level)


def _few(path: Path, row: Mapping[str, Any]) -> _Told:
    """Cells that too few units bring, of any kind, with how far above them readers must be left."""
    columns = set(pq.read_schema(path).names)
    counted = {"n_distincts", "n_numerateur", "n_denominateur", "somme_denominateur"}
    if not counted <= columns or row["seuil"] is None:
        return
    top = "n_distincts" if row["nature"] == "compte" and row["numerateur"] is not None else "somme_numerateur"
    units = f"SELECT *, CAST({int(row['seuil'])} AS BIGINT) AS k FROM read_parquet($path)"
    others = path.with_name(f"{path.stem}.unites.parquet")
    if others.is_file():
        # What is not counted is nobody, who are too few.
        told = f"read_parquet('{str(others).replace(chr(39), chr(39) * 2)}')"
        kinds = f"(SELECT DISTINCT unite, seuil FROM {told})"
        units += (
            " UNION ALL BY NAME SELECT c.* REPLACE (coalesce(o.n_numerateur, 0) AS n_numerateur,"
            " coalesce(o.n_denominateur, 0) AS n_denominateur), u.seuil AS k"
            f" FROM read_parquet($path) c CROSS JOIN {kinds} u"
            f" LEFT JOIN {told} o USING (zonage, code_zone, periode, modalite, unite)"
        )
    for column, amount, count in (("numerateur", top, "n_numerateur"), ("denominateur", *_BOTTOM)):
        query = (
            f"SELECT zonage, code_zone, periode, modalite, CAST({amount} AS DOUBLE), CAST({count} AS BIGINT), k"
            f" FROM ({units}) WHERE {amount} > 0 AND {count} < k"
        )
        for *at, total, number, k in _read(path, query):
            value = Fraction(exact(float(total)))
            yield column, tuple(at), (value, few_level(value, number, k), None)


_BOTTOM = ("somme_denominateur", "n_denominateur")


def _near(builder: Builder, truth: Truth) -> list[Near]:
    """The cells of one system whose truth is told: those that are shown, and the hidden ones by exhaustive bounds."""
    wanted = {cell: truth[key[:2]] for key, cell in builder.at.items() if isinstance(key, tuple) and key[:2] in truth}
    found = [
        Near(builder.names[cell], amount, amount, amount, above)
        for cell, (amount, above, _) in sorted(wanted.items())
        if builder.low[cell] is not None and builder.low[cell] == builder.high[cell] and not builder.hidden[cell]
    ]
    # Of a small number of units k is what readers must not exclude, and it is at least 1 for all: `attack` judges both.
    wanted = {
        c: told for c, told in wanted.items() if builder.hidden[c] and not (builder.count[c] and told[0] < builder.k[c])
    }
    if not wanted:
        return found
    _, dropped = attack_believed(builder, 0)
    system = builder.system(dropped)
    asked = np.zeros(len(system.low), bool)
    asked[list(wanted)] = True
    analysis = analyse(replace(system, hidden=asked, derivable=np.zeros(len(asked), bool)), exhaustive=True)
    for cell, (amount, above, below) in sorted(wanted.items()):
        low, high = int(analysis.low[cell]), int(analysis.high[cell])
        bounds = (
            None if low <= -INFINITE else Fraction(low, system.scale),
            None if high >= INFINITE else Fraction(high, system.scale),
        )
        judged = None if builder.count[cell] or below is None else bounds[0]
        if within(amount, judged, bounds[1], above, below):
            found.append(Near(system.name(cell), amount, *bounds, above))
    return found
