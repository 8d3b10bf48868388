"""What a quarter's series was before its perimeter: values carried from the generation before, with their bounds, from
the view `series_generations` of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import duckdb

from qpv_data.periods import parse_period
from qpv_data.site.model import CARRIED, HIDDEN, Series, Value
from qpv_data.site.taken import rows_of

CHANGED = "Le périmètre a changé : avant, les valeurs sont estimées d'après les quartiers de la génération précédente."

COLUMNS = "zonage, code_zone, indicateur, periode, periode_debut, valeur, borne_basse, borne_haute, autre, statut"


def read(
    con: duckdb.DuckDBPyConnection, source: Path, block: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], dict[str, list[tuple[Value, bool]]]]:
    """(zonage, code) → indicator → values of before, of some quarters."""
    found: dict[tuple[str, str], dict[str, list[tuple[Value, bool]]]] = {}
    rows = rows_of(con, COLUMNS, source, block)
    for zoning, code, indicator, period, start, value, low, high, other, state in rows:
        told = Value(period, start, value, CARRIED if other else state or "normale", False, low, high)
        found.setdefault((zoning, code), {}).setdefault(indicator, []).append((told, other))
    return found


def joined(series: Series, before: Sequence[tuple[Value, bool]]) -> Series:
    """A series with what is carried to it, where nothing is observed; it also breaks where the perimeter changes.

    A hidden value stays hidden: nothing is told beside it.
    """
    held = {v.periode: v for v in series.valeurs}
    other: set[str] = set()
    for value, changed in before:
        known = held.get(value.periode)
        if known is None or (known.valeur is None and known.etat not in HIDDEN):
            held[value.periode] = value
            if changed:
                other.add(value.periode)
    values, breaks = _in_order(held), dict(series.ruptures)
    for last, v in pairwise(values):
        if (last.periode in other) != (v.periode in other):
            breaks.setdefault(v.periode, CHANGED)
    return replace(series, valeurs=values, ruptures=breaks)


def marked(series: Series) -> Series:
    """The series, broken at the first value from each rupture on: the period of a rupture may have no row here."""
    values = list(series.valeurs)
    for debut in sorted(parse_period(code).debut for code in series.ruptures):
        rank = next((n for n, v in enumerate(values) if v.debut >= debut), None)
        if rank is not None and (rank or values[0].debut == debut):
            values[rank] = replace(values[rank], rupture=True)
    return replace(series, valeurs=tuple(values))


def _in_order(held: Mapping[str, Value]) -> tuple[Value, ...]:
    return tuple(sorted(held.values(), key=lambda v: (v.debut, v.periode)))
