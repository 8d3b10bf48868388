"""What is known of a quarter's perimeters of the generation before, and of none of the quarters in force.

National producers speak of the perimeters of their time: years after new ones were drawn, most figures are still of the
old. They are shown as they were published, each under the perimeter that it is of; none is carried here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qpv_data.site.french import sort_key
from qpv_data.site.model import Indicator, Value
from qpv_data.site.reading import Release, value_of

MOST = 4
"""Perimeters of before that a sheet shows: those that cover most of the quarter."""

Former = Mapping[tuple[str, str], Mapping[str, Value]]
"""(zonage, code) of a quarter of before → indicator → its value at the indicator's last period."""


@dataclass(frozen=True)
class Perimeter:
    """A perimeter of before. `part`: the share of the quarter's area that lies in it, from 0 to 1; None unknown."""

    zonage: str
    code: str
    nom: str
    part: float | None


@dataclass(frozen=True)
class Row:
    """An indicator and its value in each of the perimeters, in their order; None: no row is published."""

    indicateur: Indicator
    periode: str
    valeurs: tuple[Value | None, ...]


def former(release: Release, told: Mapping[str, Any]) -> Former:
    """Values of the generation before, of the indicators that no quarter in force has (not in `told`)."""
    wanted = sorted(set(release.indicateurs) - set(told))
    found: dict[tuple[str, str], dict[str, Value]] = {}
    for r in release.rows(release.sql("anterieurs"), wanted) if wanted else ():
        value = value_of(r)
        if value.etat != "sans_objet":
            found.setdefault((r["zonage"], r["code_zone"]), {})[r["indicateur"]] = value
    return found


def perimeters(links: Sequence[Mapping[str, Any]], names: Mapping[tuple[str, str], str]) -> list[Perimeter]:
    """Those that a quarter comes from, what covers most of it first. `links`: its rows of the table of passages."""
    kept = [k for k in links if k["code_depart"] and k["nature"] != "nouveau"]
    kept.sort(key=lambda k: (-(k["part_arrivee"] or 0.0), k["zonage_depart"], k["code_depart"]))
    return [
        Perimeter(z, c, names.get((z, c), c), k["part_arrivee"])
        for k in kept[:MOST]
        for z, c in [(k["zonage_depart"], k["code_depart"])]
    ]


def rows(of: Former, places: Sequence[Perimeter], indicators: Mapping[str, Indicator]) -> Iterator[Row]:
    """Rows of the table, by theme then title."""
    held = [of.get((p.zonage, p.code), {}) for p in places]
    names = {name for values in held for name in values}
    for name in sorted(names, key=lambda n: (sort_key(indicators[n].theme), sort_key(indicators[n].titre), n)):
        values = tuple(h.get(name) for h in held)
        yield Row(indicators[name], next(v.periode for v in values if v is not None), values)
