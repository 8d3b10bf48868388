"""Insee grid cells from their identifiers alone: `CRS3035RES200mN2029800E4252400`.

An identifier holds the grid's EPSG code, the side of its cells in metres, and the northing and easting of the cell's
south-west corner. No geometry is built. Identifiers are read many at a time, on their bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from qpv_data.areas.extents import extent_of
from qpv_data.areas.rejects import Ecart
from qpv_data.zonages.crs import in_metres

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

_SHAPE = re.compile(rb"(CRS(\d{4,6})RES(\d{1,6})mN)(\d{1,8})E(\d{1,8})")
_FORM = r"^CRS(?P<crs>\d{4,6})RES(?P<pas>\d{1,6})mN(?P<n>\d{1,8})E(?P<e>\d{1,8})$"
_SHORTEST, _LONGEST = len("CRS0000RES0mN0E0"), len("CRS000000RES000000mN00000000E00000000")
_MODELS = 16
"""Identifiers of one length and prefix are read together; beyond so many kinds in a batch, by a slower way."""
_TURN = 1 << 15
"""Identifiers read at a time: the arrays of a turn stay in the processor's cache."""


@dataclass(frozen=True)
class Grille:
    """A grid: its CRS ("EPSG:3035") and the side of its cells, metres."""

    crs: str
    pas: int


@dataclass(frozen=True)
class Cells:
    """One entry an identifier: `grid`, the place of its grid in `grids`, −1 when refused; `row`, `column`: its corner
    divided by the side; `ecart`: the rank in `Ecart` of why it is refused, −1 when it is not."""

    grids: tuple[Grille, ...]
    grid: NDArray[np.int32]
    row: Ints
    column: Ints
    ecart: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.grid)


def parse_cells(identifiers: pa.Array | pa.ChunkedArray) -> Cells:
    """Read identifiers, in order. Every one that cannot be is refused with its reason; none is left out.

    A corner that is not on the grid's mesh, or lies far from where its CRS is used, is refused: digits were lost.
    """
    texts = _texts(identifiers)
    reader = _Reader(len(texts))
    for start in range(0, len(texts), _TURN):
        part = texts.slice(start, _TURN)
        for rows, raw, length in _by_length(part):
            left = reader.read_alike(rows + start, raw, length)
            if len(left):
                reader.read_any(left, texts.take(pa.array(left)))
    absent = texts.is_null().to_numpy(zero_copy_only=False)
    reader.ecart[absent], reader.grid[absent] = Ecart.IDENTIFIANT_ABSENT.rank, -1
    return reader.cells()


