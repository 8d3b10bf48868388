"""Geographical differencing with the truth in hand: for the publisher, since capacities are confidential.

Two partitions of one ground publish their totals. Whoever adds zones of one and subtracts zones of the other that
lie within them learns what remains: Σ n over the pieces (i, j) with i in S and j not in T, where T lies within S.
The smallest remainder that holds a given piece is a minimum cut, so no number of zones is out of reach.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components, maximum_flow

Piece = tuple[str, str]
_WHOLE = 60  # parts of a unit that several pieces share


@dataclass(frozen=True)
class Group:
    """Zones `added`, less zones `removed`, leave `units` fewer than k and not none."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    units: int


def differencing(
    pieces: Mapping[Piece, int], k: int, shared: Mapping[frozenset[Piece], int] | None = None
) -> list[Group]:
    """Every smallest group under k, one for each small piece, both ways round.

    `pieces`: (zone of one partition, zone of the other) → true units, empty pieces included where grounds overlap: a
    piece left out is ground that nobody can live on. Zones in no piece of the other partition need a piece of their
    own (`hors`, for instance). `shared`: how many units are in each of these sets of pieces; a group counts them once.
    """
    if negative := [p for p, n in pieces.items() if n < 0]:
        raise ValueError(f"negative units in {negative[:3]}")
    turned = {(j, i): n for (i, j), n in pieces.items()}
    both = [(held, n) for held, n in (shared or {}).items() if len(held) > 1 and n]
    backwards = [(frozenset((j, i) for i, j in held), n) for held, n in both]
    return _one_way(pieces, k, both) + _one_way(turned, k, backwards)


def _one_way(pieces: Mapping[Piece, int], k: int, shared: Sequence[tuple[frozenset[Piece], int]]) -> list[Group]:
    found: dict[Group, None] = {}
    for members in _connected(pieces):
        inside = {p: pieces[p] for p in members}
        own = [(held & inside.keys(), n) for held, n in shared if len(held & inside.keys()) > 1]
        for piece, units in inside.items():
            if 0 < units < k:
                for capacities in [inside, _split(inside, own)] if own else [inside]:
                    group = _counted(_cut(capacities, piece), inside, own)
                    if group.units < k:
                        found[group] = None
    return list(found)


def _split(inside: Mapping[Piece, int], shared: Sequence[tuple[frozenset[Piece], int]]) -> dict[Piece, int]:
    """Capacities where a unit of several pieces brings a part of itself to each: never more than a group counts."""
    split = {p: n * _WHOLE for p, n in inside.items()}
    for held, n in shared:
        for p in held:
            split[p] -= n * (_WHOLE - _WHOLE // len(held))
    return split


def _counted(group: Group, inside: Mapping[Piece, int], shared: Sequence[tuple[frozenset[Piece], int]]) -> Group:
    """The group, each of its units counted once."""
    held = {(i, j) for i, j in inside if i in group.added and j not in group.removed}
    twice = sum(n * (len(among) - 1) for where, n in shared if len(among := where & held) > 1)
    return Group(group.added, group.removed, sum(inside[p] for p in held) - twice)


def _connected(pieces: Mapping[Piece, int]) -> list[list[Piece]]:
    firsts, seconds = _numbers(pieces)
    count = len(firsts) + len(seconds)
    ends = ([firsts[i] for i, _ in pieces], [len(firsts) + seconds[j] for _, j in pieces])
    graph = sparse.coo_matrix((np.ones(len(pieces), np.int8), ends), shape=(count, count))
    label = connected_components(graph, directed=False)[1]
    groups: dict[int, list[Piece]] = {}
    for piece in pieces:
        groups.setdefault(int(label[firsts[piece[0]]]), []).append(piece)
    return list(groups.values())


def _numbers(pieces: Mapping[Piece, int]) -> tuple[dict[str, int], dict[str, int]]:
    firsts = {code: n for n, code in enumerate(dict.fromkeys(i for i, _ in pieces))}
    seconds = {code: n for n, code in enumerate(dict.fromkeys(j for _, j in pieces))}
    return firsts, seconds


def _cut(pieces: Mapping[Piece, int], piece: Piece) -> Group:
    """The fewest units that S less T can hold, with S holding the first zone of `piece` and T not the second."""
    firsts, seconds = _numbers(pieces)
    shift, count = len(firsts), len(firsts) + len(seconds)
    endless = sum(pieces.values()) + 1
    rows, cols, capacities = [], [], []
    for (i, j), units in pieces.items():
        rows += [firsts[i], shift + seconds[j]]
        cols += [shift + seconds[j], firsts[i]]
        capacities += [units, endless]
    graph = sparse.csr_matrix((np.array(capacities, np.int32), (rows, cols)), shape=(count, count))
    flow = maximum_flow(graph, firsts[piece[0]], shift + seconds[piece[1]])
    reached = _reached((graph - flow.flow).tocsr(), firsts[piece[0]])
    added = tuple(sorted(code for code, n in firsts.items() if n in reached))
    removed = tuple(sorted(code for code, n in seconds.items() if shift + n in reached))
    return Group(added, removed, int(flow.flow_value))


def _reached(residual: sparse.csr_matrix, start: int) -> set[int]:
    seen, queue = {start}, deque([start])
    while queue:
        node = queue.popleft()
        ends = slice(residual.indptr[node], residual.indptr[node + 1])
        for other, left in zip(residual.indices[ends].tolist(), residual.data[ends].tolist(), strict=True):
            if left > 0 and other not in seen:
                seen.add(other)
                queue.append(other)
    return seen
