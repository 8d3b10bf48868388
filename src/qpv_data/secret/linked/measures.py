"""The measures of a feed at one period, and what adds up to what among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qpv_data.problems import FeedError, Problem
from qpv_data.secret.cells import Bools, Ints
from qpv_data.secret.linked.ground import Ground
from qpv_data.secret.linked.judged import Indicator, Raw, decimals_of
from qpv_data.secret.rules import Rule

Floats = NDArray[np.float64]


@dataclass
class Rows:
    """The rows of one indicator and modality, over zones. `exists`: a value is there to publish. `hidden` grows while
    the feed is protected. `group`: shares of everyone or of no one. `frozen`: published before, so shown whatever they
    are. `measures`: the ones that a row shows."""

    indicator: Indicator
    modality: str
    exists: Bools
    hidden: Bools
    group: Bools
    frozen: Bools
    measures: list[int] = field(default_factory=list)


@dataclass
class Held:
    """How many of one privacy unit a measure has over nodes, and the rule that they are held to."""

    units: Ints
    rule: Rule

    def meet(self, units: Floats, rule: Rule) -> None:
        """Keep the strictest of two tellings: the smaller number where both count someone, and both rules."""
        self.rule = self.rule.stricter(rule)
        told = np.nan_to_num(units).astype(np.int64)
        least = np.minimum(self.units, told)
        self.units = np.where(least > 0, least, np.maximum(self.units, told))


@dataclass
class Measure:
    """One sum over nodes, in units of the last of `decimals`.

    `top`: what the largest contributor brings, -1 where nothing tells. `counted`: a row that shows it publishes its
    zeros as zeros, zone by zone. `additive`: a zone's is the sum of its atoms'. `possible`: atoms where a reader must
    think that something may be. `held`: the units that it protects, the one that shares and contributors are of first.
    """

    label: str
    value: Ints
    held: list[Held]
    top: Ints
    decimals: int
    additive: bool
    counted: Bools
    possible: Bools
    rows: list[Rows] = field(default_factory=list)

    @property
    def rule(self) -> Rule:
        return self.held[0].rule

    @property
    def units(self) -> Ints:
        return self.held[0].units

    def shown(self) -> Bools:
        """Zones where a row publishes it."""
        return self._any([r.exists & ~r.hidden for r in self.rows])

    def exists(self) -> Bools:
        """Zones where a row would publish it, were nothing hidden."""
        return self._any([r.exists for r in self.rows])

    def frozen(self) -> Bools:
        """Zones where it was published before: what is out stays out."""
        return self._any([r.frozen for r in self.rows])

    def _any(self, planes: Sequence[Bools]) -> Bools:
        return np.logical_or.reduce(planes) if planes else np.zeros(len(self.counted), np.bool_)


@dataclass
class Period:
    """The measures of one period. `sums`: (whole, parts). `within`: (whole, part) of measures that do not add up."""

    name: str
    measures: list[Measure] = field(default_factory=list)
    rows: list[Rows] = field(default_factory=list)
    sums: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    within: list[tuple[int, int]] = field(default_factory=list)


def measures_of(
    period: str, raws: Sequence[tuple[Indicator, Raw, Bools]], ground: Ground, by_chance: bool = True
) -> Period:
    """Every measure of a period. Two that are equal on every atom are one: a reader who knows it loses nothing.

    Without `by_chance`, only those that the clause writes alike.
    """
    made = _Making(Period(period), ground, by_chance)
    for indicator, raw, possible in raws:
        if not indicator.alone:
            made.possible = possible
            made.take(indicator, raw)
    return made.period


class _Making:
    def __init__(self, period: Period, ground: Ground, by_chance: bool) -> None:
        self.period, self.ground, self.by_chance = period, ground, by_chance
        self.zones = len(ground.zones)
        self.known: dict[bytes, list[int]] = {}
        self.own: set[int] = set()
        self.possible = np.ones(len(ground.atoms), np.bool_)

    def take(self, indicator: Indicator, raw: Raw) -> None:
        """The sides of an indicator, for each modality, and the other side of a share."""
        found: dict[tuple[str, str], int | None] = {}
        self.own = set()
        for modality in raw.modalities:
            rows = self._rows(indicator, modality, raw)
            for side in indicator.sides:
                found[side, modality] = self._side(indicator, side, modality, raw, rows)
            if indicator.shares:
                whole, part = found["denominateur", modality], found["numerateur", modality]
                self._complement(indicator, modality, raw, whole, part, rows.exists)
        for side in indicator.sides:
            whole = found.get((side, "ensemble"))
            parts = [n for m in raw.modalities if m != "ensemble" and (n := found[side, m]) is not None]
            if whole is not None and parts:
                self._relate(whole, parts)

    def _rows(self, indicator: Indicator, modality: str, raw: Raw) -> Rows:
        flags = [np.nan_to_num(raw.of(c, modality)[: self.zones]) > 0 for c in ("existe", "cachee", "groupe", "gelee")]
        exists, hidden, group, frozen = flags
        rows = Rows(indicator, modality, exists, hidden & exists, group & exists, frozen & exists)
        self.period.rows.append(rows)
        return rows

    def _side(self, indicator: Indicator, side: str, modality: str, raw: Raw, rows: Rows) -> int | None:
        value, units = raw.of(side, modality), raw.of("u_" + side, modality)
        if side == "numerateur" and not indicator.counted:
            label = f"numérateur de {indicator.id}"
        else:
            label = indicator.id if side == "numerateur" else f"dénominateur de {indicator.id}"
        top = raw.of("part_dominante", modality) if side == "numerateur" else np.full(len(value), np.nan)
        if modality != "ensemble":
            label = f"{label} [{modality}]"
        counted = rows.exists if indicator.counted else np.zeros(self.zones, np.bool_)
        others = [raw.beside(unit, "u_" + side, modality) for unit in indicator.others]
        return self._measure(
            label, value, [units, *others], top, indicator, counted, rows.exists, rows,
            indicator.written(side, modality),
        )  # fmt: skip

    def _complement(
        self, indicator: Indicator, modality: str, raw: Raw, whole: int | None, part: int | None, exists: Bools
    ) -> None:
        value = raw.of("denominateur", modality) - raw.of("numerateur", modality)
        if whole is None or np.nanmin(value, initial=0.0) < 0:
            return  # nothing there, or a share above 100 %: it has no other side
        units, nobody = raw.of("u_complement", modality), np.zeros(self.zones, np.bool_)
        label = f"complément de {indicator.id}" + (f" [{modality}]" if modality != "ensemble" else "")
        every = [units, *(raw.beside(unit, "u_complement", modality) for unit in indicator.others)]
        other = self._measure(label, value, every, np.full(len(value), np.nan), indicator, nobody, exists, None, label)
        parts = [n for n in (part, other) if n is not None]
        if parts != [whole]:
            self._relate(whole, parts)

    def _relate(self, whole: int, parts: Sequence[int]) -> None:
        measures = self.period.measures
        if all(measures[n].additive for n in (whole, *parts)):
            self.period.sums.append((whole, tuple(parts)))
        else:
            self.period.within += [(whole, part) for part in parts if part != whole]

    def _measure(
        self, label: str, value: Floats, units: Sequence[Floats], top: Floats, indicator: Indicator, counted: Bools,
        exists: Bools, rows: Rows | None, written: str,
    ) -> int | None:  # fmt: skip
        """The number of a measure, new or known; None when it is nothing everywhere."""
        decimals = decimals_of(value)
        scaled = np.rint(np.nan_to_num(value) * 10.0**decimals).astype(np.int64)
        if not scaled.any() and not (rows is not None and (rows.group & rows.exists).any()):
            return None
        atoms = scaled[self.zones :]
        summed = self.ground.inside @ atoms
        given = np.isfinite(value[: self.zones]) & exists
        additive = bool((summed == scaled[: self.zones])[given].all())
        if not additive and not indicator.distinct:
            message = f"{label}, {self.period.name} : une zone n'est pas la somme de ce qui la compose"
            raise FeedError(indicator.id, Problem.TOTAUX_INEGAUX, message, "signaler ce défaut du logiciel")
        if additive:
            scaled[: self.zones] = summed
        key = decimals.to_bytes(1, "big") + (atoms if additive else scaled).tobytes()
        if not self.by_chance:
            key += written.encode()
        # Two sides of one indicator that happen to be equal are two: nobody is told that they are.
        known = next((n for n in self.known.get(key, ()) if n not in self.own), None)
        if known is None:
            share = np.nan_to_num(top, nan=0.0)
            largest = np.where(np.isfinite(top), np.ceil(share * np.abs(scaled)), -1).astype(np.int64)
            counts = [np.nan_to_num(count).astype(np.int64) for count in units]
            held = [Held(count, rule) for count, rule in zip(counts, indicator.rules, strict=True)]
            known = len(self.period.measures)
            self.known.setdefault(key, []).append(known)
            made = Measure(label, scaled, held, largest, decimals, additive, counted.copy(), self.possible.copy())
            self.period.measures.append(made)
        self.own.add(known)
        self._meet(self.period.measures[known], indicator, counted, units, rows, known)
        return known

    def _meet(
        self, measure: Measure, indicator: Indicator, counted: Bools, units: Sequence[Floats], rows: Rows | None,
        number: int,
    ) -> None:  # fmt: skip
        """A measure that several indicators show keeps the strictest of what they ask."""
        measure.counted |= counted
        measure.possible &= self.possible
        for held, told, rule in zip(measure.held, units, indicator.rules, strict=True):
            held.meet(told, rule)
        if rows is not None and number not in rows.measures:
            rows.measures.append(number)
            measure.rows.append(rows)
