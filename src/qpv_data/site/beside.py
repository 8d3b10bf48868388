"""What a figure of a quarter is set beside: its communes, the other quarters, its own past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qpv_data.site.comparing import PER, Comparison
from qpv_data.site.french import number, points, rounded, short_period, signed, with_article, with_unit
from qpv_data.site.levels import Level
from qpv_data.site.model import Indicator, Series, Value


@dataclass(frozen=True)
class Beside:
    """What a figure is compared with: the words, the value and the gap in words (none when it is hidden). `unite`: when
    it is not the indicator's own; `parts`: by what several zones are weighed."""

    nom: str
    genre: str
    valeur: float | None
    mots: str
    ecart: str
    unite: str = ""
    parts: str = ""


def compares(level: Level, value: Value, held: Sequence[Comparison]) -> tuple[Beside, ...]:
    """The zones around, other quarters: what `comparaisons` has for this figure, and the quarters' median. Amounts are
    compared per 1,000 inhabitants, and say so."""
    indicator = level.indicateur
    found = [_beside(indicator, c) for c in held]
    if indicator.comparable and level.quantiles is not None:
        median = rounded(level.quantiles[2], indicator.decimales)  # as it is written: the gap is that of two figures
        gap = "" if value.valeur is None else _gap(indicator, value.valeur - median)
        found.append(Beside("médiane des quartiers", "mediane", median, indicator.write(median, unit=False), gap))
    return tuple(found)


def per_inhabitant(level: Level, held: Sequence[Comparison]) -> str:
    """The figure that is compared, when it is not the indicator's own: « 2,68 pour 1 000 hab. »; else nothing."""
    own = next((c.comparee for c in held if c.base == PER and c.comparee is not None), None)
    return "" if own is None else f"{number(own, 2)} pour 1\u202f000 hab."


def _beside(indicator: Indicator, c: Comparison) -> Beside:
    if c.valeur is None:
        return Beside(c.nom, c.sorte, None, "protégée", "", parts=c.parts)
    if c.base == PER:
        gap = "" if c.ecart is None else signed(c.ecart, 2)
        return Beside(c.nom, c.sorte, c.valeur, number(c.valeur, 2), gap, "pour 1\u202f000 hab.", c.parts)
    gap = "" if c.ecart is None else _gap(indicator, c.ecart)
    return Beside(c.nom, c.sorte, c.valeur, indicator.write(c.valeur, unit=False), gap, parts=c.parts)


def _gap(indicator: Indicator, gap: float) -> str:
    """« +5,2 points », « −2,7 W »; a long unit stands beside the figure already."""
    if indicator.unite == "%":
        return points(gap, indicator.decimales)
    unit = indicator.unite if len(indicator.unite) <= 3 else None
    return with_unit(signed(gap, indicator.decimales), unit)


def evolution(series: Series | None, value: Value, short: bool = False) -> str:
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
    gap = value.valeur - before.valeur
    told = points if indicator.unite == "%" else signed
    moved = told(gap, indicator.decimales)
    return f"{moved} depuis {short_period(before.periode) if short else with_article(before.periode)}"
