"""Cells that the rule does not let be shown, and the interval that each must keep in a reader's mind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from qpv_data.secret.cells import Bools, Ints, Measures, Table
from qpv_data.secret.rules import Rule


@dataclass(frozen=True)
class Targets:
    """What protects: `cell[i]` must be able to be `amount[i]` higher (`up[i]`) or lower than it is.

    Sorted by amount, the largest first, then by cell: what hides most is hidden first, and serves the others.
    """

    cell: Ints
    up: Bools
    amount: Ints

    def __len__(self) -> int:
        return len(self.cell)


def sensitive(measures: Measures, rule: Rule) -> Bools:
    """Cells under the rule. A zero is never: it is published (see docs/secret.md)."""
    value = measures.value.astype(np.float64)
    found = measures.units < rule.k
    if rule.dominance is not None:
        found |= measures.first > rule.dominance * value
    if rule.nk is not None:
        found |= measures.largest > rule.nk.pourcent / 100 * value
    if rule.p_pourcent is not None:
        found |= value - measures.first - measures.second < rule.p_pourcent / 100 * measures.first
    return np.asarray(found & (measures.value > 0))


def protection(measures: Measures, rule: Rule, one: int) -> tuple[Ints, Ints]:
    """How far above and below its value each sensitive cell must be able to be; 0 below where nothing is asked.

    Where the value is the number of units, up to k: a reader cannot then tell that there are fewer than k. Where it is
    not, the margin of the rule. Dominance, (n, k) and p %: their protection levels. At least `one`, which is 1 in
    units of the last decimal. Below: the same, as far as 0 allows.
    """
    value = measures.value.astype(np.float64)
    few, is_count = measures.units < rule.k, measures.value == measures.units
    need = np.where(few & is_count, rule.k - value, np.where(few, rule.marge * value, 0.0))
    need = np.where(few & ~is_count & (value < rule.k * one), np.maximum(need, rule.k * one - value), need)
    spread = np.where(few & ~is_count, rule.marge * value, 0.0)
    for level in _levels(measures, rule):
        # A small count needs no level of its own: k is what a reader must not exclude.
        spread = np.where(few & is_count, spread, np.maximum(spread, level))
    need = np.maximum(need, spread)
    above = np.ceil(np.maximum(need, one) - 1e-9).astype(np.int64)
    below = np.minimum(np.ceil(spread - 1e-9).astype(np.int64), measures.value)
    return above, below


def _levels(measures: Measures, rule: Rule) -> list[np.ndarray]:
    value = measures.value.astype(np.float64)
    levels = []
    if rule.dominance is not None:
        levels.append(measures.first / rule.dominance - value)
    if rule.nk is not None:
        levels.append(measures.largest * (100 / rule.nk.pourcent) - value)
    if rule.p_pourcent is not None:
        levels.append(rule.p_pourcent / 100 * measures.first - (value - measures.first - measures.second))
    return levels


def primary(table: Table, rule: Rule) -> tuple[Bools, Targets]:
    """The sensitive cells of a table, published or derivable, and their targets."""
    # A hidden cell is known to be at least 1, and so is each finest cell inside it that is not a zero.
    floor = inside_at_least(table)
    hidden, asked = np.zeros(len(table), np.bool_), []
    for measures, own in held_units(table, rule):
        under = sensitive(measures, own)
        cells = np.flatnonzero(under)
        asked.append(targets_of(cells, measures[cells], floor[cells], own, 10**table.decimals))
        hidden |= under
    return hidden, strictest(asked)


def held_units(table: Table, rule: Rule) -> list[tuple[Measures, Rule]]:
    """Each unit that the table protects, and its rule. Contributors are of the first."""
    return [
        (table.measures, rule),
        *((replace(table.measures, units=other.units), alone(rule, other.k)) for other in table.others),
    ]


def alone(rule: Rule, k: int) -> Rule:
    """A rule on the number of units, and on nothing else."""
    return Rule(k=k, marge=rule.marge)


def strictest(asked: Sequence[Targets]) -> Targets:
    """Several lists of targets as one: of a cell that two of them name, the larger amount."""
    if len(asked) == 1:
        return asked[0]
    cell, up, amount = (np.concatenate([getattr(t, name) for t in asked]) for name in ("cell", "up", "amount"))
    order = np.lexsort((~up, cell, -amount))
    _, first = np.unique(np.column_stack([cell, up])[order], axis=0, return_index=True)
    kept = order[np.sort(first)]
    return Targets(cell[kept], up[kept], amount[kept])


def inside_at_least(table: Table) -> Ints:
    """The smallest value that a reader must grant to each cell: 1 for every finest cell published that is not zero."""
    from qpv_data.secret.cells import add_up

    finest = crossed_finest(table)
    granted = ((table.measures.value > 0) & table.published)[finest].astype(np.int64)
    return np.maximum(add_up(table.axes, granted), ((table.measures.value > 0) & table.published).astype(np.int64))


def crossed_finest(table: Table) -> Ints:
    """The number of each finest cell, in C order of finest codes."""
    ranks = np.meshgrid(*(a.finest for a in table.axes), indexing="ij")
    return np.ravel_multi_index(tuple(r.ravel() for r in ranks), table.shape)


def targets_of(cells: Ints, measures: Measures, floor: Ints, rule: Rule, one: int) -> Targets:
    """Targets of sensitive cells, in the order that `Targets` states."""
    above, below = protection(measures, rule, one)
    below = np.minimum(below, measures.value - floor)
    lower = below > 0
    cell = np.concatenate([cells, cells[lower]])
    up = np.concatenate([np.ones(len(cells), np.bool_), np.zeros(int(lower.sum()), np.bool_)])
    amount = np.concatenate([above, below[lower]])
    order = np.lexsort((~up, cell, -amount))
    return Targets(cell[order], up[order], amount[order])
