"""Find the zone of each point: `covers` semantics, exact, the smallest code where zones overlap."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from qpv_data.places import Places
from qpv_data.problems import MotifInconnu
from qpv_data.zonages.loading import Zones


class PointIndex:
    """An R-tree a projected CRS. One thread: prepared geometries must not be shared between threads."""

    def __init__(self, zones: Zones, zonage: str) -> None:
        self._groups = {e: (g.codes, shapely.STRtree(g.geometries)) for e, g in zones.groups[zonage].items()}
        self._coverage = zones.couverture[zonage]

    def locate(self, places: Places) -> tuple[NDArray[np.object_], NDArray[np.object_], NDArray[np.object_]]:
        """Code or None, `dedans`/`dehors`/`inconnu`, and why it is unknown or None; one a point.

        A point is outside only where the zoning is declared to be in force; elsewhere, and where the zoning has
        no perimeter at all, it is unknown. GEOS decides side and boundary with exact predicates.
        """
        n = len(places.x)
        codes, why = np.full(n, None, dtype=object), places.motifs.copy()
        state = np.full(n, "inconnu", dtype=object)
        for index, territory in enumerate(places.territoires):
            rows = np.flatnonzero(places.territoire == index)
            if not len(rows):
                continue
            if territory.id not in self._coverage:
                why[rows] = MotifInconnu.HORS_COUVERTURE.value
                continue
            if not self._groups:
                why[rows] = MotifInconnu.REFERENTIEL_VIDE.value
                continue
            state[rows] = "dehors"
            names, tree = self._groups.get(territory.epsg, (None, None))
            if tree is None or names is None:
                continue
            points, zones = tree.query(shapely.points(places.x[rows], places.y[rows]), predicate="intersects")
            if not len(points):
                continue
            first = np.full(len(rows), len(names), dtype=np.int64)
            np.minimum.at(first, points, zones)  # codes are sorted: the smallest index is the smallest code
            hit = first < len(names)
            codes[rows[hit]] = names[first[hit]]
            state[rows[hit]] = "dedans"
        return codes, state, why
