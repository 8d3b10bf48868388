"""Moves of crossed axes found without a programme: alternating sums over a pair of codes on each axis.

What moves a finest code up and another down, with all that holds one and not the other, breaks no addition of its axis;
the product of one such move an axis breaks no addition of the table. They are always in whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from qpv_data.secret.axes import Axis
from qpv_data.secret.cells import Bools, Ints

Floats = NDArray[np.float64]

PAIRS = 200
"""Moves of one axis that are tried for one of its codes, at most: those that move fewest codes."""
_REFUSED = 1e12
"""Cost of a cell that cannot move."""


@dataclass(frozen=True)
class Circuit:
    """`cells`: ranks in the block; `sign`: +1 or -1 of each, +1 on the cell that was asked."""

    cells: Ints
    sign: Ints


class Circuits:
    """The circuits of a block: cells of a table whose axes are whole, or cut to some of their codes."""

    def __init__(self, axes: Sequence[Axis], shape: tuple[int, ...], cells: Ints) -> None:
        places = np.unravel_index(cells, shape)
        nodes = [np.unique(p) for p in places]
        self.shape = tuple(len(n) for n in nodes)
        ranks = tuple(np.searchsorted(n, p) for n, p in zip(nodes, places, strict=True))
        self._cells = np.ravel_multi_index(ranks, self.shape)
        self._moves = [_AxisMoves(axis, own) for axis, own in zip(axes, nodes, strict=True)]

    def only(self, kept: Bools) -> Circuits:
        """Those of the block in which only the cells of the mask may move."""
        other = object.__new__(Circuits)
        other.shape, other._moves, other._cells = self.shape, self._moves, self._cells[kept]
        return other

    def around(self, at: int, cost: tuple[Floats, Floats], count: int) -> Iterator[Circuit]:
        """The cheapest circuits, `count` at most and the cheapest first, that move one cell of the block up.

        `cost`: of each cell of the block going up, and down.
        """
        node = np.unravel_index(int(self._cells[at]), self.shape)
        options = [moves.through(int(n)) for moves, n in zip(self._moves, node, strict=True)]
        total = self._totals(options, cost)
        flat = total.ravel()
        best = np.argpartition(flat, count)[:count] if len(flat) > count else np.arange(len(flat))
        best = best[np.lexsort((best, flat[best]))]
        rank = np.full(int(np.prod(self.shape)), -1, dtype=np.int64)
        rank[self._cells] = np.arange(len(self._cells))
        for n in best[flat[best] < _REFUSED]:
            picks = np.unravel_index(int(n), total.shape)
            own = [o.moved[int(pick)] for o, pick in zip(options, picks, strict=True)]
            yield Circuit(*self._crossed(own, rank))

    def _totals(self, options: Sequence[_Moves], cost: tuple[Floats, Floats]) -> Floats:
        """The cost of every choice of one move an axis. Two signs that differ, down; two that do not, up."""
        up, down = (self._whole(c) for c in cost)
        for n, own in enumerate(options):
            up, down = (
                _along(n, own.ups, up) + _along(n, own.downs, down),
                _along(n, own.ups, down) + _along(n, own.downs, up),
            )
        return up

    def _whole(self, cost: Floats) -> Floats:
        everywhere = np.full(int(np.prod(self.shape)), _REFUSED)
        everywhere[self._cells] = np.minimum(cost, _REFUSED)  # infinity times nothing is not a number
        return everywhere.reshape(self.shape)

    def _crossed(self, own: Sequence[tuple[Ints, Ints]], rank: Ints) -> tuple[Ints, Ints]:
        place, sign = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64)
        for (nodes, signs), size in zip(own, self.shape, strict=True):
            place = (place[:, None] * size + nodes).ravel()
            sign = (sign[:, None] * signs).ravel()
        return rank[place], sign


def _along(n: int, options: Floats, costs: Floats) -> Floats:
    return np.moveaxis(np.tensordot(options, costs, axes=(1, n)), 0, n)


@dataclass(frozen=True)
class _Moves:
    """Moves of one axis: `ups`, `downs`: moves × nodes, 1 where a node goes up, or down; `moved`: nodes and signs."""

    ups: Floats
    downs: Floats
    moved: tuple[tuple[Ints, Ints], ...]


class _AxisMoves:
    """Moves of one axis, the codes that are not `nodes` being still."""

    def __init__(self, axis: Axis, nodes: Ints) -> None:
        inside = axis.holds[nodes].tocsc()
        outside = axis.holds[np.setdiff1d(np.arange(len(axis), dtype=np.int64), nodes)].tocsc()
        held = np.flatnonzero(np.diff(inside.indptr))
        self._holds = inside[:, held].tocsr().astype(np.float64)
        # Two finest codes can be exchanged when the same codes that are still hold both.
        still = [tuple(outside.indices[outside.indptr[f] : outside.indptr[f + 1]].tolist()) for f in held]
        names = {key: n for n, key in enumerate(dict.fromkeys([(), *still]))}
        self._still = np.array([names[key] for key in still], dtype=np.int64)
        self._found: dict[int, _Moves] = {}

    def through(self, node: int) -> _Moves:
        """Moves that put a code up by one: a finest code that it holds, with or without another that it does not."""
        if node not in self._found:
            self._found[node] = self._pairs(node)
        return self._found[node]

    def _pairs(self, node: int) -> _Moves:
        inside = np.zeros(self._holds.shape[1], np.bool_)
        inside[self._holds.indices[self._holds.indptr[node] : self._holds.indptr[node + 1]]] = True
        mine, others = np.flatnonzero(inside), np.flatnonzero(~inside)
        up, down = (side.ravel() for side in np.meshgrid(mine, others, indexing="ij"))
        same = self._still[up] == self._still[down]
        alone = mine[self._still[mine] == 0]
        by_finest = self._holds.T.tocsr()
        moves = sp.vstack([by_finest[up[same]] - by_finest[down[same]], by_finest[alone]]).tocsr()
        moves.eliminate_zeros()
        short = np.sort(np.argsort(np.diff(moves.indptr), kind="stable")[:PAIRS])
        kept = moves[short].toarray()
        moved = tuple((np.flatnonzero(row), row[row != 0].astype(np.int64)) for row in kept)
        return _Moves(np.maximum(kept, 0.0), np.maximum(-kept, 0.0), moved)
