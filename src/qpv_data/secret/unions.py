"""Complements: what an equation gives away once its other cells are published."""

from __future__ import annotations

import numpy as np

from qpv_data.secret.cells import Bools, Ints, Table
from qpv_data.secret.equations import System, equations
from qpv_data.secret.primary import Targets, sensitive, targets_of
from qpv_data.secret.repair import parts
from qpv_data.secret.rules import Rule


def sensitive_unions(table: Table, system: System, hidden: Bools, rule: Rule) -> tuple[list[Ints], Targets] | None:
    """The hidden children, two or more, of a published parent, when the rule protects their union; None when none is.

    Their sum is known to whoever subtracts the published ones. A table of counts needs no such search: the union has
    fewer than k units only if each part has, and each part is then kept such that k cannot be excluded.
    """
    if table.counts and not rule.reads_contributors:
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
    kept = np.flatnonzero(sensitive(measures, rule))
    if not len(kept):
        return None
    first = len(system.value)
    unions = [unions[n] for n in kept]
    one = 10**table.decimals
    floor = np.array([system.least[own].sum() for own in unions], dtype=np.int64)
    return unions, targets_of(first + np.arange(len(kept)), measures[kept], floor, rule, one)


def _unions_of(system: System, cells: int) -> list[list[int]]:
    added = len(system.value) - cells
    return [parts(system, cells + n, cells) for n in range(added)]
