"""Shapes to draw at random."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from hypothesis import strategies as st


def star(rng: np.random.Generator, centre: tuple[float, float], size: float, corners: int) -> shapely.Polygon:
    """A valid polygon around `centre`, as irregular as it comes, with a hole of its own shape half of the time."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    radii = size * rng.uniform(0.05, 1.0, corners)
    ring = np.column_stack([centre[0] + radii * np.cos(angles), centre[1] + radii * np.sin(angles)])
    gaps = np.diff(np.append(angles, angles[0] + 2 * np.pi))
    holes = []
    if rng.random() < 0.5 and gaps.max() < np.pi:
        holes = [(np.array(centre) + 0.4 * (ring - centre))[::-1]]
    return shapely.Polygon(ring, holes)


@st.composite
def polygons(draw: Any) -> Any:
    """A polygon or a multipolygon of one to three parts, holes included, some hundreds of metres wide."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    parts = [
        star(rng, (1000.0 * k + rng.uniform(-50, 50), rng.uniform(-50, 50)), rng.uniform(1, 400), rng.integers(3, 14))
        for k in range(draw(st.integers(1, 3)))
    ]
    shape = shapely.make_valid(
        shapely.union_all([p for p in parts if p.is_valid and p.area > 0] or [shapely.box(0, 0, 9, 9)])
    )
    return shape if shape.geom_type in ("Polygon", "MultiPolygon") else shapely.box(0, 0, 9, 9)
