"""Zonings opened for points: from any file of polygons, or from the composed zonings of a run; indexes kept on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qpv_data.grid.store import Stored, cached, digest_of
from qpv_data.points.zoning import Drawn, Zoning, zoning_of
from qpv_data.problems import FeedError, Problem

if TYPE_CHECKING:
    from qpv_data.zonages.files import ZoneFile
    from qpv_data.zonages.loading import ZoneGroup, Zones


def open_zones(path: Path, code: str, crs: str | None = None, tampon_m: float = 0.0) -> Zoning:
    """A zoning out of any file of polygons; see `read_zones_file` for what is read and what is refused.

    `tampon_m`: zones widened by so many metres, in their territory's projected CRS, or the file's own when it is
    projected in metres (Web Mercator's are not). The index is kept under the digest of the file's bytes: the second
    time costs a few milliseconds.
    """
    if not path.exists():
        raise FeedError(path.name, Problem.SOURCE_ABSENTE, "fichier de zones absent", "vérifier le chemin")
    nom = path.stem
    digest = digest_of(_bytes_of(path), role="fichier", code=code, crs=crs, tampon=tampon_m)

    def read() -> ZoneFile:
        from qpv_data.zonages.files import read_zones_file

        return read_zones_file(path, code, crs)

    if tampon_m:
        return _buffered(nom, read(), tampon_m, digest)
    return _in_one_crs(nom, digest, read)


def _in_one_crs(nom: str, digest: str, read: Any) -> Zoning:
    def make() -> Stored:
        from qpv_data.points.ground import ground_of, territory_of_zones

        file = read()
        index = _indexed(file.codes, file.geometries)
        territory = territory_of_zones(file.crs, _centres(file.geometries))
        said = {
            "crs": file.crs,
            "reparees": file.reparees,
            "sans_aire": file.sans_aire,
            "territoire": territory,
            "sure": ground_of(file.crs, territory, None, libre=territory is None).sure,
        }
        return Stored(index, said)

    stored = cached(digest, make)
    said = stored.said
    part = Drawn(said["crs"], stored.index, digest=digest)
    return zoning_of(
        nom,
        [part],
        principal=said["territoire"],
        sure={said["crs"]: tuple(said["sure"])},
        reparees=tuple(said["reparees"]),
        sans_aire=tuple(said["sans_aire"]),
    )


def zoning_of_shapes(codes: Sequence[str], geometries: NDArray[Any], crs: str, nom: str = "zones") -> Zoning:
    """A zoning of valid polygons drawn in `crs`, in memory only. Raises ValueError, naming codes, for anything else."""
    import shapely

    from qpv_data.points.ground import territory_of_zones

    if len(codes) != len(geometries):
        raise ValueError(f"{len(codes)} codes for {len(geometries)} geometries")
    drawn = np.isin(shapely.get_type_id(geometries), (3, 6)) & ~shapely.is_empty(geometries)
    for fault, sound in (("are no polygons", drawn), ("are not valid: make them so", shapely.is_valid(geometries))):
        if len(wrong := np.flatnonzero(~sound)):
            raise ValueError(f"{len(wrong)} zones {fault}: {[codes[i] for i in wrong[:5]]}")
    part = Drawn(crs, _indexed(codes, geometries))
    principal = territory_of_zones(crs, _centres(geometries)) if len(geometries) else None
    return zoning_of(nom, [part], principal=principal)


def _buffered(nom: str, file: ZoneFile, metres: float, digest: str) -> Zoning:
    """Zones widened where distances are true: one part a projected CRS."""
    import shapely

    from qpv_data.grid.layers import FARTHEST
    from qpv_data.points.ground import territory_of_zones
    from qpv_data.points.metric import metric_parts

    parts = []
    for part in metric_parts(nom, file.codes, file.geometries, file.crs):
        codes = tuple(file.codes[i] for i in part.rows)
        within = (np.abs(shapely.bounds(part.shapes)) + metres <= FARTHEST).all(axis=1)
        if not within.all():
            message = f"zones élargies au-delà de {FARTHEST:g} : {[codes[i] for i in np.flatnonzero(~within)[:5]]}"
            raise FeedError(nom, Problem.PERIMETRES_INVALIDES, message, "vérifier le fichier et son CRS")
        parts.append(widened(codes, part.shapes, part.crs, metres, f"{digest}-{part.crs}"))
    principal = territory_of_zones(file.crs, _centres(file.geometries))
    said = {"reparees": file.reparees, "sans_aire": file.sans_aire}
    return zoning_of(f"{nom}_{metres:g}m", parts, principal=principal, **said)


def widened(codes: Sequence[str], shapes: NDArray[Any], crs: str, metres: float, seed: str) -> Drawn:
    """Zones widened by `metres`. A quarter turn has 64 sides: a buffer is nowhere short by more than 0.01 %."""

    def make() -> Stored:
        import shapely

        wide = shapely.buffer(shapes, metres, quad_segs=64)
        return Stored(_indexed(codes, wide), {"crs": crs})

    digest = seed and digest_of([], role="tampon", graine=seed, metres=metres)
    return Drawn(crs, cached(digest, make).index, digest=digest)


def zoning_of_run(zones: Zones, nom: str, *, seed: str = "", tampon_m: float = 0.0) -> Zoning:
    """A zoning of a run: answered as drawn for points received in the CRS of the perimeters' file, else in their
    territory's projected CRS. `seed`: digest of the run's zonings, for keeping indexes on disk; empty keeps none."""
    projected, natives = zones.groups[nom], zones.natifs.get(nom, {})
    native_of = {code: f"EPSG:{epsg}" for epsg, group in natives.items() for code in group.codes}
    parts = []
    for epsg, group in projected.items():
        crs = f"EPSG:{epsg}"
        if tampon_m:
            parts.append(widened(tuple(group.codes), group.geometries, crs, tampon_m, seed and f"{seed}-{nom}-{epsg}"))
            continue
        natifs = tuple(native_of.get(code) for code in group.codes)
        part = _kept(group, crs, seed and f"{seed}-{nom}-{epsg}")
        parts.append(replace(part, natifs=natifs if any(natifs) else ()))
    if not tampon_m:
        for epsg, group in natives.items():
            crs = f"EPSG:{epsg}"
            part = _kept(group, crs, seed and f"{seed}-{nom}-natif-{epsg}")
            parts.append(replace(part, propre=True))
    in_force = zones.couverture[nom]
    from qpv_data.zonages.territories import load_territories

    principal = next((t.id for t in load_territories() if t.id in in_force), None)
    return zoning_of(nom if not tampon_m else f"{nom}_{tampon_m:g}m", parts, principal=principal, territoires=in_force)


def _kept(group: ZoneGroup, crs: str, seed: str) -> Drawn:
    def make() -> Stored:
        return Stored(_indexed(tuple(group.codes), group.geometries), {"crs": crs})

    digest = seed and digest_of([], role="zonage", graine=seed)
    return Drawn(crs, cached(digest, make).index, digest=digest)


def _indexed(codes: Sequence[str], geometries: NDArray[Any]) -> Any:
    from qpv_data.grid.zone_index import index_zones

    return index_zones(codes, geometries)


def _centres(geometries: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    import shapely

    xmin, ymin, xmax, ymax = shapely.bounds(geometries).T
    return (xmin + xmax) / 2, (ymin + ymax) / 2


def _bounds(geometries: NDArray[Any]) -> NDArray[np.float64]:
    import shapely

    found: NDArray[np.float64] = shapely.bounds(geometries)
    return found


def _bytes_of(path: Path) -> list[Path]:
    """The files that a zoning is read from: a shapefile and a MapInfo file are several, a folder what it holds."""
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file())
    if path.suffix.lower() in (".shp", ".mif"):
        return sorted(p for p in path.parent.iterdir() if p.stem == path.stem and p.is_file())
    return [path]
