"""Write a file whole or not at all, add whole lines to a log, and clear away what a kill left half written."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(target: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yields a path beside `target`, moved onto it when the block ends well. `durable`: on disk before it is moved;
    without, it is for whoever moves the whole to see to that."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield temporary
        if durable:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def add_lines(handle: int, lines: str, *, durable: bool = True) -> None:
    """Add lines, each ended, to a log that is open to read and append, in one call under a lock. One that a kill or a
    full disk has cut short is left where it is: the next begins on its own. `durable`: on disk before it returns."""
    fcntl.flock(handle, fcntl.LOCK_EX)
    size = os.fstat(handle).st_size
    cut = size and os.pread(handle, 1, size - 1) != b"\n"
    os.write(handle, ("\n" * bool(cut) + lines).encode())
    if durable:
        os.fsync(handle)


def sync_folder(folder: Path) -> None:
    """Have a folder's names on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Take away, at any depth, what killed processes left half written. Only whoever holds the run's folder may."""
    for left in sorted(folder.rglob(".*.part")):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)
