"""Lengths, by class, of the lines of a file inside zones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from qpv_data.areas.lines import LineZones
from qpv_data.areas.moving import move
from qpv_data.areas.polygon_zones import near
from qpv_data.areas.reading import shape_batches
from qpv_data.areas.rejects import Ecart, Ecartees
from qpv_data.areas.shares import Floats
from qpv_data.areas.zones import Cibles
from qpv_data.problems import FeedError, Problem
from qpv_data.zonages.crs import Geometries, lon_lat
from qpv_data.zonages.territories import load_territories, territory_of_points

SANS_CLASSE = "sans_classe"
_CLASSES_MAX = 1_000


@dataclass(frozen=True)
class TotalLongueur:
    """Metres of a class: `total` = `dans_zones` − `en_double` + `dehors`; `en_double`: what several zones hold."""

    classe: str
    total: float
    dans_zones: float
    en_double: float
    dehors: float


@dataclass(frozen=True)
class LongueursParZone:
    """`table`: one row a zone, sorted by code; `totaux`: one a class, sorted. `lignes`: rows kept."""

    table: pa.Table
    totaux: tuple[TotalLongueur, ...]
    lignes: int


class _Sums:
    def __init__(self, zones: int) -> None:
        self.zones = np.zeros(zones)
        self.total = self.covered = 0.0


def measure_lines(
    path: Path, classe: str | None, zones: Cibles, rejects: Ecartees, crs: str | None = None
) -> LongueursParZone:
    """Length of the lines of a file in each zone, by the values of column `classe`, in the territory's CRS.

    A line out of every territory, where nothing says in which CRS to measure it, is set aside (hors_emprise).
    Raises FeedError: totaux_inegaux, valeur_invalide (more classes than any network has), and those of reading.
    """
    asked = [LineZones(plan.geometries, plan.number) for plan in zones.plans]
    sums: dict[str, _Sums] = {}
    met = np.zeros(len(zones.codes), dtype=np.int64)
    kept_rows = 0
    for shapes in shape_batches(path, [classe] if classe else [], crs):
        lines, ecart = _usable(shapes.geometries, shapes.crs)
        aside = np.flatnonzero(ecart >= 0)
        rejects.add(shapes.line + aside, ecart[aside], None)
        rows = np.flatnonzero(ecart < 0)
        kept_rows += len(rows)
        labels = _labels(shapes.table, classe)[rows]
        names, label = np.unique(labels.astype(str), return_inverse=True)
        for name in names:
            sums.setdefault(str(name), _Sums(len(zones.codes)))
        if len(sums) > _CLASSES_MAX:
            message = f"plus de {_CLASSES_MAX} valeurs dans {classe!r}"
            raise FeedError(path.name, Problem.VALEUR_INVALIDE, message, "nommer une colonne de classes")
        _add(lines[rows], shapes.crs, label, [sums[str(n)] for n in names], zones, asked, met, path.name)
    return LongueursParZone(_table(zones.codes, sums, met), tuple(_totals(sums)), kept_rows)


def _add(
    lines: Geometries,
    crs: str,
    label: NDArray[np.int64],
    sums: list[_Sums],
    zones: Cibles,
    asked: list[LineZones],
    met: NDArray[np.int64],
    name: str,
) -> None:
    """Measure each line once, in its own territory, and what zones hold of it, in theirs."""
    total, covered = _lengths(lines, crs, name), np.zeros(len(lines))
    for plan, ask in zip(zones.plans, asked, strict=True):
        rows = near(lines, crs, plan)
        found = ask.lengths(move(lines[rows], crs, plan.crs, name))
        line = rows[found.line]
        # Measured where it is from: the same length whatever the zones asked about.
        scale = np.divide(total[rows], found.total, out=np.ones(len(rows)), where=found.total > 0)
        length = found.length * scale[found.line]
        covered[rows] += found.covered * scale
        met += np.bincount(found.zone, minlength=len(met))
        for place, one in enumerate(sums):
            own = label[line] == place
            one.zones += np.bincount(found.zone[own], weights=length[own], minlength=len(one.zones))
    for place, one in enumerate(sums):
        one.total += float(total[label == place].sum())
        one.covered += float(np.minimum(covered, total)[label == place].sum())


def _usable(geometries: Geometries, crs: str) -> tuple[Geometries, NDArray[np.int8]]:
    """Lines and multilines, and the rank of why others are set aside (−1: kept)."""
    flat = shapely.force_2d(geometries)
    xy, owner = shapely.get_coordinates(flat, return_index=True)
    absent = shapely.is_missing(flat) | shapely.is_empty(flat)
    absent[owner[~np.isfinite(xy).all(axis=1)]] = True
    ecart = np.full(len(flat), -1, dtype=np.int8)
    ecart[_territories(flat, crs) < 0] = Ecart.HORS_EMPRISE.rank
    straight = np.isin(shapely.get_type_id(flat), (1, 5)) & (shapely.length(flat) > 0)
    ecart[~straight] = Ecart.GEOMETRIE_SANS_LONGUEUR.rank
    ecart[absent] = Ecart.GEOMETRIE_ABSENTE.rank
    return flat, ecart


def _territories(lines: Geometries, crs: str) -> NDArray[np.int16]:
    xmin, ymin, xmax, ymax = shapely.bounds(lines).T
    return territory_of_points(*lon_lat((xmin + xmax) / 2, (ymin + ymax) / 2, crs))


def _lengths(lines: Geometries, crs: str, name: str) -> Floats:
    """Metres, each line in the projected CRS of the territory that its middle is in."""
    lengths = np.zeros(len(lines))
    epsg = np.array([t.epsg for t in load_territories()])[_territories(lines, crs)]
    for own in np.unique(epsg):
        rows = np.flatnonzero(epsg == own)
        lengths[rows] = shapely.length(move(lines[rows], crs, f"EPSG:{own}", name))
    return lengths


def _labels(table: pa.RecordBatch, classe: str | None) -> NDArray[np.object_]:
    if classe is None:
        return np.full(table.num_rows, SANS_CLASSE, dtype=object)
    texts = table.column(classe).cast(pa.string()).to_pylist()
    return np.array([SANS_CLASSE if t is None or not t.strip() else t.strip() for t in texts] + [None], object)[:-1]


def _table(codes: tuple[str, ...], sums: dict[str, _Sums], met: NDArray[np.int64]) -> pa.Table:
    """Null where no line of the file meets the zone."""
    none = met == 0
    whole = np.sum([s.zones for s in sums.values()], axis=0) if sums else np.zeros(len(codes))
    columns = {"code": pa.array(codes, pa.string()), "nb_lignes": pa.array(met)}
    columns["longueur_m"] = pa.array(whole, mask=none)
    for name in sorted(sums):
        columns[f"longueur_m_{name}"] = pa.array(sums[name].zones, mask=none)
    return pa.table(columns)


def _totals(sums: dict[str, _Sums]) -> list[TotalLongueur]:
    totals = []
    for name, one in sorted(sums.items()):
        inside = float(one.zones.sum())
        double = inside - one.covered
        if double < -1e-6 * (1 + one.total) or one.covered > one.total * (1 + 1e-9) + 1e-6:
            message = f"{name} : {one.total:g} m lus, {one.covered:g} m couverts, {inside:g} m dans les zones"
            raise FeedError("longueurs", Problem.TOTAUX_INEGAUX, message, "signaler ce fichier : rien n'est écrit")
        totals.append(TotalLongueur(name, one.total, inside, double, one.total - one.covered))
    return totals
