"""Eight threads, one index read from disk and one judge: `python grid_stress.py ROUNDS [POINTS]`.

Half of the points lie on edges or beside them, so that GEOS is asked from every thread all the time. Exits 1 when one
answer differs from that of a single thread; a crash is seen by whoever runs it.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from qpv_data.grid.store import load_index, save_index
from qpv_data.grid.zone_index import ZoneIndex, index_zones

THREADS = 8


def zones(count: int = 200) -> Any:
    """Stars with holes, some of several parts, many overlapping."""
    rng = np.random.default_rng(11)
    found = []
    for cx, cy in rng.uniform(0, 15_000, (count, 2)):
        angle = np.linspace(0, 2 * np.pi, 40)[:-1]
        radius = rng.uniform(250, 700, len(angle))
        ring = np.column_stack([cx + radius * np.cos(angle), cy + radius * np.sin(angle)])
        hole = np.column_stack([cx + radius * np.cos(angle) / 3, cy + radius * np.sin(angle) / 3])
        star = shapely.Polygon(ring, [hole])
        found.append(shapely.MultiPolygon([star, shapely.box(cx + 900, cy, cx + 1000, cy + 100)]) if cx < cy else star)
    return np.array(found, dtype=object)


def points(shapes: Any, count: int) -> tuple[Any, Any]:
    """Half anywhere, half on edges: a quarter of these on vertices, others as near as floats can."""
    rng = np.random.default_rng(12)
    xy, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(shapes)), return_index=True)
    edge = rng.choice(np.flatnonzero(ring[1:] == ring[:-1]), count // 2)
    t = rng.random((len(edge), 1)) * (rng.random((len(edge), 1)) < 0.75)
    near = xy[edge] + t * (xy[edge + 1] - xy[edge])
    all_xy = np.concatenate([near, rng.uniform(-1000, 16_000, (count - len(near), 2))])
    rng.shuffle(all_xy)
    return np.ascontiguousarray(all_xy[:, 0]), np.ascontiguousarray(all_xy[:, 1])


def answers(index: ZoneIndex, judge: Any, x: Any, y: Any) -> tuple[bytes, ...]:
    return tuple(a.tobytes() for ask in (index.first, index.every) for a in ask(x, y, judge))


def round_of(index: ZoneIndex, x: Any, y: Any, expected: tuple[bytes, ...]) -> list[str]:
    """What went wrong when every thread asked everything at once; the last two have a judge each of their own."""
    shared, barrier, wrong = index.judge("couvre"), threading.Barrier(THREADS), []

    def ask(number: int) -> None:
        judge = index.judge("couvre") if number >= THREADS - 2 else shared  # GEOS is then truly in several threads
        barrier.wait()
        try:
            if answers(index, judge, x, y) != expected:
                wrong.append(f"fil {number} : autres réponses")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            wrong.append(f"fil {number} : {error!r}")

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def main(rounds: int, count: int) -> int:
    shapes = zones()
    x, y = points(shapes, count)
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.arrow"
        made = index_zones([f"Z{n:03d}" for n in range(len(shapes))], shapes)
        expected = answers(made, made.judge("couvre"), x, y)
        save_index(made, path)
        for turn in range(rounds):
            wrong += [f"tour {turn}, {fault}" for fault in round_of(load_index(path).index, x, y, expected)]
    print(
        "\n".join([f"{rounds} tours de {THREADS} fils, {count} points chacun : {len(wrong)} réponses fausses", *wrong])
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 8_000))
