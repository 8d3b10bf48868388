"""On the real perimeters of both generations the grid answers as shapely does; `benchmarks/preuve.py` asks 10 M points."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.preuve import prove

pytestmark = pytest.mark.reel


def test_on_real_perimeters_points_anywhere_and_on_the_limits_are_where_shapely_puts_them(
    donnees_reelles: Path,
) -> None:
    told: list[str] = []
    assert prove(donnees_reelles, alea=60_000, limites=10_000, log=told.append) == 0, "\n".join(told)
    assert len(told) == 1 + 3 * 10  # a heading, and three lines for each of ten sets of perimeters
