"""What hiding a cell costs a reader, so that what is needed least is hidden first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from qpv_data.periods import parse_period
from qpv_data.secret.axes import Axis
from qpv_data.secret.cells import Table

TOTALS, SIZE, RECENT = 0.25, 0.15, 0.5


@dataclass(frozen=True)
class Costs:
    """`totals`: a cell costs so much more each time it holds twice as many finest cells; `size`: each time its value is
    ten times larger; `recent`: on an axis of periods, the last costs so much more than the first. `kept`: by axis and
    code, by how many times its cells cost more (or less, below 1)."""

    totals: float = TOTALS
    size: float = SIZE
    recent: float = RECENT
    kept: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


DEFAULT = Costs()


def weights(table: Table, costs: Costs = DEFAULT) -> np.ndarray:
    """Cost of hiding each cell: 1 for a finest cell of 0, more as `costs` says; 0 if it is not published."""
    value = table.measures.value / 10**table.decimals
    breadth = np.log2(np.maximum(table.finest_inside, 1))
    own = (1 + costs.totals * breadth) * (1 + costs.size * np.log10(1 + value))
    # Rounded: processors do not all give logarithms the same last bit, and what is hidden must not hang on it.
    return np.where(table.published, np.round(own * _factors(table, costs), 6), 0.0)


def _factors(table: Table, costs: Costs) -> np.ndarray:
    product = np.ones(1)
    for axis in table.axes:
        kept = costs.kept.get(axis.name, {})
        factor = np.array([kept.get(code, 1.0) for code in axis.codes]) * (1 + costs.recent * _recency(axis))
        product = np.multiply.outer(product, factor).ravel()
    return product


def _recency(axis: Axis) -> np.ndarray:
    """From 0 for the first period to 1 for the last, a code being as recent as the last period that it holds; 0 on an
    axis where some finest code is no period."""
    try:
        periods = [parse_period(axis.codes[n]) for n in axis.finest]
    except ValueError:
        return np.zeros(len(axis))
    ends = sorted({p.fin for p in periods})
    rank = np.array([ends.index(p.fin) for p in periods]) / max(len(ends) - 1, 1)
    return np.array([rank[axis.holds[[n]].indices].max() for n in range(len(axis))])
