"""Estimates zone by zone from the shares of sources, added batch by batch; totals that must close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from qpv_data.areas.declaration import Demande
from qpv_data.areas.shares import Floats, Shares
from qpv_data.problems import FeedError, Problem

CLOSES = 1e-9
"""Totals close within this part of the sum of absolute values: sums of doubles, in the order of the file."""


@dataclass(frozen=True)
class Total:
    """Where the sum of a column went: `recu` = `dans_zones` − `en_double` + `dehors` + `ecarte` + `sans_contrepartie`.

    `en_double`: what several overlapping zones hold. `ecarte`: of rows set aside. `sans_contrepartie`: of rows where
    the ratio's other column is absent. `absentes`: number of kept rows without a value.
    """

    mesure: str
    colonne: str
    recu: float
    dans_zones: float
    en_double: float
    dehors: float
    ecarte: float
    sans_contrepartie: float
    absentes: int


@dataclass(frozen=True)
class Estimations:
    """`table`: one row a zone, sorted by code. `totaux`: one a column summed. `sources`: rows kept."""

    table: pa.Table
    totaux: tuple[Total, ...]
    sources: int


class _Sum:
    """One column shared onto the zones, among the sources where `mask` is true."""

    def __init__(self, zones: int) -> None:
        self.zone = np.zeros(zones)
        self.covered = self.kept = self.without = self.size = 0.0
        self.absent = 0

    def add(self, value: Floats, mask: NDArray[np.bool_], shares: Shares) -> None:
        known = ~np.isnan(value)
        used = np.where(mask, value, 0.0)
        self.zone += np.bincount(shares.zone, weights=used[shares.source] * shares.share, minlength=len(self.zone))
        self.covered += float(used @ shares.covered)
        self.kept += float(used.sum())
        self.without += float(np.where(known & ~mask, value, 0.0).sum())
        self.size += float(np.abs(value[known]).sum())
        self.absent += int((~known).sum())


class _Quality:
    """What a value rests on, zone by zone: number of sources, and how much of it is imputed or barely inside."""

    def __init__(self, zones: int) -> None:
        self.sources = np.zeros(zones, dtype=np.int64)
        self.weight, self.imputed, self.minor = np.zeros(zones), np.zeros(zones), np.zeros(zones)

    def add(self, value: Floats, mask: NDArray[np.bool_], imputed: Floats | None, shares: Shares) -> None:
        pairs = np.flatnonzero(mask[shares.source])
        source, zone, size = shares.source[pairs], shares.zone[pairs], len(self.weight)
        part = np.abs(value[source]) * shares.share[pairs]
        self.sources += np.bincount(zone, minlength=size)
        self.weight += np.bincount(zone, weights=part, minlength=size)
        self.minor += np.bincount(zone, weights=part * (shares.inside[pairs] < 0.5), minlength=size)
        if imputed is not None:
            self.imputed += np.bincount(zone, weights=part * imputed[source], minlength=size)


class Estimation:
    """Adds the shares of batches of sources; any order gives the same, within rounding."""

    def __init__(self, codes: Sequence[str], asked: Demande, *, by_points: bool) -> None:
        self._codes, self._asked, self._by_points = codes, asked, by_points
        size = len(codes)
        self._sums = {(m, c): _Sum(size) for m, columns in _measures(asked).items() for c in columns}
        self._quality = {m: _Quality(size) for m in _measures(asked)}
        self._sources, self._divided, self._default = (np.zeros(size, dtype=np.int64) for _ in range(3))
        self._received = dict.fromkeys(asked.columns, 0.0)
        self._rejected = dict.fromkeys(asked.columns, 0.0)
        self._rows = 0

    def receive(self, values: Mapping[str, Floats], rejected: NDArray[np.bool_]) -> None:
        """Count what a batch holds, before anything else: every row, NaN where there is no value."""
        for column in self._asked.columns:
            self._received[column] += float(np.nansum(values[column]))
            self._rejected[column] += float(np.nansum(values[column][rejected]))

    def add(self, values: Mapping[str, Floats], imputed: Floats | None, shares: Shares) -> None:
        """Share the rows kept of a batch: values (NaN where there is none), 0/1 where imputed, and their shares."""
        self._rows += len(shares.covered)
        for counts, which in (
            (self._sources, shares.zone),
            (self._divided, shares.zone[shares.inside < 1]),
            (self._default, shares.zone[shares.by_default]),
        ):
            counts += np.bincount(which, minlength=len(counts))
        for measure, columns in _measures(self._asked).items():
            mask = np.logical_and.reduce([~np.isnan(values[c]) for c in columns])
            for column in columns:
                self._sums[measure, column].add(values[column], mask, shares)
            self._quality[measure].add(values[columns[-1]], mask, imputed, shares)

    def result(self) -> Estimations:
        """The table and its totals. Raises FeedError totaux_inegaux when one does not close."""
        totals = tuple(self._total(measure, column) for measure, column in self._sums)
        columns: dict[str, pa.Array] = {"code": pa.array(self._codes, pa.string())}
        columns["nb_sources"] = pa.array(self._sources)
        columns["nb_sources_partagees"] = pa.array(self._divided)
        if self._by_points:
            columns["nb_sources_sans_point"] = pa.array(self._default)
        for name in self._asked.extensifs:
            columns[name] = self._value(name, self._sums[name, name].zone)
            columns |= self._words_of(name)
        for ratio in self._asked.ratios:
            over, under = (self._sums[ratio.nom, c].zone for c in (ratio.numerateur, ratio.denominateur))
            quotient = np.divide(over, under, out=np.full(len(over), np.nan), where=under != 0)
            columns[ratio.nom] = self._value(ratio.nom, quotient)
            columns[f"{ratio.nom}_numerateur"] = self._value(ratio.nom, over)
            columns[f"{ratio.nom}_denominateur"] = self._value(ratio.nom, under)
            columns |= self._words_of(ratio.nom)
        return Estimations(pa.table(columns), totals, self._rows)

    def _value(self, measure: str, value: Floats) -> pa.Array:
        """Null where no source says anything: that is not zero."""
        return pa.array(value, mask=(self._quality[measure].sources == 0) | np.isnan(value))

    def _words_of(self, measure: str) -> dict[str, pa.Array]:
        quality = self._quality[measure]
        none = quality.weight == 0
        weight = np.where(none, 1.0, quality.weight)
        said = {f"{measure}_nb_sources": pa.array(quality.sources)}
        if self._asked.impute is not None:
            said[f"{measure}_part_imputee"] = pa.array(quality.imputed / weight, mask=none)
        said[f"{measure}_part_moins_de_moitie"] = pa.array(quality.minor / weight, mask=none)
        return said

    def _total(self, measure: str, column: str) -> Total:
        done = self._sums[measure, column]
        zones = float(done.zone.sum())
        total = Total(
            mesure=measure,
            colonne=column,
            recu=self._received[column],
            dans_zones=zones,
            en_double=zones - done.covered,
            dehors=done.kept - done.covered,
            ecarte=self._rejected[column],
            sans_contrepartie=done.without,
            absentes=done.absent,
        )
        known = total.dans_zones - total.en_double + total.dehors + total.ecarte + total.sans_contrepartie
        if abs(known - total.recu) > CLOSES * (done.size + abs(total.ecarte) + 1):
            message = f"{column} : {total.recu:g} reçus, {known:g} ventilés"
            raise FeedError(measure, Problem.TOTAUX_INEGAUX, message, "signaler ce fichier : rien n'est écrit")
        return total


def _measures(asked: Demande) -> dict[str, tuple[str, ...]]:
    """The columns of each measure; a ratio's denominator comes last, and weighs its quality."""
    alone = {name: (name,) for name in asked.extensifs}
    return alone | {r.nom: tuple(dict.fromkeys((r.numerateur, r.denominateur))) for r in asked.ratios}
