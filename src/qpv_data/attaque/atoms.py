"""The equations of the ground, when contours are published: every zone is the sum of the faces that it holds.

All zonings are crossed at once, so bounds are those of the common refinement, tighter than those of pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from qpv_data.attaque.builder import Trust
from qpv_data.attaque.faces import HABITABLE_M2, Faces, Members
from qpv_data.attaque.slices import UNPLACED, Slice

_FAMILY = "croisement des zonages"


@dataclass(frozen=True)
class _Ground:
    """The faces that some zonings cut out, which every slice of a feed is written on.

    `area` and `names` by face, in order; `inside`: the faces of each zone; `alone`: the zones, communes apart, that are
    one face and no other; `groups`: faces that a person names together.
    """

    area: dict[Members, float]
    names: dict[Members, str]
    inside: list[tuple[tuple[str, str], list[Members]]]
    alone: dict[Members, list[tuple[str, str]]]
    groups: list[tuple[str, list[Members]]]


def face_equations(s: Slice, zonings: frozenset[str]) -> None:
    """zone = Σ its faces, and a commune has besides what could not be placed in it. `zonings`: published here."""
    assert s.zoning.faces is not None
    ground = _ground(s.zoning.faces, zonings, tuple(sorted(z for z, f in s.zoning.family.items() if f == "qpv")))
    atoms = _atoms(s, ground)
    for pair, faces in ground.inside:
        whole = s.find(*pair)
        if whole is None:
            continue
        unplaced = s.find(UNPLACED, pair[1]) if pair[0] == "commune" else None
        parts = [atoms[m] for m in faces] + ([] if unplaced is None else [unplaced])
        if parts != [whole]:
            s.total(_FAMILY, whole, parts, Trust.GROUND)
    for name, faces in ground.groups:
        s.builder.row(f"{s.tag} : {_FAMILY}", [s.population(name)], [atoms[m] for m in faces], Trust.GROUND)


def _ground(faces: Faces, zonings: frozenset[str], quarters: tuple[str, ...]) -> _Ground:
    """Worked out once for all the slices that are written on it."""
    if (zonings, quarters) not in faces.grounds:
        faces.grounds[zonings, quarters] = _crossed(faces, zonings, quarters)
    ground: _Ground = faces.grounds[zonings, quarters]
    return ground


def _crossed(faces: Faces, zonings: frozenset[str], quarters: Sequence[str]) -> _Ground:
    summed: dict[Members, float] = {}
    for held, size in faces.area.items():
        if members := tuple(pair for pair in held if pair[0] in zonings):
            summed[members] = summed.get(members, 0.0) + size
    area = {members: summed[members] for members in sorted(summed)}
    inside: dict[tuple[str, str], list[Members]] = {}
    for members in area:
        for pair in members:
            inside.setdefault(pair, []).append(members)
    alone = {m: [p for p in m if p[0] != "commune" and inside[p] == [m]] for m in area}
    names = {members: _name(members, zonings) for members in area}
    return _Ground(area, names, sorted(inside.items()), alone, list(_groups(area, quarters)))


def _atoms(s: Slice, ground: _Ground) -> dict[Members, int]:
    """The cell of each face: that of a zone which is this face and no other, else one that no row publishes."""
    atoms: dict[Members, int] = {}
    for members, size in ground.area.items():
        alone = (s.find(*pair) for pair in ground.alone[members])
        own = next((cell for cell in alone if cell is not None), None)
        if own is None:
            name = ground.names[members]
            own = s.population(name) if size >= HABITABLE_M2 else s.virtual(name)
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


def _groups(area: Mapping[Members, float], quarters: Sequence[str]) -> Iterator[tuple[str, list[Members]]]:
    """Populations of several faces that a person names: the rest of a commune, a piece of a straddling neighbourhood,
    what two generations share, what one has and the other has not."""
    held = {zoning for members in area for zoning, _ in members}
    drawn = [zoning for zoning in quarters if zoning in held]
    groups: dict[str, list[Members]] = {}
    for members in area:
        for name in _names_of_pairs(dict(members), drawn):
            groups.setdefault(name, []).append(members)
    for name, held_by in groups.items():
        if len(held_by) > 1 and sum(area[m] for m in held_by) >= HABITABLE_M2:
            yield name, held_by


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
