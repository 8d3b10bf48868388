"""Shares of a quarter's area: between the communes that it touches, and in the declared perimeters that are drawn.

From the contours of the release alone, which are public. A share of area is what is left when nobody publishes a share
of population: whoever reads it is told which it is (`comparateurs.origine_part`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import shapely

from qpv_data.zonages.crs import reproject
from qpv_data.zonages.model import MEMBER_MIN_M2, MEMBER_MIN_SHARE

SCHEMA = pa.schema(
    [
        ("zonage", pa.string()), ("code_zone", pa.string()), ("zonage_comparateur", pa.string()),
        ("code_comparateur", pa.string()), ("part", pa.float64()),
    ]
)  # fmt: skip
COVERED = 0.95
"""Communes share out a quarter when they hold this much of its contour together: below, one of them is missing."""
_DECIMALS = 6
_SHARED = """
SELECT m.zonage, m.code_zone, q.epsg, q.geometrie, 'commune', m.code_commune, c.geometrie
FROM (SELECT *, count(*) OVER (PARTITION BY zonage, code_zone) AS communes FROM zones_communes) m
JOIN zones q ON q.zonage = m.zonage AND q.code_zone = m.code_zone AND q.famille = 'qpv'
LEFT JOIN zones c ON c.zonage = 'commune' AND c.code_zone = m.code_commune
WHERE m.communes > 1
ORDER BY m.zonage, m.code_zone, m.code_commune
"""
_DRAWN = """
SELECT q.zonage, q.code_zone, q.epsg, q.geometrie, z.zonage, z.code_zone, z.geometrie
FROM zones q
JOIN zones z ON z.famille IN ('autre', 'unite_urbaine') AND z.superficie_m2 > 0 AND q.epsg = z.epsg
  AND q.bbox.xmin <= z.bbox.xmax AND z.bbox.xmin <= q.bbox.xmax
  AND q.bbox.ymin <= z.bbox.ymax AND z.bbox.ymin <= q.bbox.ymax
WHERE q.famille = 'qpv' AND q.superficie_m2 > 0
ORDER BY q.zonage, q.code_zone, z.zonage, z.code_zone
"""


class _Pair(NamedTuple):
    """A quarter and another zone; contours are WKB, degrees, None when the release has none."""

    zonage: str
    code_zone: str
    epsg: int | None
    contour: bytes | None
    zonage_comparateur: str
    code_comparateur: str
    autre: bytes | None


def area_shares(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The shares as `parts_surface`, in SCHEMA, from the tables `zones` and `zones_communes` of `con`.

    Communes: a row for each of a quarter that touches several, summing to 1; none of them when a contour is absent, or
    when they hold less than COVERED of the quarter. Drawn perimeters: a row where more than a sliver is shared (the
    thresholds of memberships); what is short of the whole by less is whole. Six decimals.
    """
    rows = [*_between_communes(con), *_in_perimeters(con)]
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)


def _between_communes(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str, str, str, float]]:
    pairs = _pairs(con, _SHARED)
    whole, shared = _areas(pairs)
    held: dict[tuple[str, str], list[int]] = {}
    for n, pair in enumerate(pairs):
        held.setdefault((pair.zonage, pair.code_zone), []).append(n)
    for rows in held.values():
        total = float(shared[rows].sum())
        if not total >= COVERED * whole[rows[0]] > 0:  # NaN, where a contour is absent, is not
            continue
        for n in rows:
            yield (*_names(pairs[n]), round(float(shared[n]) / total, _DECIMALS))


def _in_perimeters(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str, str, str, float]]:
    pairs = _pairs(con, _DRAWN)
    whole, shared = _areas(pairs)
    for pair, area, common in zip(pairs, whole.tolist(), shared.tolist(), strict=True):
        if common > max(MEMBER_MIN_M2, MEMBER_MIN_SHARE * area):
            part = round(common / area, _DECIMALS)
            yield (*_names(pair), 1.0 if part >= 1 - MEMBER_MIN_SHARE else part)


def _names(pair: _Pair) -> tuple[str, str, str, str]:
    return pair.zonage, pair.code_zone, pair.zonage_comparateur, pair.code_comparateur


def _pairs(con: duckdb.DuckDBPyConnection, sql: str) -> list[_Pair]:
    return [_Pair(*row) for row in con.execute(sql).fetchall()]


def _areas(pairs: Sequence[_Pair]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Area of each quarter, and what it shares with the other zone, in m² of the quarter's projection; NaN when a
    contour is absent."""
    whole, shared = np.full(len(pairs), np.nan), np.full(len(pairs), np.nan)
    for epsg in sorted({p.epsg for p in pairs if p.epsg is not None}):
        here = [n for n, p in enumerate(pairs) if p.epsg == epsg and p.contour is not None and p.autre is not None]
        drawn = _projected((pairs[n].contour for n in here), epsg)
        others = _projected((pairs[n].autre for n in here), epsg)
        whole[here] = shapely.area(drawn)
        shared[here] = shapely.area(shapely.intersection(drawn, others))
    return whole, shared


def _projected(contours: Iterable[bytes | None], epsg: int) -> np.ndarray[Any, Any]:
    """Valid contours: what a projection moves may cross itself by less than its rounding."""
    shapes = np.array(list(shapely.from_wkb(list(contours))), dtype=object)
    moved: np.ndarray[Any, Any] = shapely.make_valid(reproject(shapes, "EPSG:4326", f"EPSG:{epsg}"))
    return moved
