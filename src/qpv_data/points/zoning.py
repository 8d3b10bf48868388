"""Zones ready to be asked: an index for each CRS that some were drawn in, and the way there from any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qpv_data.grid.edges import Floats, Ints
from qpv_data.grid.fallback import Judge, Regle
from qpv_data.grid.front import Front, front_of
from qpv_data.grid.index import Labels
from qpv_data.grid.layers import Layer
from qpv_data.grid.store import Stored, cached, digest_of
from qpv_data.grid.zone_index import ZoneIndex, joined
from qpv_data.points.ground import Ground, ground_of
from qpv_data.projection import moved_points

Box = tuple[float, float, float, float]


class Asked(Protocol):
    """(rows ascending, zone numbers) of the points that a zone holds."""

    def __call__(self, x: Floats, y: Floats) -> tuple[Ints, Labels]: ...


@dataclass(frozen=True)
class Drawn:
    """Zones drawn in one CRS, indexed.

    `natifs`: for each zone, the CRS of its file when that is another: a point received in it is answered there,
    by a `Drawn` of that CRS whose `propre` says that it answers no other point.
    `digest`: names the index on disk; empty for what lives in memory only.
    """

    crs: str
    index: ZoneIndex
    natifs: tuple[str | None, ...] = ()
    propre: bool = False
    digest: str = ""


@dataclass(frozen=True)
class Zoning:
    """A zoning: its codes, sorted, and where its zones are drawn. Threads share it.

    `territoires`: where it is in force; None when nothing says so (a file of zones). `principal`: the French
    territory that most zones are in, None for a map of another place. `sure`: boxes of `Ground`, already known.
    `reparees`, `sans_aire`: codes of zones whose contour was repaired, or has no area at all.
    """

    nom: str
    codes: tuple[str, ...]
    drawn: tuple[Drawn, ...]
    territoires: frozenset[str] | None = None
    principal: str | None = None
    sure: Mapping[str, Box] = field(default_factory=dict)
    reparees: tuple[str, ...] = ()
    sans_aire: tuple[str, ...] = ()
    _reach: dict[tuple[str, Regle], Reach] = field(default_factory=dict, compare=False, repr=False)

    def reach(self, crs: str, regle: Regle = "couvre") -> Reach:
        """What answers points received in `crs` ("EPSG:4326" or WKT)."""
        if (crs, regle) not in self._reach:
            self._reach[crs, regle] = Reach(
                tuple(_way(d, self.numbers(d), crs, regle) for d in self.drawn if _answers(d, crs))
            )
        return self._reach[crs, regle]

    def ground(self, crs: str) -> Ground:
        """What the absence of a zone means for points received in `crs`."""
        libre = self.principal is None and self.territoires is None
        if crs in self.sure:
            return Ground(crs, self.sure[crs], self.territoires, libre=libre)
        return ground_of(crs, self.principal, self.territoires, libre=libre)

    def numbers(self, drawn: Drawn) -> NDArray[np.int32]:
        """The place among `codes` of each zone of a part."""
        return np.array([self._place[code] for code in drawn.index.codes], dtype=np.int32)

    @cached_property
    def _place(self) -> dict[str, int]:
        return {code: n for n, code in enumerate(self.codes)}

    @cached_property
    def code_array(self) -> NDArray[np.object_]:
        """The codes as an array, by number."""
        return np.array(self.codes, dtype=object)


@dataclass(frozen=True)
class _Way:
    first: Asked
    every: Asked
    numbers: NDArray[np.int32]
    kept: NDArray[np.bool_] | None  # zones of this way that answer; None is all of them
    layers: tuple[Layer, ...] | None
    """The grids that see the points as they are; None when points are moved."""
    margin_m: float | None = None

    def ask(self, x: Floats, y: Floats, *, every: bool) -> tuple[Ints, Labels]:
        # A zone that gives way elsewhere must not hide another one under it: all are asked, then sorted out.
        row, zone = (self.every if every or self.kept is not None else self.first)(x, y)
        if self.kept is not None:
            chosen = self.kept[zone]
            row, zone = row[chosen], zone[chosen]
            if not every:
                row, at = np.unique(row, return_index=True)
                zone = zone[at]
        return row, self.numbers[zone]


@dataclass(frozen=True)
class Reach:
    """Answers for points of one CRS, over every part of a zoning."""

    ways: tuple[_Way, ...]

    def first(self, x: Floats, y: Floats) -> tuple[Ints, Labels]:
        """Rows, ascending, of the points inside a zone, and its number: the smallest code of several."""
        if len(self.ways) == 1:
            return self.ways[0].ask(x, y, every=False)
        row, zone = joined([way.ask(x, y, every=False) for way in self.ways])
        new = np.ones(len(row), dtype=bool)
        new[1:] = row[1:] != row[:-1]
        return row[new], zone[new]

    def meets(self, box: Box) -> bool:
        """Whether a zone may hold a point of a box of the points' CRS; true when it cannot be told."""
        for way in self.ways:
            if way.layers is None:
                return True
            for layer in way.layers:
                xmin, ymin, xmax, ymax = layer.grid.bounds
                if box[0] < xmax and box[2] >= xmin and box[1] < ymax and box[3] >= ymin:
                    return True
        return False

    def every(self, x: Floats, y: Floats) -> tuple[Ints, Labels]:
        """Every pair (row, zone number), sorted by both."""
        return joined([way.ask(x, y, every=True) for way in self.ways])


