"""Read a CSV by blocks: what is provably regular is parsed at once by Arrow, the rest line by line, exactly.

Both ways give the same rows: a block is regular only when every quote in it opens a field, closes one or stands for
a quote in one, and every byte can be read; there, Arrow and the exact cutter have nothing to disagree on. Around a
fault, and in a row that has not its number of cells, the exact cutter is the one that answers.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv

from qpv_data.clause.model import Format
from qpv_data.sources.csv_records import CsvRecords, Shape
from qpv_data.sources.csv_regular import Records, records_of, regular_prefix
from qpv_data.sources.csv_source import BLOCK, BOM, CsvSource, csv_source

LEAST = 4 << 10  # bytes read exactly around a fault; twice as many each time that faults follow one another
_LONGEST = 16_000_000  # the longest cell that the exact cutter takes


class Record(NamedTuple):
    """A record cut exactly: its line, its cells (None when it cannot be cut), its text."""

    ligne: int
    cellules: list[str] | None
    texte: str


@dataclass(frozen=True)
class Piece:
    """Some rows of the file, in order of their lines once both parts are merged.

    `lignes`: lines of the regular records, `colonnes`: their texts, one array an index asked for.
    `records`: those that were cut exactly, whatever they are.
    """

    lignes: np.ndarray[Any, np.dtype[np.int64]]
    colonnes: Sequence[pa.Array]
    records: Sequence[Record]


class Layout(NamedTuple):
    """What the header asks of a row, and the cells to read in it."""

    shape: Shape
    indexes: Sequence[int]


Resolve = Callable[[list[str] | None], list[int]]


def read_pieces(path: Path, fmt: Format, resolve: Resolve, *, exact: bool = False) -> Iterator[tuple[Layout, Piece]]:
    """Every record of the file that is not blank, after its header, once.

    `resolve` is given the header (None when there is none) and answers the indexes to read, or raises.
    `exact`: every record is cut exactly, which is slower and gives the same rows. Raises UnicodeError.
    """
    with path.open("rb") as file:
        yield from _Reading(csv_source(file, path, fmt), fmt, resolve, exact).pieces()


class _Reading:
    """One reading of one file: where it is, and how dense its faults are."""

    def __init__(self, source: CsvSource, fmt: Format, resolve: Resolve, exact: bool) -> None:
        self._source, self._fmt, self._resolve, self._exact = source, fmt, resolve, exact
        self._cutter = CsvRecords(fmt)
        self._number, self._around = 1, 0

    def pieces(self) -> Iterator[tuple[Layout, Piece]]:
        if self._source.peek(3)[0] == BOM:
            self._source.advance(3)
        for _ in range(self._fmt.lignes_a_sauter):
            if self._source.line():
                self._number += 1
        records = self._exactly(0, blank=False)
        header = next(records, None)
        self._indexes = self._resolve(None if header is None else header.cellules)
        assert header is not None
        assert header.cellules is not None
        self._header = header.cellules
        self._shape = self._cutter.shape = Shape(self._header, self._indexes)
        self._layout = Layout(self._shape, self._indexes)
        yield from self._some(list(records))
        marks = (self._fmt.separateur or ",") + self._fmt.guillemet
        if self._exact or not marks.isascii():
            yield from self._rest()
        else:
            yield from self._blocks()

    def _rest(self) -> Iterator[tuple[Layout, Piece]]:
        while self._source.peek(1)[0]:
            yield from self._some(list(self._exactly(BLOCK)))

    def _blocks(self) -> Iterator[tuple[Layout, Piece]]:
        separator, quote = (self._fmt.separateur or ",").encode(), self._fmt.guillemet.encode()
        while (found := self._source.peek(BLOCK))[0]:
            block, last = found
            regular = regular_prefix(block, separator, quote, last=last)
            size, fault = regular.taille, regular.faute
            if size:
                records = records_of(block, regular, self._number)
                yield from self._some([], self._regular(block[:size], records))
                self._source.advance(size)
                self._number = records.following
            if fault is None and size:
                continue
            crowded = size < 16 * LEAST
            self._around = min(max(LEAST, 2 * self._around), BLOCK) if crowded else 0
            # A record longer than a block has no fault, and is read exactly as well.
            until = fault - size + 1 if fault is not None else len(block)
            yield from self._some(list(self._exactly(until + self._around)))

    def _some(self, records: Sequence[Record], piece: Piece | None = None) -> Iterator[tuple[Layout, Piece]]:
        if piece is None:
            piece = Piece(np.empty(0, np.int64), [pa.array([], pa.string()) for _ in self._indexes], records)
        if len(piece.lignes) or piece.records:
            yield self._layout, piece

    def _exactly(self, size: int, *, blank: bool = True) -> Iterator[Record]:
        """Records cut one by one, over `size` bytes and to the end of the last; at least one when not `blank`."""
        first, seen = self._number, False

        def lines() -> Iterator[str]:
            nonlocal seen
            passed = 0
            while passed < size or self._cutter.pending or not (blank or seen):
                if not (line := self._source.line()):
                    return
                passed += len(line)
                self._number += 1
                yield line.decode("utf-8", self._source.errors)

        for record in self._cutter.read(lines(), first):
            seen = True
            yield Record(*record)

    def _regular(self, block: bytes, records: Records) -> Piece:
        """Arrow's reading of a regular block; rows that have not their number of cells are cut exactly."""
        width = self._width(block, records)
        odd: list[int] = []

        def refuse(row: pc_csv.InvalidRow) -> str:
            odd.append(row.number - 1)
            return "skip"

        table = self._parsed(block, width, refuse) if len(block) < _LONGEST and len(records.lignes) else None
        if table is None or table.num_rows + len(odd) != len(records.lignes):
            return self._one_by_one(block, records.lignes[:0], range(len(records.lignes)), records, table)
        kept = np.ones(len(records.lignes), bool)
        kept[odd] = False
        if width > len(self._header):
            extra = np.zeros(table.num_rows, bool)
            for n in range(len(self._header), width):
                extra |= np.asarray(pc.greater(pc.binary_length(table.column(f"{n}")), 0))
            if extra.any():
                table = table.filter(pa.array(~extra))
                kept[np.flatnonzero(kept)[extra]] = False
        return self._one_by_one(block, records.lignes[kept], np.flatnonzero(~kept), records, table)

    def _one_by_one(
        self, block: bytes, lines: np.ndarray[Any, np.dtype[np.int64]], odd: Any, records: Records, table: Any
    ) -> Piece:
        cut: list[Record] = []
        for n in odd:
            text = block[records.debuts[n] : records.fins[n]].decode()
            cut += (Record(*r) for r in self._cutter.read(io.StringIO(text, newline=""), int(records.lignes[n])))
        names = [f"{i}" for i in self._indexes]
        columns = [table.column(n).combine_chunks() for n in names] if len(lines) else []
        return Piece(lines, columns or [pa.array([], pa.string()) for _ in names], cut)

    def _width(self, block: bytes, records: Records) -> int:
        """The number of cells of the first record, when it is a row: trailing separators are often everywhere."""
        if len(records.lignes):
            text = block[records.debuts[0] : records.fins[0]].decode()
            cells = next((r[1] for r in CsvRecords(self._fmt).read(iter([text]), 1)), None)
            if cells is not None and self._shape.fits(cells):
                return len(cells)
        return len(self._header)

    def _parsed(self, block: bytes, width: int, refuse: Callable[[pc_csv.InvalidRow], str]) -> pa.Table:
        names = [f"{n}" for n in range(width)]
        asked = dict.fromkeys(f"{i}" for i in self._indexes)
        wanted = [*asked, *(n for n in names[len(self._header) :] if n not in asked)]
        return pc_csv.read_csv(
            pa.py_buffer(block),
            pc_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(block) + 1),
            pc_csv.ParseOptions(
                delimiter=self._fmt.separateur or ",",
                quote_char=self._fmt.guillemet,
                double_quote=True,
                escape_char=False,
                newlines_in_values=True,
                ignore_empty_lines=True,
                invalid_row_handler=refuse,
            ),
            pc_csv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(wanted, pa.string()),
                include_columns=wanted,
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )
