"""Any perimeter file, as a table of texts and geometries: GeoJSON, shapefile, GeoPackage, FlatGeobuf, MapInfo,
GeoParquet.

The kind comes from the content, never from the name. Formats that make GDAL open other files or run commands
(VRT, GML, GDALG) are refused before GDAL sees them.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from pyogrio.raw import read_arrow
from pyproj import CRS
from pyproj.exceptions import CRSError

from qpv_data.problems import FeedError, Problem, cited
from qpv_data.sources.container import Kind, sniff
from qpv_data.sources.shapefile import check_whole, shapefile_of, text_encoding

_GEOMETRY = ("geometrie", "geometrie.x", "geometrie.y")


@dataclass(frozen=True)
class VectorTable:
    """Texts, as read, and three columns: `geometrie` (2D WKB), `geometrie.x`, `geometrie.y` (points only).

    `crs`: the file's own, as an authority's code ("EPSG:2154") or, lacking one, as WKT; None when it says nothing.
    """

    table: pa.Table
    crs: str | None


@dataclass(frozen=True)
class _Opening:
    """What GDAL is asked to open, with its options."""

    target: str
    options: dict[str, str]


def read_vector(path: Path, *, jeu: str, couche: str | None, encodage: str | None) -> VectorTable:
    """Read the only layer (or `couche`) of a file, or of a directory that holds a shapefile; rows in file order.

    Attributes become text exactly: integers without a decimal point, floats in their shortest form, booleans
    `true` or `false`, lists in JSON; null stays null. An attribute named like a geometry column is prefixed with
    `attribut.`. A GeoJSON that names no CRS is in EPSG:4326; coordinates are x (longitude) then y.
    Raises FeedError: format_inattendu (HTML, garbage, several layers, wrong encoding), source_tronquee.
    """
    file = shapefile_of(path, jeu=jeu, couche=couche) if path.is_dir() else path
    if sniff(file) is Kind.PARQUET:
        return _geoparquet(file, jeu)
    opening = _opening(file, jeu, encodage)
    with warnings.catch_warnings():
        # GDAL warns about file extensions; what would lose data is checked here, and refused.
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            layer = _only_layer(opening.target, jeu, couche)
            meta, table = read_arrow(opening.target, layer=layer, **opening.options)
            columns = {name: as_text(table[name]) for name in table.column_names if not _is_geometry(table, name)}
            geometries = shapely.from_wkb(_geometry_column(table))
        except (DataSourceError, DataLayerError, UnicodeDecodeError, pa.ArrowInvalid, shapely.GEOSException) as e:
            message = f"fichier de périmètres illisible : {cited(str(e).replace(str(file), file.name)[:200])}"
            raise _unexpected(jeu, message, "vérifier la source et `format.encodage`") from e
    renamed = {f"attribut.{n}" if n in _GEOMETRY else n: values for n, values in columns.items()}
    return VectorTable(pa.table({**renamed, **_geometry_columns(geometries)}), authority(meta["crs"]))


def _geoparquet(file: Path, jeu: str) -> VectorTable:
    from qpv_data.sources.geoparquet import read_geoparquet  # geopandas takes a second to import

    attributes, geometries, crs = read_geoparquet(file, jeu)
    texts = {n: as_text(attributes.column(n)) for n in attributes.column_names}
    renamed = {f"attribut.{n}" if n in _GEOMETRY else n: values for n, values in texts.items()}
    return VectorTable(pa.table({**renamed, **_geometry_columns(geometries)}), authority(crs))


def _opening(file: Path, jeu: str, encodage: str | None) -> _Opening:
    kind = sniff(file)
    head = _head(file)
    if kind is Kind.SHAPEFILE:
        encoding = text_encoding(check_whole(file, jeu=jeu), jeu=jeu, encodage=encodage)
        return _Opening(str(file), {} if encoding is None else {"encoding": encoding})
    if encodage is not None and encodage.lower().replace("_", "-") not in ("utf-8", "utf8", "utf-8-sig"):
        raise _unexpected(jeu, f"seul un shapefile peut être en {encodage}", "retirer `format.encodage`")
    if kind is Kind.JSON:
        # The prefix keeps GDAL from trying its other JSON drivers; dates stay the text that they were.
        return _Opening(f"GeoJSON:{file}", {"DATE_AS_STRING": "YES"})
    geopackage = kind is Kind.SQLITE and head[68:72] in (b"GPKG", b"GP10", b"GP11")
    if geopackage or head.startswith((b"fgb\x03", b"Version ")):
        return _Opening(str(file), {})
    expected = "GeoJSON, shapefile, GeoPackage, FlatGeobuf, GeoParquet ou MapInfo MIF attendu"
    raise _unexpected(jeu, f"{expected}, reçu : {kind.value}", "vérifier l'adresse et `source.membre`")


def _head(file: Path) -> bytes:
    with file.open("rb") as f:
        return f.read(128)


def _unexpected(jeu: str, message: str, remede: str) -> FeedError:
    return FeedError(jeu, Problem.FORMAT_INATTENDU, message, remede)


def _only_layer(target: str, jeu: str, couche: str | None) -> str:
    """`couche`, else the only layer with geometries: QGIS leaves tables of styles in its GeoPackages."""
    layers = {str(name): kind for name, kind in pyogrio.list_layers(target)}
    if couche is not None and couche in layers:
        return couche
    spatial = [name for name, kind in layers.items() if kind is not None]
    if couche is None and len(spatial) == 1:
        return spatial[0]
    shown = cited(", ".join(spatial)) if spatial else "aucune"
    wanted = "une seule couche géographique" if couche is None else f"la couche {couche!r}"
    raise _unexpected(jeu, f"{wanted} attendue ; couches du fichier : {shown}", "préciser `format.couche`")


def _is_geometry(table: pa.Table, name: str) -> bool:
    metadata = table.schema.field(name).metadata or {}
    return bool(metadata.get(b"ARROW:extension:name") in (b"geoarrow.wkb", b"ogc.wkb"))


def _geometry_column(table: pa.Table) -> NDArray[np.object_]:
    for name in table.column_names:
        if _is_geometry(table, name):
            return np.array(table[name].to_pylist(), dtype=object)
    return np.full(table.num_rows, None, dtype=object)


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """Null stays null; see `read_vector` for each type. Raises UnicodeDecodeError on bytes that are not UTF-8."""
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], type=column.type.storage_type)
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = pc.cast(column, kind.value_type), kind.value_type
    if pa.types.is_floating(kind):
        return pa.array(_float_texts(column), type=pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _each(column, bytes.hex)
    if pa.types.is_nested(kind):
        return _each(column, lambda v: json.dumps(v, ensure_ascii=False))
    text = pc.cast(column, pa.string())
    text.validate(full=True)
    return text


def _each(column: pa.ChunkedArray, show: Callable[[Any], str]) -> pa.Array:
    return pa.array([None if v is None else show(v) for v in column.to_pylist()], type=pa.string())


def _float_texts(column: pa.ChunkedArray | pa.Array) -> list[str | None]:
    """Shortest text that gives the same float back; whole numbers without `.0`; NaN is null."""
    values = column.to_pylist()
    if not pa.types.is_float64(column.type):
        values = [None if v is None else float(str(np.float32(v))) for v in values]
    return [None if v is None or math.isnan(v) else repr(v).removesuffix(".0") for v in values]


def _geometry_columns(geometries: NDArray[np.object_]) -> dict[str, pa.Array]:
    flat = shapely.force_2d(geometries)
    # Null is no point, and an empty one has no coordinates: GEOS may raise when it is asked for them.
    points = (shapely.get_type_id(flat) == shapely.GeometryType.POINT) & ~shapely.is_empty(flat)
    x, y = np.full(len(flat), np.nan), np.full(len(flat), np.nan)
    x[points], y[points] = shapely.get_x(flat[points]), shapely.get_y(flat[points])
    return {
        "geometrie": pa.array(shapely.to_wkb(flat, byte_order=1).tolist(), type=pa.binary()),
        "geometrie.x": pa.array(_float_texts(pa.array(x)), type=pa.string()),
        "geometrie.y": pa.array(_float_texts(pa.array(y)), type=pa.string()),
    }


def authority(crs: str | None) -> str | None:
    """ "EPSG:2154" for what GDAL or an ESRI .prj calls RGF93_Lambert_93 or IGNF:LAMB93; WKT for the unnamed."""
    if not crs:
        return None
    try:
        known = CRS.from_user_input(crs).to_2d()
    except CRSError:
        return None
    if known.is_engineering:
        return None
    if epsg := known.to_epsg(min_confidence=70):
        return f"EPSG:{epsg}"
    authority = known.to_authority(min_confidence=70)
    if authority == ("OGC", "CRS84"):
        return "EPSG:4326"
    return ":".join(authority) if authority else known.to_wkt()
