"""Find the zone of each place of a run: `covers` semantics, exact, the smallest code where zones overlap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpv_data.places import Places
from qpv_data.points.opening import zoning_of_run
from qpv_data.problems import MotifInconnu
from qpv_data.zonages.loading import Zones


class PointIndex:
    """The zones of one zoning, indexed once a run and read by any thread.

    A perimeter is what its file draws: a point received in that file's CRS is tested there, where nothing moves and
    an edge is straight. Any other point is tested in its territory's projected CRS.
    """

    def __init__(self, zones: Zones, zonage: str) -> None:
        if zonage not in zones.index:
            zones.index[zonage] = zoning_of_run(zones, zonage)
        self._zoning = zones.index[zonage]
        self._coverage = zones.couverture[zonage]
        self._drawn = bool(zones.groups[zonage])

    def locate(self, places: Places) -> tuple[NDArray[np.object_], NDArray[np.object_], NDArray[np.object_]]:
        """Code or None, `dedans`/`dehors`/`inconnu`, and why it is unknown or None; one a point.

        A point is outside only where the zoning is declared to be in force; elsewhere, and where the zoning has
        no perimeter at all, it is unknown.
        """
        n = len(places.x)
        why = places.motifs.copy()
        covered = np.array([*(t.id in self._coverage for t in places.territoires), False])[places.territoire]
        known = places.territoire >= 0
        why[known & ~covered] = MotifInconnu.HORS_COUVERTURE.value
        state = np.full(n, "inconnu", dtype=object)
        codes = np.full(n, None, dtype=object)
        if not self._drawn:
            why[known & covered] = MotifInconnu.REFERENTIEL_VIDE.value
            return codes, state, why
        state[covered] = "dehors"
        for crs, rows, x, y in _received(places, np.flatnonzero(covered)):
            found, zone = self._zoning.reach(crs).first(x, y)
            codes[rows[found]] = self._zoning.code_array[zone]
            state[rows[found]] = "dedans"
        return codes, state, why


def _received(
    places: Places, rows: NDArray[np.intp]
) -> list[tuple[str, NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]]:
    """(CRS, rows, x, y): coordinates as they were received; as projected where nothing else is known of them."""
    if places.recus is not None:
        epsg, x, y = places.recus
    else:
        systems = np.array([*(t.epsg for t in places.territoires), 0], dtype=np.int64)
        epsg, x, y = systems[places.territoire], places.x, places.y
    groups = []
    for code in np.unique(epsg[rows]):
        chosen = rows[epsg[rows] == code]
        groups.append((f"EPSG:{code}", chosen, x[chosen], y[chosen]))
    return groups
