"""Decide on which side of a zone's edges a point is, in the cells that edges cross.

A ray from the point to one side meets edges an odd number of times when the point is inside. Which side of an edge
a point is on is the sign of a determinant; floating point proves the sign beyond an error bound (Shewchuk 1997,
`ccwerrboundA`). Within it nothing is guessed: the pair is uncertain, and GEOS is asked.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qpv_data.grid.edges import Floats

Bools = NDArray[np.bool_]

# (3 + 16 ε) ε with ε = 2⁻⁵³: relative to the sum of both products' sizes.
_BOUND = (3.0 + 16.0 * 2.0**-53) * 2.0**-53
# Below this products may have lost bits to underflow, which the relative bound does not know.
_UNDERFLOW = 1e-280


def crossings(
    px: Floats, py: Floats, ax: Floats, ay: Floats, bx: Floats, by: Floats, leftwards: Bools
) -> tuple[Bools, Bools]:
    """Whether the ray from each point crosses its edge (ay ≤ by), and whether that is uncertain; aligned arrays.

    Half-open: an edge holds its lower end and not its upper one, so a vertex is met once. A point on an edge, ends
    and horizontal edges included, is always uncertain.
    """
    left, right = (bx - ax) * (py - ay), (by - ay) * (px - ax)
    side = left - right
    reach = (ay <= py) & (py <= by)
    doubtful = np.abs(side) <= _BOUND * (np.abs(left) + np.abs(right)) + _UNDERFLOW
    crossed = reach & (py < by) & ((side < 0) == leftwards)
    return crossed, reach & doubtful
