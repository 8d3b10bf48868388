"""Cells and equations as they are named, then as a system."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from math import ceil, floor

import numpy as np
from scipy import sparse

from qpv_data.attaque.published import Exact
from qpv_data.attaque.system import INFINITE, System

_LARGEST = 1 << 50


class Trust(IntEnum):
    """Why an equation holds, from what cannot be false to what figures only suggest."""

    DEFINITION = 0  # what the words mean: the other side of a share, a part taken off
    BREAKDOWN = 1  # the modalities of an axis make up the whole
    COMPOSITION = 2  # zones made of whole communes
    GROUND = 3  # zones that lie in communes, and what they leave
    GENERATION = 4  # shares of area between generations of neighbourhoods
    TIME = 5  # periods of a flow
    COVER = 6  # zones that cover their communes, as no document says


@dataclass
class Builder:
    """Accumulates one system, of counts or of amounts. Values are in units; `scale` is applied at the end.

    `reasons`: why a cell is bounded, where no equation is.
    """

    names: list[str] = field(default_factory=list)
    low: list[Exact | None] = field(default_factory=list)
    high: list[Exact | None] = field(default_factory=list)
    hidden: list[bool] = field(default_factory=list)
    derivable: list[bool] = field(default_factory=list)
    count: list[bool] = field(default_factory=list)
    k: list[int] = field(default_factory=list)
    at: dict[Hashable, int] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    rows: list[tuple[str, dict[int, int]]] = field(default_factory=list)
    trust: dict[str, Trust] = field(default_factory=dict)

    def cell(self, key: Hashable, name: str, count: bool, k: int, signed: bool = False) -> int:
        """The number of a cell, created unknown, at least 0 unless `signed`."""
        if key not in self.at:
            self.at[key] = len(self.names)
            self.names.append(name)
            self.low.append(None if signed else 0)
            self.high.append(None)
            self.hidden.append(False)
            self.derivable.append(False)
            self.count.append(count)
            self.k.append(k)
        return self.at[key]

    def know(self, cell: int, value: Exact) -> None:
        """This value is public."""
        self.low[cell] = self.high[cell] = value

    def row(self, family: str, whole: Sequence[int], parts: Sequence[int], trust: Trust = Trust.DEFINITION) -> None:
        """Σ whole = Σ parts. `family` names the reason, which figures may refute; `trust` is that of the family."""
        self.trust[family] = trust
        entries: dict[int, int] = {}
        for c in whole:
            entries[c] = entries.get(c, 0) + 1
        for c in parts:
            entries[c] = entries.get(c, 0) - 1
        self.rows.append((family, {c: v for c, v in entries.items() if v}))

    def refuted(self) -> set[str]:
        """Families that published figures contradict."""
        wrong: set[str] = set()
        for family, entries in self.rows:
            if family in wrong:
                continue
            total: Exact = 0
            for c, v in entries.items():
                value = self.low[c]
                if value is None or value != self.high[c]:
                    break
                total += v * value
            else:
                if total:
                    wrong.add(family)
        return wrong

    def confirmed(self, family: str) -> int:
        """How many equations of a family have all their cells public."""
        return sum(f == family and all(self._public(c) for c in entries) for f, entries in self.rows)

    def _public(self, cell: int) -> bool:
        return self.low[cell] is not None and self.low[cell] == self.high[cell]

    def system(self, without: set[str]) -> System:
        """The system, less the refuted families."""
        scale = _scale(
            [v for v, n in zip(self.low + self.high, self.count * 2, strict=True) if v is not None and not n]
        )
        entries = [e for f, e in self.rows if f not in without]
        data = [v for e in entries for v in e.values()]
        cols = [c for e in entries for c in e]
        rows = [r for r, e in enumerate(entries) for _ in e]
        shape = (len(entries), len(self.names))
        # Whole units lie within bounds in fractions; an amount of too many digits lies around what is kept of it.
        lows = [(v, ceil if n else floor) for v, n in zip(self.low, self.count, strict=True)]
        highs = [(v, floor if n else ceil) for v, n in zip(self.high, self.count, strict=True)]
        counted = np.array(self.count, bool) & (scale == 1)
        return System(
            equations=sparse.csr_matrix((np.array(data, np.int64), (rows, cols)), shape=shape, dtype=np.int64),
            low=np.array([-INFINITE if v is None else inward(v * scale) for v, inward in lows], np.int64),
            high=np.array([INFINITE if v is None else inward(v * scale) for v, inward in highs], np.int64),
            hidden=np.array(self.hidden, bool),
            derivable=np.array(self.derivable, bool),
            integer=counted,
            threshold=np.where(counted, np.array(self.k, np.int64) * scale, 0),
            scale=scale,
            name=self.names.__getitem__,
        )


def _scale(values: Sequence[Exact]) -> int:
    """The least power of ten that makes every value whole, while a sum of them stays an exact 64-bit integer."""
    scale = 1
    room = _LARGEST // (1 + max((int(v) if v >= 0 else int(-v) for v in values), default=0))
    for value in values:
        while (value * scale).denominator != 1 and scale * 10 <= room:
            scale *= 10
    return scale
