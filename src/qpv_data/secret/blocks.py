"""Cutting a table into blocks that are protected apart: parts of one axis that share no node."""

from __future__ import annotations

import numpy as np

from qpv_data.secret.axes import Axis
from qpv_data.secret.cells import Ints, Table

CELLS = 4_000
"""Cells of a block, at most, unless nodes that straddle tie more together."""
WHOLE = 12_000
"""Cells of a table that is one block when its longest axis cannot be cut."""


def blocks_of(table: Table, size: int = CELLS) -> list[Ints]:
    """Cells of each block, increasing. The whole table when it is small.

    The axis with most nodes is cut: groups of its finest codes, such that no node of a group has any outside it. Nodes
    that hold several groups, and the cells they make, are in no block. Codes that are in no group (their parent has
    more than a block may hold) are taken as many as fit, without what holds them.
    """
    if len(table) <= size:
        return [np.arange(len(table), dtype=np.int64)]
    longest = max(range(len(table.axes)), key=lambda n: (len(table.axes[n]), -n))
    axis = table.axes[longest]
    others = len(table) // len(axis)
    numbers = np.arange(len(table), dtype=np.int64).reshape(table.shape)
    limit = max(size // others, 2)
    groups = groups_of(axis, limit)
    if not groups and len(table) <= WHOLE:
        return [np.arange(len(table), dtype=np.int64)]
    lone = np.setdiff1d(axis.finest, np.concatenate([*groups, np.zeros(0, dtype=np.int64)]))
    groups += np.array_split(lone, -(-len(lone) // limit)) if len(lone) > 1 else []
    return [np.sort(np.take(numbers, nodes, axis=longest).ravel()) for nodes in groups]


def groups_of(axis: Axis, limit: int) -> list[Ints]:
    """Nodes of each group: nodes that share finest codes are together, the smallest first, up to `limit` nodes."""
    leader = np.arange(len(axis.finest), dtype=np.int64)

    def root(f: int) -> int:
        while leader[f] != f:
            leader[f] = leader[leader[f]]
            f = int(leader[f])
        return f

    inside: dict[int, list[int]] = {f: [] for f in range(len(axis.finest))}
    held = [axis.holds.indices[axis.holds.indptr[n] : axis.holds.indptr[n + 1]] for n in range(len(axis))]
    for node in sorted(range(len(axis)), key=lambda n: (len(held[n]), n)):
        roots = sorted({root(int(f)) for f in held[node]})
        together = sum(len(inside[r]) for r in roots) + 1
        # A node of no finest code holds nothing: it is of no group.
        if not roots or (together > limit and len(roots) > 1):
            continue
        for other in roots[1:]:
            leader[other] = roots[0]
            inside[roots[0]] += inside.pop(other)
        inside[roots[0]].append(node)
    return [np.array(sorted(nodes), dtype=np.int64) for _, nodes in sorted(inside.items()) if len(nodes) > 1]
