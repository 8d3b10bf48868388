"""The grid against shapely on real perimeters: `python benchmarks/preuve.py [--alea 10000000] [--limites 1000000]`.

For each set of perimeters, random points around them and points that hug their edges (vertices, points of edges, one
ulp, a micrometre, a millimetre and a metre beside them) are asked of the grid and of shapely, pair by pair: every zone
of every point, and the first one. Then eight threads share one index for `--tours` rounds. Exits 1 when anything
differs. Real data: `--donnees`, else QPV_DATA_REAL, else ../shared/data; nothing of it is kept.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray

from qpv_data.grid.front import Front, front_of
from qpv_data.grid.zone_index import ZoneIndex, index_zones

REPOSITORY = Path(__file__).resolve().parents[1]
TURN = 250_000
DEGREE_M = 111_320.0
Floats = NDArray[np.float64]
Pairs = NDArray[np.int64]
Regle = Literal["couvre", "contient"]
# Where each overseas department's perimeters are measured; the hexagone and Corsica are in 2154.
CRS_OF = {
    **dict.fromkeys(["971", "972", "977", "978"], 5490),
    **{"973": 2972, "974": 2975, "975": 4467, "976": 4471, "987": 3297},
}


@dataclass(frozen=True)
class Perimeters:
    """Valid zones of one CRS, their codes sorted; `metre`: a metre in the coordinates' unit.

    `moved`: a front and the transform to the zones' CRS, for points that are given in another.
    """

    name: str
    codes: tuple[str, ...]
    zones: NDArray[Any]
    metre: float
    moved: tuple[Front, pyproj.Transformer] | None = None


@dataclass
class Verdict:
    """What one set of points gave; `asked` pairs were too close to an edge for floating point alone."""

    points: int = 0
    inside: int = 0
    asked: int = 0
    differences: int = 0
    grid_s: float = 0.0
    shapely_s: float = 0.0


def read_perimeters(path: Path, column: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Codes, sorted, and zones, in the file's CRS."""
    meta, table = pyogrio.read_arrow(path, columns=[column])
    wkb = table[meta["geometry_name"] or "wkb_geometry"].to_pylist()
    codes = np.array(table[column].to_pylist(), dtype=object)
    order = np.argsort(codes)
    return codes[order], shapely.from_wkb(np.array(wkb, dtype=object))[order]


def _moved(zones: NDArray[Any], source: int, target: int) -> NDArray[Any]:
    to = pyproj.Transformer.from_crs(source, target, always_xy=True)
    answer: NDArray[Any] = shapely.transform(zones, lambda xy: np.column_stack(to.transform(xy[:, 0], xy[:, 1])))
    return answer


def _polygons(zone: Any) -> Any:
    parts = [p for p in shapely.get_parts(zone) if p.geom_type in ("Polygon", "MultiPolygon")]
    return shapely.union_all(parts) if len(parts) != 1 else parts[0]


def sets_of(folder: Path) -> Iterator[Perimeters]:
    """The perimeters to prove: both generations, in metres and in degrees, and degrees asked through a front."""
    old = folder / "qpv2015"
    yield _set("2015 hexagone, EPSG:2154", *read_perimeters(old / "QP_METROPOLE_LB93.shp", "CODE_QP"))
    world = read_perimeters(old / "QP_METROPOLEOUTREMER_WGS84_EPSG4326.shp", "CODE_QP")
    yield _set("2015 toute la France, degrés", *world, metre=1 / DEGREE_M)
    codes, zones = read_perimeters(folder / "qpv2024" / "qpv2024_simplified.geojson", "code_qp")
    yield _set("2024 toute la France, degrés", codes, zones, metre=1 / DEGREE_M)
    measured = np.array([CRS_OF.get(code[2:5], 2154) for code in codes])
    for epsg in sorted(set(measured.tolist())):
        here = measured == epsg
        own = _set(f"2024, EPSG:{epsg}", codes[here], _moved(zones[here], 4326, epsg))
        yield own
        if epsg == 2154:
            front = front_of(own.zones, "EPSG:4326", "EPSG:2154")
            assert front is not None
            moved = front, pyproj.Transformer.from_crs(4326, 2154, always_xy=True)
            yield replace(own, name="2024 hexagone, points en degrés", moved=moved)


def _set(name: str, codes: NDArray[Any], zones: NDArray[Any], metre: float = 1.0) -> Perimeters:
    """Zones are repaired when invalid; what has no area is left out."""
    valid = shapely.is_valid(zones)
    zones = zones.copy()
    zones[~valid] = [_polygons(zone) for zone in shapely.make_valid(zones[~valid])]
    kept = shapely.area(zones) > 0
    return Perimeters(name, tuple(codes[kept]), zones[kept], metre)


def random_points(of: Perimeters, count: int, rng: np.random.Generator) -> Floats:
    """(count, 2): four in five within a zone's own size of a zone, the others anywhere between all the zones."""
    bounds = shapely.bounds(of.zones)
    one = bounds[rng.integers(0, len(bounds), count)]
    far = rng.random(count) < 0.2
    one[far] = [*bounds[:, :2].min(axis=0), *bounds[:, 2:].max(axis=0)]
    size = one[:, 2:] - one[:, :2]
    return one[:, :2] - size + rng.random((count, 2)) * 3 * size


