"""Tilings of the ground made on the spot, and the passage between two of them worked out on cells alone."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from qpv_data.passage import Contour, Generation, passage_table

X, Y, COTE = 650_000.0, 6_860_000.0, 200.0
Codes = dict[str, frozenset[tuple[int, int]]]


def generation(zonage: str, shapes: Mapping[str, Any], couverture: Sequence[str] = ("hexagone",)) -> Generation:
    """Zones of the hexagone, in EPSG:2154."""
    return Generation.of(zonage, [Contour(c, "hexagone", 2154, g) for c, g in shapes.items()], couverture)


def carre(i: float, j: float = 0.0, largeur: float = 1.0, hauteur: float = 1.0) -> Any:
    """A rectangle in cells of COTE metres, from its lower left corner."""
    left, low = X + COTE * i, Y + COTE * j
    return shapely.box(left, low, left + COTE * largeur, low + COTE * hauteur)


def bosses(seed: int, n: int = 5) -> dict[tuple[int, int], Any]:
    """n × n cells that tile the ground, whose corners are moved by up to 30 m: each stays over 100 m wide."""
    draw = random.Random(seed)
    corner = {
        (i, j): (X + COTE * i + draw.uniform(-30, 30), Y + COTE * j + draw.uniform(-30, 30))
        for i in range(n + 1)
        for j in range(n + 1)
    }
    around = ((0, 0), (1, 0), (1, 1), (0, 1))
    return {(i, j): shapely.Polygon([corner[i + a, j + b] for a, b in around]) for i in range(n) for j in range(n)}


def tirage(seed: int, prefix: str, n: int = 5, zones: int = 7) -> Codes:
    """Zones made of cells drawn at random; some cells are in none."""
    draw = random.Random(seed)
    cells: dict[str, set[tuple[int, int]]] = {}
    for i in range(n):
        for j in range(n):
            if (z := draw.randrange(zones + 2)) < zones:
                cells.setdefault(f"{prefix}{z:02d}", set()).add((i, j))
    return {code: frozenset(own) for code, own in cells.items()}


def formes(codes: Codes, cells: Mapping[tuple[int, int], Any]) -> dict[str, Any]:
    return {code: shapely.union_all([cells[c] for c in sorted(own)]) for code, own in codes.items()}


def attendues(old: Codes, new: Codes) -> dict[tuple[str | None, str | None], str]:
    """The nature of each link, from sets of cells and nothing else."""
    pairs = {(a, b) for a, mine in old.items() for b, theirs in new.items() if mine & theirs}
    found: dict[tuple[str | None, str | None], str] = {}
    for a, b in pairs:
        out, into = sum(p[0] == a for p in pairs), sum(p[1] == b for p in pairs)
        names = {
            (False, False): "modifie",
            (True, False): "scinde",
            (False, True): "fusionne",
            (True, True): "recompose",
        }
        found[a, b] = "inchange" if old[a] == new[b] else names[out > 1, into > 1]
    found |= {(a, None): "disparu" for a in old if not any(p[0] == a for p in pairs)}
    return found | {(None, b): "nouveau" for b in new if not any(p[1] == b for p in pairs)}


def natures(table: pa.Table) -> dict[tuple[str | None, str | None], str]:
    rows = table.to_pylist()
    found = {(r["code_depart"], r["code_arrivee"]): r["nature"] for r in rows}
    assert len(found) == len(rows)
    return found


def passer(old: Mapping[str, Any], new: Mapping[str, Any], tolerance: float = 12.0) -> pa.Table:
    return passage_table(generation("avant", old), generation("apres", new), tolerance)[0]


def bouge(shape: Any, seed: int, metres: float) -> Any:
    """The same contour, a vertex every 40 m at most, each moved by up to `metres` in a direction of its own."""
    draw = np.random.default_rng(seed)

    def move(xy: Any) -> Any:
        # The same vertex moves alike where a ring closes on it.
        unique, back = np.unique(xy, axis=0, return_inverse=True)
        angle, length = draw.uniform(0, 2 * np.pi, len(unique)), metres * draw.uniform(0, 1, len(unique))
        shifted = unique + np.column_stack([length * np.cos(angle), length * np.sin(angle)])
        return shifted[back.ravel()]

    return shapely.transform(shapely.segmentize(shape, 40.0), move)
