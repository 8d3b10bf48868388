"""Which zones a record counts in: one SELECT a zoning, and the *atom* of the record, the set of all of them.

Atoms are the finest ground that published zones cut out: every published sum is a sum of atoms, and so is whatever a
reader works out of several. They are of no release; `protect` alone reads them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from qpv_data.clause.expressions import literal, quote
from qpv_data.clause.model import ClauseJeu, Indicateur, LocalisationCode
from qpv_data.coverage import NON_LOCALISE, TERRITOIRE, ZoneTable
from qpv_data.placing.near import near_select
from qpv_data.uncertainty.cells import zone_expression
from qpv_data.zonages.faces import Face

ATOME = "atome"
ZONES, PARTS = "\x1e", "\x1f"
"""In the code of an atom: between two zones, and between a zoning and a code. No text of a feed has them."""

_KNOWN = "(z__commune IS NOT NULL OR z_commune_localisation = 'inconnu')"
_LOST = f"{_KNOWN} AND (z__commune IS NULL OR z_localisation = 'inconnu')"


def by_rows(clause: ClauseJeu) -> list[str]:
    """The zonings whose zones have rows of their own: the codes', then that of the quarters that communes say."""
    place = clause.localisation
    if not isinstance(place, LocalisationCode):
        return []
    return [place.zonage] if place.quartiers is None else [place.zonage, place.quartiers.zonage]


def by_zone(clause: ClauseJeu, indicateur: Indicateur, table: ZoneTable, known: Sequence[str]) -> str:
    """One SELECT a zoning: a record counts once in each of the zones that hold it. `known`: columns of the records."""
    selects = [
        near_select(z, indicateur.rayon_m, known)
        or f"SELECT {literal(z)} AS zonage, {zone} AS code_zone, * FROM mesures WHERE {zone} IS NOT NULL"
        for z, zone in _drawn(clause, indicateur, table, known).items()
    ]
    if _through_communes(clause, indicateur):
        listed = ", ".join(literal(z) for z in sorted(table.compositions)) or "NULL"
        # Cardinality: a commune is at most once in a zone, so a record counts at most once in it.
        selects.append(
            f"SELECT a.zonage, a.code_zone, m.* FROM mesures m JOIN zones_communes a"
            f" ON a.code_commune = m.z__commune AND a.zonage IN ({listed})"
        )
        selects.append(f"SELECT '{TERRITOIRE}' AS zonage, '{TERRITOIRE}' AS code_zone, * FROM mesures WHERE {_KNOWN}")
    if _own(clause) is None:
        selects.append(
            f"SELECT '{NON_LOCALISE}' AS zonage, coalesce(z__commune, '{TERRITOIRE}') AS code_zone, * FROM mesures"
            f" WHERE {_LOST}"
        )
    if clause.secret.regime == "seuil" and indicateur.nature != "releve":
        selects.append(
            f"SELECT '{ATOME}' AS zonage, {_atom(clause, indicateur, table, known)} AS code_zone, * FROM mesures"
        )
    return "\nUNION ALL BY NAME ".join(selects)


def _own(clause: ClauseJeu) -> str | None:
    return clause.localisation.zonage if isinstance(clause.localisation, LocalisationCode) else None


def _through_communes(clause: ClauseJeu, indicateur: Indicateur) -> bool:
    return _own(clause) in (None, "commune") and indicateur.nature != "releve"


def _drawn(clause: ClauseJeu, indicateur: Indicateur, table: ZoneTable, known: Sequence[str]) -> dict[str, str]:
    """Zoning → SQL of the zone of a record, null outside."""
    # A ready-made figure is of its own zone alone, whatever that zone covers.
    rows = by_rows(clause)[:1] if indicateur.nature == "releve" else by_rows(clause)
    drawn = rows or [*sorted(table.perimetres - {"commune"}), "commune"]
    return {z: zone_expression(indicateur, z, known) for z in drawn}


def _atom(clause: ClauseJeu, indicateur: Indicateur, table: ZoneTable, known: Sequence[str]) -> str:
    """SQL of a record's atom: its zones, compositions excepted, which communes give. Empty for a record in none."""
    parts = []
    for zoning, zone in sorted(_drawn(clause, indicateur, table, known).items()):
        near = f"z_pr__{zoning}"
        if indicateur.rayon_m is not None and near in known:
            kept = f"list_filter({quote(near)}, x -> x.m <= {indicateur.rayon_m!r})"
            each = f"list_transform({kept}, x -> {literal(zoning + PARTS)} || x.code_zone)"
            parts.append(f"nullif(array_to_string(list_sort({each}), {literal(ZONES)}), '')")
        else:
            parts.append(f"{literal(zoning + PARTS)} || {zone}")
    if _through_communes(clause, indicateur):
        parts.append(f"CASE WHEN {_KNOWN} THEN {literal(TERRITOIRE + PARTS + TERRITOIRE)} END")
    if _own(clause) is None:
        unplaced = f"{literal(NON_LOCALISE + PARTS)} || coalesce(z__commune, '{TERRITOIRE}')"
        parts.append(f"CASE WHEN {_LOST} THEN {unplaced} END")
    return f"concat_ws({literal(ZONES)}, {', '.join(parts)})"


def atoms_on(clause: ClauseJeu, indicateur: Indicateur, table: ZoneTable, found: Collection[Face]) -> list[str]:
    """The atoms of the faces of the map: where a record of this indicator could have been, and perhaps none is.

    None for a feed that gives codes, nor for an indicator that counts beyond perimeters: faces do not tell its zones.
    Where communes have no contour, a face is of each commune that its zones are said to touch.
    """
    if _own(clause) is not None or indicateur.rayon_m is not None or indicateur.largeur_limite_m is not None:
        return []
    atoms = set()
    outside = [] if "commune" in table.perimetres else [frozenset({("commune", code)}) for code in table.communes]
    for face in [*found, *outside]:
        for commune in _communes(face, table):
            zones = sorted({*face, ("commune", commune)})
            atoms.add(ZONES.join(f"{zoning}{PARTS}{code}" for zoning, code in [*zones, (TERRITOIRE, TERRITOIRE)]))
    return sorted(atoms)


def _communes(face: Face, table: ZoneTable) -> list[str]:
    said = [code for zoning, code in face if zoning == "commune"]
    if said or "commune" in table.perimetres:
        return said
    touched = [table.membres.get(zone, frozenset()) for zone in face]
    return sorted(frozenset.intersection(*touched)) if touched else []


def zones_of(atom: str) -> list[tuple[str, str]]:
    """The (zoning, code) of an atom's text."""
    pairs = [part.split(PARTS, 1) for part in atom.split(ZONES) if part]
    return [(zoning, code) for zoning, code in pairs]
