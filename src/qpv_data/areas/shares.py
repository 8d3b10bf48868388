"""What each source gives to each zone: the pairs that every estimate is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qpv_data.areas.cover import Cover
from qpv_data.problems import FeedError, Problem
from qpv_data.zonages.model import OVERLAP_MIN_M2

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]


@dataclass(frozen=True)
class Shares:
    """Pairs, aligned and sorted by source then zone: row of the source, number of the zone, and what part of the
    source is in it.

    `inside`: that part by area, in (0, 1]; `area`: in m²; `share`: the part that its values follow: by area too, or by
    points. `by_default`: by area for want of a point. `covered`: one entry a source, the part of it that is in some
    zone, counted once where zones overlap.
    """

    source: Ints
    zone: Numbers
    share: Floats
    inside: Floats
    area: Floats
    by_default: NDArray[np.bool_]
    covered: Floats

    def __len__(self) -> int:
        return len(self.source)


def shares_of(
    areas: Floats, cover: Cover, number: Numbers, source: Ints, part: Ints, inside: Floats, points: Floats | None = None
) -> Shares:
    """Shares from pairs (source, part of the cover), in any order, and the area of every source, m².

    `points`: the share of each pair by points, NaN where area is all there is. `number`: that of each zone.
    Raises FeedError totaux_inegaux when zones hold more of a source than there is: overlaps were missed.
    """
    share = inside if points is None else np.where(np.isnan(points), inside, points)
    counted = cover.counted[part]
    size = len(areas)
    whole = np.bincount(source, weights=inside * counted, minlength=size)
    met = np.bincount(source[counted], minlength=size)
    if (whole * areas > areas + met * OVERLAP_MIN_M2 + areas * 1e-6).any():
        message = "des zones prennent plus que la surface d'une source"
        raise FeedError("zones", Problem.TOTAUX_INEGAUX, message, "signaler ce fichier : un chevauchement a échappé")
    covered = np.minimum(np.bincount(source, weights=share * counted, minlength=size), 1.0)
    kept = np.flatnonzero((part < cover.zones) & (share > 0))
    zone = number[part[kept]]
    order = np.lexsort((zone, source[kept]))
    kept = kept[order]
    default = np.zeros(len(kept), dtype=bool)
    if points is not None:
        default = np.isnan(points[kept]) & (inside[kept] < 1)
    return Shares(
        source[kept].astype(np.int64),
        zone[order],
        share[kept],
        inside[kept],
        inside[kept] * areas[source[kept]],
        default,
        covered,
    )


def none_shared(sources: int) -> Shares:
    """Sources that no zone meets."""
    zeros = np.zeros(0)
    empty = np.zeros(0, np.int64)
    return Shares(empty, empty.astype(np.int32), zeros, zeros, zeros, np.zeros(0, bool), np.zeros(sources))


def placed(shares: Shares, rows: Ints, sources: int) -> Shares:
    """The shares of some sources, as those of `sources` sources of which they are the ascending `rows`."""
    covered = np.zeros(sources)
    covered[rows] = shares.covered
    return replace(shares, source=rows[shares.source], covered=covered)


def together(parts: Sequence[Shares], sources: int) -> Shares:
    """The shares of the same sources in several grids or territories, whose zones do not meet."""
    if not parts:
        return none_shared(sources)
    if len(parts) == 1:
        return parts[0]
    columns = [np.concatenate([getattr(p, n) for p in parts]) for n in Shares.__dataclass_fields__ if n != "covered"]
    order = np.lexsort((columns[1], columns[0]))
    covered = np.minimum(np.sum([p.covered for p in parts], axis=0), 1.0)
    source, zone, share, inside, area, by_default = (c[order] for c in columns)
    return Shares(source, zone, share, inside, area, by_default, covered)
