"""What subtraction gives: a zone less the zones of one zoning that are shown inside it, a whole less its shown parts.

A table of numbers of units needs none of this: what is left has fewer than k units only if each of its parts has, and
each is then kept such that k cannot be excluded. An amount, or a count of records of which a unit may have several, is
known to the last decimal, however few units are left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qpv_data.secret.cells import Bools, Ints, Measures
from qpv_data.secret.linked.measures import Measure
from qpv_data.secret.linked.system import Linked
from qpv_data.secret.primary import Targets, protection, sensitive


@dataclass(frozen=True)
class Left:
    """What is left of a cell: the unpublished cells that make it up, by measure and atom. Figures in the measure's
    decimals; `units` at least as few, and `top` at most as large, as they are. `held`: which of the measure's units."""

    measure: int
    cells: tuple[int, ...]
    value: int
    units: int
    top: int
    held: int = 0

    @property
    def key(self) -> tuple[int, ...]:
        """What it is the remainder of: its cells, and its unit when it is not the first."""
        return (*self.cells, *([-self.held] if self.held else []))


def left_over(link: Linked, hidden: Bools, known: set[tuple[int, ...]]) -> tuple[Linked, Targets] | None:
    """The system with a cell for each remainder under the rule that is not `known`, and what to keep of it; None when
    there is none. Adds to `known`."""
    found = [left for left in _remainders(link, hidden) if left.key not in known and _under(link, left)]
    if not found:
        return None
    known |= {left.key for left in found}
    scale = max(m.decimals for m in link.measures)
    factors = [10 ** (scale - link.measures[left.measure].decimals) for left in found]
    values = np.array([left.value * f for left, f in zip(found, factors, strict=True)], dtype=np.int64)
    first = len(link.system.value)
    system = link.system.with_unions([np.array(left.cells, dtype=np.int64) for left in found], values)
    up, down = [], []
    for left in found:
        measure = link.measures[left.measure]
        above, below = protection(_figures(left), measure.held[left.held].rule, 10**measure.decimals)
        up.append(int(above[0]))
        down.append(min(int(below[0]), max(left.value - len(left.cells), 0)))
    amounts = np.concatenate([np.array(up) * factors, np.array(down) * factors]).astype(np.int64)
    cells = np.tile(first + np.arange(len(found)), 2)
    way = np.repeat([True, False], len(found))
    kept = np.flatnonzero(amounts > 0)
    order = kept[np.lexsort((~way[kept], cells[kept], -amounts[kept]))]
    wider = replace(link, system=system, left=(*link.left, *found))
    return wider, Targets(cells[order], way[order], amounts[order])


def _figures(left: Left) -> Measures:
    value, units, top = (np.array([v], dtype=np.int64) for v in (abs(left.value), left.units, left.top))
    return Measures(value, units, top, np.full(1, -1, np.int64), top)


def _under(link: Linked, left: Left) -> bool:
    rule = link.measures[left.measure].held[left.held].rule.model_copy(update={"nk": None, "p_pourcent": None})
    return bool(sensitive(_figures(left), rule)[0])


def _remainders(link: Linked, hidden: Bools) -> Iterator[Left]:
    zones = len(link.ground.zones)
    zonings = sorted({zoning for zoning, _ in link.ground.zones})
    of = np.array([zonings.index(zoning) for zoning, _ in link.ground.zones])
    nested: dict[int, list[int]] = {}
    for larger, smaller in link.ground.nested:
        nested.setdefault(larger, []).append(smaller)
    for n, measure in enumerate(link.measures):
        units = [u for u, held in enumerate(measure.held) if not (measure.value == held.units).all()]
        if not measure.additive or not units:
            continue
        shown = ~hidden[n * len(link.ground) : n * len(link.ground) + zones]
        for zone in np.flatnonzero(shown).tolist():
            inside = np.array([z for z in nested.get(zone, []) if shown[z]], dtype=np.int64)
            for zoning in range(len(zonings)):
                own = inside[of[inside] == zoning]
                for unit in units if len(own) else ():
                    yield from _less(link, (n, unit), measure, zone, own)
    yield from _breakdowns(link, hidden)


def _less(link: Linked, of: tuple[int, int], measure: Measure, zone: int, shown: Ints) -> Iterator[Left]:
    """A zone less some zones of one zoning inside it. `of`: the measure and which of its units."""
    n, unit = of
    zones = len(link.ground.zones)
    every = link.ground.atoms_of(zone)
    kept = measure.value[zones:] != 0
    for part in shown.tolist():
        kept[link.ground.atoms_of(part)] = False
    own = zones + every[kept[every]]
    if len(own):
        counts = measure.held[unit].units
        apart = int(counts[zones + every].sum()) == int(counts[zone])
        yield _left(of, tuple((n * len(link.ground) + own).tolist()), measure, own, apart)


def _left(of: tuple[int, int], cells: tuple[int, ...], measure: Measure, own: Ints, apart: bool) -> Left:
    """`apart`: no unit is in two of the cells, and their numbers add up; else at least the largest of them is there."""
    n, unit = of
    units, tops = measure.held[unit].units[own], np.maximum(measure.top[own], 0)
    value = int(measure.value[own].sum())
    count = int(units.sum()) if apart else int(units.max())
    top = int(tops.max()) if apart else min(int(tops.sum()), abs(value))
    return Left(n, cells, value, count, top, unit)


def _breakdowns(link: Linked, hidden: Bools) -> Iterator[Left]:
    """A whole less its shown parts, zone by zone."""
    nodes, zones = len(link.ground), len(link.ground.zones)
    for whole, parts in link.sums:
        measures = [link.measures[p] for p in parts]
        sought = [u for u in range(len(measures[0].held)) if any((m.value != m.held[u].units).any() for m in measures)]
        if len(parts) < 2 or not sought:
            continue
        for zone in np.flatnonzero(~hidden[whole * nodes : whole * nodes + zones]).tolist():
            lost = [p for p in parts if hidden[p * nodes + zone] and link.measures[p].value[zone]]
            if 2 <= len(lost) < len(parts):
                yield from (_of_parts(link, (whole, unit), parts, lost, zone) for unit in sought)


def _of_parts(link: Linked, of: tuple[int, int], parts: Sequence[int], lost: Sequence[int], zone: int) -> Left:
    """What the `lost` parts of a whole bring at a zone. `of`: the whole and which of its units."""
    whole, unit = of
    counts = {p: int(link.measures[p].held[unit].units[zone]) for p in parts}
    apart = sum(counts.values()) == int(link.measures[whole].held[unit].units[zone])
    units = [counts[p] for p in lost]
    tops = [max(int(link.measures[p].top[zone]), 0) for p in lost]
    scale = 10 ** (link.measures[whole].decimals)
    value = sum(int(link.measures[p].value[zone]) * scale // 10 ** link.measures[p].decimals for p in lost)
    return Left(
        whole,
        tuple(p * len(link.ground) + zone for p in lost),
        value,
        sum(units) if apart else max(units),
        max(tops) if apart else min(sum(tops), abs(value)),
        unit,
    )
