"""Quarters of one name: in France, 28 are called « Centre Ville »."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import duckdb

from qpv_data.site.french import bare, listed
from qpv_data.site.model import Zone


def told_apart(
    con: duckdb.DuckDBPyConnection, zones: Mapping[tuple[str, str], Zone], quarters: Sequence[Zone]
) -> tuple[Zone, ...]:
    """The quarters, those of one name (whatever its accents and capitals) told apart by their communes, or else by
    their codes."""
    same: dict[str, list[Zone]] = {}
    for zone in quarters:
        same.setdefault(bare(zone.nom), []).append(zone)
    communes = _communes(con, zones)
    apart: dict[str, str] = {}
    for alike in same.values():
        places = [communes.get((z.zonage, z.code), "") for z in alike]
        for zone, place in zip(alike, places, strict=True):
            if len(alike) > 1:
                apart[zone.code] = place if place and places.count(place) == 1 else zone.code
    return tuple(replace(z, parmi=apart.get(z.code, "")) for z in quarters)


def _communes(con: duckdb.DuckDBPyConnection, zones: Mapping[tuple[str, str], Zone]) -> dict[tuple[str, str], str]:
    """(zonage, code) of a quarter → the names of its communes."""
    found: dict[tuple[str, str], list[str]] = {}
    rows = con.execute("SELECT zonage, code_zone, code_commune FROM zones_communes ORDER BY ALL").fetchall()
    for zoning, code, commune in rows:
        zone = zones.get(("commune", commune))
        found.setdefault((zoning, code), []).append(zone.nom if zone else commune)
    return {place: listed(names) for place, names in found.items()}
