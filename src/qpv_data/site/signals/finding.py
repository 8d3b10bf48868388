"""The signals of one audience's release."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np

from qpv_data.site.signals import calibration, multiplicity, sentences, statistics, words
from qpv_data.site.signals.catalogue import Compared as Indicator
from qpv_data.site.signals.catalogue import catalogue
from qpv_data.site.signals.model import Compared, Kind, Series
from qpv_data.site.signals.reading import quarters, read

COMPARISONS = {Kind.LEVEL: statistics.levels, Kind.CHANGE: statistics.changes, Kind.OWN: statistics.own}


@dataclass(frozen=True)
class Signal:
    """One quarter that stands out in one indicator, with what the page says of it.

    `value`: the last level; `before`, `period_before`: of a change, else None; `reference`: median level, or median
    change, of the other quarters; `direction`: 1 above, −1 below; `count`: other quarters, or past changes (ruptures).
    """

    zoning: str
    zone: str
    name: str | None
    indicator: str
    title: str
    unit: str
    kind: Kind
    period: str
    period_before: str | None
    value: float
    before: float | None
    reference: float
    direction: int
    count: int
    p: float
    q: float
    strength: str
    sentence: str
    sure: str
    limits: str


@dataclass(frozen=True)
class Untested:
    """An indicator for which a kind of comparison is not made (None: none is), and why."""

    title: str
    kind: Kind | None
    reason: str


@dataclass(frozen=True)
class Signals:
    """Signals by zone, indicator and kind; never by size: this is no ranking. `summary` says method and error rate."""

    signals: tuple[Signal, ...]
    untested: tuple[Untested, ...]
    comparisons: int
    rate: float
    summary: str


def signals(con: duckdb.DuckDBPyConnection) -> Signals:
    """What stands out in a database opened read only; the same for the same published values, in any order of rows."""
    chosen, left = catalogue(con)
    of = quarters(con)
    untested = [Untested(title, None, why) for title, why in left]
    made: list[tuple[Indicator, str, Compared]] = []
    for one, zoning, series in read(con, chosen, of):
        for kind, compare in COMPARISONS.items():
            if (found := compare(series)) is None:
                untested.append(Untested(one.title, kind, _reason(kind, series)))
            else:
                made.append((one, zoning, found))
    seen = {u.title for u in untested} | {one.title for one, _, _ in made}
    untested += [Untested(c.title, None, "aucune valeur publiée") for c in chosen if c.title not in seen]
    p = calibration.p_values([c for _, _, c in made])
    q = multiplicity.adjusted(np.concatenate(p)) if p else np.zeros(0)
    listed: list[Signal] = []
    start = 0
    for (one, zoning, found), own_p in zip(made, p, strict=True):
        own_q = q[start : start + len(own_p)]
        for i in np.flatnonzero(own_q <= multiplicity.FALSE_ALERTS):
            code = found.series.zones[found.zones[i]]
            listed.append(
                _signal(one, (zoning, code, of.names[zoning, code]), found, int(i), float(own_p[i]), float(own_q[i]))
            )
        start += len(own_p)
    listed.sort(key=lambda s: (s.zoning, s.zone, s.indicator, s.kind))
    return Signals(tuple(listed), tuple(untested), len(q), multiplicity.FALSE_ALERTS, summary(len(q), len(listed)))


def summary(comparisons: int, found: int) -> str:
    """Method and error rate, for the head of the page."""
    if comparisons == 0:
        return f"Aucune comparaison n'a pu être faite{words.SPACE}: trop peu de valeurs publiées se comparent."
    plural, told = ("s" if comparisons > 1 else ""), words.number(comparisons, 0)
    return (
        f"{told} comparaison{plural} faite{plural}, {words.number(found, 0)} {'signaux' if found > 1 else 'signal'}"
        f"{words.SPACE}: au plus 5{words.SPACE}% de fausses alertes attendues parmi les signaux (écarts studentisés "
        "robustes, procédure de Benjamini et Hochberg). Une absence de signal ne prouve pas une absence d'écart."
    )


def _reason(kind: Kind, series: Series) -> str:
    least = statistics.MIN_QUARTERS
    if kind is Kind.CHANGE and series.pair is None:
        return "pas de période antérieure comparable"
    if kind is Kind.OWN and len(series.run) < least + 2:
        return f"moins de {least + 2} périodes consécutives comparables"
    columns = {Kind.LEVEL: (len(series.periods) - 1,), Kind.CHANGE: series.pair or (), Kind.OWN: series.run}[kind]
    if int(statistics.usable(series, columns).sum()) < least:
        return f"moins de {least} quartiers comparables, aux valeurs publiées et aux effectifs suffisants"
    return "trop de quartiers ont la même valeur"


def _signal(one: Indicator, where: tuple[str, str, str | None], found: Compared, i: int, p: float, q: float) -> Signal:
    zoning, code, name = where
    series, kind = found.series, found.kind
    last, reference = series.periods[-1], float(found.references[i])
    value, before = float(found.after[i]), float(found.before[i])
    told = sentences.place(code, name)
    if kind is Kind.LEVEL:
        first = None
        seen = sentences.level(told, one.title, one.unit, one.decimals, last, value, reference, found.count)
    else:
        first = series.periods[series.run[-2] if kind is Kind.OWN or series.pair is None else series.pair[0]]
        seen = sentences.change(
            told, one.title, one.unit, one.decimals, (first, last), before, value, reference, found.count,
            own=kind is Kind.OWN,
        )  # fmt: skip
    return Signal(
        zoning, code, name, one.indicator, one.title, one.unit, kind, last, first, value,
        None if first is None else before, reference, int(np.sign(found.scores[i])), found.count, p, q,
        sentences.strength(q), seen, sentences.sure(q), sentences.limits(kind, one.reserve),
    )  # fmt: skip
