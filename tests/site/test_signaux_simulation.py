"""The promise of signals, by simulation: a smaller version of benchmarks/signaux.py."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import signaux
from qpv_data.site.signals.model import Kind

REPETITIONS = 30
# Of 30 worlds at a true rate of 5 %, more than 5 with a false alert come about once in 300.
MOST = 5


@pytest.mark.parametrize("law", ["normale", "t5", "asymetrique"])
@pytest.mark.parametrize("quarters", [12, 16])
def test_worlds_where_nothing_stands_out_give_no_more_alerts_than_promised(quarters: int, law: str) -> None:
    world = signaux.World(law, quarters, indicators=12, law=law)
    found = signaux.measure(world, REPETITIONS, seed=11)
    assert found.made > 100
    assert round(found.any_false * REPETITIONS) <= MOST


def test_more_quarters_give_no_more_alerts_than_promised() -> None:
    found = signaux.measure(signaux.World("", 100, indicators=12), 10, seed=12)
    assert round(found.any_false * 10) <= 3


def test_a_planted_change_is_found_and_little_else() -> None:
    effect = signaux.Effect(Kind.CHANGE, 4.0, indicators=4)
    found = signaux.measure(signaux.World("", 100, indicators=12), 4, seed=13, effect=effect)
    assert found.found > 0.0
    assert found.false_part <= 0.3
    assert np.isfinite(found.made)
