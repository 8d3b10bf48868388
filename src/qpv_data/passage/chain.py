"""The passages of a run: from each generation of QPV to the next."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from qpv_data.passage.model import PASSAGES, TOLERANCE_M, Contour, Generation
from qpv_data.passage.table import passage_table

if TYPE_CHECKING:
    from qpv_data.zonages.model import Zone

FAMILLE = "qpv"


def passages(
    zones: Sequence[Zone], couverture: Mapping[str, Iterable[str]], tolerance: float = TOLERANCE_M
) -> pa.Table:
    """The passages of every zoning of QPV that has contours to those of the next vintage, oldest first.

    `couverture[zonage]`: the territories that it is declared in force in. No row when the run has one vintage only.
    """
    by_zoning: dict[str, list[Zone]] = {}
    for zone in zones:
        if zone.famille == FAMILLE:
            by_zoning.setdefault(zone.zonage, []).append(zone)
    by_vintage: dict[str, list[Generation]] = {}
    for name, found in sorted(by_zoning.items()):
        if any(z.statut == "normale" for z in found):
            contours = [Contour(z.code, z.territoire, z.epsg, z.geometrie) for z in found]
            vintage = max(z.millesime for z in found)
            by_vintage.setdefault(vintage, []).append(Generation.of(name, contours, couverture[name]))
    vintages = sorted(by_vintage)
    made = [
        passage_table(old, new, tolerance)[0]
        for before, after in itertools.pairwise(vintages)
        for old in by_vintage[before]
        for new in by_vintage[after]
    ]
    return pa.concat_tables([PASSAGES.empty_table(), *made])
