"""A folder whose files may be destroyed. Below it no link is followed: each folder is opened from its parent."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@dataclass(frozen=True)
class Found:
    """A name below the folder, `/` between. `regulier` is false for a link, a socket, a device: those are left."""

    chemin: str
    regulier: bool
    taille: int = 0
    modifie: float = 0.0


class Tree:
    """The folder `root`, which is no link itself once resolved. Methods raise OSError."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def walk(self, chemin: str = "") -> Iterator[Found]:
        """Every name that is no folder at or below `chemin`, sorted; nothing when it is absent."""
        try:
            with self._folder(_parts(chemin)) as handle, os.scandir(handle) as listing:
                told = {item.name: item.stat(follow_symlinks=False) for item in listing}
        except FileNotFoundError:
            return
        for name, state in sorted(told.items()):
            below = f"{chemin}/{name}" if chemin else name
            if stat.S_ISDIR(state.st_mode):
                yield from self.walk(below)
            else:
                yield Found(below, stat.S_ISREG(state.st_mode), state.st_size, state.st_mtime)

    def digest(self, chemin: str) -> str | None:
        """SHA-256 of a regular file; None when it is absent."""
        try:
            with self._opened(chemin) as handle:
                return _digest(handle)
        except FileNotFoundError:
            return None

    def holds(self, chemin: str, words: Collection[bytes]) -> bool:
        """Whether a regular file holds one of some words; False when it is absent, True when it cannot be read."""
        try:
            with self._opened(chemin) as handle:
                content = b"".join(_blocks(handle))
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return any(word in content for word in words)

    def names(self, chemin: str) -> int:
        """How many names the file has in its file system (hard links); 0 when it is absent."""
        try:
            with self._opened(chemin) as handle:
                return os.fstat(handle).st_nlink
        except FileNotFoundError:
            return 0

    def identity(self, chemin: str) -> tuple[int, int] | None:
        """What tells a file from another, whatever its names; None when it is absent."""
        try:
            with self._opened(chemin) as handle:
                state = os.fstat(handle)
                return state.st_dev, state.st_ino
        except FileNotFoundError:
            return None

    def remove(self, chemin: str, sha256: str) -> bool:
        """Remove the regular file of that digest, on disk before it returns; False when it is absent.

        Raises ContentChangedError when it holds something else.
        """
        *parents, name = _parts(chemin)
        try:
            with self._folder(parents) as folder, self._opened(chemin) as handle:
                if _digest(handle) != sha256:
                    raise ContentChangedError
                here = os.stat(name, dir_fd=folder, follow_symlinks=False)
                told = os.fstat(handle)
                if (here.st_dev, here.st_ino) != (told.st_dev, told.st_ino):
                    raise ContentChangedError
                os.unlink(name, dir_fd=folder)
                os.fsync(folder)
        except FileNotFoundError:
            return False
        return True

    def prune(self, chemin: str) -> None:
        """Remove a folder that nothing is left in; one that holds something, or is absent, stays as it is."""
        *parents, name = _parts(chemin)
        try:
            with self._folder(parents) as folder:
                os.rmdir(name, dir_fd=folder)
        except OSError:
            return

    @contextmanager
    def _folder(self, parts: list[str]) -> Iterator[int]:
        handle = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in parts:
                below = os.open(part, _DIRECTORY, dir_fd=handle)
                os.close(handle)
                handle = below
            yield handle
        finally:
            os.close(handle)

    @contextmanager
    def _opened(self, chemin: str) -> Iterator[int]:
        *parents, name = _parts(chemin)
        with self._folder(parents) as folder:
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError("ce n'est pas un fichier ordinaire")
            yield handle
        finally:
            os.close(handle)


class ContentChangedError(Exception):
    """The file is not the one whose destruction was decided."""


def _parts(chemin: str) -> list[str]:
    parts = chemin.split("/") if chemin else []
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError("un chemin sans `.`, ni `..`, ni partie vide")
    return parts


def _digest(handle: int) -> str:
    digest = hashlib.sha256()
    for block in _blocks(handle):
        digest.update(block)
    return digest.hexdigest()


def _blocks(handle: int) -> Iterator[bytes]:
    offset = 0
    while block := os.pread(handle, 1 << 20, offset):
        yield block
        offset += len(block)
