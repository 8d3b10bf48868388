"""Published values of one audience's database, as series of comparable quarters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
from scipy.special import ndtri

from qpv_data.periods import Period, parse_period
from qpv_data.resources import sql_dir
from qpv_data.site.signals.catalogue import Compared, populations
from qpv_data.site.signals.model import Floats, Measure, Series

LOOKED_BACK = 16
"""Periods of a series that are read, the last ones: what bounds the memory."""
_BLOCK = 20


@dataclass(frozen=True)
class Quarters:
    """Quarters by name, and by zoning (newest first) and territory, inside which they are compared."""

    names: Mapping[tuple[str, str], str | None]
    groups: Mapping[str, Mapping[str, tuple[str, ...]]]


def quarters(con: duckdb.DuckDBPyConnection) -> Quarters:
    """The quarters of a release; those of one generation and one territory are comparable."""
    rows = con.execute(
        "SELECT zonage, coalesce(territoire, ''), code_zone, nom FROM zones WHERE famille = 'qpv'"
        " ORDER BY millesime DESC, zonage, 2, code_zone"
    ).fetchall()
    groups: dict[str, dict[str, list[str]]] = {}
    for zoning, territory, code, _ in rows:
        groups.setdefault(zoning, {}).setdefault(territory, []).append(code)
    held = {z: {t: tuple(codes) for t, codes in g.items()} for z, g in groups.items()}
    return Quarters({(z, code): name for z, _, code, name in rows}, held)


def read(
    con: duckdb.DuckDBPyConnection, compared: Sequence[Compared], of: Quarters
) -> Iterator[tuple[Compared, str, Series]]:
    """(indicator, zoning, series) of each indicator and group, in order of indicator; the newest generation that has
    values, since both describe the same records."""
    people = populations(con, list(of.groups))
    timeline = _timeline(con)
    for start in range(0, len(compared), _BLOCK):
        block = compared[start : start + _BLOCK]
        names = [c.indicator for c in block]
        all_periods = sorted({p for (i, _), listed in timeline.periods.items() if i in names for p in listed})
        columns = _columns(con, names, all_periods)
        for i, one in enumerate(block):
            here = {k: v[columns["indicateur"] == i] for k, v in columns.items()}
            for zoning, first, zones in _newest(of, here["place"]):
                periods = timeline.periods[one.indicator, zoning]
                inhabitants = np.array([people.get((zoning, z), np.nan) for z in zones])
                rank = np.array([periods.index(p) if p in periods else -1 for p in all_periods], dtype=np.int64)
                placed = {**here, "place": here["place"] - first, "periode": rank[here["periode"]]}
                yield one, zoning, _series(one, zoning, zones, periods, placed, timeline, inhabitants)


def _newest(of: Quarters, places: Any) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """(zoning, place of its first zone, zones) of each group of the newest zoning that has a value."""
    start = 0
    for zoning, groups in of.groups.items():
        end = start + sum(len(zones) for zones in groups.values())
        if bool(((places >= start) & (places < end)).any()):
            for zones in groups.values():
                yield zoning, start, zones
                start += len(zones)
            return
        start = end


@dataclass(frozen=True)
class _Timeline:
    """(indicator, zoning) → its last periods; stale ones; perimeters of each; first period after the last break."""

    periods: Mapping[tuple[str, str], tuple[str, ...]]
    stale: frozenset[tuple[str, str, str]]
    perimeters: Mapping[tuple[str, str, str], str]
    breaks: Mapping[str, tuple[str, ...]]


def _timeline(con: duckdb.DuckDBPyConnection) -> _Timeline:
    known = con.execute(
        "SELECT DISTINCT indicateur, zonage, periode FROM valeurs WHERE modalite = 'ensemble'"
        " AND zonage IN (SELECT zonage FROM zones WHERE famille = 'qpv')"
    ).fetchall()
    periods: defaultdict[tuple[str, str], list[Period]] = defaultdict(list)
    for indicator, zoning, period in known:
        periods[indicator, zoning].append(parse_period(period))
    told = con.execute((sql_dir() / "signaux" / "periodes.sql").read_text("utf-8")).fetchall()
    breaks: defaultdict[str, list[str]] = defaultdict(list)
    for indicator, period in con.execute("SELECT indicateur, periode FROM ruptures ORDER BY periode").fetchall():
        breaks[indicator].append(period)
    return _Timeline(
        {k: tuple(map(str, sorted(v, key=lambda p: p.fin)[-LOOKED_BACK:])) for k, v in periods.items()},
        frozenset((i, z, p) for i, z, p, stale, _ in told if stale),
        {(i, z, p): perimeters for i, z, p, _, perimeters in told},
        {k: tuple(v) for k, v in breaks.items()},
    )


def _columns(con: duckdb.DuckDBPyConnection, names: list[str], periods: list[str]) -> dict[str, Any]:
    query = (sql_dir() / "signaux" / "valeurs.sql").read_text("utf-8")
    told = con.execute(query, {"indicateurs": names, "periodes": periods}).fetchnumpy()
    return {k: np.ma.filled(v, np.nan) if v.dtype.kind == "f" else np.ma.getdata(v) for k, v in told.items()}


def _series(
    one: Compared, zoning: str, zones: tuple[str, ...], periods: tuple[str, ...], here: Mapping[str, Any],
    timeline: _Timeline, inhabitants: Floats,
) -> Series:  # fmt: skip
    at, when = here["place"], here["periode"]
    known = (at >= 0) & (at < len(zones)) & (when >= 0)
    filled = {}
    for name in ("valeur", "numerateur", "denominateur", "demi_largeur", "niveau"):
        filled[name] = np.full((len(zones), len(periods)), np.nan)
        filled[name][at[known], when[known]] = np.asarray(here[name], dtype=np.float64)[known]
    values, numerators, denominators = filled["valeur"], filled["numerateur"], filled["denominateur"]
    if one.per_head:
        numerators, denominators = values, np.repeat(inhabitants[:, None], len(periods), axis=1)
        values = one.factor * numerators / denominators
    for i, period in enumerate(periods):
        if (one.indicator, zoning, period) in timeline.stale:
            values[:, i] = np.nan
    noise = filled["demi_largeur"] / ndtri(0.5 + np.clip(np.nan_to_num(filled["niveau"], nan=0.9), 0.5, 0.999) / 2)
    comparable = [_comparable(one.indicator, zoning, p, periods[-1], timeline) for p in periods]
    return Series(
        one.indicator, one.measure, _counts(one.measure, values, numerators, denominators), one.flow,
        10.0**-one.decimals, one.factor, zones, periods, values, numerators, denominators,
        np.nan_to_num(noise, nan=0.0), _pair(periods, comparable), _run(periods, comparable),
    )  # fmt: skip


def _counts(measure: Measure, values: Floats, numerators: Floats, denominators: Floats) -> bool:
    """Whether numerators and denominators are whole: chance is then that of counts."""
    if measure is Measure.LEVEL:
        return False
    shown = np.isfinite(values)
    pairs = (numerators[shown], denominators[shown])
    return bool(shown.any()) and all(bool((np.isfinite(x) & (x == np.floor(x)) & (x >= 0)).all()) for x in pairs)


def _comparable(indicator: str, zoning: str, period: str, last: str, timeline: _Timeline) -> bool:
    """Whether a period compares with the last one: no break between them, the same perimeters, neither stale."""
    first, final = parse_period(period), parse_period(last)
    broken = any(first < parse_period(b) <= final for b in timeline.breaks.get(indicator, ()))
    drawn = [timeline.perimeters.get((indicator, zoning, p), "") for p in (period, last)]
    stale = any((indicator, zoning, p) in timeline.stale for p in (period, last))
    return not broken and drawn[0] == drawn[1] and not stale


def _pair(periods: tuple[str, ...], comparable: list[bool]) -> tuple[int, int] | None:
    """The last period with the same one of the year before, else with the one just before."""
    last = parse_period(periods[-1])
    year_before = str(Period(last.annee - 1, last.rang, last.frequence))
    for i in (periods.index(year_before) if year_before in periods else -1, _previous(periods)):
        if i >= 0 and comparable[i]:
            return i, len(periods) - 1
    return None


def _previous(periods: tuple[str, ...]) -> int:
    follows = len(periods) > 1 and str(parse_period(periods[-2]).next()) == periods[-1]
    return len(periods) - 2 if follows else -1


def _run(periods: tuple[str, ...], comparable: list[bool]) -> tuple[int, ...]:
    """The longest run of consecutive comparable periods that ends with the last."""
    run = [len(periods) - 1] if comparable[-1] else []
    while run and run[0] > 0 and comparable[run[0] - 1]:
        if str(parse_period(periods[run[0] - 1]).next()) != periods[run[0]]:
            break
        run.insert(0, run[0] - 1)
    return tuple(run)
