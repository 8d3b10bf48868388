"""Where a projected CRS is used: far from there, coordinates are mistakes."""

from __future__ import annotations

from functools import cache

import numpy as np
from pyproj import CRS, Proj

_LOOKS = 41
_AROUND = 3.0
"""Degrees around a CRS's area of use where its cells are accepted: published areas are rounded, and follow land."""


@cache
def extent_of(crs: str) -> tuple[float, float, float, float]:
    """xmin, ymin, xmax, ymax of where a projected CRS is used, a margin around; unbounded when nobody says."""
    lon_lat = use_of(crs)
    if lon_lat is None:
        return -np.inf, -np.inf, np.inf, np.inf
    west, south, east, north = lon_lat
    across, up = np.linspace(west, east, _LOOKS), np.linspace(south, north, _LOOKS)
    lon = np.concatenate([across, across, np.full(_LOOKS, west), np.full(_LOOKS, east)])
    lat = np.concatenate([np.full(_LOOKS, south), np.full(_LOOKS, north), up, up])
    # The projection alone, without datum: a hundred metres matter nothing here, and it is ready at once.
    x, y = Proj(crs)(lon, lat)
    x, y = x[np.isfinite(x)], y[np.isfinite(y)]
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


@cache
def use_of(crs: str) -> tuple[float, float, float, float] | None:
    """West, south, east, north in degrees of where a CRS is used, a margin around; None when nobody says."""
    area = CRS.from_user_input(crs).area_of_use
    if area is None:
        return None
    west, south, east, north = area.bounds
    return (
        max(west - _AROUND, -180.0),
        max(south - _AROUND, -90.0),
        min(east + _AROUND, 180.0),
        min(north + _AROUND, 90.0),
    )
