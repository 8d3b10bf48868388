"""The figures of an axis: each is where it says."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from qpv_data.site.svg import exact, ticks


@given(st.floats(-1e17, 1e17), st.floats(1e-6, 1e17), st.integers(2, 8))
def test_an_axis_has_a_few_round_figures_inside_it(low: float, wide: float, count: int) -> None:
    high = low + wide
    found = ticks(low, high, count)
    assert len(found) <= 2 * count + 2
    assert found == sorted(found)
    room = (high - low) * 1e-6 + abs(low) * 1e-12
    assert all(low - room <= t <= high + room for t in found)


@given(st.integers(-(10**6), 10**6), st.integers(1, 10**6), st.integers(0, 5), st.integers(2, 6))
def test_a_figure_of_an_axis_is_written_with_all_its_decimals(low: int, wide: int, decimals: int, count: int) -> None:
    found = ticks(low / 10**decimals, (low + wide) / 10**decimals, count)
    written = [exact(t) for t in found]
    read = [Decimal(w.replace("\u202f", "").replace(",", ".").replace("−", "-")) for w in written]
    assert [float(x) for x in read] == found
    assert len(set(written)) == len(written)


def test_half_steps_are_not_rounded() -> None:
    assert [exact(t) for t in ticks(0, 0.75, 3)] == ["0", "0,25", "0,5", "0,75"]
    assert [exact(t) for t in ticks(0, 10, 4)] == ["0", "2,5", "5", "7,5", "10"]