def hugging_points(of: Perimeters, count: int, rng: np.random.Generator) -> Floats:
    """(count, 2): a quarter on vertices, the others on edges, then moved by nothing, an ulp, 1 µm, 1 mm or 1 m."""
    xy, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(of.zones)), return_index=True)
    edge = rng.choice(np.flatnonzero(ring[1:] == ring[:-1]), count)
    fraction = rng.random((count, 1)) * (rng.random((count, 1)) < 0.75)
    found = xy[edge] + fraction * (xy[edge + 1] - xy[edge])
    kind, side = rng.integers(0, 5, (count, 1)), rng.integers(-1, 2, (count, 2))
    ulp = np.where(side == 0, found, np.nextafter(found, np.where(side > 0, np.inf, -np.inf)))
    step = of.metre * np.select([kind == 2, kind == 3, kind == 4], [1e-6, 1e-3, 1.0], 0.0)
    answer: Floats = np.where(kind == 1, ulp, found + side * step)
    return answer


def by_shapely(of: Perimeters, tree: shapely.STRtree, x: Floats, y: Floats, regle: Regle) -> Pairs:
    """row · zones + zone of every pair, sorted: candidates by their boxes, then the predicate itself."""
    points = shapely.points(x, y)
    row, zone = tree.query(points)
    predicate = shapely.covers if regle == "couvre" else shapely.contains
    kept = predicate(of.zones[zone], points[row])
    return np.sort(row[kept].astype(np.int64) * len(of.zones) + zone[kept])


def compared(of: Perimeters, index: ZoneIndex, draw: Any, count: int, regle: Regle, seed: int) -> Verdict:
    """`count` points of `draw`, a turn at a time: memory does not depend on `count`."""
    rng, tree, verdict, judge = np.random.default_rng(seed), shapely.STRtree(of.zones), Verdict(), index.judge(regle)

    def arbiter(px: Floats, py: Floats, zone: Any) -> Any:
        verdict.asked += len(px)
        return judge(px, py, zone)

    for start in range(0, count, TURN):
        xy = draw(of, min(TURN, count - start), rng)
        x, y = xy[:, 0].copy(), xy[:, 1].copy()
        clock = time.perf_counter()
        if of.moved is None:
            every, first = index.every(x, y, arbiter), index.first(x, y, arbiter)
            grid_s = time.perf_counter() - clock
        else:  # points are drawn in the zones' CRS and received in degrees: moved back, they are the reference
            x, y = of.moved[1].transform(x, y, direction="INVERSE")
            clock = time.perf_counter()
            every = of.moved[0].every(x, y, index, arbiter)
            first = of.moved[0].first(x, y, index, arbiter)
            grid_s = time.perf_counter() - clock
            x, y = of.moved[1].transform(x, y)
        clock = time.perf_counter()
        expected = by_shapely(of, tree, x, y, regle)
        verdict.shapely_s += time.perf_counter() - clock
        verdict.grid_s += grid_s
        pairs = every[0] * len(of.zones) + every[1]
        alone = np.unique(expected // len(of.zones), return_index=True)[1]
        verdict.differences += _apart(pairs, expected) + _apart(first[0] * len(of.zones) + first[1], expected[alone])
        verdict.points += len(x)
        verdict.inside += len(alone)
    return verdict


def _apart(one: Pairs, other: Pairs) -> int:
    """How many pairs are in one answer and not in the other, or out of order, or said twice."""
    if len(one) == len(other) and (one == other).all():
        return 0
    return max(len(np.setxor1d(one, other)), abs(len(one) - len(other)), 1)


def prove(folder: Path, alea: int, limites: int, log: Any = print) -> int:
    """Number of differences over all sets; one line a set of points."""
    total = 0
    log("périmètres | points | règle | dedans | demandés à GEOS | grille s | shapely s | différences")
    for n, of in enumerate(sets_of(folder)):
        index = index_zones(of.codes, of.zones)
        cases: list[tuple[str, Any, int, Regle]] = [
            ("au hasard", random_points, alea, "couvre"),
            ("sur les limites", hugging_points, limites, "couvre"),
            ("sur les limites", hugging_points, limites, "contient"),
        ]
        for kind, draw, count, regle in cases:
            shapely.prepare(of.zones) if kind == "au hasard" else shapely.destroy_prepared(of.zones)
            share = count if len(of.zones) > 500 else count // 10  # small territories: a tenth of the points
            v = compared(of, index, draw, share, regle, seed=n)
            total += v.differences
            log(
                f"{of.name} ({len(of.zones)} zones) | {v.points:,} {kind} | {regle} | {v.inside:,} | {v.asked:,}"
                f" | {v.grid_s:.2f} | {v.shapely_s:.2f} | {v.differences:,}"
            )
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("QPV_DATA_REAL") or REPOSITORY.parent / "shared" / "data"
    parser.add_argument("--donnees", type=Path, default=Path(default))
    parser.add_argument("--alea", type=int, default=10_000_000)
    parser.add_argument("--limites", type=int, default=1_000_000)
    parser.add_argument("--tours", type=int, default=100, help="tours de huit fils sur un même index ; 0 : aucun")
    asked = parser.parse_args()
    if not asked.donnees.is_dir():
        print(
            f"{asked.donnees} n'existe pas : indiquer les données réelles par --donnees ou QPV_DATA_REAL",
            file=sys.stderr,
        )
        return 2
    differences = prove(asked.donnees, asked.alea, asked.limites)
    print(f"différences avec shapely : {differences}")
    crashed = 0
    if asked.tours:
        stress = REPOSITORY / "tests" / "grid" / "grid_stress.py"
        crashed = subprocess.run(
            [sys.executable, "-X", "faulthandler", stress, str(asked.tours)], check=False
        ).returncode
        print(f"huit fils : code de sortie {crashed}")
    return 1 if differences or crashed else 0


if __name__ == "__main__":
    sys.exit(main())
