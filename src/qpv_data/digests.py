"""SHA-256 of files that several steps read: each is read once as long as it is the same one."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path


def file_digest(path: Path) -> str:
    """In hexadecimal; the file is read in blocks."""
    state = path.stat()
    return _digest(path, (state.st_ino, state.st_size, state.st_mtime_ns))


@lru_cache(maxsize=8192)
def _digest(path: Path, state: tuple[int, int, int]) -> str:
    """`state`: what changes when the file does."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
