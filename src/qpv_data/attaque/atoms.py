"""The equations of the ground, when contours are published: every zone is the sum of the faces that it holds.

All zonings are crossed at once, so bounds are those of the common refinement, tighter than those of pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from qpv_data.attaque.builder import Trust
from qpv_data.attaque.faces import HABITABLE_M2, Members
from qpv_data.attaque.slices import UNPLACED, Slice

_FAMILY = "croisement des zonages"


def face_equations(s: Slice, zonings: frozenset[str]) -> None:
    """zone = Σ its faces, and a commune has besides what could not be placed in it. `zonings`: published here."""
    assert s.zoning.faces is not None
    area: dict[Members, float] = {}
    for held, size in s.zoning.faces.area.items():
        if members := tuple(pair for pair in held if pair[0] in zonings):
            area[members] = area.get(members, 0.0) + size
    inside: dict[tuple[str, str], list[Members]] = {}
    for members in sorted(area):
        for pair in members:
            inside.setdefault(pair, []).append(members)
    atoms = _atoms(s, area, inside, zonings)
    for pair, faces in sorted(inside.items()):
        whole = s.find(*pair)
        if whole is None:
            continue
        unplaced = s.find(UNPLACED, pair[1]) if pair[0] == "commune" else None
        parts = [atoms[m] for m in faces] + ([] if unplaced is None else [unplaced])
        if parts != [whole]:
            s.total(_FAMILY, whole, parts, Trust.GROUND)
    _pairs(s, area, atoms)


def _atoms(
    s: Slice, area: Mapping[Members, float], inside: Mapping[tuple[str, str], list[Members]], zonings: frozenset[str]
) -> dict[Members, int]:
    """The cell of each face: that of a zone which is this face and no other, else one that no row publishes."""
    atoms: dict[Members, int] = {}
    for members in sorted(area):
        alone = (s.find(*p) for p in members if p[0] != "commune" and inside[p] == [members])
        own = next((cell for cell in alone if cell is not None), None)
        if own is None:
            name = _name(members, zonings)
            own = s.population(name) if area[members] >= HABITABLE_M2 else s.virtual(name)
        atoms[members] = own
    return atoms


def _name(members: Members, zonings: frozenset[str]) -> str:
    held = dict(members)
    inner = " ∩ ".join(code for zoning, code in members if zoning != "commune")
    absent = ", ".join(sorted(zonings - {"commune"} - set(held)))
    commune = held.get("commune")
    if not inner:
        return f"hors {absent} à {commune}"
    where = f" dans {commune}" if commune is not None else " hors commune" if "commune" in zonings else ""
    return f"{inner}{where}" + (f" hors {absent}" if absent else "")


def _pairs(s: Slice, area: Mapping[Members, float], atoms: Mapping[Members, int]) -> None:
    """Populations of several faces that a person names: the rest of a commune, a piece of a straddling neighbourhood,
    what two generations share, what one has and the other has not."""
    quarters = sorted(z for z, family in s.zoning.family.items() if family == "qpv" and any(z in dict(m) for m in area))
    groups: dict[str, list[Members]] = {}
    for members in sorted(area):
        held = dict(members)
        for name in _names_of_pairs(held, quarters):
            groups.setdefault(name, []).append(members)
    for name, held_by in groups.items():
        if len(held_by) > 1 and sum(area[m] for m in held_by) >= HABITABLE_M2:
            s.builder.row(f"{s.tag} : {_FAMILY}", [s.population(name)], [atoms[m] for m in held_by], Trust.GROUND)


def _names_of_pairs(held: Mapping[str, str], quarters: list[str]) -> Iterable[str]:
    commune = held.get("commune")
    for n, zoning in enumerate(quarters):
        code = held.get(zoning)
        if commune is not None:
            yield f"hors {zoning} à {commune}" if code is None else f"{code} dans {commune}"
        for other in quarters[n + 1 :]:
            beside = held.get(other)
            if code is not None and beside is not None:
                yield f"{code} ∩ {beside}"
            elif code is not None or beside is not None:
                yield f"{code or beside} hors {other if code is not None else zoning}"
