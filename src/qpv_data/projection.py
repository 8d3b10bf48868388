"""Points from one CRS to another: the one place where PROJ is asked, always x (longitude, easting) then y."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pyproj import Transformer

Floats = NDArray[np.float64]


@cache
def transformer(source: str, target: str) -> Transformer:
    """PROJ's way from `source` to `target`, made once; several threads may use it."""
    from pyproj import Transformer  # only here: points received in the zones' own CRS never need it

    return Transformer.from_crs(source, target, always_xy=True)


def moved_points(source: str, target: str, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Points of `source` in `target`; infinite where `target` is not defined. The very same arrays in one CRS."""
    if source == target:
        return x, y
    mx, my = transformer(source, target).transform(x, y)
    return np.asarray(mx, dtype=np.float64), np.asarray(my, dtype=np.float64)
