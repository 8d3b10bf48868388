"""Write a file whole or not at all, and clear away what a kill left of one."""

from __future__ import annotations

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


def sweep(folder: Path) -> None:
    """Take away, at any depth, what killed processes left half written. Only whoever holds the run's folder may."""
    for left in sorted(folder.rglob(".*.part")):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)
