"""Find the zone of each point: `covers` semantics, exact, the smallest code where zones overlap."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import shapely
from numpy.typing import NDArray

from qpv_data.places import Places
from qpv_data.problems import MotifInconnu
from qpv_data.zonages.loading import ZoneGroup, Zones


class PointIndex:
    """An R-tree a CRS. One thread: prepared geometries must not be shared between threads.

    A perimeter is what its file draws: a point received in that file's CRS is tested there, where nothing moves and
    an edge is straight. Any other point is tested in its territory's projected CRS.
    """

    def __init__(self, zones: Zones, zonage: str) -> None:
        projected, natives = zones.groups[zonage], zones.natifs.get(zonage, {})
        drawn = [g.codes for g in projected.values()]
        self._codes = np.array(sorted(np.concatenate(drawn)) if drawn else [], dtype=object)
        rank = {code: n for n, code in enumerate(self._codes)}
        self._native_of = np.zeros(len(self._codes), dtype=np.int64)
        for epsg, group in natives.items():
            self._native_of[[rank[c] for c in group.codes]] = epsg
        self._projected = {e: _Tree(g, rank) for e, g in projected.items()}
        self._natives = {e: _Tree(g, rank) for e, g in natives.items()}
        self._coverage = zones.couverture[zonage]

    def locate(self, places: Places) -> tuple[NDArray[np.object_], NDArray[np.object_], NDArray[np.object_]]:
        """Code or None, `dedans`/`dehors`/`inconnu`, and why it is unknown or None; one a point.

        A point is outside only where the zoning is declared to be in force; elsewhere, and where the zoning has
        no perimeter at all, it is unknown. GEOS decides side and boundary with exact predicates.
        """
        n = len(places.x)
        why = places.motifs.copy()
        state = np.full(n, "inconnu", dtype=object)
        # Codes are sorted: the smallest rank is the smallest code, whatever the order of the answers.
        best = np.full(n, len(self._codes), dtype=np.int64)
        for index, territory in enumerate(places.territoires):
            rows = np.flatnonzero(places.territoire == index)
            if not len(rows):
                continue
            if territory.id not in self._coverage or not self._projected:
                covered = territory.id in self._coverage
                why[rows] = (MotifInconnu.REFERENTIEL_VIDE if covered else MotifInconnu.HORS_COUVERTURE).value
                continue
            state[rows] = "dehors"
            self._hit(best, rows, places, territory.epsg)
        found = best < len(self._codes)
        codes = np.full(n, None, dtype=object)
        codes[found] = self._codes[best[found]]
        state[found] = "dedans"
        return codes, state, why

    def _hit(self, best: NDArray[np.int64], rows: NDArray[np.intp], places: Places, epsg: int) -> None:
        received = places.recus
        if (tree := self._projected.get(epsg)) is not None:
            points, zones = tree.hits(places.x[rows], places.y[rows])
            if received is not None:
                kept = self._native_of[zones] != received[0][rows[points]]  # those are answered as drawn, below
                points, zones = points[kept], zones[kept]
            np.minimum.at(best, rows[points], zones)
        for native, tree in self._natives.items() if received is not None else ():
            assert received is not None
            same = rows[received[0][rows] == native]
            points, zones = tree.hits(received[1][same], received[2][same])
            np.minimum.at(best, same[points], zones)


class _Tree:
    """An R-tree over a group, which answers with the ranks of the codes in the whole zoning."""

    def __init__(self, group: ZoneGroup, rank: Mapping[str, int]) -> None:
        self._tree = shapely.STRtree(group.geometries)
        self._ranks = np.array([rank[c] for c in group.codes], dtype=np.int64)

    def hits(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Pairs (index of a point, rank of a zone that covers it)."""
        points, zones = self._tree.query(shapely.points(x, y), predicate="intersects")
        return points, self._ranks[zones]
