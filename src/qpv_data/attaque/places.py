"""The equations of public perimeters: what adds up to what, for one quantity at one period.

Each equation carries the family of its reason; a family that published figures refute is dropped (`releases`).
"""

from __future__ import annotations

from collections.abc import Iterator

from qpv_data.attaque.atoms import face_equations
from qpv_data.attaque.builder import Trust
from qpv_data.attaque.published import Link
from qpv_data.attaque.slices import UNPLACED, WHOLE, Slice

_SLIVER = 1e-6  # a share of area under which two generations leave no ground between them


def zone_equations(s: Slice) -> None:
    """Every equation that perimeters give for this slice."""
    communes = sorted({c for found in s.zoning.communes.values() for c in found})
    _territory(s, communes)
    for zoning in sorted(s.zoning.composed):
        for zone, members in _zones(s, zoning):
            parts = [s.find("commune", c) for c in members]
            whole = s.find(zoning, zone)
            if whole is not None and None not in parts:
                s.total(f"{zoning} = communes", whole, [p for p in parts if p is not None], Trust.COMPOSITION)
    drawn = _drawn(s)
    if len(drawn) > 1:
        face_equations(s, drawn)
    for zoning, family in sorted(s.zoning.family.items()):
        if zoning in drawn:
            continue
        if family == "qpv":
            _quarters(s, zoning, communes)
        elif zoning not in s.zoning.composed and zoning not in ("commune", WHOLE, UNPLACED):
            _partition(s, zoning, communes)
    _generations(s, drawn)


def _drawn(s: Slice) -> frozenset[str]:
    """Zonings of this slice whose contours are published. Only sums are the sum of faces."""
    if s.zoning.faces is None or not s.additive:
        return frozenset()
    zones = {pair for members in s.zoning.faces.area for pair in members}
    return frozenset(zoning for zoning, zone in zones if s.find(zoning, zone) is not None)


def _zones(s: Slice, zoning: str) -> Iterator[tuple[str, list[str]]]:
    for (z, zone), members in sorted(s.zoning.communes.items()):
        if z == zoning:
            yield zone, members


def _territory(s: Slice, communes: list[str]) -> None:
    whole, parts = s.find(WHOLE, WHOLE), [s.find("commune", c) for c in communes]
    if whole is None or not parts or None in parts:
        return
    unplaced = s.find(UNPLACED, WHOLE)
    members = [p for p in parts if p is not None] + ([] if unplaced is None else [unplaced])
    s.total("territoire = communes + non localisés", whole, members, Trust.COMPOSITION)


def _quarters(s: Slice, zoning: str, communes: list[str]) -> None:
    """commune = its neighbourhoods, or their pieces, + the rest + unplaced; a straddling one = its pieces."""
    touching: dict[str, list[int]] = {c: [] for c in communes}
    for zone, members in _zones(s, zoning):
        cell = s.find(zoning, zone)
        if cell is None:
            return
        pieces = [cell]
        if len(members) > 1:
            pieces = [s.population(f"{zone} dans {c}") for c in members]
            s.total(f"{zoning} à cheval", cell, pieces, Trust.GROUND)
        for commune, piece in zip(members, pieces, strict=True):
            touching[commune].append(piece)
    for commune, quarters in touching.items():
        whole = s.find("commune", commune)
        if whole is None:
            continue
        unplaced = s.find(UNPLACED, commune)
        rest = s.population(f"hors {zoning} à {commune}")
        parts = [*quarters, rest] + ([] if unplaced is None else [unplaced])
        s.total(f"commune = {zoning} + reste", whole, parts, Trust.GROUND)


def _partition(s: Slice, zoning: str, communes: list[str]) -> None:
    """Zones that lie in one commune each, and may cover it: what they leave is a population."""
    inside: dict[str, list[int]] = {c: [] for c in communes}
    for zone, members in _zones(s, zoning):
        cell = s.find(zoning, zone)
        if cell is None or len(members) != 1:
            return
        inside[members[0]].append(cell)
    for commune, zones in inside.items():
        whole = s.find("commune", commune)
        if whole is None or not zones:
            continue
        unplaced = s.find(UNPLACED, commune)
        placed = [*zones] + ([] if unplaced is None else [unplaced])
        s.total(f"commune = {zoning} entiers", whole, placed, Trust.COVER)
        rest = s.virtual(f"hors {zoning} à {commune}")
        s.total(f"commune = {zoning} + reste", whole, [*placed, rest], Trust.GROUND)


def _generations(s: Slice, drawn: frozenset[str]) -> None:
    """Each zone of a generation is its shares with the other, and what it shares with none, where no contour says."""
    if not s.additive:
        _unchanged(s)
        return
    parts: dict[tuple[str, str], list[int]] = {}
    rests: dict[tuple[str, str], float] = {}
    spoilt: set[tuple[str, str]] = set()
    for link in s.zoning.links:
        if {link.old[0], link.new[0]} <= drawn:
            continue
        old, new = _ends(link)
        for end, rest in ((old, link.rest_old), (new, link.rest_new)):
            if end is not None:
                parts.setdefault(end, [])
                rests[end] = rest
                if link.overlap > _SLIVER:
                    spoilt.add(end)
        if old is not None and new is not None:
            shared = s.population(f"{old[1]} ∩ {new[1]}")
            parts[old].append(shared)
            parts[new].append(shared)
    for end, members in sorted(parts.items()):
        whole = s.find(*end)
        if whole is None or end in spoilt:
            continue
        if rests[end] > _SLIVER or not members:
            members = [*members, s.population(f"{end[1]} hors de l'autre génération")]
        s.total(f"générations ({end[1]})", whole, members, Trust.GENERATION)


def _unchanged(s: Slice) -> None:
    for link in s.zoning.links:
        old, new = _ends(link)
        if old is not None and new is not None and max(link.rest_old, link.rest_new) <= _SLIVER:
            alone = sum(old in _ends(o) or new in _ends(o) for o in s.zoning.links) == 1
            first, second = s.find(*old), s.find(*new)
            if alone and first is not None and second is not None:
                s.builder.row(f"{s.tag} : générations ({old[1]})", [first], [second], Trust.GENERATION)


def _ends(link: Link) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    old = None if link.old[1] is None else (link.old[0], link.old[1])
    new = None if link.new[1] is None else (link.new[0], link.new[1])
    return old, new
