"""Tell how much of a block of CSV is regular: what any reader cuts in the same way, and where its records are."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

Positions = np.ndarray[Any, np.dtype[np.int64]]

_LONE_RETURN = re.compile(rb"\r(?!\n)")
_LINE_FEED, _RETURN = 10, 13


@dataclass(frozen=True)
class Records:
    """The records of a regular block that are not blank: first line, first byte, byte after the last, line end apart.

    `following` is the line that comes after the block.
    """

    lignes: Positions
    debuts: Positions
    fins: Positions
    following: int


@dataclass(frozen=True)
class Regular:
    """The longest regular prefix of a block, in bytes; `faute`: its first byte that is not regular, or None.

    `feeds`, `quotes`: where line feeds and quotes are, in the whole block.
    """

    taille: int
    faute: int | None
    feeds: Positions
    quotes: Positions


def regular_prefix(block: bytes, separator: bytes, quote: bytes, *, last: bool) -> Regular:
    """The longest prefix that is regular and made of whole records.

    Regular: UTF-8, lines that end with `\\n` or `\\r\\n`, quotes that open a field, close it, or are doubled in it.
    `block` starts at the start of a record; `last`: nothing follows it in the file.
    """
    feeds = _positions(block, _LINE_FEED)
    quotes = _positions(block, quote[0]) if quote in block else np.empty(0, np.int64)
    if block.startswith(b"\xef\xbb\xbf"):
        return Regular(0, 0, feeds, quotes)  # Arrow would take it for the mark of the file's order of bytes
    faults = [f for f in (_undecodable(block, last), _lone_return(block, feeds, last)) if f is not None]
    if (bad := _misplaced(block, quotes, separator[0])) is not None:
        faults.append(bad)
    elif last and len(quotes) % 2:
        faults.append(int(quotes[-1]))
    fault = min(faults, default=None)
    if fault is None and last:
        return Regular(len(block), None, feeds, quotes)
    limit = len(block) if fault is None else fault
    while (feed := block.rfind(b"\n", 0, limit)) >= 0:
        before = int(np.searchsorted(quotes, feed))
        if before % 2 == 0:
            break
        limit = int(quotes[before - 1])  # inside quotes: the record began before them
    return Regular(feed + 1, fault, feeds, quotes)


def records_of(block: bytes, found: Regular, line: int) -> Records:
    """Where the records of the regular prefix are; `line` is that of its first byte."""
    size = found.taille
    feeds = found.feeds[: np.searchsorted(found.feeds, size)]
    following = line + len(feeds)
    rank = np.arange(1, len(feeds) + 1)
    if len(found.quotes):
        outside = np.searchsorted(found.quotes, feeds) % 2 == 0
        feeds, rank = feeds[outside], rank[outside]
    starts, lines = np.concatenate([[0], feeds + 1]), line + np.concatenate([[0], rank])
    ends = np.concatenate([feeds, [size]])
    content = np.frombuffer(block, np.uint8)
    ends = ends - ((ends > starts) & (content[np.maximum(ends - 1, 0)] == _RETURN))
    full = ends > starts
    return Records(lines[full], starts[full], ends[full], following)


def _positions(block: bytes, byte: int) -> Positions:
    return np.flatnonzero(np.frombuffer(block, np.uint8) == byte)


def _undecodable(block: bytes, last: bool) -> int | None:
    if not block.isascii():
        try:
            codecs.utf_8_decode(block, "strict", last)  # a character cut by the end of the block is no fault
        except UnicodeDecodeError as e:
            return e.start
    return None


def _lone_return(block: bytes, feeds: Positions, last: bool) -> int | None:
    if not (returns := block.count(b"\r")):
        return None
    followed = np.frombuffer(block, np.uint8)[feeds[feeds > 0] - 1] == _RETURN
    if returns == int(np.count_nonzero(followed)):
        return None
    found = _LONE_RETURN.search(block)
    assert found is not None
    return None if found.start() == len(block) - 1 and not last else found.start()


def _misplaced(block: bytes, quotes: Positions, separator: int) -> int | None:
    """The first quote that neither opens, nor closes, nor is doubled; even ones open, odd ones close."""
    if not len(quotes):
        return None
    content = np.frombuffer(block, np.uint8)
    before = content[np.maximum(quotes - 1, 0)]
    after = content[np.minimum(quotes + 1, len(content) - 1)]
    opens = (before == separator) | (before == _LINE_FEED) | (quotes == 0)
    closes = (after == separator) | (after == _LINE_FEED) | (after == _RETURN) | (quotes == len(content) - 1)
    doubled = np.diff(quotes) == 1
    opens[1:] |= doubled
    closes[:-1] |= doubled
    good = np.where(np.arange(len(quotes)) % 2 == 0, opens, closes)
    return None if good.all() else int(quotes[np.argmin(good)])
