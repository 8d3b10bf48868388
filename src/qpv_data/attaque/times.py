"""The equations of time: a flow of a year is the sum of its quarters, a running total grows from one to the next."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from qpv_data.attaque.builder import Builder, Trust
from qpv_data.attaque.measures import Kind, Measure
from qpv_data.attaque.vintages import Vintage

_PERIOD = re.compile(r"^(\d{4})(?:-(T|S)(\d)|-(\d{2}))?$")
_MONTHS = {"": 12, "S": 6, "T": 3, "M": 1}


def months(period: str) -> tuple[int, int] | None:
    """First month, counted from year 0, and how many: `2024-T3` is (24294, 3). None for another notation."""
    match = _PERIOD.match(period)
    if match is None:
        return None
    year, letter, number, month = match.groups()
    length = _MONTHS["M" if month else letter or ""]
    rank = int(month or number or 1) - 1
    return int(year) * 12 + rank * length, length


def time_equations(
    kinds: Mapping[Measure, Kind], states: Sequence[Vintage], wanted: set[Measure], builder: Builder
) -> None:
    """Σ of the shorter periods that make up a longer one, for flows that add up, in their last vintages."""
    last: dict[str, Vintage] = {}
    for state in states:
        if state.period not in last or last[state.period].number < state.number:
            last[state.period] = state
    spans = {p: m for p in last if (m := months(p)) is not None}
    for long, (start, length) in sorted(spans.items()):
        for size in sorted({size for _, size in spans.values() if size < length and length % size == 0}):
            by_start = {s: p for p, (s, n) in spans.items() if n == size}
            needed = [by_start.get(start + i * size) for i in range(length // size)]
            parts = [p for p in needed if p is not None]
            if len(parts) == len(needed):
                _add(kinds, last[long], [last[p] for p in parts], wanted, builder)
    ordered = sorted(spans, key=lambda p: (spans[p][1], spans[p][0]))
    for earlier, later in pairwise(ordered):
        (start, length), (after, same) = spans[earlier], spans[later]
        if length == same and start // 12 == after // 12:
            _grow(kinds, last[earlier], last[later], wanted, builder)


def _grow(
    kinds: Mapping[Measure, Kind], earlier: Vintage, later: Vintage, wanted: set[Measure], builder: Builder
) -> None:
    """Who came between two periods of one year is a population, of a sum and of distinct units alike."""
    for measure, place in later.cells:
        if measure not in wanted or not kinds[measure].cumul:
            continue
        before = builder.at.get((measure, replace(place, period=earlier.period), earlier.number))
        if before is None:
            continue
        at, kind = builder.at[measure, place, later.number], kinds[measure]
        name = f"{builder.names[at]} depuis {earlier.period}"
        came = builder.cell(("cumul", measure, place, later.number), name, kind.count, kind.k, kind.signed)
        builder.derivable[came] = True
        builder.row(f"{kind.label} : cumul", [at], [before, came], Trust.TIME)


def _add(
    kinds: Mapping[Measure, Kind], whole: Vintage, parts: Sequence[Vintage], wanted: set[Measure], builder: Builder
) -> None:
    for measure, place in whole.cells:
        if measure not in wanted or measure.kind != "somme" or not kinds[measure].flow:
            continue
        cells = [builder.at.get((measure, replace(place, period=p.period), p.number)) for p in parts]
        found = [c for c in cells if c is not None]
        if len(found) == len(parts):
            at = builder.at[measure, place, whole.number]
            builder.row(f"{kinds[measure].label} : {whole.period} = périodes", [at], found, Trust.TIME)
