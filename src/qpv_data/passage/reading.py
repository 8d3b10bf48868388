"""Read what a passage is made from: composed zonings, files of polygons, layers of points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from qpv_data.engine import sql_path
from qpv_data.passage.model import Contour, Generation
from qpv_data.passage.weights import MILLION, Batch, Floats, Points
from qpv_data.problems import FeedError, MotifInconnu, Problem
from qpv_data.zonages.crs import lon_lat, reproject, same_crs
from qpv_data.zonages.files import read_zones_file
from qpv_data.zonages.perimeters import polygons_of, repair
from qpv_data.zonages.territories import load_territories, territory_of_points

_BATCH = 1_000_000


def read_composed(directory: Path, zonage: str) -> Generation:
    """A zoning of a run's folder `zonages`, as `compose_zonages` wrote it.

    Raises FeedError: no such folder, no such zoning, or one without contours.
    """
    if not (directory / "zones.parquet").is_file():
        message = f"{directory} n'a pas de zones.parquet"
        raise FeedError(zonage, Problem.SOURCE_ABSENTE, message, "donner le dossier zonages/ d'une exécution")
    columns = ["zonage", "code_zone", "territoire", "epsg", "geometrie"]
    rows = pq.read_table(directory / "zones.parquet", columns=columns).to_pylist()
    own = [r for r in rows if r["zonage"] == zonage]
    if not any(r["geometrie"] is not None for r in own):
        drawn = sorted({r["zonage"] for r in rows if r["geometrie"] is not None})
        message = "zonage sans contour" if own else "zonage inconnu"
        raise FeedError(zonage, Problem.REFERENCE_INCONNUE, message, f"zonages tracés : {', '.join(drawn)}")
    in_force = pq.read_table(directory / "en_vigueur.parquet", columns=["zonage", "territoire"]).to_pylist()
    contours = [
        Contour(r["code_zone"], r["territoire"], r["epsg"], r["geometrie"] and shapely.from_wkb(r["geometrie"]))
        for r in own
    ]
    return Generation.of(zonage, contours, {r["territoire"] for r in in_force if r["zonage"] == zonage})


def read_file(path: Path, code: str, crs: str | None, zonage: str) -> Generation:
    """A file of polygons, each moved to the projected CRS of its territory: where the middle of its bounds is.

    Without a declaration to say so, the file speaks of the territories where it has a zone.
    Raises FeedError: what `read_zones_file` raises, and crs_inattendu naming the zones outside every territory.
    """
    zones = read_zones_file(path, code, crs)
    known = load_territories()
    xmin, ymin, xmax, ymax = shapely.bounds(zones.geometries).T
    places = territory_of_points(*lon_lat((xmin + xmax) / 2, (ymin + ymax) / 2, zones.crs))
    if strangers := [c for c, place in zip(zones.codes, places, strict=True) if place < 0]:
        shown = ", ".join(strangers[:10]) + (", …" if len(strangers) > 10 else "")
        message = f"{len(strangers)} zones hors des territoires français, lues en {zones.crs} : {shown}"
        raise FeedError(path.name, Problem.CRS_INATTENDU, message, "vérifier le système et l'ordre des axes")
    contours = [Contour(c, None, None, None) for c in zones.sans_aire]
    for place in np.unique(places):
        territory = known[place]
        rows = np.flatnonzero(places == place)
        moved, _ = repair(reproject(zones.geometries[rows], zones.crs, f"EPSG:{territory.epsg}"))
        contours += [
            Contour(zones.codes[n], territory.id, territory.epsg, polygons_of(shape))
            for n, shape in zip(rows, moved, strict=True)
        ]
    return Generation.of(zonage, contours, {known[place].id for place in np.unique(places)})


def read_points(path: Path, x: str, y: str, crs: str, poids: str | None = None) -> Points:
    """Points of a Parquet or CSV file, read as they are asked for, in batches.

    A point whose coordinates are absent or unreadable, or that is in no French territory, has no known place: it
    is counted by reason, never placed outside. `poids`: a column of numbers, 0 or more, held to the millionth.
    Raises FeedError: no such file or column, a CRS that cannot be read, weights that are absent, negative or infinite.
    """
    name = path.name
    try:
        CRS.from_user_input(crs)
    except CRSError as e:
        raise FeedError(name, Problem.CRS_INATTENDU, f"système illisible : {crs}", "par exemple EPSG:4326") from e
    if not path.is_file():
        raise FeedError(name, Problem.SOURCE_ABSENTE, "fichier de points absent", "vérifier le chemin")
    points = Points(())
    points.batches = _batches(path, (x, y, poids), crs, points)
    return points


def _batches(path: Path, columns: tuple[str, str, str | None], crs: str, points: Points) -> Iterator[Batch]:
    territories = load_territories()
    for x, y, weight in _numbers(path, columns):
        points.lus += len(x)
        millionths = _millionths(path.name, weight)
        lon, lat = np.full(len(x), np.nan), np.full(len(x), np.nan)
        finite = np.isfinite(x) & np.isfinite(y)
        lon[finite], lat[finite] = lon_lat(x[finite], y[finite], crs)
        places = territory_of_points(lon, lat)
        outside = int((finite & (places < 0)).sum())
        points.inconnus += Counter(
            {
                MotifInconnu.COORDONNEES_ABSENTES.value: int((~finite).sum()),
                MotifInconnu.HORS_TERRITOIRE.value: outside,
            }
        )
        for place in np.unique(places[places >= 0]):
            rows = np.flatnonzero(places == place)
            px, py = _moved(x[rows], y[rows], crs, f"EPSG:{territories[place].epsg}")
            yield Batch(territories[place].id, territories[place].epsg, px, py, millionths[rows])


def _moved(x: Floats, y: Floats, source: str, target: str) -> tuple[Floats, Floats]:
    if same_crs(source, target):
        return x, y
    px, py = Transformer.from_crs(source, target, always_xy=True).transform(x, y)
    return np.asarray(px), np.asarray(py)


def _numbers(path: Path, columns: tuple[str, str, str | None]) -> Iterator[tuple[Floats, ...]]:
    """x, y and weight (1 without a column), in the order of the file; NaN where there is no number."""
    is_csv = path.suffix.lower() not in (".parquet", ".geoparquet", ".pq")
    source = f"read_csv({sql_path(path)}, all_varchar = true)" if is_csv else f"read_parquet({sql_path(path)})"
    with duckdb.connect() as con:
        try:
            found = {r[0]: r[1] for r in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        except duckdb.Error as e:
            message = f"fichier illisible : {str(e).splitlines()[0][:200]}"
            raise FeedError(path.name, Problem.FORMAT_INATTENDU, message, "donner un Parquet ou un CSV") from e
        if missing := [c for c in columns if c is not None and c not in found]:
            message = f"colonnes absentes : {', '.join(missing)} ; colonnes : {', '.join(found)}"
            raise FeedError(path.name, Problem.COLONNE_INCONNUE, message, "donner le nom exact des colonnes")
        chosen = ", ".join("CAST(1 AS DOUBLE)" if c is None else _number(c, found[c]) for c in columns)
        reader = con.execute(f"SELECT {chosen} FROM {source}").to_arrow_reader(_BATCH)
        for batch in reader:
            # A null is NaN: both mean that there is no number.
            yield tuple(c.to_numpy(zero_copy_only=False).astype(np.float64) for c in batch.columns)


def _number(column: str, kind: str) -> str:
    """A column as a number; texts may have a decimal comma, and those that are no number give none."""
    quoted = '"' + column.replace('"', '""') + '"'
    return (
        f"TRY_CAST(replace(trim({quoted}), ',', '.') AS DOUBLE)" if kind == "VARCHAR" else f"CAST({quoted} AS DOUBLE)"
    )


def _millionths(name: str, weight: Floats) -> NDArray[np.int64]:
    wrong = int((~(weight >= 0) | np.isinf(weight)).sum())
    if wrong:
        message = f"{wrong} poids absents, négatifs ou infinis"
        raise FeedError(name, Problem.VALEUR_INVALIDE, message, "donner un nombre, 0 ou plus, à chaque point")
    return np.rint(weight * MILLION).astype(np.int64)
