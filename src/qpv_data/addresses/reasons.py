"""Why geocoding left a place unknown, told to whoever locates the points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qpv_data.addresses.model import MOTIF


def tell_reasons(table: pa.Table, motives: npt.NDArray[np.object_]) -> None:
    """Write, in place, the reason of each row that geocoding left without a point: it says more than its absence."""
    for row, reason in enumerate(table.column(MOTIF).to_pylist()):
        if reason is not None:
            motives[row] = reason
