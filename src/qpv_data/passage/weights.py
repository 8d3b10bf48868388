"""Weigh links by a layer of points (addresses, dwellings): how many, or the sum of a column, in each and in both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qpv_data.grid.zone_index import index_zones
from qpv_data.passage.model import Generation
from qpv_data.passage.overlay import Link, drawn

Floats = NDArray[np.float64]
Ranks = NDArray[np.int64]
MILLION = 1_000_000


class Batch(NamedTuple):
    """Points of one territory, in its projected CRS, metres; `poids` in millionths, so that sums are exact."""

    territoire: str
    epsg: int
    x: Floats
    y: Floats
    poids: Ranks


@dataclass
class Points:
    """Points to be read once, batch by batch. The counts are right when all the batches have been read."""

    batches: Iterable[Batch]
    lus: int = 0
    inconnus: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Weights:
    """`commun[n]`: weight in both zones of link n. By side (`depart`, `arrivee`), a number a zone: `poids`, its
    weight, and `reste`, the weight that is in none of the zones that it is linked to.

    `lus` points were read, of which `inconnus` have no known place, by reason."""

    commun: Sequence[float]
    poids: Mapping[str, Sequence[float]]
    reste: Mapping[str, Sequence[float]]
    lus: int
    inconnus: Mapping[str, int]

    def of_zone(self, side: str, rank: int) -> dict[str, float | None]:
        """The columns of a zone; the share of a zone without any weight is unknown, not 0."""
        weight, rest = self.poids[side][rank], self.reste[side][rank]
        return {f"poids_{side}": weight, f"reste_poids_{side}": rest / weight if weight > 0 else None}


def weigh(old: Generation, new: Generation, found: Sequence[Link], points: Points) -> Weights:
    """Weigh zones and links. Totals are integers, so that the order of the points changes nothing."""
    indexes = {side: _indexes(g) for side, g in (("depart", old), ("arrivee", new))}
    sizes = {"depart": len(old.contours), "arrivee": len(new.contours)}
    total = {side: np.zeros(n, dtype=np.int64) for side, n in sizes.items()}
    inside = {side: np.zeros(n, dtype=np.int64) for side, n in sizes.items()}
    shared = np.zeros(len(found), dtype=np.int64)
    keys = np.array([k.depart * sizes["arrivee"] + k.arrivee for k in found], dtype=np.int64)
    for batch in points.batches:
        place = (batch.territoire, batch.epsg)
        hits = {side: _hits(indexes[side].get(place), batch) for side in total}
        for side, (rows, zones) in hits.items():
            np.add.at(total[side], zones, batch.poids[rows])
        rows, left, right = _both(*hits["depart"], *hits["arrivee"])
        number = left * sizes["arrivee"] + right
        # `found` is sorted, hence so are its keys.
        where = np.minimum(np.searchsorted(keys, number), max(len(keys) - 1, 0))
        linked = keys[where] == number if len(keys) else np.zeros(len(number), dtype=bool)
        np.add.at(shared, where[linked], batch.poids[rows[linked]])
        for side, zones in (("depart", left), ("arrivee", right)):
            once = np.unique(np.column_stack([rows[linked], zones[linked]]), axis=0)
            np.add.at(inside[side], once[:, 1], batch.poids[once[:, 0]])
    rest = {side: total[side] - inside[side] for side in total}
    assert all((r >= 0).all() for r in rest.values())
    return Weights(
        commun=_plain(shared),
        poids={side: _plain(t) for side, t in total.items()},
        reste={side: _plain(r) for side, r in rest.items()},
        lus=points.lus,
        inconnus=dict(sorted(points.inconnus.items())),
    )


def _plain(millionths: Ranks) -> list[float]:
    return [int(m) / MILLION for m in millionths]


class _Index(NamedTuple):
    zones: Any
    ranks: Ranks


def _indexes(generation: Generation) -> dict[tuple[str, int], _Index]:
    places: dict[tuple[str, int], list[int]] = {}
    for rank in drawn(generation):
        contour = generation.contours[rank]
        assert contour.territoire is not None
        assert contour.epsg is not None
        places.setdefault((contour.territoire, contour.epsg), []).append(rank)
    found: dict[tuple[str, int], _Index] = {}
    for place, ranks in places.items():
        shapes = np.empty(len(ranks), dtype=object)
        shapes[:] = [generation.contours[n].geometrie for n in ranks]
        # Ranks are in the order of the codes, as the index's own numbers are.
        zones = index_zones([generation.contours[n].code for n in ranks], shapes)
        found[place] = _Index(zones, np.array(ranks, dtype=np.int64))
    return found


def _hits(index: _Index | None, batch: Batch) -> tuple[Ranks, Ranks]:
    """Pairs (row of a point, rank of a zone that covers it), sorted by row."""
    if index is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    rows, zones = index.zones.every(batch.x, batch.y, index.zones.judge("couvre"))
    return rows.astype(np.int64), index.ranks[zones]


def _both(rows_a: Ranks, a: Ranks, rows_b: Ranks, b: Ranks) -> tuple[Ranks, Ranks, Ranks]:
    """Every (row, a, b) of a point that is in both. Rows are sorted."""
    first, last = np.searchsorted(rows_b, rows_a, "left"), np.searchsorted(rows_b, rows_a, "right")
    times = last - first
    owner = np.repeat(np.arange(len(rows_a)), times)
    offset = np.arange(len(owner)) - np.repeat(np.cumsum(times) - times, times)
    return rows_a[owner], a[owner], b[first[owner] + offset]
