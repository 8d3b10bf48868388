"""zones.parquet is a GeoParquet 1.1 of both generations, whose covering lets readers take a rectangle of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyarrow.parquet as pq
import pytest
import shapely
from publication import internal
from pyproj import CRS

SIDES = ("xmin", "ymin", "xmax", "ymax")


@pytest.fixture(scope="module")
def zones(demonstration: Path) -> Path:
    return internal(demonstration).path("zones")


@pytest.fixture(scope="module")
def geo(zones: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(pq.read_schema(zones).metadata[b"geo"])
    return content


def test_the_metadata_are_those_of_the_specification(zones: Path, geo: dict[str, Any]) -> None:
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometrie")
    column = geo["columns"][geo["primary_column"]]
    assert (column["encoding"], column["edges"], column["orientation"]) == ("WKB", "planar", "counterclockwise")
    assert CRS.from_json_dict(column["crs"]) == CRS.from_authority("OGC", "CRS84")
    assert column["covering"] == {"bbox": {side: ["bbox", side] for side in SIDES}}
    box = pq.read_schema(zones).field("bbox").type
    assert [(f.name, str(f.type)) for f in box] == [(side, "double") for side in SIDES]


def test_kinds_bounds_and_orientation_are_those_of_the_contours(zones: Path, geo: dict[str, Any]) -> None:
    shapes = gpd.read_parquet(zones).geometry.dropna()
    column = geo["columns"]["geometrie"]
    assert column["geometry_types"] == sorted(set(shapes.geom_type))
    assert column["bbox"] == shapes.total_bounds.tolist()
    rings = [part.exterior for shape in shapes for part in shapely.get_parts(shape)]
    assert all(ring.is_ccw for ring in rings)
    assert [r.is_ccw for s in shapes for p in shapely.get_parts(s) for r in p.interiors if r.is_ccw] == []


def test_the_box_of_a_zone_is_null_when_it_has_no_contour_and_covers_it_otherwise(zones: Path) -> None:
    table = pq.read_table(zones, columns=["geometrie", "bbox"]).to_pylist()
    assert any(r["geometrie"] is None for r in table)
    for row in table:
        if row["geometrie"] is None:
            assert row["bbox"] is None
        else:
            assert tuple(row["bbox"][s] for s in SIDES) == shapely.from_wkb(row["geometrie"]).bounds


def test_both_generations_are_read_in_a_rectangle(zones: Path) -> None:
    quarters = gpd.read_parquet(zones, filters=[("famille", "==", "qpv")])
    assert set(quarters.zonage) == {"qpv2015", "qpv2024"}
    (chosen,) = quarters[quarters.zonage == "qpv2024"].head(1).itertuples()
    around = gpd.read_parquet(zones, bbox=chosen.geometrie.bounds)
    drawn = [r for r in gpd.read_parquet(zones).itertuples() if r.geometrie is not None]
    window = shapely.box(*chosen.geometrie.bounds)
    wanted = {r.code_zone for r in drawn if shapely.box(*r.geometrie.bounds).intersects(window)}
    assert {chosen.code_zone} <= set(around.code_zone) == wanted
    assert len(wanted) < len(drawn)
