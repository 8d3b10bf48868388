"""Row groups that no zone can meet are not looked up, and that changes no answer."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from points_made import XY, X, Y, balance, locate, written

from qpv_data.locator import Locator
from qpv_data.points.batch import Placer
from qpv_data.points.coordinates import Where
from qpv_data.points.pruning import box_of, units_of
from qpv_data.points.reading import ParquetSource

# Row groups of four: far away with and without an absence, all absent, infinite, zeros, in A, across A's corner.
GROUPS = [
    [(X + 90_000, Y), (X + 90_001, Y), (X + 90_002, Y), (X + 90_003, Y)],
    [(X + 90_000, Y), (math.nan, Y), (X + 90_002, math.nan), (X + 90_003, Y)],
    [(math.nan, math.nan)] * 4,
    [(math.inf, Y), (X + 90_000, -math.inf), (X + 90_000, Y), (X + 90_000, Y)],
    [(0.0, 0.0)] * 4,
    [(X + 1, Y + 1), (X + 999, Y + 999), (X + 600, Y + 600), (X + 2, Y + 2)],
    [(X - 50_000, Y - 50_000), (X + 50_000, Y + 50_000), (X - 1, Y - 1), (X + 2, Y + 2)],
]
PX = np.array([x for group in GROUPS for x, _ in group])
PY = np.array([y for group in GROUPS for _, y in group])


def counted(points: Path, zones: Path, *where: object) -> tuple[Any, str]:
    ask = [points, *where, "--zones", zones, "--code", "code", "--compte", "--par", "g", "--somme", "v"]
    return balance(*ask), locate(*ask, "-q").out


def table_of(**coordinates: Any) -> pa.Table:
    return pa.table({**coordinates, "g": list("aabb") * 7, "v": np.arange(28)})


def met(points: Path, zones: Path, where: Where) -> list[bool]:
    placers = [Placer(Locator.from_file(zones, "code").zoning)]
    return [m for _, m in units_of(ParquetSource(points), where, placers, ["v"])]


def test_the_same_count_comes_with_and_without_statistics(zones: Path, tmp_path: Path) -> None:
    table = table_of(x=PX, y=PY)
    written(tmp_path / "avec.parquet", table=table, _row_group_size=4)
    written(tmp_path / "sans.parquet", table=table, _row_group_size=4, _write_statistics=False)
    written(tmp_path / "un.parquet", table=table)
    where = Where("x", "y", crs="EPSG:2154")
    assert met(tmp_path / "avec.parquet", zones, where) == [False, False, True, False, False, True, True]
    assert met(tmp_path / "sans.parquet", zones, where) == [True] * 7
    said, out = counted(tmp_path / "avec.parquet", zones, *XY)
    assert (said["lus"], said["dedans"], said["dehors"]) == (28, 5, 4 + 2 + 2 + 3)
    assert said["motifs"] == {"coordonnees_absentes": 6, "coordonnees_infinies": 2, "coordonnees_nulles": 4}
    for other in ("sans.parquet", "un.parquet"):
        assert counted(tmp_path / other, zones, *XY) == (said, out)


def test_a_pruned_group_does_not_read_its_other_columns(zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "p.parquet", table=table_of(x=PX, y=PY), _row_group_size=4)
    placers = [Placer(Locator.from_file(zones, "code").zoning)]
    where = Where("x", "y", crs="EPSG:2154")
    units = units_of(ParquetSource(tmp_path / "p.parquet"), where, placers, ["x", "y", "g", "v"])
    assert [(m, unit()[0].schema.names) for unit, m in units][:2] == [(False, ["x", "y"])] * 2


def test_a_group_is_pruned_in_the_points_system_too(zones: Path, tmp_path: Path) -> None:
    finite = np.isfinite(PX) & np.isfinite(PY) & (PX != 0)
    frame = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(PX[finite], PY[finite]), crs=2154).to_crs(4326)
    lon, lat = frame.geometry.x.to_numpy(), frame.geometry.y.to_numpy()
    order = np.argsort(lon)
    written(tmp_path / "p.parquet", x=lon[order], y=lat[order], _row_group_size=1)
    flags = met(tmp_path / "p.parquet", zones, Where("x", "y", crs="EPSG:4326"))
    assert 0 < sum(flags) < len(flags)
    ask = ["--x", "x", "--y", "y", "--crs", "EPSG:4326", "--zones", zones, "--code", "code", "--compte"]
    assert balance(tmp_path / "p.parquet", *ask)["dedans"] == 5


def test_exchanging_axes_looks_at_every_group(zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "p.parquet", x=PY, y=PX, g=["a"] * 28, v=[1] * 28, _row_group_size=4)
    ask = [tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code", "--compte"]
    assert (balance(*ask)["dedans"], balance(*ask, "--corriger-axes")["dedans"]) == (0, 5)


def test_the_covering_of_a_geoparquet_prunes(zones: Path, tmp_path: Path) -> None:
    shapes = [None if math.isnan(x + y) else shapely.Point(x, y) for x, y in zip(PX, PY, strict=True)]
    frame = geopandas.GeoDataFrame({"g": list("aabb") * 7, "v": np.arange(28)}, geometry=shapes, crs=2154)
    frame.to_parquet(tmp_path / "avec.parquet", write_covering_bbox=True, row_group_size=4)
    frame.to_parquet(tmp_path / "sans.parquet", row_group_size=4)
    where = Where(geometrie="geometry", crs="EPSG:2154")
    # pyarrow's statistics leave nothing to tell for the group without any point.
    assert met(tmp_path / "avec.parquet", zones, where) == [False, False, True, False, False, True, True]
    assert met(tmp_path / "sans.parquet", zones, where) == [True] * 7
    assert counted(tmp_path / "avec.parquet", zones) == counted(tmp_path / "sans.parquet", zones)


def test_native_points_prune_by_their_own_columns(zones: Path, tmp_path: Path) -> None:
    shapes = [shapely.Point(x, y) for x, y in zip(PX[:4], PY[:4], strict=True)] + [shapely.Point(X, Y)] * 4
    frame = geopandas.GeoDataFrame({"g": ["a"] * 8, "v": range(8)}, geometry=shapes, crs=2154)
    frame.to_parquet(tmp_path / "p.parquet", geometry_encoding="geoarrow", row_group_size=4)
    assert met(tmp_path / "p.parquet", zones, Where(geometrie="geometry", crs="EPSG:2154")) == [False, True]
    assert counted(tmp_path / "p.parquet", zones)[0]["dedans"] == 4


@pytest.mark.parametrize("kind", [pa.float32(), pa.int64(), pa.decimal128(12, 2), pa.string()])
def test_statistics_of_other_types_never_lose_a_point(kind: pa.DataType, zones: Path, tmp_path: Path) -> None:
    whole = np.array([X - 90_000, X - 90_001, X + 1, X + 2]), np.array([Y, Y, Y + 1, Y + 2])
    decimal = pa.types.is_decimal(kind)
    x, y = (pa.array([Decimal(int(v)) if decimal else int(v) for v in c]).cast(kind) for c in whole)
    written(tmp_path / "p.parquet", x=x, y=y, _row_group_size=2)
    ask = [tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code", "--compte"]
    assert balance(*ask)["dedans"] == 2


def test_a_bound_that_is_not_a_number_says_nothing(tmp_path: Path) -> None:
    class Statistics:
        has_min_max, min, max = True, math.nan, math.nan

    class Column:
        path_in_schema, statistics = "x", Statistics()

    class Group:
        num_columns = 1

        def column(self, _: int) -> Column:
            return Column()

    source = ParquetSource.__new__(ParquetSource)
    source.metadata = type("M", (), {"row_group": lambda *_: Group()})()
    assert box_of(source, 0, Where("x", "x")) is None


def test_nothing_but_pruned_groups_still_says_the_columns_types(zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "p.parquet", x=PX[:4], y=PY[:4], g=[1, 2, 3, 4], v=[1, 2, 3, 4])
    ask = [tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code", "--compte", "--par", "g", "--somme", "v"]
    assert balance(*ask, "-o", tmp_path / "c.parquet")["dehors"] == 4
    schema = pq.read_schema(tmp_path / "c.parquet")
    assert [str(schema.field(n).type) for n in ("g", "nombre", "somme_v")] == ["int64", "int64", "int64"]


def test_a_covering_that_leads_nowhere_is_not_followed(zones: Path, tmp_path: Path) -> None:
    covering = {"bbox": {k: ["boite", k] for k in ("xmin", "ymin", "xmax", "ymax")}}
    said = {"encoding": "WKB", "geometry_types": ["Point"], "crs": None, "covering": covering}
    geo = {"version": "1.1.0", "primary_column": "g", "columns": {"g": said}}
    table = pa.table({"g": [shapely.to_wkb(shapely.Point(X, Y))]})
    written(tmp_path / "p.parquet", table=table.replace_schema_metadata({"geo": json.dumps(geo)}))
    ask = [tmp_path / "p.parquet", "--crs", "EPSG:2154", "--zones", zones, "--code", "code", "--compte"]
    assert balance(*ask)["dedans"] == 1