def _texts(identifiers: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(identifiers, pa.ChunkedArray):
        identifiers = identifiers.combine_chunks()
    if identifiers.type != pa.large_string():
        identifiers = identifiers.cast(pa.large_string())
    return identifiers


def _by_length(texts: pa.Array) -> Iterator[tuple[Ints, NDArray[np.uint8], int]]:
    """(rows, bytes as a matrix of one row each, length) of the texts of each length that an identifier may have."""
    _, offsets, data = texts.buffers()
    if data is None:
        return
    at = np.frombuffer(offsets, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    size = np.diff(at)
    raw = np.frombuffer(data, dtype=np.uint8)
    lengths = range(_SHORTEST, _LONGEST + 1)
    if len(size) and size.min() == size.max() and int(size[0]) in lengths:
        yield np.arange(len(size)), raw[at[0] : at[-1]].reshape(-1, size[0]), int(size[0])
        return
    for length in lengths:
        rows = np.flatnonzero(size == length)
        if len(rows):
            yield rows, raw[at[rows][:, None] + np.arange(length)], length


class _Reader:
    """Fills the cells of a batch, kind of identifier by kind."""

    def __init__(self, size: int) -> None:
        self.grid = np.full(size, -1, dtype=np.int32)
        self.row, self.column = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
        self.ecart = np.full(size, Ecart.IDENTIFIANT_ILLISIBLE.rank, dtype=np.int8)
        self._grids: dict[Grille, int] = {}

    def cells(self) -> Cells:
        return Cells(tuple(self._grids), self.grid, self.row, self.column, self.ecart)

    def read_alike(self, rows: Ints, raw: NDArray[np.uint8], length: int) -> Ints:
        """Read the rows that look like the first one left, again and again; give back those that remain."""
        for _ in range(_MODELS):
            if not len(rows):
                break
            model = _SHAPE.fullmatch(raw[0].tobytes())
            if model is None:
                rows, raw = rows[1:], raw[1:]
                continue
            alike = _same_bytes(raw, 0, model[1])
            split = model.start(5) - 1
            alike &= raw[:, split] == ord("E")
            north, sound_north = _number(raw, split, len(model[4]))
            east, sound_east = _number(raw, length, len(model[5]))
            alike &= sound_north & sound_east
            crs, pas = int(model[2]), int(model[3])
            if alike.all():
                self._keep(rows, north, east, crs, pas)
                return rows[:0]
            self._keep(rows[alike], north[alike], east[alike], crs, pas)
            rows, raw = rows[~alike], raw[~alike]
        return rows

    def read_any(self, rows: Ints, texts: pa.Array) -> None:
        found = pc.extract_regex(texts, pattern=_FORM)
        good = found.is_valid().to_numpy(zero_copy_only=False)
        crs, pas, north, east = (
            pc.struct_field(found, name).fill_null("0").cast(pa.int64()).to_numpy() for name in ("crs", "pas", "n", "e")
        )
        rows, crs, pas, north, east = (a[good] for a in (rows, crs, pas, north, east))
        for epsg, side in sorted(set(zip(crs.tolist(), pas.tolist(), strict=True))):
            own = (crs == epsg) & (pas == side)
            self._keep(rows[own], north[own], east[own], epsg, side)

    def _keep(self, rows: Ints, north: Ints, east: Ints, epsg: int, pas: int) -> None:
        if not len(rows):
            return
        refused = _refusal(epsg, pas)
        if refused is not None:
            self.ecart[rows] = refused.rank
            return
        grille = Grille(f"EPSG:{epsg}", pas)
        row, column = north // pas, east // pas
        alone = len(rows) == rows[-1] - rows[0] + 1  # rows ascend: one stretch of them, much quicker to write
        where = slice(rows[0], rows[-1] + 1) if alone else rows
        self.row[where], self.column[where], self.ecart[where] = row, column, -1
        west, south, east_end, north_end = extent_of(grille.crs)
        far = (east < west) | (north < south) | (east > east_end) | (north > north_end)
        off = (row * pas != north) | (column * pas != east)
        bad = far | off
        if not bad.all():
            self.grid[where] = self._grids.setdefault(grille, len(self._grids))
        if bad.any():
            self.grid[rows[bad]] = -1
            self.ecart[rows[far]], self.ecart[rows[off]] = Ecart.HORS_EMPRISE.rank, Ecart.HORS_MAILLE.rank


def _word(raw: NDArray[np.uint8], at: int) -> Words:
    """Bytes `at` to `at` + 8 of each row as one number, the first byte the lowest."""
    return np.ndarray(len(raw), dtype="<u8", buffer=np.ascontiguousarray(raw).data, offset=at, strides=(raw.shape[1],))


def _same_bytes(raw: NDArray[np.uint8], at: int, text: bytes) -> NDArray[np.bool_]:
    """Rows that hold `text`, of 8 bytes at least, at `at`."""
    same = np.ones(len(raw), dtype=bool)
    for start in sorted({*range(0, len(text) - 7, 8), len(text) - 8}):
        same &= _word(raw, at + start) == np.uint64(int.from_bytes(text[start : start + 8], "little"))
    return same


def _number(raw: NDArray[np.uint8], end: int, digits: int) -> tuple[Ints, NDArray[np.bool_]]:
    """The number written in the `digits` bytes before `end`, and whether they all are digits."""
    shift = np.uint64(8 * (8 - digits))
    zeros, high = np.uint64(0x3030303030303030), np.uint64(0xF0F0F0F0F0F0F0F0)
    word = _word(raw, end - 8) >> shift
    word <<= shift
    word |= zeros & ((np.uint64(1) << shift) - np.uint64(1))
    # A digit's byte is 0x30 to 0x39: its high half is 3, and still is when six is added.
    six = word + np.uint64(0x0606060606060606)
    six ^= zeros
    word ^= zeros  # the digits themselves, when that is what they are
    six |= word
    six &= high
    sound: NDArray[np.bool_] = six == 0
    # Two digits, then four, then eight at a time, within one word.
    word = word * np.uint64(10) + (word >> np.uint64(8))
    pair = np.uint64(0x000000FF000000FF)
    upper = word >> np.uint64(16)
    upper &= pair
    upper *= np.uint64(0x0000271000000001)
    word &= pair
    word *= np.uint64(0x000F424000000064)
    word += upper
    word >>= np.uint64(32)
    return word.view(np.int64), sound


@cache
def _refusal(epsg: int, pas: int) -> Ecart | None:
    """Why no identifier of this CRS and side can be read, None when they can."""
    try:
        known = CRS.from_epsg(epsg)
    except CRSError:
        return Ecart.CRS_INCONNU
    if not known.is_projected or not in_metres(f"EPSG:{epsg}"):
        return Ecart.CRS_SANS_METRE
    return Ecart.IDENTIFIANT_ILLISIBLE if pas < 1 else None
