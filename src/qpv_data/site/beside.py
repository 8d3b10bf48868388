"""What a figure of a quarter is set beside: its communes, the other quarters, its own past."""

from __future__ import annotations

from dataclasses import dataclass

from qpv_data.site.french import period, signed, with_unit
from qpv_data.site.levels import Level
from qpv_data.site.model import Indicator, Series, Value, Zone
from qpv_data.site.shared import Shared


@dataclass(frozen=True)
class Beside:
    """What a figure is compared with: the words, the value, the gap in words (none when there is nothing to say)."""

    nom: str
    genre: str
    valeur: Value | None
    ecart: str


def compares(shared: Shared, zone: Zone, level: Level, value: Value) -> tuple[Beside, ...]:
    """Communes, intercommunality and all quarters, of an indicator that compares."""
    if not level.indicateur.comparable:
        return ()
    found = []
    for zoning in ("commune", "epci"):
        for code, other in shared.niveaux.beside(zone, zoning, level.indicateur.id):
            if other.etat != "sans_objet":
                found.append(Beside(shared.nom(zoning, code), zoning, other, gap(level.indicateur, value, other)))
    if level.quantiles is not None:
        median = Value(level.periode, level.debut, level.quantiles[2], "normale")
        found.append(Beside("médiane des quartiers", "quartiers", median, gap(level.indicateur, value, median)))
    return tuple(found)


def gap(indicator: Indicator, value: Value, other: Value) -> str:
    """« +5,2 points »; nothing when one of the two is not told."""
    if value.valeur is None or other.valeur is None:
        return ""
    unit = "points" if indicator.unite == "%" else indicator.unite
    return with_unit(signed(value.valeur - other.valeur, indicator.decimales), unit)


def evolution(series: Series | None, value: Value) -> str:
    """Since the same quarter of the year before, or else since the period before; never across a break."""
    if series is None or value.valeur is None:
        return ""
    values = list(series.valeurs)
    rank = next((i for i, v in enumerate(values) if v.periode == value.periode), None)
    if not rank:
        return ""
    year = next((i for i in range(rank) if values[i].debut.replace(year=values[i].debut.year + 1) == value.debut), None)
    before = values[year] if year is not None else values[rank - 1]
    since = values[(year if year is not None else rank - 1) + 1 : rank + 1]
    if before.valeur is None or any(v.rupture for v in since):
        return ""
    indicator = series.indicateur
    unit = "points" if indicator.unite == "%" else None
    moved = with_unit(signed(value.valeur - before.valeur, indicator.decimales), unit)
    return f"{moved} depuis {_article(before.periode)}"


def _article(code: str) -> str:
    words = period(code)
    return f"le {words}" if "trimestre" in words or "semestre" in words else words
