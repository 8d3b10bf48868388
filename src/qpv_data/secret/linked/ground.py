"""Nodes of a feed: the zones that its indicators speak of, and the atoms that they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from qpv_data.membership import zones_of

Zone = tuple[str, str]
"""(zoning, code)."""


@dataclass(frozen=True)
class Ground:
    """`zones` and `atoms`, sorted. `inside`: zones × atoms, 1 where the zone holds the atom.

    A node is numbered by its rank among zones, then atoms.
    """

    zones: tuple[Zone, ...]
    atoms: tuple[str, ...]
    inside: sp.csr_matrix

    def __len__(self) -> int:
        return len(self.zones) + len(self.atoms)

    def name(self, node: int) -> str:
        """A node for a message: a zone, or the zones whose crossing it is."""
        if node < len(self.zones):
            return " ".join(self.zones[node])
        crossed = [code for zoning, code in zones_of(self.atoms[node - len(self.zones)]) if zoning != code]
        return " ∩ ".join(crossed) or "territoire"

    def atoms_of(self, zone: int) -> NDArray[np.int64]:
        """Ranks among atoms of those that a zone holds."""
        return np.asarray(self.inside.indices[self.inside.indptr[zone] : self.inside.indptr[zone + 1]], np.int64)

    @cached_property
    def nested(self) -> list[tuple[int, int]]:
        """(larger, smaller) for zones of which one holds all the atoms of the other, and more."""
        common = (self.inside @ self.inside.T).tocoo()
        size = np.asarray(self.inside.sum(axis=1)).ravel()
        pairs = zip(common.row.tolist(), common.col.tolist(), common.data.tolist(), strict=True)
        return sorted((a, b) for a, b, n in pairs if n == size[b] and size[a] > size[b] > 0)


def ground_of(zones: Iterable[Zone], atoms: Iterable[str], composed: Mapping[str, Sequence[Zone]]) -> Ground:
    """`composed`: commune → the zones that it is wholly in (EPCI, contrat de ville…)."""
    ordered, known = sorted(set(zones)), sorted(set(atoms) - {""})
    rank = {zone: n for n, zone in enumerate(ordered)}
    pairs = set()
    for column, atom in enumerate(known):
        own = zones_of(atom)
        above = [zone for zoning, code in own if zoning == "commune" for zone in composed.get(code, ())]
        pairs |= {(rank[zone], column) for zone in (*own, *above) if zone in rank}
    rows, columns = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T
    shape = (len(ordered), len(known))
    return Ground(
        tuple(ordered), tuple(known), sp.csr_matrix((np.ones(len(rows), np.int64), (rows, columns)), shape=shape)
    )
