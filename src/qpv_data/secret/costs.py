"""What hiding a cell costs a reader, so that what is needed least is hidden first."""

from __future__ import annotations

import numpy as np

from qpv_data.secret.cells import Table

TOTALS = 0.25
"""By default, a cell costs a quarter more each time it holds twice as many finest cells…"""
SIZE = 0.15
"""… and this much more each time its value is ten times larger."""


def weights(table: Table, totals: float = TOTALS, size: float = SIZE) -> np.ndarray:
    """Cost of hiding each cell: 1 for a finest cell of 0, more for larger values and for totals; 0 if unpublished."""
    value = table.measures.value / 10**table.decimals
    breadth = np.log2(np.maximum(table.finest_inside, 1))
    return np.where(table.published, (1 + totals * breadth) * (1 + size * np.log10(1 + value)), 0.0)
