"""Which indicators are compared, and as what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from qpv_data.site.signals.model import Measure

# Units of the values that producers give ready and that do not grow with a quarter.
_RATIOS = ("%", "rapport", "indice")
_MARKS = (" pour ", " par ", "/")
PER = 1000.0
"""Inhabitants that counts are told for."""


@dataclass(frozen=True)
class Compared:
    """An indicator as it is compared: `per_head` when a count is divided by the published population."""

    indicator: str
    title: str
    unit: str
    decimals: int
    measure: Measure
    factor: float
    flow: bool
    per_head: bool
    reserve: str | None


def catalogue(con: duckdb.DuckDBPyConnection) -> tuple[list[Compared], list[tuple[str, str]]]:
    """Indicators to compare, in order of their ids, and (title, why) of those that are not."""
    columns = (
        "indicateur, jeu, titre, unite, decimales, nature, nature_temporelle, facteur, par, numerateur, filtre, reserve"
    )
    rows = con.execute(f"SELECT {columns} FROM indicateurs ORDER BY indicateur").fetchall()
    rated = {(jeu, numerator, filtre) for _, jeu, *_, nature, _, _, _, numerator, filtre, _ in rows if nature == "taux"}
    kept, left = [], []
    for row in rows:
        name, jeu, title, unit, decimals, nature, lasting, factor, _, numerator, filtre, reserve = row
        measure = _measure(nature, unit)
        if measure is None:
            left.append((title, "ni part, ni moyenne, ni taux, ni nombre qui se rapporte à une population"))
        elif nature in ("compte", "somme") and (jeu, numerator, filtre) in rated:
            left.append((title, "comparé par son taux"))
        else:
            per_head = nature in ("compte", "somme")
            kept.append(Compared(
                name, title, f"{unit} pour 1\u202f000 habitants" if per_head else unit,
                max(int(decimals), 1) if per_head else int(decimals), measure,
                PER if per_head else float(factor or 1.0), lasting == "flux", per_head, reserve,
            ))  # fmt: skip
    return kept, left


def _measure(nature: str, unit: str) -> Measure | None:
    if nature == "part":
        return Measure.SHARE
    if nature in ("taux", "compte", "somme"):
        return Measure.RATE
    ready = nature == "releve" and (unit in _RATIOS or any(mark in unit for mark in _MARKS))
    return Measure.LEVEL if nature == "moyenne" or ready else None


def populations(con: duckdb.DuckDBPyConnection, zonings: Sequence[str]) -> dict[tuple[str, str], float]:
    """(zoning, zone) → inhabitants: those of the referential, else the last published value of an indicator that rates
    are divided by. In: the zonings of quarters. A zone without one is absent."""
    found: dict[tuple[str, str], float] = {}
    series = """SELECT zonage, code_zone, valeur
      FROM valeurs JOIN (SELECT DISTINCT par FROM indicateurs) ON par = indicateur
      WHERE zonage IN (SELECT unnest($zonages)) AND modalite = 'ensemble' AND statut_diffusion = 'diffusee'
        AND statut_observation = 'normale' AND valeur > 0 ORDER BY periode, par"""
    declared = """SELECT zonage, code_zone, population FROM zones
      WHERE zonage IN (SELECT unnest($zonages)) AND population > 0 ORDER BY zonage, code_zone"""
    for query in (series, declared):
        for zoning, zone, size in con.execute(query, {"zonages": list(zonings)}).fetchall():
            found[zoning, zone] = float(size)
    return found
