"""Zeros are published, except for the two sides of a share: 0 % and 100 % say something of every member of a group.

A hidden count is therefore at least 1, unless it may be the numerator of a protected share, or its complement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from qpv_data.attaque.measures import Fact, Measure, Place, protected, providers
from qpv_data.attaque.published import Exact, Release

Slice = tuple[Measure, str, str, str]  # measure, axis, modality, period
Figures = dict[tuple[str, str, int], Exact]  # zoning, zone, release
Pair = tuple[Measure, Measure]  # numerator, denominator


def without_zeros(found: Sequence[Fact], releases: Sequence[Release]) -> list[Fact]:
    """The same figures, less what zeros say of those that may be a side of a share in some release."""
    pairs = {
        (both[0], both[1])
        for release in releases
        for row in release.catalogue.values()
        if row["nature"] == "part" and protected(row) and len(both := [m for m, _ in providers(row)]) == 2
    }
    if not pairs:
        return list(found)
    figures = _figures(found)
    sides = _sides(pairs, figures)
    tops, unsure = {top for top, _ in pairs}, set[Slice]()
    for at in {_slice(f.measure, f.place) for f in found if f.surely}:
        if replace(at[0], limit="") in tops or _may_be(at, figures.get(at, {}), sides, pairs):
            unsure.add(at)
    return [replace(f, surely=False) if f.surely and _slice(f.measure, f.place) in unsure else f for f in found]


def _slice(measure: Measure, place: Place) -> Slice:
    return replace(measure, apart=""), place.axis, place.modality, place.period


def _figures(found: Iterable[Fact]) -> dict[Slice, Figures]:
    figures: dict[Slice, Figures] = {}
    for f in found:
        if f.value is not None:
            figures.setdefault(_slice(f.measure, f.place), {})[f.place.zoning, f.place.zone, f.release] = f.value
    return figures


def _sides(pairs: Iterable[Pair], figures: Mapping[Slice, Figures]) -> list[tuple[Pair, str, Figures]]:
    """Both sides of every share as far as rows show them: pair, period, figures."""
    sides = []
    for top, whole in sorted(pairs):
        for at, numerators in figures.items():
            if replace(at[0], limit="") == top:
                wholes = figures.get((replace(whole, limit=at[0].limit), *at[1:]), {})
                others = {zone: wholes[zone] - value for zone, value in numerators.items() if zone in wholes}
                sides += [((top, whole), at[3], numerators), ((top, whole), at[3], others)]
    return sides


def _may_be(at: Slice, own: Figures, sides: Sequence[tuple[Pair, str, Figures]], pairs: Iterable[Pair]) -> bool:
    """Whether no published figure tells a count from a side of a share of its feed, at this period.

    A denominator is neither side, or the share would be 0 % or 100 % everywhere.
    """
    for pair in pairs:
        if pair[0].jeu != at[0].jeu or replace(at[0], limit="") in pair:
            continue
        known = [side for other, period, side in sides if other == pair and period == at[3]]
        if not known or any(all(own[z] == side[z] for z in own.keys() & side.keys()) for side in known):
            return True
    return False
