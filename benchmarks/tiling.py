"""Five zonings of the size of the country's, made on the spot: two generations of quarters, and a tiling in communes,
EPCI and IRIS. Written as a run composes them, so that the command reads them by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely
import terrain

COMMUNES, EPCI, IRIS = 35_000, 1_255, 49_000
NAMES = ("qpv2015", "qpv2024", "commune", "epci", "iris")


def arguments(folder: Path) -> list[str]:
    """Options of the command for all five."""
    chosen = [option for name in NAMES for option in ("--zonage", name)]
    return ["--zonages", str(folder / "zonages"), *chosen]


def write_run(folder: Path) -> None:
    """`folder/zonages`, once."""
    target = folder / "zonages"
    if (target / "zones.parquet").exists():
        return
    from datetime import date

    from qpv_data.zonages.model import ZonagesReport, Zone
    from qpv_data.zonages.tables import EN_VIGUEUR, natives_table, rows_table, write_all, zones_table

    zones = []
    for name, (family, codes, shapes) in _made().items():
        for code, shape in zip(codes, shapes, strict=True):
            kept = {"territoire": "hexagone", "epsg": 2154, "superficie_m2": shape.area, "geometrie": shape}
            zones.append(Zone(name, family, code, None, "2024", "normale", **kept))
    rows = [(name, "2024", "hexagone", date(2024, 1, 1), None) for name in NAMES]
    tables = {
        "zones": zones_table(zones),
        "zones_natives": natives_table(zones),
        "en_vigueur": rows_table(rows, EN_VIGUEUR),
    }
    write_all(target, tables, ZonagesReport(*[()] * len(ZonagesReport.__dataclass_fields__)))


def _made() -> dict[str, tuple[str, list[str], np.ndarray]]:
    codes, quarters = terrain.perimeters()
    older, elder = terrain.perimeters(seed=12)
    communes = _cells(COMMUNES, 21)
    # An EPCI is a set of communes: those whose centre is nearest to its own.
    rng = np.random.default_rng(5)
    seats = _places(EPCI, rng)
    centres = shapely.get_coordinates(shapely.centroid(communes))
    nearest = shapely.STRtree(shapely.points(seats)).nearest(shapely.points(centres))
    groups = [shapely.union_all(communes[nearest == n]) for n in range(EPCI) if (nearest == n).any()]
    return {
        "qpv2015": ("qpv", [f"QP{c[2:]}" for c in older], elder),
        "qpv2024": ("qpv", codes, quarters),
        "commune": ("commune", [f"{n:05d}" for n in range(len(communes))], communes),
        "epci": ("epci", [f"{n:09d}" for n in range(len(groups))], np.array(groups, dtype=object)),
        "iris": ("iris", [f"{n:09d}" for n in range(IRIS)], _cells(IRIS, 22)),
    }


def _places(n: int, rng: np.random.Generator) -> np.ndarray:
    box = terrain.BOX
    return np.column_stack([rng.uniform(box[0], box[2], n), rng.uniform(box[1], box[3], n)])


def _cells(n: int, seed: int) -> np.ndarray:
    """A tiling of the box in `n` cells, whose shared edges are jagged, as boundaries are."""
    rng = np.random.default_rng(seed)
    xy = _places(n, rng)
    box = shapely.box(*terrain.BOX)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(xy), extend_to=box))
    cells = shapely.intersection(cells, box)
    return np.asarray(shapely.segmentize(cells, 400.0), dtype=object)
