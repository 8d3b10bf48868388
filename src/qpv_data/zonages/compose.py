"""Compose the zonings of a run from the conformed records of its referentials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from qpv_data.clause.model import ClauseZonage
from qpv_data.passage.chain import passages
from qpv_data.zonages.gather import Gathered, gather
from qpv_data.zonages.members import (
    by_commune,
    communes_by_zone,
    compositions_of,
    declared_epci,
    epci_of_zone,
    members_from_contours,
)
from qpv_data.zonages.model import Ecartees, Effectif, EpciRemplace, Member, ZonagesReport, Zone
from qpv_data.zonages.perimeters import overlaps
from qpv_data.zonages.records import Records, read_records
from qpv_data.zonages.tables import (
    EN_VIGUEUR,
    ZONES_CONTRATS,
    ZONES_EPCI,
    members_table,
    natives_table,
    rows_table,
    write_all,
    zones_table,
)


def compose_zonages(clauses: Sequence[ClauseZonage], conformed: Mapping[str, Path], out: Path) -> ZonagesReport:
    """Write zones, memberships, passages between generations of QPV, dates in force and the report in `out`; the
    order of `clauses` is irrelevant.

    In: `conformed[clause.id]`, Parquet of typed columns, and for perimeters `geometrie` (WKB, the file's CRS)
    with the schema metadata `crs_source`. A clause without conformed records is left out and reported.
    Out: geometries in the projected CRS of their territory (metres). Nothing is written unless all is.
    Raises FeedError naming the clause at fault, for the caller to leave it out: codes of another vintage, CRS
    that differs, geometries absent, codes met twice.
    """
    absent = sorted(c.id for c in clauses if c.id not in conformed)
    by_zoning: dict[str, list[Records]] = {}
    for clause in sorted(clauses, key=lambda c: c.id):
        if clause.id in conformed:
            by_zoning.setdefault(clause.zonage.id, []).append(read_records(clause, conformed[clause.id]))
    gathered = [gather(by_zoning[name]) for name in sorted(by_zoning)]
    members = {g.id: _members(g, gathered) for g in gathered}
    zones, left_out = _zones_of_run(gathered, members)
    kept = {(z.zonage, z.code) for z in zones}
    members = {name: [m for m in found if (m.zonage, m.code_zone) in kept] for name, found in members.items()}
    epci, replaced = _epci(zones, gathered, members)
    report = _report(gathered, zones, left_out, replaced, absent)
    tables = {
        "zones": zones_table(zones),
        "zones_natives": natives_table(zones),
        "zones_communes": members_table(m for found in members.values() for m in found),
        "zones_epci": rows_table(epci, ZONES_EPCI),
        "zones_contrats": rows_table(_contrats(zones, members), ZONES_CONTRATS),
        "passages": passages(zones, {g.id: {v.territoire for _, v in g.vigueur} for g in gathered}),
        "en_vigueur": rows_table(
            [(g.id, vintage, v.territoire, v.de, v.a) for g in gathered for vintage, v in g.vigueur], EN_VIGUEUR
        ),
    }
    write_all(out, tables, report)
    return report


def _communes(gathered: Iterable[Gathered]) -> Sequence[Zone]:
    return [zone for g in gathered if g.famille == "commune" for zone in g.zones]


def _members(zoning: Gathered, gathered: Sequence[Gathered]) -> list[Member]:
    """Declared or composed memberships; contours answer only for a zoning that declares none at all."""
    if zoning.famille == "commune":
        return [Member(z.zonage, z.code, z.code, "declare") for z in zoning.zones]
    declares = any(r.clause.zonage.communes or r.clause.zonage.commune for r in zoning.records)
    if declares or not zoning.has_contours:
        return list(zoning.members)
    return list(members_from_contours(zoning.zones, _communes(gathered)))


def _zones_of_run(
    gathered: Sequence[Gathered], members: Mapping[str, list[Member]]
) -> tuple[list[Zone], list[Ecartees]]:
    """Every zone, but compositions that no commune of the run is in. A run without communes keeps them all."""
    communes = {zone.code for zone in _communes(gathered)}
    zones: list[Zone] = []
    left_out: list[Ecartees] = []
    for zoning in gathered:
        kept = zoning.zones
        if communes and zoning.is_composed:
            inside = {m.code_zone for m in members[zoning.id] if m.code_commune in communes}
            kept = tuple(zone for zone in zoning.zones if zone.code in inside)
        if len(kept) < len(zoning.zones):
            left_out.append(Ecartees(zoning.id, len(zoning.zones) - len(kept)))
        zones.extend(kept)
    return zones, left_out


def _epci(
    zones: Sequence[Zone], gathered: Sequence[Gathered], members: Mapping[str, list[Member]]
) -> tuple[list[tuple[str, str, str]], list[EpciRemplace]]:
    """(zonage, code_zone, code_epci) of every zone that is not an EPCI itself."""
    all_members = [m for g in gathered if g.famille == "epci" for m in g.members]
    known = {m.code_zone for m in all_members}
    compositions = by_commune(communes_by_zone(all_members))
    declared = {g.id: declared_epci(g.records) for g in gathered}
    communes = {name: communes_by_zone(found) for name, found in members.items()}
    rows: list[tuple[str, str, str]] = []
    replaced: list[EpciRemplace] = []
    for zone in zones:
        if zone.famille != "epci":
            listed = declared[zone.zonage].get(zone.code, [])
            towns = communes[zone.zonage].get(zone.code, ())
            codes, changed = epci_of_zone(zone, listed, towns, compositions, known)
            rows += [(zone.zonage, zone.code, code) for code in codes]
            replaced += changed
    return rows, replaced


def _contrats(zones: Sequence[Zone], members: Mapping[str, list[Member]]) -> list[tuple[str, str, str]]:
    """(zonage, code_zone, code_contrat) of the QPVs, for the contrats that are zones of the run."""
    contrats = sorted({z.zonage for z in zones if z.famille == "contrat"})
    compositions = by_commune(communes_by_zone(m for name in contrats for m in members[name]))
    qpv = {(z.zonage, z.code) for z in zones if z.famille == "qpv"}
    return [
        (m.zonage, m.code_zone, contrat)
        for found in members.values()
        for m in found
        if (m.zonage, m.code_zone) in qpv
        for contrat in compositions_of([m.code_commune], compositions)
    ]


def _report(
    gathered: Sequence[Gathered],
    zones: Sequence[Zone],
    left_out: Sequence[Ecartees],
    replaced: Sequence[EpciRemplace],
    absent: Sequence[str],
) -> ZonagesReport:
    counts = {g.id: Counter(z.statut for z in zones if z.zonage == g.id) for g in gathered}
    unlisted = (
        z.code for g in gathered if g.famille == "commune" and g.labels for z in g.zones if z.code not in g.labels
    )
    return ZonagesReport(
        effectifs=tuple(Effectif(n, c["normale"], c["degeneree"], c["sans_contour"]) for n, c in counts.items()),
        reparations=tuple(x for g in gathered for x in g.reparations),
        degenerees=tuple(x for g in gathered for x in g.degenerees),
        chevauchements=tuple(x for g in gathered for x in sorted(overlaps(g.zones))),
        communes_hors_liste=tuple(sorted(unlisted)),
        codes_communes_illisibles=tuple(x for g in gathered for x in g.illisibles),
        epci_remplaces=tuple(sorted(replaced)),
        compositions_ecartees=tuple(left_out),
        clauses_absentes=tuple(absent),
    )
