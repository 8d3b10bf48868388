"""Turn a feed's coordinates into places: a territory and x, y in its projected CRS, or why there is none."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qpv_data.addresses.reasons import tell_reasons
from qpv_data.clause.model import ClauseJeu, LocalisationAdresse, LocalisationPoint, places_points
from qpv_data.problems import MotifInconnu
from qpv_data.projection import moved_points
from qpv_data.uncertainty.errors import position_errors
from qpv_data.zonages.territories import Territory, load_territories, territory_of_points

Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]
_LONLAT = "EPSG:4326"


@dataclass(frozen=True)
class Places:
    """One place a row. `territoire`: index in `territoires`, −1 when unknown; `x, y`: metres in that territory's
    projected CRS, NaN when unknown; `motifs`: why it is unknown (MotifInconnu's text) or None.

    `recus`: EPSG number, x and y as received."""

    territoires: tuple[Territory, ...]
    territoire: npt.NDArray[np.int16]
    x: Floats
    y: Floats
    motifs: Objects
    recus: tuple[npt.NDArray[np.int64], Floats, Floats] | None = None


def points_of(clause: ClauseJeu, table: pa.Table) -> Places:
    """Places of conformed records. CRS row by row when the clause says so; axes are always (x, y), (lon, lat).

    Order of the reasons: coordinates absent or unreadable, (0, 0), EPSG, outside every French territory (or
    inside one once swapped: `axes_inverses`, corrected only when the clause says so), quality of the position.
    """
    place = clause.localisation
    by_address = isinstance(place, LocalisationAdresse)
    if isinstance(place, LocalisationAdresse):
        place = place.point
    assert isinstance(place, LocalisationPoint)
    territories = load_territories()
    x, y = _floats(table, place.x), _floats(table, place.y)
    n = table.num_rows
    motives: Objects = np.full(n, None, dtype=object)
    missing = np.isnan(x) | np.isnan(y)
    motives[missing] = MotifInconnu.COORDONNEES_ABSENTES.value
    if by_address:
        tell_reasons(table, motives)
    else:
        unreadable = np.array(table.column("_place_illisible").to_pylist(), dtype=bool)
        motives[missing & unreadable] = MotifInconnu.COORDONNEES_ILLISIBLES.value
    motives[(x == 0) & (y == 0)] = MotifInconnu.COORDONNEES_NULLES.value
    epsg = _epsg(place, table, motives)
    territory = np.full(n, -1, dtype=np.int16)
    px, py = np.full(n, np.nan), np.full(n, np.nan)
    for code in np.unique(epsg[motives == None]):  # noqa: E711
        rows = np.flatnonzero((epsg == code) & (motives == None))  # noqa: E711
        _project(int(code), rows, x, y, territories, territory, px, py, motives)
        if place.axes == "corriger":
            swapped = rows[motives[rows] == MotifInconnu.AXES_INVERSES.value]
            x[swapped], y[swapped] = y[swapped], x[swapped].copy()
            motives[swapped] = None
            _project(int(code), swapped, x, y, territories, territory, px, py, motives)
    _apply_quality(place, table, motives)
    unknown = motives != None  # noqa: E711
    territory[unknown] = -1
    px[unknown], py[unknown] = np.nan, np.nan
    return Places(territories, territory, px, py, motives, (epsg, x, y))


def _floats(table: pa.Table, name: str) -> Floats:
    column = table.column(name).cast(pa.float64()).combine_chunks()
    values: Floats = column.to_numpy(zero_copy_only=False).astype(np.float64, copy=True)
    return values


def _epsg(place: LocalisationPoint, table: pa.Table, motives: Objects) -> npt.NDArray[np.int64]:
    n = table.num_rows
    if place.crs is not None:
        return np.full(n, int(place.crs.removeprefix("EPSG:")), dtype=np.int64)
    assert place.colonne_epsg is not None
    codes = np.zeros(n, dtype=np.int64)
    for i, value in enumerate(table.column(place.colonne_epsg).cast(pa.string()).to_pylist()):
        if motives[i] is not None:
            continue
        if value is None:
            motives[i] = MotifInconnu.EPSG_ABSENT.value
            continue
        m = re.fullmatch(r"(?:EPSG:)? *([0-9]{4,6})(?:\.0+)?", value.strip(), re.IGNORECASE)
        codes[i] = int(m[1]) if m else 0
        if m is None or not places_points(int(codes[i])):
            motives[i] = MotifInconnu.EPSG_INCONNU.value
    return codes


def _project(
    epsg: int,
    rows: npt.NDArray[np.intp],
    x: Floats,
    y: Floats,
    territories: tuple[Territory, ...],
    territory: npt.NDArray[np.int16],
    px: Floats,
    py: Floats,
    motives: Objects,
) -> None:
    received = f"EPSG:{epsg}"
    found = territory_of_points(*moved_points(received, _LONLAT, x[rows], y[rows]))
    outside = found < 0
    if outside.any():
        swapped = territory_of_points(*moved_points(received, _LONLAT, y[rows], x[rows])) >= 0
        motives[rows[outside & swapped]] = MotifInconnu.AXES_INVERSES.value
        motives[rows[outside & ~swapped]] = MotifInconnu.HORS_TERRITOIRE.value
    territory[rows] = found
    for index in np.unique(found[~outside]):
        chosen = rows[found == index]
        local = f"EPSG:{territories[index].epsg}"
        px[chosen], py[chosen] = moved_points(received, local, x[chosen], y[chosen])


def _apply_quality(place: LocalisationPoint, table: pa.Table, motives: Objects) -> None:
    """Classes that are no place, and, once errors are declared, records that none is declared for."""
    if place.qualite is None:
        return
    why = position_errors(place.qualite, table).motifs
    motives[:] = np.where(motives == None, why, motives)  # noqa: E711
