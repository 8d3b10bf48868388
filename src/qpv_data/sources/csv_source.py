"""The bytes of a CSV as UTF-8, whatever its encoding: looked at, passed over, or taken line by line."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any, Protocol

from qpv_data.clause.model import Format

BLOCK = 2 << 20
BOM = "\ufeff".encode()
_LEAST = 4 << 10  # bytes looked at to find a line


class _Bytes(Protocol):
    """What gives bytes: at most so many, none at the end."""

    def read(self, size: int, /) -> bytes: ...


class _Transcoded:
    """A text in any encoding as UTF-8, bytes that cannot be read as lone surrogates."""

    def __init__(self, path: Path, encodage: str) -> None:
        self._file = path.open(encoding=encodage, errors="surrogateescape", newline="")

    def read(self, size: int, /) -> bytes:
        """The next characters. Raises UnicodeError."""
        try:
            text = self._file.read(size)
        except UnicodeError:
            self._file.close()
            raise
        if not text:
            self._file.close()
        return text.encode("utf-8", "surrogatepass")


def csv_source(file: Any, path: Path, fmt: Format) -> CsvSource:
    """The bytes of an open file; bytes that cannot be read become lone surrogates. Raises UnicodeError."""
    assert fmt.encodage is not None
    name = codecs.lookup(fmt.encodage).name
    if name == "utf-8-sig" and file.peek(3)[:3] == BOM:
        file.read(3)
        name = "utf-8"
    if name == "utf-8":
        return CsvSource(file, "surrogateescape")
    return CsvSource(_Transcoded(path, fmt.encodage), "surrogatepass")


class CsvSource:
    """Bytes to come: looked at, passed over, or taken line by line."""

    def __init__(self, file: _Bytes, errors: str) -> None:
        self._file, self.errors = file, errors
        self._held, self._at, self._ended = b"", 0, False

    def peek(self, size: int) -> tuple[bytes, bool]:
        """The next bytes, `size` of them at most, and whether the file ends with them."""
        while len(self._held) - self._at < size and not self._ended:
            more = self._file.read(max(size, BLOCK))
            self._ended = not more
            self._held, self._at = self._held[self._at :] + more, 0
        block = self._held[self._at : self._at + size]
        return block, self._ended and self._at + len(block) == len(self._held)

    def advance(self, size: int) -> None:
        """Pass over bytes that were looked at."""
        self._at += size

    def line(self) -> bytes:
        """The next line with its end, `\\n`, `\\r` or `\\r\\n`; empty at the end of the file."""
        size = _LEAST
        while True:
            block, last = self.peek(size)
            feed = block.find(b"\n")
            back = block.find(b"\r", 0, feed if feed >= 0 else len(block))
            end = feed + 1
            if back >= 0:
                end = back + 1 + (feed == back + 1)
                if end == len(block) and feed < 0 and not last:
                    end = 0  # its \n may be the next byte
            if end or last:
                line = block[: end or len(block)]
                self.advance(len(line))
                return line
            size *= 2
