"""The linear system of measures that equations tie together at one period, and what it must keep apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from qpv_data.secret.axes import Axis
from qpv_data.secret.blocks import CELLS, groups_of
from qpv_data.secret.cells import Bools, Ints
from qpv_data.secret.costs import SIZE, TOTALS
from qpv_data.secret.equations import System
from qpv_data.secret.linked.ground import Ground
from qpv_data.secret.linked.measures import Measure, Period

if TYPE_CHECKING:
    from qpv_data.secret.linked.unions import Left


@dataclass(frozen=True)
class Linked:
    """Some measures over all nodes, and what a reader works out of several.

    The cell of `numbers[i]` at a node is numbered `i * nodes + node`; cells beyond are populations that a reader works
    out between zones of what does not add up (`beside`: larger, smaller). `sums`: (whole, parts), by rank.
    `left`: what subtraction gives and the rule protects, a cell each after these.
    """

    numbers: tuple[int, ...]
    measures: tuple[Measure, ...]
    ground: Ground
    system: System
    beside: tuple[tuple[int, int], ...]
    sums: tuple[tuple[int, tuple[int, ...]], ...]
    left: tuple[Left, ...] = ()

    def cell(self, measure: int, node: int) -> int:
        return measure * len(self.ground) + node

    def name(self, cell: int) -> str:
        """A cell, for a message."""
        nodes = len(self.ground)
        if cell < len(self.measures) * nodes:
            return f"{self.measures[cell // nodes].label} {self.ground.name(cell % nodes)}"
        beyond = cell - len(self.measures) * nodes
        if beyond >= len(self.beside):
            return " + ".join(self.name(own) for own in self.left[beyond - len(self.beside)].cells[:4])
        larger, smaller = self.beside[beyond]
        return f"{self.name(larger)} sans {self.name(smaller)}"

    def hidden(self) -> Bools:
        """Cells that no row shows, as things stand."""
        planes = np.ones((len(self.measures), len(self.ground)), np.bool_)
        for n, measure in enumerate(self.measures):
            planes[n, : len(self.ground.zones)] = ~measure.shown()
        beyond = len(self.system.value) - planes.size
        return np.concatenate([planes.ravel(), np.ones(beyond, np.bool_)])

    def renewed(self) -> Linked:
        """The same, where zeros that were hidden since are unknown."""
        movable = _movable(self.measures, self.ground, len(self.system.value))
        return replace(self, system=replace(self.system, movable=movable))

    def blocks(self) -> list[Ints]:
        """Cells to protect apart: nodes whose atoms are nobody else's, for every measure."""
        nodes, count = len(self.ground), len(self.measures)
        everything = np.arange(len(self.system.value), dtype=np.int64)
        if len(everything) <= CELLS:
            return [everything]
        holds = sp.vstack([self.ground.inside, sp.identity(len(self.ground.atoms), dtype=np.int64)]).tocsr()
        rank = np.arange(len(self.ground.zones), nodes, dtype=np.int64)
        axis = Axis("zone", tuple(map(str, range(nodes))), rank, holds, (), np.ones(nodes, np.bool_))
        base = np.arange(count, dtype=np.int64)[:, None] * nodes
        found = [np.sort((base + group[None, :]).ravel()) for group in groups_of(axis, max(CELLS // count, 2))]
        beyond = [*self.beside, *(left.cells for left in self.left)]
        block_of = np.full(count * nodes, -1, np.int64)
        for n, cells in enumerate(found):
            block_of[cells] = n
        # What is worked out of the cells of one block is free to move with them.
        home = np.array([own[0] if np.ptp(own := block_of[list(cells)]) == 0 else -1 for cells in beyond], np.int64)
        return [np.concatenate([cells, count * nodes + np.flatnonzero(home == n)]) for n, cells in enumerate(found)]


def components(period: Period) -> list[tuple[int, ...]]:
    """Measures that equations tie together, directly or not; each is protected apart from the others."""
    leader = list(range(len(period.measures)))

    def root(n: int) -> int:
        while leader[n] != n:
            n = leader[n]
        return n

    tied = [(whole, part) for whole, parts in period.sums for part in parts] + period.within
    for first, second in tied:
        leader[root(second)] = root(first)
    groups: dict[int, list[int]] = {}
    for n in range(len(period.measures)):
        groups.setdefault(root(n), []).append(n)
    return [tuple(sorted(g)) for _, g in sorted(groups.items())]


def linked(period: Period, numbers: Sequence[int], ground: Ground) -> Linked:
    """The system of some measures. Every zone is the sum of its atoms, every whole that of its parts, atom by atom."""
    measures = tuple(period.measures[n] for n in numbers)
    scale = max(m.decimals for m in measures)
    rank = {n: i for i, n in enumerate(numbers)}
    nodes = len(ground)
    value = np.concatenate([m.value * 10 ** (scale - m.decimals) for m in measures])
    lines = _Lines(value)
    for n, measure in enumerate(measures):
        if measure.additive:
            lines.zones(ground, n * nodes)
        else:
            for larger, smaller in ground.nested:
                lines.beside(n * nodes + larger, n * nodes + smaller)
    sums = tuple((rank[w], tuple(rank[p] for p in parts)) for w, parts in period.sums if w in rank)
    for whole, parts in sums:
        lines.sums(ground, whole * nodes, [p * nodes for p in parts])
    for whole, part in period.within:
        if whole in rank:
            for node in np.flatnonzero(measures[rank[whole]].exists()).tolist():
                lines.beside(rank[whole] * nodes + node, rank[part] * nodes + node)
    return Linked(tuple(numbers), measures, ground, _system(measures, ground, lines), tuple(lines.pairs), sums)


class _Lines:
    """Equations as they are written."""

    def __init__(self, value: Ints) -> None:
        self.value = list(value.tolist())
        self.rows: list[sp.csr_matrix] = []
        self.pairs: list[tuple[int, int]] = []
        self.triples: list[tuple[int, int, int]] = []

    def zones(self, ground: Ground, first: int) -> None:
        """A zone is the sum of its atoms."""
        inside = ground.inside.tocoo()
        zones = ground.inside.shape[0]
        rows = np.concatenate([np.arange(zones), inside.row])
        columns = np.concatenate([first + np.arange(zones), first + zones + inside.col])
        signs = np.concatenate([-np.ones(zones, np.int64), np.ones(inside.nnz, np.int64)])
        self.rows.append(_matrix(signs, rows, columns, zones))

    def sums(self, ground: Ground, whole: int, parts: Sequence[int]) -> None:
        """At each atom; zones follow."""
        atoms = np.arange(len(ground.zones), len(ground))
        columns = np.column_stack([whole + atoms, *(p + atoms for p in parts)])
        signs = np.ones_like(columns)
        signs[:, 0] = -1
        rows = np.repeat(np.arange(len(atoms)), columns.shape[1])
        self.rows.append(_matrix(signs.ravel(), rows, columns.ravel(), len(atoms)))

    def beside(self, larger: int, smaller: int) -> None:
        """Who is in the larger and not in the smaller is a population too."""
        new = len(self.value)
        self.value.append(self.value[larger] - self.value[smaller])
        assert self.value[new] >= 0, "un ensemble compte moins d'unités qu'une de ses parties"
        self.pairs.append((larger, smaller))
        self.triples.append((larger, smaller, new))

    def matrix(self) -> sp.csr_matrix:
        width = len(self.value)
        wide = [sp.csr_matrix((m.data, m.indices, m.indptr), shape=(m.shape[0], width)) for m in self.rows]
        if self.triples:
            columns = np.array(self.triples, dtype=np.int64)
            signs = np.tile(np.array([-1, 1, 1], dtype=np.int64), len(columns))
            made = _matrix(signs, np.repeat(np.arange(len(columns)), 3), columns.ravel(), len(columns))
            wide.append(sp.csr_matrix((made.data, made.indices, made.indptr), shape=(len(columns), width)))
        return sp.vstack(wide).tocsr() if wide else sp.csr_matrix((0, width), dtype=np.int64)


def _matrix(data: Ints, rows: Ints, columns: Ints, count: int) -> sp.csr_matrix:
    shape = (count, int(columns.max(initial=0)) + 1)
    return sp.csr_matrix((data, (rows, columns)), shape=shape, dtype=np.int64)


def _system(measures: Sequence[Measure], ground: Ground, lines: _Lines) -> System:
    nodes, zones = len(ground), len(ground.zones)
    value = np.array(lines.value, dtype=np.int64)
    published = np.zeros(len(value), np.bool_)
    least = np.zeros(len(value), np.int64)
    weight = np.zeros(len(value))
    breadth = np.log2(np.maximum(np.asarray(ground.inside.sum(axis=1)).ravel(), 1))
    for n, measure in enumerate(measures):
        own = slice(n * nodes, n * nodes + zones)
        exists, positive = measure.exists(), measure.value[:zones] > 0
        published[own] = exists
        least[own] = np.where(measure.counted & positive, 1, 0)
        size = np.log10(1 + np.abs(measure.value[:zones]) / 10**measure.decimals)
        # A row lost is a row lost whatever it shows: one that several indicators show costs as many.
        rows = np.sum([r.exists for r in measure.rows], axis=0) if measure.rows else np.zeros(zones)
        # Rounded: processors do not all give logarithms the same last bit, and what is hidden must not hang on it.
        weight[own] = np.where(exists, np.round(rows * (1 + TOTALS * breadth) * (1 + SIZE * size), 6), 0.0)
    negative = value < 0
    least = np.where(negative, value * 1000, least)
    rows_ = lines.matrix()
    assert not (rows_ @ value).any(), "des totaux ne s'additionnent pas"
    return System(rows_, value, least, _movable(measures, ground, len(value)), published, weight)


def _movable(measures: Sequence[Measure], ground: Ground, cells: int) -> Bools:
    """A zero that a row publishes is known, and so is every atom of it; so is what was published before."""
    nodes, zones = len(ground), len(ground.zones)
    movable = np.ones(cells, np.bool_)
    for n, measure in enumerate(measures):
        zeros = measure.shown() & (measure.value[:zones] == 0)
        movable[n * nodes : n * nodes + zones] = ~zeros & ~measure.frozen()
        if measure.additive:
            nothing = np.asarray(zeros @ ground.inside).ravel() > 0
            movable[n * nodes + zones : (n + 1) * nodes] = measure.possible & ~nothing
    return movable
