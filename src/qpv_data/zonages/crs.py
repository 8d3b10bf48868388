"""Coordinate reference systems: whether two names are one, and going from one to the other."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from qpv_data.projection import moved_points

Geometries = NDArray[Any]


@cache
def same_crs(a: str, b: str) -> bool:
    """Whether two CRSs are one, whoever wrote the name: EPSG, IGNF, an ESRI .prj, WKT; axis order aside.

    Coordinates are always x (longitude, easting) then y here, so EPSG:4326 and OGC:CRS84 are one. A CRS that
    pyproj cannot read is the same as none.
    """
    try:
        first, second = CRS.from_user_input(a).to_2d(), CRS.from_user_input(b).to_2d()
    except CRSError:
        return False
    if first.equals(second, ignore_axis_order=True):
        return True
    known = first.to_epsg(min_confidence=70)
    return known is not None and known == second.to_epsg(min_confidence=70)


@cache
def in_metres(crs: str) -> bool:
    """Whether a unit is a metre on the ground, near enough: neither a degree, nor a foot, nor a Mercator's metre."""
    read = CRS.from_user_input(crs).to_2d()
    operation = read.coordinate_operation
    method = "" if operation is None else operation.method_name
    stretched = "Mercator" in method and "Transverse" not in method
    return bool(read.is_projected and not stretched and all(a.unit_conversion_factor == 1 for a in read.axis_info))


def reproject(geometries: Geometries, source: str, target: str) -> Geometries:
    """Geometries in `target`, vertex by vertex; the very same objects when it is the CRS that they are in."""
    if same_crs(source, target):
        return geometries

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(moved_points(source, target, xy[:, 0], xy[:, 1]))

    moved: Geometries = shapely.transform(geometries, move)
    return moved


def lon_lat(x: NDArray[np.float64], y: NDArray[np.float64], source: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Degrees, WGS 84; infinite where the CRS is not defined."""
    if same_crs(source, "EPSG:4326"):
        return x, y
    return moved_points(source, "EPSG:4326", x, y)
