"""Zones in memory, asked about points in memory: the index of `qpv-data locate` as functions of numpy, Arrow and
GeoDataFrames.

    >>> from qpv_data.locator import Locator
    >>> quarters = Locator.from_file("qpv2024.geojson", code="code_qp")
    >>> quarters.xy([1.4052], [43.5727], crs="EPSG:4326").code
    array(['QN03107M'], dtype=object)

Answers are those of shapely's `covers` (`regle="contient"`: of `contains`) on valid polygons, in the zones' own CRS, on
every point; of several zones the smallest code. A locator may be shared by threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from qpv_data.arrays import texts
from qpv_data.grid.edges import Floats, Ints
from qpv_data.grid.fallback import Regle
from qpv_data.points.batch import Placed, Placer
from qpv_data.points.coordinates import Where, coordinates_of
from qpv_data.points.declared import require
from qpv_data.points.ground import MOTIFS
from qpv_data.points.rows import DEDANS, DEHORS, INCONNU, answer_columns, refuse_clash, with_answers
from qpv_data.points.zoning import Zoning

if TYPE_CHECKING:
    import geopandas

COLUMNS = ("code", "localisation", "localisation_motif")


@dataclass(frozen=True)
class Located:
    """One answer a point. `code`: text, None outside and where unknown; `localisation`: `dedans`, `dehors`, `inconnu`;
    `motif`: why it is unknown (a `MotifInconnu`'s text), else None. Arrays of objects, shape (n,)."""

    code: NDArray[np.object_]
    localisation: NDArray[np.object_]
    motif: NDArray[np.object_]


class Locator:
    """Zones of one zoning, indexed."""

    def __init__(self, zoning: Zoning, *, regle: Regle = "couvre", corriger_axes: bool = False) -> None:
        self.zoning = zoning
        self._placer = Placer(zoning, regle=regle, corriger_axes=corriger_axes)

    @classmethod
    def from_file(
        cls, path: str | Path, code: str, *, crs: str | None = None, tampon_m: float = 0.0, **how: Any
    ) -> Locator:
        """Any file of polygons; `crs` for one that names none. The index is kept on disk for the next time.

        Raises FeedError, as `read_zones_file` does.
        """
        from qpv_data.points.opening import open_zones

        return cls(open_zones(Path(path), code, crs, tampon_m), **how)

    @classmethod
    def from_run(cls, folder: str | Path, zonage: str, *, tampon_m: float = 0.0, **how: Any) -> Locator:
        """A zoning that a run composed in its `--out`: `qpv2024`, `commune`…

        Raises FeedError: referentiel_absent.
        """
        from qpv_data.points.known import open_zoning

        return cls(open_zoning(Path(folder), zonage, tampon_m), **how)

    @classmethod
    def from_zones(cls, codes: Sequence[str], geometries: ArrayLike, crs: str, **how: Any) -> Locator:
        """Valid polygons or multipolygons drawn in `crs`, under distinct codes. Nothing is kept on disk.

        Raises ValueError: a code met twice, a geometry that is no polygon, is empty or not valid, coordinates that are
        not finite or too far. `from_file` repairs and merges; here nothing is changed without a word.
        """
        from qpv_data.points.opening import zoning_of_shapes

        return cls(zoning_of_shapes(codes, np.asarray(geometries, dtype=object), crs), **how)

    @classmethod
    def from_frame(cls, zones: geopandas.GeoDataFrame, code: str, **how: Any) -> Locator:
        """The polygons of a GeoDataFrame that has a CRS; `code` is the column of their codes, read as text."""
        if zones.crs is None:
            raise ValueError("zones.crs is not set: no CRS is ever assumed")
        from qpv_data.sources.vector import authority
        from qpv_data.zonages.files import code_text

        crs = authority(zones.crs.to_wkt()) or zones.crs.to_wkt()
        codes = [code_text(c) for c in zones[code].astype(object).where(zones[code].notna(), None)]
        if absent := codes.count(None):
            raise ValueError(f"{absent} zones have no code")
        return cls.from_zones([str(c) for c in codes], np.asarray(zones.geometry.values), crs, **how)

    def xy(self, x: ArrayLike, y: ArrayLike, *, crs: str) -> Located:
        """Coordinates of `crs` (x is the longitude or the easting), shape (n,); NaN where there are none."""
        placed = self._placer.place_xy(crs, *_coordinates(x, y))
        code = np.full(placed.lus, None, dtype=object)
        code[placed.dedans] = self.zoning.code_array[placed.zone]
        state = np.full(placed.lus, DEHORS, dtype=object)
        state[placed.dedans], state[placed.inconnus] = DEDANS, INCONNU
        motif = np.full(placed.lus, None, dtype=object)
        motif[placed.inconnus] = np.array([m.value for m in MOTIFS], dtype=object)[placed.motifs]
        return Located(code, state, motif)

    def pairs(self, x: ArrayLike, y: ArrayLike, *, crs: str) -> tuple[Ints, NDArray[np.object_]]:
        """(row, code) of every zone that holds each point, sorted by both: all the codes where zones overlap."""
        rows, zone = self._placer.every_xy(crs, *_coordinates(x, y))
        return rows, self.zoning.code_array[zone]

    def table(
        self, table: pa.Table, *, x: str | None = None, y: str | None = None, geometrie: str | None = None, crs: str
    ) -> pa.Table:
        """An Arrow table with `code`, `localisation` and `localisation_motif` added, as texts. Rows keep their order.

        Coordinates: numbers, or texts with a decimal point; or `geometrie`, points as WKB or native.
        Raises FeedError when the table already has such a column, or lacks one of coordinates; ValueError when these
        are not named.
        """
        if (x is None) != (y is None) or (x is None) == (geometrie is None):
            raise ValueError("points are in x and y, or in geometrie")
        refuse_clash("table", table.schema, COLUMNS)
        where = Where(x, y, geometrie, crs)
        require("table", table.schema, where)
        codes = texts(self.zoning.codes or ("",))
        parts = []
        for batch in table.to_batches():
            placed = self._placer.place(batch, where)
            answers = answer_columns(placed, codes, COLUMNS)
            parts.append(with_answers(batch, {n: a.cast(pa.string()) for n, a in answers.items()}))
        if not parts:
            for name in COLUMNS:
                table = table.append_column(name, pa.nulls(0, pa.string()))
            return table
        return pa.concat_tables(parts)

    def frame(self, points: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
        """A GeoDataFrame of points that has a CRS, with the same three columns added. The index is kept.

        Raises ValueError without a CRS, for a geometry that is no point, or a column that is already there.
        """
        if points.crs is None:
            raise ValueError("points.crs is not set: no CRS is ever assumed")
        from qpv_data.sources.vector import authority

        shapes = points.geometry
        if not (shapes.isna() | shapes.is_empty | (shapes.geom_type == "Point")).all():
            raise ValueError("only points can be located: take a representative point, or use qpv-data ventiler")
        if clash := sorted(set(COLUMNS) & {str(c) for c in points.columns}):
            raise ValueError(f"points already has columns {clash}: rename them")
        crs = authority(points.crs.to_wkt()) or points.crs.to_wkt()
        found = self.xy(*coordinates_of(np.asarray(shapes.values)), crs=crs)
        answers = dict(zip(COLUMNS, (found.code, found.localisation, found.motif), strict=True))
        return points.assign(**answers)

    def placed(self, x: ArrayLike, y: ArrayLike, *, crs: str) -> Placed:
        """The answers in their compact form: rows and zone numbers (of `zoning.codes`) of the points inside alone."""
        return self._placer.place_xy(crs, *_coordinates(x, y))


def _coordinates(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    first, second = np.ascontiguousarray(x, dtype=np.float64), np.ascontiguousarray(y, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"x and y are of shapes {first.shape} and {second.shape}: one dimension, the same length")
    return first, second
