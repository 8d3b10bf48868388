"""On zones drawn at random and their hardest points, the grid answers what rational arithmetic and shapely do.

QPV_DATA_EXEMPLES multiplies the number of examples: 50 of them make a proof of half an hour.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from drawn_zones import Drawn, drawn_zones, hard_points
from hypothesis import assume, given, settings
from numpy.typing import NDArray
from rational_oracle import held, held_by_shapely, told_apart

from qpv_data.grid.zone_index import ZoneIndex, index_zones

TIMES = int(os.environ.get("QPV_DATA_EXEMPLES", "1"))
REGLES = ["couvre", "contient"]


def indexed(drawn: Drawn) -> tuple[ZoneIndex, NDArray[Any]]:
    """The index, and the zones in the order of their codes."""
    order = np.argsort(drawn.codes)
    return index_zones(drawn.codes, drawn.zones), drawn.zones[order]


def frames(index: ZoneIndex) -> list[Any]:
    return [layer.grid.frame for layer in index.layers]


def matrix(index: ZoneIndex, x: Any, y: Any, regle: Any) -> NDArray[np.bool_]:
    """(points, zones) as `every` says them; no pair is said twice."""
    rows, zones = index.every(x, y, index.judge(regle))
    answer = np.zeros((len(x), len(index.codes)), dtype=bool)
    answer[rows, zones] = True
    assert answer.sum() == len(rows)
    assert (np.lexsort((zones, rows)) == np.arange(len(rows))).all()
    return answer


def smallest(answer: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that are in a zone, and the first of their zones."""
    rows = np.flatnonzero(answer.any(axis=1))
    return rows, answer[rows].argmax(axis=1)


@pytest.mark.parametrize("regle", REGLES)
@settings(max_examples=60 * TIMES, deadline=None)
@given(drawn=drawn_zones())
def test_every_point_is_where_rationals_and_shapely_put_it(regle: str, drawn: Drawn) -> None:
    assume(len(drawn.zones))
    index, zones = indexed(drawn)
    x, y = hard_points(zones, frames(index), drawn.seed)
    expected = held_by_shapely(zones, x, y, regle)
    known = told_apart(x, y)
    assert (held(zones, x[known], y[known], regle) == expected[known]).all()
    assert (matrix(index, x, y, regle) == expected).all()
    rows, zone = index.first(x, y, index.judge(regle))
    wanted = smallest(expected)
    assert rows.tolist() == wanted[0].tolist()
    assert zone.tolist() == wanted[1].tolist()


@settings(max_examples=40 * TIMES, deadline=None)
@given(drawn=drawn_zones())
def test_neither_the_order_of_zones_nor_that_of_points_nor_batches_change_an_answer(drawn: Drawn) -> None:
    assume(len(drawn.zones))
    index, zones = indexed(drawn)
    x, y = hard_points(zones, frames(index), drawn.seed, count=4)
    expected = matrix(index, x, y, "couvre")
    rng = np.random.default_rng(drawn.seed)
    shuffled = rng.permutation(len(drawn.zones))
    again = index_zones([drawn.codes[i] for i in shuffled], drawn.zones[shuffled])
    assert again.codes == index.codes
    points = rng.permutation(len(x))
    assert (matrix(again, x[points], y[points], "couvre") == expected[points]).all()
    judge, found = index.judge(), []
    for part in np.array_split(np.arange(len(x)), 7):
        rows, zone = index.first(x[part], y[part], judge)
        found.append(np.column_stack([part[rows], zone]))
    assert np.concatenate(found).tolist() == np.column_stack(smallest(expected)).tolist()


@settings(max_examples=30 * TIMES, deadline=None)
@given(drawn=drawn_zones())
def test_only_points_next_to_an_edge_are_ever_asked_of_geos(drawn: Drawn) -> None:
    """The grid's own answers, GEOS apart, are certain: a point is asked only when it is nearly on a line's edge."""
    assume(len(drawn.zones))
    index, zones = indexed(drawn)
    x, y = hard_points(zones, frames(index), drawn.seed, count=6)
    asked = np.zeros((len(x), len(zones)), dtype=bool)

    def arbiter(px: Any, py: Any, zone: Any) -> NDArray[np.bool_]:
        for a, b, z in zip(px, py, zone, strict=True):
            asked[(x == a) & (y == b), z] = True
        return np.zeros(len(px), dtype=bool)

    rows, zone = index.every(x, y, arbiter)
    answer = np.zeros_like(asked)
    answer[rows, zone] = True
    expected = held(zones, x, y, "couvre")
    assert (answer == expected)[~asked].all()
    on = expected & ~held(zones, x, y, "contient")
    assert asked[on].all()  # a point on an edge is never decided by rounding
