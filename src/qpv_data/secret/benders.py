"""The least costly suppression of a small block, exactly: a master programme that chooses, and cuts that refuse.

A target out of reach with what is chosen stays so with anything less: at least one of the other cells must be hidden.
Each refusal is widened, cell by cell, to the largest choice that still fails, which makes the cut as strong as it can.
"""

from __future__ import annotations

from collections.abc import Sequence

import highspy
import numpy as np

from qpv_data.secret.cells import Bools, Ints
from qpv_data.secret.moves import Block, limits, quiet
from qpv_data.secret.primary import Targets
from qpv_data.secret.rounding import whole_move
from qpv_data.secret.witnesses import Pool, Witness

CANDIDATES, ROUNDS = 16, 60
"""Cells that may be hidden in a block that is solved exactly, at most; choices tried before it is given up."""


def exact(block: Block, hidden: Bools, targets: Targets, room: Ints) -> tuple[Bools, dict[int, Witness]] | None:
    """What to hide, `hidden` included, at the least cost, and the proofs; None when the block is too large, when it has
    a target that hiding everything does not reach, or when too many choices were refused."""
    candidates = np.flatnonzero(~hidden)
    if len(candidates) > CANDIDATES:
        return None
    cuts: list[Ints] = []
    for _ in range(ROUNDS):
        chosen = _choice(block.weight[candidates], cuts)
        free = hidden.copy()
        free[candidates[chosen]] = True
        pool = Pool(targets, room)
        refused = _refused(block, free, pool)
        if not refused:
            return _used(hidden, free, pool)
        for target in refused:
            widest = _widest(block, free, pool, target)
            if widest is None:
                return None
            cuts.append(np.flatnonzero(~widest[candidates]))
    return None


def _used(hidden: Bools, free: Bools, pool: Pool) -> tuple[Bools, dict[int, Witness]]:
    """Without the cells that no proof needs to move (they may cost nothing)."""
    kept = hidden.copy()
    for witness in pool.proof.values():
        kept[witness.cells] = True
    assert not (kept & ~free).any()
    return kept, pool.proof


def _choice(weight: np.ndarray, cuts: Sequence[Ints]) -> Ints:
    """Ranks of the cheapest cells that hit every cut."""
    if not cuts:
        return np.zeros(0, dtype=np.int64)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(weight), len(cuts)
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = weight, np.zeros(len(weight)), np.ones(len(weight))
    lp.row_lower_, lp.row_upper_ = np.ones(len(cuts)), np.full(len(cuts), highspy.kHighsInf)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.concatenate([[0], np.cumsum([len(c) for c in cuts])])
    lp.a_matrix_.index_ = np.concatenate(cuts)
    lp.a_matrix_.value_ = np.ones(sum(len(c) for c in cuts))
    lp.integrality_ = [highspy.HighsVarType.kInteger] * len(weight)
    highs = quiet()
    highs.setOptionValue("mip_rel_gap", 0.0)
    highs.passModel(lp)
    highs.run()
    return np.flatnonzero(np.asarray(highs.getSolution().col_value) > 0.5)


def _refused(block: Block, free: Bools, pool: Pool) -> list[int]:
    """Targets that no move of the free cells reaches; the others get their proof."""
    refused = []
    for target in range(len(pool.targets)):
        if not pool.reached[target]:
            move = _move(block, free, pool.targets, target)
            if move is None:
                refused.append(target)
            else:
                pool.add(block.cells, move)
    return refused


def _widest(block: Block, free: Bools, pool: Pool, target: int) -> Bools | None:
    """A largest choice that holds this one and still refuses the target, the dearest cells taken in first; None when
    everything does."""
    if _move(block, np.ones_like(free), pool.targets, target) is None:
        return None
    wide = free.copy()
    others = np.flatnonzero(~free)
    for cell in others[np.argsort(-block.weight[others], kind="stable")]:
        wide[cell] = True
        if _move(block, wide, pool.targets, target) is not None:
            wide[cell] = False
    return wide


def _move(block: Block, free: Bools, targets: Targets, target: int) -> Ints | None:
    at, amount = int(targets.cell[target]), float(targets.amount[target])
    signed = amount if targets.up[target] else -amount
    if signed < 0 and block.room[at] < amount:
        return None
    short = np.ones(len(block))
    return whole_move(block, (short, short), limits(block, free), (at, signed))
