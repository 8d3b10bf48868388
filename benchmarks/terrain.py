"""What the benchmarks are run on, made on the spot and always the same: perimeters like the QPVs, and points.

Perimeters: 1,609 irregular polygons in Lambert-93 around 420 towns (mean 0.4 km², median about 80 vertices, some in
several parts, some with holes, some overlapping). Points: 80 % around town centres, 20 % uniform; a category (eight
labels) and a value; snappy Parquet, row groups of 1 M rows, in random order.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

ZONES, TOWNS = 1_609, 420
BOX = (130_000.0, 6_060_000.0, 1_180_000.0, 7_100_000.0)
CATEGORIES = ("A101", "A203", "B103", "B304", "C104", "D201", "E107", "F101")
ROW_GROUP = 1_000_000


def towns(seed: int = 7) -> np.ndarray:
    """Centres of towns, shape (TOWNS, 2), metres."""
    rng = np.random.default_rng(seed)
    return np.column_stack(
        [rng.uniform(BOX[0] + 2e4, BOX[2] - 2e4, TOWNS), rng.uniform(BOX[1] + 2e4, BOX[3] - 2e4, TOWNS)]
    )


def perimeters(seed: int = 11) -> tuple[list[str], np.ndarray]:
    """Codes and valid polygons or multipolygons, EPSG:2154."""
    rng = np.random.default_rng(seed)
    centres = towns()
    shapes, codes, placed = [], [], [np.zeros(2)]
    for n in range(ZONES):
        town = centres[int(TOWNS * rng.random() ** 1.6)]
        parts = 2 if rng.random() < 0.114 else 1
        drawn = []
        for _ in range(parts):
            middle = _middle(rng, town, placed)
            count = max(8, int(rng.lognormal(np.log(74), 0.6)))
            drawn.append(_ring(rng, middle, count, rng.lognormal(np.log(292), 0.38)))
        shape = shapely.unary_union(drawn) if parts > 1 else drawn[0]
        if rng.random() < 0.068:
            hole = _ring(rng, np.array(shape.representative_point().coords[0]), 12, 60.0)
            shape = shapely.difference(shape, hole)
        shapes.append(shape)
        codes.append(f"QN{n // 60 + 1:03d}{n % 60 + 1:02d}M")
    return codes, np.array(shapes, dtype=object)


def _middle(rng: np.random.Generator, town: np.ndarray, placed: list[np.ndarray]) -> np.ndarray:
    """A place in a town, most often apart from the quarters already there."""
    middle = town + rng.normal(0, 2_600, 2)
    for _ in range(20):
        if np.abs(np.array(placed) - middle).max(axis=1).min() > 900 or rng.random() < 0.1:
            break
        middle = town + rng.normal(0, 3_200, 2)
    placed.append(middle)
    return middle


def _ring(rng: np.random.Generator, middle: np.ndarray, count: int, radius: float) -> shapely.Polygon:
    angles = np.sort(rng.uniform(0, 2 * np.pi, count))
    wave = 1 + 0.35 * np.sin(3 * angles + rng.uniform(0, 6)) + rng.normal(0, 0.09, count)
    reach = radius * np.clip(wave, 0.25, None)
    xy = np.round(middle + np.column_stack([np.cos(angles), np.sin(angles)]) * reach[:, None], 2)
    made = shapely.make_valid(shapely.Polygon(xy), method="structure", keep_collapsed=False)
    parts = shapely.get_parts(made)
    return parts[int(np.argmax(shapely.area(parts)))]


def points(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates, EPSG:2154, of `n` points in random order."""
    rng = np.random.default_rng(seed)
    centres = towns()
    xy = np.column_stack([rng.uniform(BOX[0], BOX[2], n), rng.uniform(BOX[1], BOX[3], n)])
    urban = rng.random(n) < 0.8
    which = (TOWNS * rng.random(int(urban.sum())) ** 1.6).astype(int)
    xy[urban] = centres[which] + rng.normal(0, 2_000, (len(which), 2))
    return np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1])


def write_points(path: Path, n: int, seed: int = 3, lonlat: bool = False) -> None:
    """`n` points as Parquet: x, y (or lon, lat), categorie, valeur."""
    xy = ("lon", "lat") if lonlat else ("x", "y")
    schema = pa.schema([*((n, pa.float64()) for n in (*xy, "valeur")), ("categorie", pa.string())])
    if lonlat:
        from pyproj import Transformer

        move = Transformer.from_crs(2154, 4326, always_xy=True).transform
    with pq.ParquetWriter(path, schema, compression="snappy", use_dictionary=["categorie"]) as writer:
        for group in range(0, n, ROW_GROUP):
            size = min(ROW_GROUP, n - group)
            rng = np.random.default_rng((seed, group, 1))
            x, y = points(size, hash((seed, group)) & 0xFFFFFFFF)
            if lonlat:
                x, y = move(x, y)
            labels = pa.DictionaryArray.from_arrays(pa.array(rng.integers(0, 8, size, dtype=np.int8)), list(CATEGORIES))
            values = rng.lognormal(4, 1, size)
            columns = [pa.array(x), pa.array(y), pa.array(values), labels.cast(pa.string())]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema), row_group_size=ROW_GROUP)


def write_perimeters(path: Path) -> None:
    """The perimeters as GeoParquet, column `code_qp`."""
    import geopandas

    codes, shapes = perimeters()
    geopandas.GeoDataFrame({"code_qp": codes}, geometry=shapes, crs=2154).to_parquet(path)
