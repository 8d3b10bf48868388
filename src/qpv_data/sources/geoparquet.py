"""GeoParquet files of perimeters or points, in any of its encodings."""

from __future__ import annotations

from pathlib import Path

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from qpv_data.problems import FeedError, Problem


def read_geoparquet(path: Path, jeu: str) -> tuple[pa.Table, NDArray[np.object_], str | None]:
    """(attributes as stored, geometries, CRS as authority or WKT), rows in file order.

    A file that names no CRS is in longitude and latitude (OGC:CRS84), as its specification says; one that says null
    has none. Raises FeedError format_inattendu.
    """
    try:
        frame = geopandas.read_parquet(path)
        names = [n for n in pq.ParquetFile(path).schema_arrow.names if n in frame.columns]
        kept = [n for n in names if n not in frame.select_dtypes("geometry").columns]
        attributes = pq.read_table(path, columns=kept) if kept else pa.table({})
        geometries = np.asarray(shapely.force_2d(frame.geometry.to_numpy()), dtype=object)
    except (ValueError, TypeError, KeyError, OSError, pa.ArrowException, shapely.GEOSException) as e:
        message = f"GeoParquet illisible ({type(e).__name__})"
        raise FeedError(jeu, Problem.FORMAT_INATTENDU, message, "demander une nouvelle livraison") from None
    crs = frame.crs
    return attributes, geometries, None if crs is None else (crs.to_string() if crs.to_authority() else crs.to_wkt())