def _answers(drawn: Drawn, crs: str) -> bool:
    """Whether some of its zones answer points of `crs`."""
    if drawn.propre:
        return _same(drawn.crs, crs)
    return not drawn.natifs or any(n is None or not _same(n, crs) for n in drawn.natifs)


def _same(a: str, b: str) -> bool:
    if a == b:
        return True
    from qpv_data.zonages.crs import same_crs

    return same_crs(a, b)


def _way(drawn: Drawn, numbers: NDArray[np.int32], crs: str, regle: Regle) -> _Way:
    index, judge = drawn.index, drawn.index.judge(regle)
    kept = None
    if drawn.natifs and any(n is not None and _same(n, crs) for n in drawn.natifs):
        kept = np.array([n is None or not _same(n, crs) for n in drawn.natifs])
    if _same(drawn.crs, crs):
        return _Way(
            lambda x, y: index.first(x, y, judge),
            lambda x, y: index.every(x, y, judge),
            numbers,
            kept,
            index.layers,
        )
    front = _front(drawn, crs)
    if front is None:
        return _moving(drawn, numbers, crs, judge, kept)
    return _Way(
        lambda x, y: front.first(x, y, index, judge),
        lambda x, y: front.every(x, y, index, judge),
        numbers,
        kept,
        front.layers,
        front.margin_m,
    )


def _moving(drawn: Drawn, numbers: NDArray[np.int32], crs: str, judge: Judge, kept: NDArray[np.bool_] | None) -> _Way:
    """Points moved one and all into the zones' CRS."""
    index, target = drawn.index, drawn.crs

    def ask(of: Callable[..., tuple[Ints, Labels]]) -> Asked:
        def answered(x: Floats, y: Floats) -> tuple[Ints, Labels]:
            return of(*moved_points(crs, target, x, y), judge)

        return answered

    return _Way(ask(index.first), ask(index.every), numbers, kept, None)


def _front(drawn: Drawn, crs: str) -> Front | None:
    """The front from `crs`, kept on disk beside its reference."""
    geometries = drawn.index.geometries

    def make() -> Stored:
        front = front_of(geometries(), crs, drawn.crs)
        layers = () if front is None else front.layers
        said = {} if front is None else {"margin": front.margin, "margin_m": front.margin_m}
        return Stored(ZoneIndex((), layers, list), said)

    import pyproj

    how = {"de": crs, "vers": drawn.crs, "reference": drawn.digest, "proj": pyproj.proj_version_str}
    stored = cached(drawn.digest and digest_of([], **how), make)
    if not stored.said:
        return None
    return Front(crs, drawn.crs, stored.index.layers, stored.said["margin"], stored.said["margin_m"])


def zoning_of(nom: str, parts: Sequence[Drawn], **more: Any) -> Zoning:
    """A zoning of parts, numbered over all their codes."""
    codes = tuple(sorted({code for part in parts for code in part.index.codes}))
    return Zoning(nom, codes, tuple(parts), **more)
