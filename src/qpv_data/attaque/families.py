"""Equations come by families, each for one reason: a family that published figures refute is dropped, and it is said.

Alone, when cells that are all public contradict it; with others, when no table satisfies them together: the most
trusted are then kept first, in an order that neither files nor rows change.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from qpv_data.attaque.bounds import analyse
from qpv_data.attaque.builder import Builder, Trust
from qpv_data.attaque.findings import Report, attack
from qpv_data.attaque.programs import InfeasibleError, Program
from qpv_data.attaque.rank import components
from qpv_data.attaque.system import ContradictionError, Ints, System

_CONFIRMATIONS = 3  # equations that figures must confirm before a partition that no document states is believed


def attack_believed(builder: Builder, proofs: int) -> tuple[Report, set[str]]:
    """Attack with the equations that figures leave. Also gives the families that were dropped."""
    alone = builder.refuted()
    guesses = [family for family, trust in builder.trust.items() if trust is Trust.COVER]
    dropped = alone | {family for family in guesses if builder.confirmed(family) < _CONFIRMATIONS}
    together: set[str] = set()
    while True:
        try:
            report = attack(builder.system(dropped), proofs)
            break
        except ContradictionError as e:
            more = _refuted_together(builder, dropped, e.cells)
            if not more:
                raise
            together |= more
            dropped |= more
    for family in _ordered(builder, alone):
        review = builder.trust[family] is not Trust.COVER
        report.note(f"équation écartée, des valeurs publiées la réfutent : {family}", review)
    for family in _ordered(builder, together):
        review = builder.trust[family] is not Trust.COVER
        report.note(f"équation écartée, des valeurs publiées et d'autres équations la réfutent : {family}", review)
    return report, dropped


def _ordered(builder: Builder, families: set[str]) -> list[str]:
    return sorted(families, key=lambda f: (builder.trust[f], f))


def _refuted_together(builder: Builder, dropped: set[str], cells: list[int]) -> set[str]:
    """The families, among those tied to contradictory cells, that the more trusted ones leave no room for."""
    whole = builder.system(dropped)
    families = np.array([f for f, _ in builder.rows if f not in dropped], dtype=object)
    rows = _tied(whole, cells)
    part, names = _part(whole, rows), families[rows]
    kept: set[str] = set()
    refused: set[str] = set()
    for trust in Trust:
        level = [f for f in sorted(set(names.tolist())) if builder.trust[f] is trust]
        if _consistent(part, names, kept | set(level)):
            kept |= set(level)
            continue
        for family in level:
            if _consistent(part, names, kept | {family}):
                kept.add(family)
            else:
                refused.add(family)
    return refused


def _tied(system: System, cells: list[int]) -> Ints:
    """Equations that hold one of the cells, and all that unknown cells tie to them."""
    count_rows, count_cols = system.equations.shape
    coo = system.equations[:, np.flatnonzero(~system.known)].tocoo()
    graph = sparse.coo_matrix(
        (np.ones(coo.nnz, np.int8), (coo.row, coo.col + count_rows)), shape=(count_rows + count_cols,) * 2
    )
    label = connected_components(graph, directed=False)[1][:count_rows]
    held = np.flatnonzero(abs(system.equations[:, cells]).sum(axis=1))
    return np.flatnonzero(np.isin(label, label[held])).astype(np.int64)


def _part(system: System, rows: Ints) -> System:
    """These equations and their cells."""
    cells = np.unique(system.equations[rows].indices)
    names = [system.name(int(c)) for c in cells]
    return System(
        equations=system.equations[rows][:, cells].tocsr(),
        low=system.low[cells],
        high=system.high[cells],
        hidden=np.zeros(len(cells), bool),
        derivable=np.zeros(len(cells), bool),
        integer=system.integer[cells],
        threshold=system.threshold[cells],
        scale=system.scale,
        name=names.__getitem__,
    )


def _consistent(part: System, names: np.ndarray, families: set[str]) -> bool:
    """Whether some table, in fractions of a unit at least, satisfies these families."""
    rows = np.flatnonzero([name in families for name in names])
    try:
        found = analyse(replace(part, equations=part.equations[rows]))
        u = found.determined.unknowns
        low, high = found.low[u.cells], found.high[u.cells]
        for r, c in components(u.matrix):
            inner = u.matrix[r][:, c].tocsr()
            Program(inner, u.rhs[r], low[c], high[c], part.integer[u.cells[c]]).maximise(c[:0], np.zeros(0))
    except (ContradictionError, InfeasibleError):
        return False
    return True
