"""SHA-256 of files: read now, or once for all the steps that read the same one."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path


def sha256(path: Path) -> str:
    """In hexadecimal, of the bytes that are there now; read in blocks."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def file_digest(path: Path) -> str:
    """The same, read once as long as the file is the same one."""
    state = path.stat()
    return _digest(path, (state.st_ino, state.st_size, state.st_mtime_ns))


@lru_cache(maxsize=8192)
def _digest(path: Path, state: tuple[int, int, int]) -> str:
    """`state`: what changes when the file does."""
    return sha256(path)
