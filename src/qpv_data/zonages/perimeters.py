"""From contours as received to zones: checked, repaired, in the projected CRS of their territory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely

from qpv_data.clause.model import ClauseZonage
from qpv_data.problems import FeedError, Problem
from qpv_data.zonages.crs import Geometries, lon_lat, reproject, same_crs
from qpv_data.zonages.model import OVERLAP_MIN_M2, Chevauchement, Degeneree, Reparation, Zone
from qpv_data.zonages.records import Records
from qpv_data.zonages.territories import (
    Territory,
    department_of_zone_code,
    load_territories,
    territories_of_department,
    territory_of_points,
)


@dataclass(frozen=True)
class Perimeters:
    """Zones in file order, and what had to be said of them."""

    zones: tuple[Zone, ...]
    reparations: tuple[Reparation, ...]
    degenerees: tuple[Degeneree, ...]


def build_perimeters(records: Records) -> Perimeters:
    """Zones of a `perimetres` clause.

    Invalid geometries are repaired in the file's CRS, where the producer drew them (method `structure`: what a
    ring surrounds twice is inside), then every zone goes to its territory's CRS, and only polygons are kept.
    Raises FeedError: crs_inattendu (the file contradicts the clause, or the coordinates contradict the codes),
    perimetres_invalides (geometries absent, empty or unreadable: all of them are named).
    """
    clause = records.clause
    declared = _agreed_crs(clause, records.crs)
    received = _geometries(records)
    territories = _territories(clause, records.codes, received, declared)
    sound, reasons = repair(received)
    zones: list[Zone | None] = [None] * len(records.codes)
    repairs: list[Reparation] = []
    for territory in {t.id: t for t in territories}.values():
        rows = np.array([i for i, t in enumerate(territories) if t.id == territory.id], dtype=np.intp)
        local = f"EPSG:{territory.epsg}"
        before = shapely.area(reproject(received[rows], declared, local))
        # Again: reprojection rounds, which can cross two edges that nearly touched.
        projected, late = repair(reproject(sound[rows], declared, local))
        moved = not same_crs(declared, local)
        for row, geometry, area, reason in zip(rows, projected, before, late, strict=True):
            zone = _zone(records, int(row), territory, geometry, repaired=bool(reasons[row] or reason))
            if moved and zone.statut == "normale" and (drawn := polygons_of(sound[row])) is not None:
                zone = replace(zone, epsg_natif=int(declared.removeprefix("EPSG:")), geometrie_native=drawn)
            zones[row] = zone
            if zone.reparee:
                why = str(reasons[row] or reason)
                repairs.append(Reparation(zone.zonage, zone.code, why, float(area), zone.superficie_m2 or 0.0))
    whole = tuple(zone for zone in zones if zone is not None)
    flat = (Degeneree(z.zonage, z.code, z.geometrie.geom_type) for z in whole if z.statut == "degeneree")
    return Perimeters(whole, tuple(repairs), tuple(flat))


def _agreed_crs(clause: ClauseZonage, of_file: str | None) -> str:
    declared = clause.zonage.crs
    if declared is None:
        raise FeedError(clause.id, Problem.CRS_INATTENDU, "`zonage.crs` absent", "déclarer le CRS des périmètres")
    if of_file is not None and not same_crs(declared, of_file):
        name = of_file if len(of_file) < 40 else of_file.split('"')[1]
        message = f"la clause déclare {declared}, le fichier est en {name}"
        raise FeedError(
            clause.id, Problem.CRS_INATTENDU, message, "corriger `zonage.crs` après avoir vu les coordonnées"
        )
    return declared


def _geometries(records: Records) -> Geometries:
    """Every geometry, or FeedError that names all those that are not."""
    jeu = records.clause.id
    try:
        geometries: Geometries = shapely.from_wkb(np.array(records.geometries, dtype=object))
    except shapely.GEOSException as e:
        remedy = "demander des polygones simples (sans courbes)"
        raise FeedError(jeu, Problem.PERIMETRES_INVALIDES, f"géométrie illisible : {e}", remedy) from e
    xy, owners = shapely.get_coordinates(geometries, return_index=True)
    faults = shapely.is_missing(geometries) | shapely.is_empty(geometries)
    faults[owners[~np.isfinite(xy).all(axis=1)]] = True
    if faults.any():
        names = ", ".join(sorted(records.codes[i] for i in np.flatnonzero(faults)))
        message = f"{int(faults.sum())} zones sans géométrie : {names}"
        raise FeedError(jeu, Problem.PERIMETRES_INVALIDES, message, "demander un fichier complet au producteur")
    return geometries


def _territories(clause: ClauseZonage, codes: Sequence[str], geometries: Geometries, crs: str) -> tuple[Territory, ...]:
    """The territory of each zone: where the middle of its bounds is, which its code must not contradict."""
    known = load_territories()
    xmin, ymin, xmax, ymax = shapely.bounds(geometries).T
    places = territory_of_points(*lon_lat((xmin + xmax) / 2, (ymin + ymax) / 2, crs))
    expected = [expected_territories(clause.zonage.famille, code) for code in codes]
    wrong = [
        code
        for code, place, wanted in zip(codes, places, expected, strict=True)
        if place < 0 or (wanted and known[place] not in wanted)
    ]
    if wrong:
        shown = ", ".join(wrong[:10]) + (", …" if len(wrong) > 10 else "")
        message = f"{len(wrong)} zones hors du territoire de leur code, lues en {crs} : {shown}"
        raise FeedError(clause.id, Problem.CRS_INATTENDU, message, "vérifier `zonage.crs` et l'ordre des axes")
    return tuple(known[place] for place in places)


def expected_territories(famille: str, code: str) -> tuple[Territory, ...]:
    """Territories that a zone's code allows; none when codes of this family hold no department."""
    if famille not in ("qpv", "commune", "iris"):
        return ()
    department = department_of_zone_code(code[:5] if famille == "iris" else code)
    return territories_of_department(department) if department else ()


