"""Cut a csv into records, each with its line: a stray quote never swallows the rows that follow it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Literal

from qpv_data.clause.model import Format

csv.field_size_limit(16_000_000)


class Shape:
    """What the header asks of a row: a cell for each name, and nothing beyond the last cell."""

    def __init__(self, header: Sequence[str], indexes: Sequence[int]) -> None:
        named = max((i for i, name in enumerate(header) if name.strip()), default=-1)
        self._full = len(header)
        self._least = max(named, *indexes, -1) + 1

    def fits(self, cells: Sequence[str]) -> bool:
        """Trailing separators, of the header or of the row, add cells with nothing in them and lose nothing."""
        n = len(cells)
        return n == self._full or (n >= self._least and not any(cells[self._full :]))


class CsvRecords:
    """Cuts lines into records: a stray quote must not swallow the rows that follow it."""

    def __init__(self, fmt: Format) -> None:
        self._separator, self._quote = fmt.separateur or ",", fmt.guillemet
        self.shape: Shape | None = None
        self.pending: list[str] = []  # the lines of the record that is being cut: empty between two records

    def read(self, lines: Iterator[str], number: int) -> Iterator[tuple[int, list[str] | None, str]]:
        """(line number, cells, text) of every record that is not blank. Cells are None when it cannot be cut."""
        pending = self.pending
        while True:
            try:
                for cells in self._reader(_remembering(lines, pending)):
                    if len(pending) > 1 and not self._is_one_record(pending, cells):
                        yield from self._one_by_one(pending, number)
                    elif cells:
                        yield number, cells, pending[0] if len(pending) == 1 else "".join(pending)
                    number += len(pending)
                    pending.clear()
                return
            except csv.Error:  # a quote that never closes has reached the longest cell allowed
                yield from self._one_by_one(pending, number)
                number += len(pending)
                pending.clear()

    def _is_one_record(self, lines: Sequence[str], cells: Sequence[str]) -> bool:
        if self.shape is not None and not self.shape.fits(cells):
            return False
        try:
            return len(list(self._reader(lines, strict=True))) == 1
        except csv.Error:
            return False

    def _one_by_one(self, lines: Sequence[str], number: int) -> Iterator[tuple[int, list[str] | None, str]]:
        for n, line in enumerate(lines, start=number):
            cells = self._alone(line)
            if cells != []:
                yield n, cells, line

    def _alone(self, line: str) -> list[str] | None:
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
            with suppress(csv.Error):
                return next(iter(self._reader([line], strict=True, quoting=quoting)), [])
        return None

    def _reader(
        self, lines: Iterable[str], *, strict: bool = False, quoting: Literal[0, 3] = csv.QUOTE_MINIMAL
    ) -> Iterable[list[str]]:
        return csv.reader(lines, delimiter=self._separator, quotechar=self._quote, strict=strict, quoting=quoting)


def _remembering(lines: Iterable[str], pending: list[str]) -> Iterator[str]:
    for line in lines:
        pending.append(line)
        yield line
