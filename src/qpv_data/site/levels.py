"""Each indicator over all quarters at its last period, and the zones that they are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from qpv_data.periods import parse_period
from qpv_data.site.model import Indicator, Value
from qpv_data.site.reading import Release, value_of

CLASSES = 5
FEW = 5
"""Under this many published values there is no class and no distribution: each value is told."""


@dataclass(frozen=True)
class Level:
    """An indicator over the quarters of the site at `periode`. `bornes`: CLASSES + 1 limits or fewer, ascending, the
    first and last being the least and the greatest published value; empty when values are too few or all the same."""

    indicateur: Indicator
    periode: str
    valeurs: Mapping[str, Value]
    bornes: tuple[float, ...]
    quantiles: tuple[float, float, float, float, float] | None
    """Tenth, quarter, median, three quarters, nine tenths of the published values."""

    @property
    def debut(self) -> date:
        """The first day of its period."""
        return parse_period(self.periode).debut

    @property
    def visibles(self) -> list[tuple[str, float]]:
        """Code and value of the quarters whose value is published, the greatest first, ties by code."""
        shown = [(c, v.valeur) for c, v in self.valeurs.items() if v.valeur is not None]
        return sorted(shown, key=lambda pair: (-pair[1], pair[0]))

    def classe(self, value: float | None) -> int | None:
        """The class of a value, from 0; None without value or classes."""
        if value is None or not self.bornes:
            return None
        inside = np.searchsorted(self.bornes[1:-1], value, side="right")
        return int(inside)


@dataclass(frozen=True)
class Levels:
    """All of them, with the values of the other zones."""

    par_indicateur: Mapping[str, Level]
    epci: Mapping[str, Mapping[str, Value]]
    """Code of an EPCI → indicator → its value at the indicator's last period."""
    membres: Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]]
    """(zonage, code) of a quarter → zoning → codes of the zones that it is in, or touches."""


def levels(release: Release) -> Levels:
    """Read them. Quarters outside the site's territory take no part: they are not its readers'."""
    wanted = {(z.zonage, z.code) for z in release.quartiers}
    by_indicator: dict[str, dict[str, Value]] = {}
    for r in release.named("quartiers"):
        if (r["zonage"], r["code_zone"]) in wanted:
            by_indicator.setdefault(r["indicateur"], {})[r["code_zone"]] = value_of(r)
    epci: dict[str, dict[str, Value]] = {}
    for r in release.named("niveaux"):
        epci.setdefault(r["code_zone"], {})[r["indicateur"]] = value_of(r)
    found = {}
    for name, indicator in release.indicateurs.items():
        if (values := by_indicator.get(name)) and any(v.etat != "sans_objet" for v in values.values()):
            found[name] = level(indicator, release.dernieres[name], values)
    return Levels(found, epci, _members(release))


def level(indicator: Indicator, period: str, values: Mapping[str, Value]) -> Level:
    """An indicator's classes and quantiles, from its published values alone."""
    shown = np.sort(np.array([v.valeur for v in values.values() if v.valeur is not None], dtype=np.float64))
    quantiles = None
    if len(shown) >= FEW:
        a, b, c, d, e = (float(x) for x in np.quantile(shown, (0.1, 0.25, 0.5, 0.75, 0.9)))
        quantiles = (a, b, c, d, e)
    return Level(indicator, period, values, limits(shown, indicator.decimales), quantiles)


def limits(shown: np.ndarray, decimals: int) -> tuple[float, ...]:
    """Limits of classes of about equal numbers of quarters, at the decimals that the indicator has.

    Equal values are in one class: limits that meet are one, so there may be fewer than CLASSES classes.
    """
    if len(shown) < FEW or shown[0] == shown[-1]:
        return ()
    inner = np.round(np.quantile(shown, np.linspace(0, 1, CLASSES + 1)[1:-1]), decimals)
    kept = sorted({float(x) for x in inner if shown[0] < x <= shown[-1]})
    return (float(shown[0]), *kept, float(shown[-1])) if kept else ()


def _members(release: Release) -> dict[tuple[str, str], dict[str, tuple[str, ...]]]:
    found: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {}
    for zoning in ("commune", "epci", "contrat"):
        table = {"commune": "zones_communes", "epci": "zones_epci", "contrat": "zones_contrats"}[zoning]
        sql = f"SELECT zonage, code_zone, code_{zoning} AS code FROM {table} ORDER BY ALL"
        for r in release.rows(sql):
            of = found.setdefault((r["zonage"], r["code_zone"]), {})
            of[zoning] = (*of.get(zoning, ()), r["code"])
    return found
