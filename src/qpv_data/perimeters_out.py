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
from qpv_data.exports.parquet import WRITING, commented
from qpv_data.exports.words import words
from qpv_data.zonages.crs import reproject

_LONLAT = 4326
_KINDS = {3: "Polygon", 6: "MultiPolygon"}
ROW_GROUP_SIZE = 512
"""Zones of a row group: a department's quarters are read without the others'. Contours weigh about 1 kB each."""


def write_zones(zonages: Path, target: Path) -> int:
    """Write `zones.parquet`; returns its rows. `zone_id` of `territoire` is added: it has no contour of its own.

    Vertices are moved to EPSG:4326 (lon, lat), never simplified; outer rings turn counterclockwise, as the file says.
    For measures, `superficie_m2` was taken in the local projected CRS, whose EPSG stands in `epsg`. Rows go by zoning
    and code, whose first characters are the department's: a row group holds neighbours, which its bounds select.
    """
    table = pq.read_table(zonages / "zones.parquet")
    shapes = np.array(table["geometrie"].to_pylist(), dtype=object)
    moved = shapely.from_wkb(shapes)
    epsg = np.array([e or 0 for e in table["epsg"].to_pylist()])
    for code in sorted(set(epsg) - {0}):
        rows = np.flatnonzero((epsg == code) & ~shapely.is_missing(moved))
        moved[rows] = reproject(moved[rows], f"EPSG:{code}", f"EPSG:{_LONLAT}")
    moved = shapely.orient_polygons(moved)
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
    drawn = bounds[~np.isnan(bounds).any(axis=1)]
    whole = [*drawn[:, :2].min(axis=0).tolist(), *drawn[:, 2:].max(axis=0).tolist()] if len(drawn) else None
    kinds = sorted({_KINDS[n] for n in shapely.get_type_id(moved).tolist() if n in _KINDS})
    metadata = {**(table.schema.metadata or {}), b"geo": json.dumps(_geo(kinds, whole)).encode()}
    table = table.cast(commented(table.schema.with_metadata(metadata), "zones", words()["zones"]))
    pq.write_table(table, target, row_group_size=ROW_GROUP_SIZE, **WRITING)
    return int(table.num_rows)


def _with_territory(table: pa.Table) -> pa.Table:
    row: dict[str, Any] = dict.fromkeys(table.column_names)
    row |= {"zonage": TERRITOIRE, "famille": TERRITOIRE, "code_zone": TERRITOIRE, "nom": "Ensemble du territoire"}
    row |= {"statut": "sans_contour", "reparee": False}
    if "millesime" in row:
        row["millesime"] = ""
    extra = pa.Table.from_pylist([row], schema=table.schema)
    return pa.concat_tables([table, extra]).sort_by([("zonage", "ascending"), ("code_zone", "ascending")])


def _geo(kinds: list[str], whole: list[float] | None) -> dict[str, Any]:
    """The `geo` metadata of GeoParquet 1.1.0; `whole` are the bounds of all the zones, when one is drawn."""
    covering = {"bbox": {k: ["bbox", k] for k in ("xmin", "ymin", "xmax", "ymax")}}
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": kinds,
        "crs": CRS.from_authority("OGC", "CRS84").to_json_dict(),
        "edges": "planar",
        "orientation": "counterclockwise",
        **({} if whole is None else {"bbox": whole}),
        "covering": covering,
    }
    return {"version": "1.1.0", "primary_column": "geometrie", "columns": {"geometrie": column}}
