"""Counts and exact sums by zone and category, added batch after batch: what `--compte` writes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from qpv_data.arrays import arrow, distinct, numbers, texts
from qpv_data.grid.edges import Floats, Ints
from qpv_data.grid.index import Labels
from qpv_data.points.categories import is_category, keys_of, kind_of, values_of
from qpv_data.points.exact_sums import ExactSums
from qpv_data.problems import FeedError, Problem

# Groups (zones × categories) counted in one array, at most; beyond, only those that are met are.
_DENSE = 1 << 22


@dataclass
class Tally:
    """Groups of one zoning: a zone's number and a category. `somme`: the columns summed; `par`: the category's.

    Categories are numbered as they are met; `entiers`, `decimaux`: the columns that held whole numbers, and others:
    a sum is written as a whole number when it is of whole numbers only.
    """

    zones: int
    par: str | None
    somme: tuple[str, ...]
    categories: dict[object, int] = field(default_factory=dict)
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    keys: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    sums: dict[str, ExactSums] = field(default_factory=dict)
    entiers: set[str] = field(default_factory=set)
    decimaux: set[str] = field(default_factory=set)
    absents: Counter[str] = field(default_factory=Counter)
    type_par: pa.DataType | None = None

    def expect(self, nom: str, schema: pa.Schema) -> None:
        """Learn the types of a source's columns, before its rows. Raises FeedError for a column that cannot serve."""
        if self.par is not None:
            kind = kind_of(schema.field(self.par).type)
            if not is_category(kind):
                message = f"la colonne {self.par!r} ({str(kind)[:60]}) n'est pas faite de catégories"
                raise FeedError(nom, Problem.VALEUR_INVALIDE, message, "compter par une colonne simple")
            if self.type_par is not None and self.type_par != kind:
                message = f"la colonne {self.par!r} est de type {kind}, et {self.type_par} dans un autre fichier"
                raise FeedError(nom, Problem.ENTETE_INATTENDU, message, "compter ces fichiers séparément")
            self.type_par = kind
        for name in self.somme:
            kind = schema.field(name).type
            whole = pa.types.is_integer(kind) or pa.types.is_boolean(kind)
            (self.entiers if whole else self.decimaux).add(name)

    def add(self, batch: pa.RecordBatch, rows: Ints, zone: Labels) -> None:
        """Add rows of a batch, each in a zone; a row may come back, in another zone."""
        width = 1
        key = zone.astype(np.int64)
        local: list[object] = [None]
        if self.par is not None:
            codes, local = self._categories(batch, rows)
            width = max(len(local), 1)
            key = key * width + codes
        groups, members = self._grouped(key, width)
        counted = np.bincount(members, minlength=len(groups))
        summed = {name: self._summed(batch, name, rows, members, len(groups)) for name in self.somme}
        met = np.flatnonzero(counted)
        kept = {name: sums.regrouped(_places(met, len(groups)), len(met)) for name, sums in summed.items()}
        own = np.array([self._number(c) for c in local], dtype=np.int64)
        full = (groups[met] // width) + own[groups[met] % width] * self.zones
        self._merge(full, counted[met], kept)

    def merge(self, other: Tally) -> None:
        """Add the groups of another tally of the same zoning."""
        own = np.zeros(max(other.categories.values(), default=0) + 1, np.int64)
        for category, n in other.categories.items():
            own[n] = self._number(category)
        self.absents += other.absents
        self._merge(other.keys % self.zones + own[other.keys // self.zones] * self.zones, other.counts, other.sums)

    def _number(self, category: object) -> int:
        return self.categories.setdefault(category, len(self.categories))

    def _merge(self, keys: Ints, counts: NDArray[np.int64], sums: dict[str, ExactSums]) -> None:
        union = distinct(np.concatenate([self.keys, keys]))
        old, new = np.searchsorted(union, self.keys), np.searchsorted(union, keys)
        merged = np.zeros(len(union), np.int64)
        merged[old] += self.counts
        np.add.at(merged, new, counts)
        for name in self.somme:
            total = self.sums.get(name, ExactSums(len(self.keys))).regrouped(old, len(union))
            if name in sums:  # a tally of rows that no zone can meet has none
                total.merge(sums[name].regrouped(new, len(union)))
            self.sums[name] = total
        self.keys, self.counts = union, merged

    def _grouped(self, key: Ints, width: int) -> tuple[Ints, Ints]:
        """The groups that may be there, and the place among them of each row's."""
        if self.zones * width <= _DENSE:
            return np.arange(self.zones * width), key
        groups, members = np.unique(key, return_inverse=True)
        return groups, members.reshape(-1)

    def _categories(self, batch: pa.RecordBatch, rows: Ints) -> tuple[Ints, list[object]]:
        assert self.par is not None
        column = batch.column(batch.schema.get_field_index(self.par))
        if pa.types.is_string_view(column.type):
            column = column.cast(pa.string())
        taken = column.take(arrow(rows))
        if not pa.types.is_dictionary(taken.type):
            taken = pc.dictionary_encode(taken)
        codes = numbers(taken.indices.cast(pa.int64()), len(taken.dictionary))
        return codes, [*keys_of(taken.dictionary), None]

    def _summed(self, batch: pa.RecordBatch, name: str, rows: Ints, members: Ints, groups: int) -> ExactSums:
        column = batch.column(batch.schema.get_field_index(name))
        if pa.types.is_string_view(column.type):
            column = column.cast(pa.string())
        column = column.take(arrow(rows))
        sums = ExactSums(groups)
        if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
            there = numbers(column.is_valid())
            values = numbers(column if pa.types.is_uint64(column.type) else column.cast(pa.int64()), 0)
            # Two halves, each exact as a float64.
            sums.add(members, (values >> 32).astype(np.float64) * 2.0**32)
            sums.add(members, (values & 0xFFFFFFFF).astype(np.float64))
        else:
            floats = as_numbers(column, name)
            there = ~np.isnan(floats)
            sums.add(members[there], floats[there])
        self.absents[name] += int(len(there) - there.sum())
        return sums


def as_numbers(column: pa.Array, name: str) -> Floats:
    """A column to sum as float64, NaN where absent. Raises FeedError for a text that is no number."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = pc.utf8_trim_whitespace(column)
        column = pc.if_else(pc.equal(column, ""), pa.scalar(None, column.type), column)
    try:
        floats = column.cast(pa.float64(), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as e:
        message = f"la colonne {name!r} n'est pas faite de nombres"
        raise FeedError("--somme", Problem.VALEUR_INVALIDE, message, "sommer une colonne de nombres") from e
    return numbers(floats, math.nan)


def _places(met: Ints, groups: int) -> Ints:
    """Where each group goes when only those of `met` are kept: empty groups add nothing, anywhere."""
    to = np.zeros(groups, np.int64)
    to[met] = np.arange(len(met))
    return to


def table_of(tally: Tally, codes: Sequence[str]) -> pa.Table:
    """One line a zone and category that is met: `code`, the category, `nombre`, `somme_<column>`; sorted by code,
    then by category (null last)."""
    zone, category = tally.keys % tally.zones, tally.keys // tally.zones
    columns: dict[str, pa.Array] = {"code": texts(codes).take(arrow(zone))}
    if tally.par is not None:
        named = sorted(tally.categories, key=tally.categories.__getitem__)
        columns[tally.par] = values_of(named, tally.type_par or pa.string()).take(arrow(category))
    columns["nombre"] = arrow(tally.counts)
    every = np.arange(len(tally.keys))
    for name in tally.somme:
        sums = tally.sums.get(name, ExactSums(0))
        whole = name in tally.entiers - tally.decimaux
        columns[f"somme_{name}"] = _whole(sums.whole_totals(every)) if whole else arrow(np.array(sums.totals(every)))
    order = [("code", "ascending"), *([(tally.par, "ascending")] if tally.par is not None else [])]
    return pa.table(columns).sort_by(order)


def _whole(totals: list[int]) -> pa.Array:
    """Whole sums, of 64 bits; as float64 when one is beyond."""
    low, high = min(totals, default=0), max(totals, default=0)
    if low >= -(2**63) and high < 2**63:
        return arrow(np.array(totals, np.int64))
    return arrow(np.array(totals, np.uint64 if low >= 0 and high < 2**64 else np.float64))
