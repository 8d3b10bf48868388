"""Mass of an isotropic Gaussian beyond a segment, in closed form.

Seen from its centre, the plane beyond a line at distance h, from the foot of the perpendicular to a point u further
along, has the mass T(h, u/h): Owen's T function (D. B. Owen, 1956, « Tables for computing bivariate normal
probabilities », Ann. Math. Statist. 27). So the triangle of the centre and an edge has the mass (angle / 2π) − ΔT, and
a polygon the sum over its edges, signed by the side on which each sees the centre: holes and parts included.
"""

from __future__ import annotations

import math

import numpy as np

from qpv_data.uncertainty.boundaries import Floats

REACH = 8.5
"""In standard deviations: farther than this from every edge, a probability is exactly 0 or 1 (the mass left out is
under exp(−8.5² / 2) = 2.1e-16)."""


def sigma_of_radius(radius_m: Floats | float, confidence: float) -> Floats:
    """Standard deviation of an isotropic Gaussian that is within `radius_m` with the probability `confidence`."""
    return np.asarray(radius_m, dtype=np.float64) / math.sqrt(-2.0 * math.log1p(-confidence))


def beyond(ax: Floats, ay: Floats, bx: Floats, by: Floats) -> Floats:
    """Mass of the standard Gaussian (centre 0, deviation 1) in the wedge of each segment a → b, beyond it.

    Signed: positive when the centre is on the left. Zero for a segment whose line passes through the centre, which
    is the limit taken together with the angle, and not alone: see `angle`.
    """
    from scipy.special import owens_t

    h, before, after = _foot(ax, ay, bx, by)
    through = h == 0
    safe = np.where(through, 1.0, h)
    mass = owens_t(np.abs(h), after / safe) - owens_t(np.abs(h), before / safe)
    return np.where(through, 0.0, mass)


def angle(ax: Floats, ay: Floats, bx: Floats, by: Floats) -> Floats:
    """Signed angle, as a share of the turn, under which the centre sees each segment; 0 on the segment's line.

    From the same signed distance as `beyond`, so that their difference has no jump where the centre crosses the line.
    """
    h, before, after = _foot(ax, ay, bx, by)
    through = h == 0
    turn = np.arctan2(after, np.abs(h)) - np.arctan2(before, np.abs(h))
    return np.where(through, 0.0, np.copysign(1.0, h) * turn / (2.0 * np.pi))


def _foot(ax: Floats, ay: Floats, bx: Floats, by: Floats) -> tuple[Floats, Floats, Floats]:
    """Signed distance from the centre to the line, and where both ends are along it from the foot."""
    dx, dy = bx - ax, by - ay
    length = np.hypot(dx, dy)
    length[length == 0] = 1.0  # an edge shorter than rounding, seen from afar: it hides nothing
    dx, dy = dx / length, dy / length
    return ax * dy - ay * dx, ax * dx + ay * dy, bx * dx + by * dy
