"""Zones, sources and files drawn at random or written on the spot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from hypothesis import strategies as st

# Somewhere in the plain of Toulouse, Lambert-93.
X0, Y0 = 570_000.0, 6_280_000.0


def square(x: float, y: float, side: float, x0: float = X0, y0: float = Y0) -> shapely.Polygon:
    """A square whose south-west corner is (x, y) metres from the origin."""
    return shapely.box(x0 + x, y0 + y, x0 + x + side, y0 + y + side)


@st.composite
def polygons(draw: st.DrawFn, reach: int = 1000, x0: float = X0, y0: float = Y0) -> Any:
    """A valid polygon or multipolygon, whole coordinates: holes, several parts, corners on whatever grid."""
    parts = []
    for _ in range(draw(st.integers(1, 2))):
        corner = st.tuples(st.integers(0, reach), st.integers(0, reach))
        ring = draw(st.lists(corner, min_size=3, max_size=7, unique=True))
        made = shapely.make_valid(shapely.Polygon(ring), method="structure", keep_collapsed=False)
        parts += [p for p in shapely.get_parts(made) if p.area > 0]
    if draw(st.booleans()):
        side = draw(st.integers(50, reach // 2))
        parts.append(shapely.box(0, 0, side, side))
    shape = shapely.union_all(parts) if parts else shapely.box(0, 0, 1, 1)
    if draw(st.booleans()):
        middle = shape.representative_point()
        holed = shape.difference(shapely.box(middle.x - 20, middle.y - 20, middle.x + 20, middle.y + 20))
        shape = holed if holed.area > 0 else shape
    moved = shapely.transform(shape, lambda xy: xy + np.array([x0, y0]))
    return moved if moved.is_valid else shapely.buffer(moved, 0)


def apart(shapes: Sequence[Any]) -> list[Any]:
    """What each shape has that those before have not: shapes that do not overlap, some of which touch."""
    kept: list[Any] = []
    for shape in shapes:
        rest = shape.difference(shapely.union_all(kept)) if kept else shape
        polygonal = [p for p in shapely.get_parts(rest) if p.geom_type == "Polygon" and p.area > 1e-3]
        if polygonal:
            kept.append(shapely.multipolygons(polygonal) if len(polygonal) > 1 else polygonal[0])
    return [k for k in kept if k.is_valid]


def array(shapes: Sequence[Any]) -> np.ndarray:
    """An array of geometries, whatever their number."""
    made = np.empty(len(shapes), dtype=object)
    made[:] = list(shapes)
    return made


def codes(n: int) -> list[str]:
    return [f"QN{k:03d}01N" for k in range(n)]


def identifier(x: float, y: float, crs: int = 3035, pas: int = 200) -> str:
    """The identifier of the cell that holds a point."""
    return f"CRS{crs}RES{pas}mN{int(y // pas * pas)}E{int(x // pas * pas)}"


def write_shapes(path: Path, shapes: Sequence[Any], crs: Any, **columns: Sequence[Any]) -> Path:
    """A GeoParquet of shapes and their columns."""
    import geopandas

    geopandas.GeoDataFrame(columns, geometry=array(shapes), crs=crs).to_parquet(path)
    return path


def write_table(path: Path, **columns: Sequence[Any]) -> Path:
    """A Parquet, or a CSV with semicolons, after the name."""
    table = pa.table(dict(columns))
    if path.suffix == ".csv":
        rows = zip(*(table[c].to_pylist() for c in table.column_names), strict=True)
        text = [";".join(table.column_names), *(";".join("" if v is None else str(v) for v in r) for r in rows)]
        path.write_text("\n".join(text) + "\n", "utf-8")
    else:
        pq.write_table(table, path)
    return path
