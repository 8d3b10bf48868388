"""Shapefile, GeoPackage and GeoJSON written byte by byte: GDAL would put today's date in two of them."""

from __future__ import annotations

import io
import sqlite3
import struct
from collections.abc import Mapping, Sequence

from pyproj import CRS, Transformer

from qpv_data.demo.geometrie import Anneau, Point, bounds
from qpv_data.demo.territoire import Zone

EPSG = 2154
LARGEUR_DBF = 254


def _ring(ring: Anneau, *, clockwise: bool) -> list[Point]:
    """The ring closed, in the orientation wanted (a bow-tie has the sign of its larger lobe)."""
    twice = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, (*ring[1:], ring[0]), strict=True))
    turned = list(ring) if (twice < 0) == clockwise else [ring[0], *reversed(ring[1:])]
    return [*turned, turned[0]]


def shapefile(zones: Sequence[Zone], columns: Mapping[str, Sequence[str]], stem: str) -> dict[str, bytes]:
    """Polygons in EPSG:2154, a cp1252 dbf and no .cpg, as the official 2015 distribution. Names to contents."""
    records = [_shape(zone) for zone in zones]
    shp, shx, offset = io.BytesIO(), io.BytesIO(), 50
    for n, content in enumerate(records, start=1):
        shp.write(struct.pack(">ii", n, len(content) // 2) + content)
        shx.write(struct.pack(">ii", offset, len(content) // 2))
        offset += 4 + len(content) // 2
    box = bounds([ring for zone in zones for ring in zone.rings])
    wkt = CRS.from_epsg(EPSG).to_wkt("WKT1_ESRI")
    return {
        f"{stem}.shp": _shp_header(shp.tell(), box) + shp.getvalue(),
        f"{stem}.shx": _shp_header(shx.tell(), box) + shx.getvalue(),
        f"{stem}.dbf": _dbf(columns),
        f"{stem}.prj": wkt.encode("ascii"),
    }


def _shp_header(size: int, box: Sequence[int]) -> bytes:
    return struct.pack(">7i", 9994, 0, 0, 0, 0, 0, (100 + size) // 2) + struct.pack("<ii8d", 1000, 5, *box, 0, 0, 0, 0)


def _shape(zone: Zone) -> bytes:
    rings = [_ring(r, clockwise=k == 0) for partie in zone.parties for k, r in enumerate(partie)]
    starts = [sum(len(r) for r in rings[:k]) for k in range(len(rings))]
    points = [c for ring in rings for point in ring for c in point]
    head = struct.pack("<i4dii", 5, *bounds(zone.rings), len(rings), len(points) // 2)
    return head + struct.pack(f"<{len(starts)}i", *starts) + struct.pack(f"<{len(points)}d", *points)


def _dbf(columns: Mapping[str, Sequence[str]]) -> bytes:
    names, rows = list(columns), list(zip(*columns.values(), strict=True))
    size = 1 + LARGEUR_DBF * len(names)
    out = [struct.pack("<4BIHH20x", 3, 115, 12, 8, len(rows), 33 + 32 * len(names), size)]
    out += [struct.pack("<11sc4xBB14x", name.encode(), b"C", LARGEUR_DBF, 0) for name in names]
    out.append(b"\r")
    for row in rows:
        out.append(b" " + b"".join(cell.encode("cp1252").ljust(LARGEUR_DBF) for cell in row))
    return b"".join(out) + b"\x1a"


def geojson_geometry(zone: Zone) -> dict[str, object]:
    """A MultiPolygon in longitude, latitude (WGS 84), nine decimals: a tenth of a millimetre."""
    to_wgs84 = Transformer.from_crs(EPSG, 4326, always_xy=True)
    polygons = []
    for partie in zone.parties:
        rings = []
        for k, ring in enumerate(partie):
            xs, ys = zip(*_ring(ring, clockwise=k > 0), strict=True)
            lons, lats = to_wgs84.transform(xs, ys)
            rings.append([[round(x, 9), round(y, 9)] for x, y in zip(lons, lats, strict=True)])
        polygons.append(rings)
    return {"type": "MultiPolygon", "coordinates": polygons}


def feature_collection(name: str, features: Sequence[tuple[Mapping[str, object], Zone]]) -> dict[str, object]:
    """Features in the order given."""
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    items = [{"type": "Feature", "properties": dict(p), "geometry": geojson_geometry(z)} for p, z in features]
    return {"type": "FeatureCollection", "name": name, "crs": crs, "features": items}


_GPKG = """
PRAGMA application_id = 1196444487; PRAGMA user_version = 10300;
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
 organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
 description TEXT DEFAULT '', last_change DATETIME NOT NULL, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE,
 srs_id INTEGER);
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT
 NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL, PRIMARY KEY (table_name, column_name));
CREATE TABLE iris (fid INTEGER PRIMARY KEY, geom MULTIPOLYGON, code_iris TEXT, nom_iris TEXT, insee_com TEXT);
"""


def geopackage_iris(zones: Sequence[Zone]) -> bytes:
    """Layer `iris` in EPSG:2154: code_iris, nom_iris, insee_com."""
    with sqlite3.connect(":memory:") as db:
        db.executescript(_GPKG)
        undefined = [("Undefined cartesian", -1, "NONE", -1, "undefined", None),
                     ("Undefined geographic", 0, "NONE", 0, "undefined", None)]  # fmt: skip
        systems = [
            (CRS.from_epsg(n).name, n, "EPSG", n, CRS.from_epsg(n).to_wkt("WKT1_GDAL"), None) for n in (EPSG, 4326)
        ]
        db.executemany("INSERT INTO gpkg_spatial_ref_sys VALUES (?,?,?,?,?,?)", [*undefined, *systems])
        box = bounds([ring for zone in zones for ring in zone.rings])
        contents = ("iris", "features", "iris", "", "2024-01-01T00:00:00.000Z", *box, EPSG)
        db.execute("INSERT INTO gpkg_contents VALUES (?,?,?,?,?,?,?,?,?,?)", contents)
        db.execute("INSERT INTO gpkg_geometry_columns VALUES ('iris','geom','MULTIPOLYGON',?,0,0)", (EPSG,))
        rows = [(n, _gpkg_blob(z), z.code, z.nom, z.communes[0]) for n, z in enumerate(zones, start=1)]
        db.executemany("INSERT INTO iris VALUES (?,?,?,?,?)", rows)
        db.commit()
        return bytes(db.serialize())


def _gpkg_blob(zone: Zone) -> bytes:
    body = struct.pack("<BII", 1, 6, len(zone.parties))
    for partie in zone.parties:
        body += struct.pack("<BII", 1, 3, len(partie))
        for k, ring in enumerate(partie):
            points = _ring(ring, clockwise=k > 0)
            body += struct.pack("<I", len(points)) + b"".join(struct.pack("<dd", *p) for p in points)
    return b"GP" + struct.pack("<BBi", 0, 1, EPSG) + body
