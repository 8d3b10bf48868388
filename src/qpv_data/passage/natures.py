"""Name the links: by how many zones each of the two goes to or comes from, never by their codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import shapely

from qpv_data.passage.model import Generation, Motif, Nature
from qpv_data.passage.overlay import Link


class Named(NamedTuple):
    """A link with its nature, and the number of zones that its two zones are linked to."""

    lien: Link
    nature: Nature
    liens_depart: int
    liens_arrivee: int


def named(found: Sequence[Link]) -> list[Named]:
    """The nature of each link, in the order given.

    Unchanged pairs first: their perimeter is the same, so any other link of theirs is only there because two zones
    of one generation overlap (`recouvrement`), and it is not counted. Then by the links that are left: the old zone
    has several, `scinde`; the new one has several, `fusionne`; both, `recompose`; neither, `modifie`. Reversing the
    passage swaps `scinde` and `fusionne`, and nothing else.
    """
    kept_old = {k.depart for k in found if k.inchange}
    kept_new = {k.arrivee for k in found if k.inchange}
    doubled = [not k.inchange and (k.depart in kept_old or k.arrivee in kept_new) for k in found]
    counted = [k for k, twice in zip(found, doubled, strict=True) if not twice]
    out, into = Counter(k.depart for k in counted), Counter(k.arrivee for k in counted)
    return [
        Named(k, _nature(k, twice, out[k.depart], into[k.arrivee]), out[k.depart], into[k.arrivee])
        for k, twice in zip(found, doubled, strict=True)
    ]


def _nature(link: Link, doubled: bool, out: int, into: int) -> Nature:
    if link.inchange:
        return Nature.INCHANGE
    if doubled:
        return Nature.RECOUVREMENT
    if out > 1:
        return Nature.RECOMPOSE if into > 1 else Nature.SCINDE
    return Nature.FUSIONNE if into > 1 else Nature.MODIFIE


def groups(found: Sequence[Link]) -> list[int]:
    """A number for each link: those that a chain of links joins have the same, the rank of their first link."""
    parent = list(range(len(found)))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    first: dict[tuple[str, int], int] = {}
    for n, link in enumerate(found):
        for zone in (("depart", link.depart), ("arrivee", link.arrivee)):
            a, b = sorted((root(n), root(first.setdefault(zone, n))))
            parent[b] = a
    return [root(n) for n in range(len(found))]


def alone(
    own: Generation, other: Generation, linked: set[int], fate: Nature, tolerance: float
) -> Mapping[int, tuple[Nature, Motif | None]]:
    """The zones of `own` without any link, by rank: `fate` (`nouveau` or `disparu`), or why it cannot be told.

    It cannot when the other generation does not speak of their territory, when their own contour is absent, or when
    a zone of the other generation has collapsed on them, within the tolerance: it may be their twin.
    """
    answer: dict[int, tuple[Nature, Motif | None]] = {}
    collapsed = [c for c in other.contours if c.geometrie is not None and c.aire == 0]
    for rank, zone in enumerate(own.contours):
        if rank in linked:
            continue
        motif = None
        if zone.aire == 0:
            motif = Motif.CONTOUR_ABSENT
        elif zone.territoire not in other.couverture:
            motif = Motif.HORS_COUVERTURE
        elif any(
            c.territoire == zone.territoire and shapely.dwithin(c.geometrie, zone.geometrie, tolerance)
            for c in collapsed
        ):
            motif = Motif.CONTOUR_ABSENT
        answer[rank] = (fate if motif is None else Nature.INDETERMINE, motif)
    return answer
