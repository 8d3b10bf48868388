"""The zones as they are published: one row a zone, contours as GeoParquet 1.1 in longitude, latitude."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from pyproj import CRS

from qpv_data.coverage import TERRITOIRE
from qpv_data.zonages.crs import reproject

_LONLAT = 4326


def write_zones(zonages: Path, target: Path) -> int:
    """Write `zones.parquet`; returns its rows. `zone_id` of `territoire` is added: it has no contour of its own.

    Vertices are moved to EPSG:4326 (lon, lat), never simplified. For measures, `superficie_m2` was taken in the
    local projected CRS, whose EPSG stands in `epsg`.
    """
    table = pq.read_table(zonages / "zones.parquet")
    shapes = np.array(table["geometrie"].to_pylist(), dtype=object)
    moved = shapely.from_wkb(shapes)
    epsg = np.array([e or 0 for e in table["epsg"].to_pylist()])
    for code in sorted(set(epsg) - {0}):
        rows = np.flatnonzero((epsg == code) & ~shapely.is_missing(moved))
        moved[rows] = reproject(moved[rows], f"EPSG:{code}", f"EPSG:{_LONLAT}")
    bounds = shapely.bounds(moved)
    table = table.drop_columns(["geometrie", "xmin", "ymin", "xmax", "ymax"])
    geometry = pa.array(shapely.to_wkb(moved).tolist(), pa.binary())
    fields = [("xmin", 0), ("ymin", 1), ("xmax", 2), ("ymax", 3)]
    box = pa.StructArray.from_arrays(
        [pa.array(bounds[:, i], pa.float64(), from_pandas=True) for _, i in fields],
        [n for n, _ in fields],
        mask=pa.array(np.isnan(bounds).any(axis=1)),
    )
    table = table.append_column("geometrie", geometry).append_column("bbox", box)
    table = _with_territory(table)
    metadata = {**(table.schema.metadata or {}), b"geo": json.dumps(_geo()).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), target, compression="zstd")
    return int(table.num_rows)


def _with_territory(table: pa.Table) -> pa.Table:
    row: dict[str, Any] = dict.fromkeys(table.column_names)
    row |= {"zonage": TERRITOIRE, "famille": TERRITOIRE, "code_zone": TERRITOIRE, "nom": "Ensemble du territoire"}
    row |= {"statut": "sans_contour", "reparee": False}
    if "millesime" in row:
        row["millesime"] = ""
    extra = pa.Table.from_pylist([row], schema=table.schema)
    return pa.concat_tables([table, extra]).sort_by([("zonage", "ascending"), ("code_zone", "ascending")])


def _geo() -> dict[str, Any]:
    covering = {"bbox": {k: ["bbox", k] for k in ("xmin", "ymin", "xmax", "ymax")}}
    column = {
        "encoding": "WKB",
        "geometry_types": [],
        "crs": CRS.from_authority("OGC", "CRS84").to_json_dict(),
        "covering": covering,
    }
    return {"version": "1.1.0", "primary_column": "geometrie", "columns": {"geometrie": column}}
