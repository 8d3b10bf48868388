"""Cells met twice, found in one pass and in bounded memory: a byte a cell of the ground ever met, whatever the rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_SIDE = 6  # a block is 64 cells a side
_BLOCK = 1 << (2 * _SIDE)
_ACROSS = 1 << 24


class Rencontres:
    """The cells of one grid met so far."""

    def __init__(self) -> None:
        self._place: dict[int, int] = {}
        self._met = np.zeros((0, _BLOCK), dtype=bool)

    def repeated(self, row: Ints, column: Ints) -> NDArray[np.bool_]:
        """Which of these cells have been met before, in an earlier call or earlier in this one. Then they all have."""
        mask = (1 << _SIDE) - 1
        key = ((row >> _SIDE) * _ACROSS + (column >> _SIDE)) * _BLOCK + ((row & mask) << _SIDE) + (column & mask)
        order = None
        if len(key) > 1 and not (key[1:] > key[:-1]).all():
            order = np.argsort(key, kind="stable")
            key = key[order]
        again = np.zeros(len(key), dtype=bool)
        again[1:] = key[1:] == key[:-1]
        at = self._slots(key >> (2 * _SIDE)) * _BLOCK + (key & (_BLOCK - 1))
        met = self._met.reshape(-1)
        again |= met[at]
        met[at] = True
        if order is None:
            return again
        told = np.empty(len(again), dtype=bool)
        told[order] = again
        return told

    def _slots(self, block: Ints) -> Ints:
        """The place of the block of each cell, sorted by block; new ones are given room."""
        starts = np.flatnonzero(np.concatenate([[True], block[1:] != block[:-1]])) if len(block) else block
        places = [self._place.setdefault(b, len(self._place)) for b in block[starts].tolist()]
        if len(self._place) > len(self._met):
            room = np.zeros((2 * len(self._place), _BLOCK), dtype=bool)
            room[: len(self._met)] = self._met
            self._met = room
        return np.repeat(np.array(places, dtype=np.int64), np.diff(np.append(starts, len(block))))
