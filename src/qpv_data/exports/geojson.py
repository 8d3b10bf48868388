"""Perimeters as GeoJSON (RFC 7946), for maps: longitude and latitude, never simplified."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import BinaryIO

import shapely

from qpv_data.exports.folder import AudienceFolder

_COLUMNS = ("zonage", "code_zone", "nom", "millesime", "superficie_m2")


def write_geojson(folder: AudienceFolder, zones: Collection[tuple[str, str]] | None, sink: BinaryIO) -> int:
    """Write the zones that have a contour, of (zonage, code_zone) or all of them, a line a zone, by zoning and code.
    Returns how many. Outer rings turn counterclockwise."""
    table = folder.table("zones").select([*_COLUMNS, "geometrie"]).sort_by([(n, "ascending") for n in _COLUMNS[:2]])
    written = 0
    sink.write(b'{"type": "FeatureCollection", "features": [')
    for batch in table.to_batches(max_chunksize=500):
        for row in batch.to_pylist():
            contour = row.pop("geometrie")
            if contour is None or (zones is not None and (row["zonage"], row["code_zone"]) not in zones):
                continue
            shape = shapely.orient_polygons(shapely.from_wkb(contour))
            properties = json.dumps(row, ensure_ascii=False)
            feature = f'{{"type": "Feature", "properties": {properties}, "geometry": {shapely.to_geojson(shape)}}}'
            sink.write((",\n" if written else "\n").encode() + feature.encode())
            written += 1
    sink.write(b"\n]}\n")
    return written
