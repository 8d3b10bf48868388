"""Any file of polygons as zones: what `--zones FILE --code COLUMN` reads, outside any declared referential."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from qpv_data.grid.layers import FARTHEST
from qpv_data.problems import FeedError, Problem, listed
from qpv_data.sources.archive import Limits
from qpv_data.sources.container import Kind, open_delivery, sniff
from qpv_data.sources.vector import authority, read_vector
from qpv_data.zonages.crs import same_crs
from qpv_data.zonages.perimeters import polygons_of, repair


@dataclass(frozen=True)
class ZoneFile:
    """Zones of a file, in its CRS: `codes`, sorted and distinct; `geometries`, valid polygons, aligned.

    `crs`: "EPSG:2154", or WKT for a system without a number. `reparees`: codes whose geometry was invalid;
    `sans_aire`: codes without any area (no geometry, or one that collapses), which are in no point's answer.
    """

    codes: tuple[str, ...]
    geometries: NDArray[Any]
    crs: str
    reparees: tuple[str, ...]
    sans_aire: tuple[str, ...]


def read_zones_file(path: Path, code: str, crs: str | None = None) -> ZoneFile:
    """Read GeoJSON, shapefile, GeoPackage, FlatGeobuf, MapInfo, GeoParquet, or a ZIP that holds one of them.

    `code`: the column of the zones' codes, read as text. Rows of one code are parts of one zone. `crs`: for a file
    that names none; it never overrides one. Heights are dropped.
    Raises FeedError: format_inattendu, colonne_inconnue, perimetres_invalides (codes absent, no polygon at all),
    crs_inattendu (none, or another than `crs`).
    """
    name = path.name
    rows = _read(path)
    codes = _codes(rows.columns, code, name)
    agreed = _agreed(rows.crs, crs, name)
    geometries = shapely.force_2d(rows.geometries)
    xy, owner = shapely.get_coordinates(geometries, return_index=True)
    if lost := sorted({codes[i] for i in owner[~np.isfinite(xy).all(axis=1)]}):
        raise _invalid(name, f"coordonnées infinies ou absentes : {listed(lost)}", "corriger le fichier")
    if far := sorted({codes[i] for i in owner[(np.abs(xy) > FARTHEST).any(axis=1)]}):
        raise _invalid(name, f"coordonnées au-delà de {FARTHEST:g} : {listed(far)}", "vérifier le fichier et son CRS")
    sound, reasons = repair(geometries)
    parts: dict[str, list[Any]] = {c: [] for c in sorted(set(codes))}
    for zone, shape in zip(codes, sound, strict=True):
        drawn = None if shape is None else polygons_of(shape)
        if drawn is not None and drawn.area > 0:
            parts[zone].append(drawn)
    kept = [c for c, found in parts.items() if found]
    if not kept:
        raise _invalid(name, "aucun polygone", "donner un fichier de polygones")
    shapes = np.empty(len(kept), dtype=object)
    shapes[:] = [_joined(parts[c]) for c in kept]
    return ZoneFile(
        codes=tuple(kept),
        geometries=shapes,
        crs=agreed,
        reparees=tuple(sorted({codes[i] for i, reason in enumerate(reasons) if reason is not None})),
        sans_aire=tuple(c for c, found in parts.items() if not found),
    )


@dataclass(frozen=True)
class _Rows:
    columns: Mapping[str, Sequence[Any]]
    geometries: NDArray[Any]
    crs: str | None


def _read(path: Path) -> _Rows:
    if not path.exists():
        raise FeedError(path.name, Problem.SOURCE_ABSENTE, "fichier de zones absent", "vérifier le chemin")
    if path.is_dir():
        return _vector(path, path.name)
    with tempfile.TemporaryDirectory(prefix="qpv-zones-") as folder:
        opened = open_delivery(path, jeu=path.name, membre=None, into=Path(folder), limite=Limits())
        if opened.is_file() and sniff(opened) is Kind.PARQUET:
            return _geoparquet(opened, path.name)
        return _vector(opened, path.name)


def _vector(path: Path, name: str) -> _Rows:
    read = read_vector(path, jeu=name, couche=None, encodage=None)
    columns = {n: read.table[n].to_pylist() for n in read.table.column_names if not n.startswith("geometrie")}
    wkb = np.array([*read.table["geometrie"].to_pylist(), None], dtype=object)[:-1]
    return _Rows(columns, shapely.from_wkb(wkb), read.crs)


def _geoparquet(path: Path, name: str) -> _Rows:
    """WKB and native encodings alike: geopandas knows both. Without a word on its CRS, the format says OGC:CRS84."""
    import geopandas

    try:
        frame = geopandas.read_parquet(path)
    except (ValueError, OSError) as e:
        remedy = "donner un GeoParquet, ou un autre format de polygones"
        message = f"GeoParquet illisible : {' '.join(str(e).split())[:200]}"
        raise FeedError(name, Problem.FORMAT_INATTENDU, message, remedy) from e
    attributes = frame.drop(columns=frame.geometry.name).astype(object)
    attributes = attributes.where(attributes.notna(), None)
    columns = {str(n): attributes[n].tolist() for n in attributes.columns}
    return _Rows(columns, np.asarray(frame.geometry.values), authority(frame.crs.to_wkt()) if frame.crs else None)


def _codes(columns: Mapping[str, Sequence[Any]], code: str, name: str) -> list[str]:
    if code not in columns:
        close = difflib.get_close_matches(code, columns, n=1, cutoff=0.5)
        message = f"colonne {code!r} absente ; colonnes : {', '.join(map(repr, columns)) or 'aucune'}"
        remedy = f"vouliez-vous « {close[0]} » ?" if close else "donner le nom exact d'une colonne"
        raise FeedError(name, Problem.COLONNE_INCONNUE, message, remedy)
    texts = [code_text(v) for v in columns[code]]
    if absent := [n for n, v in enumerate(texts, start=1) if v is None]:
        raise _invalid(name, f"{len(absent)} zones sans code : lignes {listed(map(str, absent))}", "les nommer")
    return [v for v in texts if v is not None]


def code_text(value: Any) -> str | None:
    """A code as text, None when there is none.

    A column of whole numbers that a missing value made decimal gives whole numbers back.
    """
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None


def _agreed(of_file: str | None, declared: str | None, name: str) -> str:
    if of_file is None and declared is None:
        message = "le fichier de zones ne dit pas son système de coordonnées"
        raise FeedError(name, Problem.CRS_INATTENDU, message, "le donner : --zones-crs EPSG:2154, par exemple")
    if declared is not None and (declared := _placing(said := declared)) is None:
        message = f"système de coordonnées inconnu, ou qui ne place rien au sol : {said[:80]}"
        raise FeedError(name, Problem.CRS_INATTENDU, message, "écrire par exemple EPSG:2154")
    if of_file is not None and declared is not None and not same_crs(of_file, declared):
        message = f"le fichier est en {of_file.splitlines()[0][:80]}, et non en {declared}"
        raise FeedError(name, Problem.CRS_INATTENDU, message, "donner le système du fichier, ou ne rien donner")
    agreed = declared or of_file
    assert agreed is not None
    return agreed


def _placing(crs: str) -> str | None:
    """The CRS as `authority` writes it; None when it is unknown, or places no point (a height, a geocentric one)."""
    try:
        read = CRS.from_user_input(crs)
    except CRSError:
        return None
    return authority(crs) if read.is_geographic or read.is_projected else None


def _joined(parts: Sequence[Any]) -> Any:
    """One valid geometry of several rows of a code; the very same object when there is one."""
    if len(parts) == 1:
        return parts[0]
    whole = shapely.multipolygons([p for part in parts for p in shapely.get_parts(part)])
    return whole if whole.is_valid else shapely.union_all(parts)


def _invalid(name: str, message: str, remedy: str) -> FeedError:
    return FeedError(name, Problem.PERIMETRES_INVALIDES, message, remedy)
