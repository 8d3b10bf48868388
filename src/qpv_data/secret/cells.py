"""Every cell of the crossed hierarchies, margins included, from finest cells whose units are disjoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qpv_data.secret.axes import Axis

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Measures:
    """Of each cell: value (in units of the table's last decimal), distinct units, and what the largest contributors
    bring: the first, the second, the first `n` of the rule. -1 where it is not known."""

    value: Ints
    units: Ints
    first: Ints
    second: Ints
    largest: Ints

    def __getitem__(self, where: Ints | Bools) -> Measures:
        return Measures(*(a[where] for a in (self.value, self.units, self.first, self.second, self.largest)))


class Unions(Protocol):
    """Answers for unions of cells that share no finest cell."""

    def __call__(self, unions: Sequence[Ints], /) -> Measures: ...


@dataclass(frozen=True)
class OtherUnits:
    """Distinct units of another kind in each cell, the least that are shown, and how many unions of cells have."""

    units: Ints
    k: int
    unions: Callable[[Sequence[Ints]], Ints]


@dataclass(frozen=True)
class Table:
    """Cells are numbered as the C order of an array with one dimension an axis, one rank a node.

    `decimals`: the value 12.34 is held as 1234 when `decimals` is 2. `unions` measures what is not a cell.
    `others`: units that are protected beside those of `measures`.
    """

    axes: tuple[Axis, ...]
    measures: Measures
    decimals: int
    unions: Unions
    others: tuple[OtherUnits, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(a) for a in self.axes)

    def __len__(self) -> int:
        return len(self.measures.value)

    @cached_property
    def counts(self) -> bool:
        """Whether values are numbers of units, so that a value below k is a cell of fewer than k units."""
        return self.decimals == 0 and bool((self.measures.value == self.measures.units).all())

    @cached_property
    def published(self) -> Bools:
        """A cell is published when its node is, on every axis."""
        return crossed([a.published for a in self.axes])

    @cached_property
    def finest_inside(self) -> Ints:
        """How many finest cells each cell holds."""
        product = np.ones(1, dtype=np.int64)
        for axis in self.axes:
            product = np.multiply.outer(product, np.asarray(axis.holds.sum(axis=1)).ravel()).ravel()
        return product

    def name(self, cell: int) -> str:
        """The codes of a cell, for a message."""
        ranks = np.unravel_index(cell, self.shape)
        return " × ".join(a.codes[int(r)] for a, r in zip(self.axes, ranks, strict=True))


def with_disjoint(table: Table, units: Ints, k: int) -> Table:
    """The table with another unit: how many in each finest cell (in C order), no one of them in two."""
    everyone = add_up(table.axes, units)

    def unions(asked: Sequence[Ints]) -> Ints:
        return np.array([everyone[own].sum() for own in asked], dtype=np.int64)

    return replace(table, others=(*table.others, OtherUnits(everyone, k, unions)))


def crossed(masks: Sequence[Bools]) -> Bools:
    """The cells whose node is in the mask of each axis."""
    product = np.ones(1, dtype=np.bool_)
    for mask in masks:
        product = np.logical_and.outer(product, mask).ravel()
    return product


def held(axis: Axis, node: int) -> Ints:
    """Ranks of the finest codes that a node holds."""
    return np.asarray(axis.holds.indices[axis.holds.indptr[node] : axis.holds.indptr[node + 1]])


def finest_shape(axes: Sequence[Axis]) -> tuple[int, ...]:
    return tuple(len(a.finest) for a in axes)


def add_up(axes: Sequence[Axis], finest: Ints) -> Ints:
    """Sums over every node of every axis, from finest cells in C order. Exact: whole numbers."""
    values = finest.reshape(finest_shape(axes))
    for n, axis in enumerate(axes):
        moved = np.moveaxis(values, n, 0)
        summed = (axis.holds @ moved.reshape(moved.shape[0], -1)).reshape(len(axis), *moved.shape[1:])
        values = np.moveaxis(summed, 0, n)
    return np.ascontiguousarray(values).ravel()


def largest_of(axes: Sequence[Axis], finest: Ints) -> Ints:
    """Largest finest value inside every cell."""
    values = finest.reshape(finest_shape(axes))
    for n, axis in enumerate(axes):
        moved = np.moveaxis(values, n, 0)
        taken = moved[axis.holds.indices]
        values = np.moveaxis(np.maximum.reduceat(taken, axis.holds.indptr[:-1], axis=0), 0, n)
    return np.ascontiguousarray(values).ravel()


def disjoint_table(axes: tuple[Axis, ...], value: Ints, units: Ints, first: Ints, decimals: int) -> Table:
    """The table of finest cells (in C order, 0 where there is none) whose units and contributors are disjoint.

    The second contributor of a cell is not known: rules that read it need records.
    """
    values, everyone, tops = add_up(axes, value), add_up(axes, units), largest_of(axes, first)
    assert values.max(initial=0) <= value.sum(), "un total dépasse la somme des cellules"
    nothing = np.full(len(values), -1, dtype=np.int64)
    measures = Measures(values, everyone, tops, nothing, tops)

    def unions(asked: Sequence[Ints]) -> Measures:
        value, units = (np.array([c[own].sum() for own in asked], dtype=np.int64) for c in (values, everyone))
        top = np.array([tops[own].max() for own in asked], dtype=np.int64)
        return Measures(value, units, top, np.full(len(asked), -1, dtype=np.int64), top)

    return Table(axes, measures, decimals, unions)
