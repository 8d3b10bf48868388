"""Which communes, EPCIs and contrats a zone is in: declared, else composed, else from the contours. All are m:n."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import shapely

from qpv_data.clause.model import ListeDeCodes
from qpv_data.zonages.model import (
    MEMBER_FALLBACK_SHARE,
    MEMBER_MIN_M2,
    MEMBER_MIN_SHARE,
    CodeIllisible,
    EpciRemplace,
    Member,
    Zone,
)
from qpv_data.zonages.records import Records

_COMMUNE = re.compile(r"\d{5}|2[AB]\d{3}")
_NO_CODE = frozenset({"", "NA"})

CommunesOf = Mapping[str, Collection[str]]
"""Code of a zone → codes of its communes."""


def split_codes(cell: str | None, liste: ListeDeCodes) -> list[str]:
    """Codes of a cell, trimmed; empty ones and the text "NA" are no codes."""
    separator = liste.separateur.strip() or liste.separateur
    codes = (code.strip() for code in (cell or "").split(separator))
    return [code for code in codes if code not in _NO_CODE]


def pad_commune(code: str) -> str:
    """Give back the leading zero that a spreadsheet took: "1053" → "01053"."""
    return code.zfill(5) if re.fullmatch(r"\d{4}", code) else code


def declared_members(records: Records) -> tuple[list[Member], list[CodeIllisible]]:
    """Memberships from the column `communes`, and the texts in it that are not commune codes."""
    zonage = records.clause.zonage
    members: list[Member] = []
    unreadable: list[CodeIllisible] = []
    if zonage.communes is not None:
        for code, cell in zip(records.codes, records.communes, strict=True):
            for text in split_codes(cell, zonage.communes):
                commune = pad_commune(text)
                if _COMMUNE.fullmatch(commune):
                    members.append(Member(zonage.id, code, commune, "declare"))
                else:
                    unreadable.append(CodeIllisible(zonage.id, code, text))
    return members, unreadable


def composed_members(records: Records) -> list[Member]:
    """Memberships from the rows (zone, commune) of a composition."""
    rows = zip(records.codes, records.commune, records.habitants, strict=True)
    return [
        Member(records.clause.zonage.id, code, pad_commune(commune), "composition", inhabitants)
        for code, commune, inhabitants in rows
        if commune
    ]


def members_from_contours(zones: Sequence[Zone], communes: Sequence[Zone]) -> Iterator[Member]:
    """Communes that hold each zone, by area (tolerances: see `MEMBER_MIN_SHARE`).

    A zone without area is in the commune that covers it, the smallest code on a shared edge.
    """
    for epsg in sorted({z.epsg for z in zones if z.epsg is not None}):
        towns = sorted((c for c in communes if c.epsg == epsg and c.statut == "normale"), key=lambda c: c.code)
        here = [z for z in zones if z.epsg == epsg]
        if not towns:
            continue
        shapes = np.array([c.geometrie for c in towns], dtype=object)
        contours = np.array([z.geometrie for z in here], dtype=object)
        which, near = shapely.STRtree(shapes).query(contours, predicate="intersects")
        areas = shapely.area(shapely.intersection(contours[which], shapes[near]))
        candidates: dict[int, list[tuple[float, str]]] = defaultdict(list)
        for zone, town, area in zip(which, near, areas, strict=True):
            candidates[int(zone)].append((float(area), towns[town].code))
        for index, zone in enumerate(here):
            for code in _holding(zone, candidates[index]):
                yield Member(zone.zonage, zone.code, code, "geometrie")


def _holding(zone: Zone, candidates: list[tuple[float, str]]) -> list[str]:
    if zone.statut == "degeneree":
        return sorted(code for _, code in candidates)[:1]
    area = zone.superficie_m2 or 0.0
    floor = max(MEMBER_MIN_M2, MEMBER_MIN_SHARE * area)
    if kept := sorted(code for shared, code in candidates if shared > floor):
        return kept
    largest = min(candidates, key=lambda c: (-c[0], c[1]), default=(0.0, ""))
    return [largest[1]] if largest[0] >= MEMBER_FALLBACK_SHARE * area and largest[1] else []


def communes_by_zone(members: Iterable[Member]) -> dict[str, set[str]]:
    """Members of one zoning, as code of the zone → codes of its communes."""
    found: dict[str, set[str]] = defaultdict(set)
    for member in members:
        found[member.code_zone].add(member.code_commune)
    return found


def compositions_of(communes: Iterable[str], compositions: Mapping[str, Collection[str]]) -> set[str]:
    """Zones (EPCI, contrat) that any of these communes is in; `compositions`: commune → zones."""
    return {zone for commune in communes for zone in compositions.get(commune, ())}


def by_commune(communes_of: CommunesOf) -> dict[str, set[str]]:
    """Turn zone → communes into commune → zones."""
    found: dict[str, set[str]] = defaultdict(set)
    for zone, communes in communes_of.items():
        for commune in communes:
            found[commune].add(zone)
    return found


def declared_epci(records: Iterable[Records]) -> dict[str, list[str]]:
    """Zone → EPCI codes of the column `epci` ("NA" and empty dropped), over the clauses of one zoning."""
    found: dict[str, list[str]] = {}
    for part in records:
        liste = part.clause.zonage.epci
        if liste is not None:
            cells: Iterable[tuple[str, Any]] = zip(part.codes, part.epci, strict=True)
            found.update({code: split_codes(cell, liste) for code, cell in cells})
    return found


def epci_of_zone(
    zone: Zone,
    declared: Sequence[str],
    communes: Collection[str],
    compositions: Mapping[str, Collection[str]],
    known: Collection[str],
) -> tuple[set[str], list[EpciRemplace]]:
    """EPCIs of a zone: as declared, else through its communes.

    In: `compositions`, commune → EPCIs; `known`, every EPCI of the run.
    A declared code that is not `known` (an EPT, the city of Paris) gives way to the communes' own,
    when they have one: joining on it would lose the zone. Says which.
    """
    through = compositions_of(communes, compositions)
    unknown = [code for code in declared if through and code not in known]
    kept = set(declared) - set(unknown)
    replaced = [EpciRemplace(zone.zonage, zone.code, code) for code in unknown]
    return (kept or through), replaced
