"""Complements: what an equation gives away once its other cells are published."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qpv_data.secret.cells import Bools, Ints, OtherUnits, Table
from qpv_data.secret.equations import System, equations
from qpv_data.secret.primary import Targets, alone, sensitive, strictest, targets_of
from qpv_data.secret.repair import parts
from qpv_data.secret.rules import Rule


def sensitive_unions(table: Table, system: System, hidden: Bools, rule: Rule) -> tuple[list[Ints], Targets] | None:
    """The hidden children, two or more, of a published parent, when the rule protects their union; None when none is.

    Their sum is known to whoever subtracts the published ones. A table of counts needs no such search: the union has
    fewer than k units only if each part has, and each part is then kept such that k cannot be excluded.
    """
    sought = _sought(table, rule)
    if not sought:
        return None
    known = {tuple(own) for own in _unions_of(system, len(table))}
    found: dict[tuple[int, ...], None] = {}
    rows = equations(table)
    for n in range(rows.shape[0]):
        columns, signs = (
            rows.indices[rows.indptr[n] : rows.indptr[n + 1]],
            rows.data[rows.indptr[n] : rows.indptr[n + 1]],
        )
        if hidden[columns[signs < 0]].any():
            continue
        own = columns[(signs > 0) & hidden[columns] & (table.measures.value[columns] > 0)]
        if len(own) > 1 and len(own) < len(columns) - 1:
            found[tuple(sorted(int(c) for c in own))] = None
    unions = [np.array(own, dtype=np.int64) for own in sorted(found) if own not in known]
    if not unions:
        return None
    measures = table.unions(unions)
    figures = [measures if other is None else replace(measures, units=other.unions(unions)) for other, _ in sought]
    under = [sensitive(own, told) for own, (_, told) in zip(figures, sought, strict=True)]
    kept = np.flatnonzero(np.logical_or.reduce(under))
    if not len(kept):
        return None
    first = len(system.value) + np.arange(len(kept))
    unions = [unions[n] for n in kept]
    one = 10**table.decimals
    floor = np.array([system.least[own].sum() for own in unions], dtype=np.int64)
    asked = [
        targets_of(first[own[kept]], figure[kept][own[kept]], floor[own[kept]], told, one)
        for own, figure, (_, told) in zip(under, figures, sought, strict=True)
    ]
    return unions, strictest(asked)


def _sought(table: Table, rule: Rule) -> list[tuple[OtherUnits | None, Rule]]:
    """The units of which a union may have too few without its parts, each with its rule; None: the first."""
    found: list[tuple[OtherUnits | None, Rule]] = []
    if not table.counts or rule.reads_contributors:
        found.append((None, rule))
    for other in table.others:
        if table.decimals or (table.measures.value != other.units).any():
            found.append((other, alone(rule, other.k)))
    return found


def _unions_of(system: System, cells: int) -> list[list[int]]:
    added = len(system.value) - cells
    return [parts(system, cells + n, cells) for n in range(added)]
