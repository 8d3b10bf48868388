"""What a linked system must keep out of reach, as targets: small cells, tied ones, and places that are nearly empty."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from qpv_data.secret.cells import Bools, Ints, Measures
from qpv_data.secret.linked.system import Linked
from qpv_data.secret.primary import Targets, protection, sensitive


def tied(link: Linked, hidden: Bools, up: bool) -> Targets:
    """Hidden cells of zones that no row shows: whatever they are, their very value must stay out of reach."""
    nodes, zones = len(link.ground), len(link.ground.zones)
    scale = max(m.decimals for m in link.measures)
    cells, amounts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for n, measure in enumerate(link.measures):
        own = n * nodes + np.flatnonzero(hidden[n * nodes : n * nodes + zones] & measure.exists())
        least = 10 ** (scale - measure.decimals)
        own = own[link.system.movable[own]]
        if not up:
            own = own[link.system.value[own] - link.system.least[own] >= least]
        cells.append(own)
        amounts.append(np.full(len(own), least))
    cell = np.concatenate(cells)
    return Targets(cell, np.full(len(cell), up), np.concatenate(amounts))


def targets(link: Linked) -> Targets:
    """What must stay out of reach: cells under the rule, published or not, the two sides of shares of everyone, what a
    reader works out of what does not add up."""
    nodes, zones = len(link.ground), len(link.ground.zones)
    found: dict[tuple[int, bool], int] = {}

    def ask(cells: Ints, up: bool, amounts: Ints) -> None:
        for cell, amount in zip(cells.tolist(), amounts.tolist(), strict=True):
            if amount > 0:
                found[cell, up] = max(found.get((cell, up), 0), amount)

    scale, granted = max(m.decimals for m in link.measures), _granted(link)
    for n, measure in enumerate(link.measures):
        one, factor = 10**measure.decimals, 10 ** (scale - measure.decimals)
        value = measure.value
        tops = np.where(measure.top >= 0, measure.top, 0)
        exists = np.concatenate([measure.exists() & ~measure.frozen(), np.ones(nodes - zones, np.bool_)])
        for held in measure.held:
            figures = Measures(np.abs(value), held.units, tops, np.full(nodes, -1, np.int64), tops)
            rule = held.rule.model_copy(update={"nk": None, "p_pourcent": None})
            cells = np.flatnonzero(sensitive(figures, rule) & exists)
            above, below = protection(figures[cells], rule, one)
            floor = granted[n][cells]
            ask(n * nodes + cells, True, above * factor)
            ask(n * nodes + cells, False, np.minimum(below, np.maximum(value[cells] - floor, 0)) * factor)
        for group in [r.group & r.hidden for r in measure.rows]:
            nobody = np.flatnonzero(group & ~measure.shown() & (value[:zones] == 0))
            ask(n * nodes + nobody, True, np.full(len(nobody), measure.rule.k * one * factor))
    for cell, amount in _between(link):
        found[cell, True] = amount
    ordered = sorted(found, key=lambda key: (-found[key], key[0], not key[1]))
    return Targets(
        np.array([c for c, _ in ordered], dtype=np.int64),
        np.array([up for _, up in ordered], dtype=np.bool_),
        np.array([found[key] for key in ordered], dtype=np.int64),
    )


def _between(link: Linked) -> Iterator[tuple[int, int]]:
    """Populations between zones of what does not add up, and how much higher each must be able to be.

    There is one such number, of whatever is counted. Of a unit that is not the first, there are at least as many as the
    larger has more than the smaller: where that is too few, the number must not be known for sure.
    """
    k = max(held.rule.k for m in link.measures for held in m.held)
    first = len(link.measures) * len(link.ground)
    rules = [held.rule for held in link.measures[0].held[1:]]
    others = [np.concatenate([m.held[1 + u].units for m in link.measures]) for u in range(len(rules))]
    for offset, (larger, smaller) in enumerate(link.beside):
        value = int(link.system.value[first + offset])
        few = [int(own[larger] - own[smaller]) < rule.k for own, rule in zip(others, rules, strict=True)]
        if 0 < value < k:
            yield first + offset, k - value
        elif value and any(few):
            yield first + offset, max(1, int(np.ceil(max(rule.marge for rule in rules) * value)))


def empty_places(link: Linked) -> Targets:
    """Atoms where a count is nothing and may be something: a reader must be able to put k there, or know nothing is."""
    nodes, zones = len(link.ground), len(link.ground.zones)
    cells, amounts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for n, measure in enumerate(link.measures):
        ks = [held.rule.k for held in measure.held if (measure.value >= held.units).all()]
        if measure.decimals == 0 and measure.additive and ks:
            own = n * nodes + np.arange(zones, nodes)
            own = own[(measure.value[zones:] == 0) & link.system.movable[own]]
            cells.append(own)
            amounts.append(np.full(len(own), max(ks)))
    cell = np.concatenate(cells)
    return Targets(cell, np.ones(len(cell), np.bool_), np.concatenate(amounts))


def _granted(link: Linked) -> Ints:
    """Measures × nodes: at most what zeros let a reader grant to each cell: 1 for each atom and part that is something.

    A cell cannot be asked to be able to be lower.
    """
    zones = len(link.ground.zones)
    atoms = np.array([(m.value[zones:] > 0).astype(np.int64) for m in link.measures])
    while True:
        before = atoms.copy()
        for whole, parts in link.sums:
            atoms[whole] = np.maximum(atoms[whole], atoms[list(parts)].sum(axis=0))
        if (atoms == before).all():
            break
    return np.concatenate([atoms @ link.ground.inside.T, atoms], axis=1)
