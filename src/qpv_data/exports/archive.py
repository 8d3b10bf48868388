"""Zip archives whose bytes depend on what they hold alone: fixed dates and rights, entries in the order given."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, cast

_DATE = (1980, 1, 1, 0, 0, 0)
"""The first day that the format knows."""
_BLOCK = 1 << 20

Writer = Callable[[BinaryIO], object]


def write_archive(target: Path, entries: Iterable[tuple[str, Writer]]) -> None:
    """Write each entry through its writer, as it goes: no entry is held in memory."""
    with zipfile.ZipFile(target, "w") as archive:
        for name, write in entries:
            with archive.open(_entry(name), "w", force_zip64=True) as sink:
                write(cast("BinaryIO", sink))


def settled(source: Path, target: Path, replaced: dict[str, bytes]) -> None:
    """Write the archive `source` again with fixed dates, its entries in their order; `replaced` gives new contents."""
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w") as out:
        for name in archive.namelist():
            with archive.open(name) as content, out.open(_entry(name), "w") as sink:
                if name in replaced:
                    sink.write(replaced[name])
                else:
                    shutil.copyfileobj(content, sink, _BLOCK)


def copied(source: Path) -> Writer:
    """A writer of the bytes of a file."""

    def write(sink: BinaryIO) -> None:
        with source.open("rb") as content:
            shutil.copyfileobj(content, sink, _BLOCK)

    return write


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    return entry
