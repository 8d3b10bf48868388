"""Ask GEOS where floating point cannot decide: the answer is then shapely's by construction.

Geometries are decoded on first need, never prepared, and asked under one lock: GEOS is in no two threads at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qpv_data.grid.edges import Floats
from qpv_data.grid.exact import Bools

Regle = Literal["couvre", "contient"]
"""`couvre`: a point on the boundary is inside (shapely's `covers`); `contient`: it is not (`contains`)."""


class Judge:
    """The geometries of a grid's zones, in its CRS, for the few points that lie on an edge or next to it."""

    def __init__(self, geometries: Callable[[], NDArray[Any]], regle: Regle = "couvre") -> None:
        self._read, self._regle = geometries, regle
        self._geometries: NDArray[Any] | None = None
        self._lock = threading.Lock()

    def __call__(self, x: Floats, y: Floats, zone: NDArray[np.int32]) -> Bools:
        """Whether zone i holds point i."""
        import shapely  # only here: most runs never need it, and it costs a tenth of a second

        predicate = shapely.covers if self._regle == "couvre" else shapely.contains
        with self._lock:
            if self._geometries is None:
                self._geometries = self._read()
            held: Bools = predicate(self._geometries[zone], shapely.points(x, y))
        return held