def repair(geometries: Geometries) -> tuple[Geometries, Geometries]:
    """Valid geometries, the very same objects where they already were, and why the others were not (else None).

    A missing geometry stays missing. Method `structure`: what a ring surrounds twice is inside."""
    invalid = ~shapely.is_valid(geometries) & ~shapely.is_missing(geometries)
    reasons = np.full(len(geometries), None, dtype=object)
    reasons[invalid] = shapely.is_valid_reason(geometries[invalid])
    sound = geometries.copy()
    sound[invalid] = shapely.make_valid(geometries[invalid], method="structure", keep_collapsed=True)
    return sound, reasons


def _zone(records: Records, row: int, territory: Territory, geometry: Any, *, repaired: bool) -> Zone:
    zonage = records.clause.zonage
    polygons = polygons_of(geometry)
    area = float(shapely.area(polygons)) if polygons is not None else 0.0
    return Zone(
        zonage=zonage.id,
        famille=zonage.famille,
        code=records.codes[row],
        nom=records.noms[row],
        millesime=zonage.millesime,
        statut="normale" if area > 0 else "degeneree",
        territoire=territory.id,
        epsg=territory.epsg,
        superficie_m2=area,
        population=records.populations[row],
        reparee=repaired,
        geometrie=polygons if area > 0 else geometry,
    )


def polygons_of(geometry: Any) -> Any:
    """The polygonal part of a valid geometry, the very same object when it is nothing else; None without any."""
    if geometry.geom_type in ("Polygon", "MultiPolygon"):
        return geometry
    parts = shapely.get_parts(shapely.get_parts(geometry))
    kept = [part for part in parts if part.geom_type == "Polygon"]
    if len(kept) == 1:
        return kept[0]
    return shapely.multipolygons(kept) if kept else None


def overlaps(zones: Sequence[Zone]) -> Iterator[Chevauchement]:
    """Pairs of zones of one zoning that share more than OVERLAP_MIN_M2, each pair once, smaller code first."""
    ordered = sorted((z for z in zones if z.statut == "normale"), key=lambda z: z.code)
    for epsg in sorted({z.epsg for z in ordered if z.epsg is not None}):
        here = [z for z in ordered if z.epsg == epsg]
        shapes = np.array([z.geometrie for z in here], dtype=object)
        left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
        pairs = left < right
        left, right = left[pairs], right[pairs]
        areas = shapely.area(shapely.intersection(shapes[left], shapes[right]))
        for i, j, area in zip(left, right, areas, strict=True):
            if area > OVERLAP_MIN_M2:
                yield Chevauchement(here[i].zonage, here[i].code, here[j].code, float(area))
