"""What a deposit must be able to do, and how a folder, an SFTP server and an object store do it.

All rests on `create`: a small file made whole, or not at all, and by one worker alone.
"""

from __future__ import annotations

import contextlib
import os
import stat
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

RECEIPTS = "recus"
CHUNK = 1 << 20


@dataclass(frozen=True, order=True)
class Entry:
    """A file put in the deposit. `marque` changes when the file does (date, or the store's own tag).

    `date` orders files, seconds; it is the store's, and compared with nothing else.
    """

    date: float
    nom: str
    taille: int
    marque: str


class TooBigError(Exception):
    """More bytes than allowed."""


class Store(Protocol):
    """Names are relative to the deposit: `fichier` or `recus/fichier`. Every method may raise OSError."""

    def entries(self) -> list[Entry]:
        """The regular files at the top of the deposit."""
        ...

    def fetch(self, nom: str, target: Path, most: int) -> None:
        """Copy a file to `target`. Raises TooBigError."""
        ...

    def read(self, nom: str, most: int) -> bytes | None:
        """A small file; None when there is none."""
        ...

    def create(self, nom: str, data: bytes) -> bool:
        """Make a file, whole, unless it is there: then False. One worker alone gets True."""
        ...

    def names(self) -> list[str]:
        """Names of what is in `recus/`."""
        ...

    def remove(self, nom: str) -> None:
        """Delete a file; nothing when there is none."""
        ...


class FolderStore:
    """A folder of this machine, or one that it mounts. Links are not followed: a partner may point them anywhere."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def entries(self) -> list[Entry]:
        self._clear_drafts(self.root / RECEIPTS)
        found = []
        with os.scandir(self.root) as listing:
            for item in listing:
                if item.is_file(follow_symlinks=False):
                    told = item.stat(follow_symlinks=False)
                    found.append(Entry(told.st_mtime, item.name, told.st_size, str(told.st_mtime_ns)))
        return found

    def fetch(self, nom: str, target: Path, most: int) -> None:
        with self._open(nom) as source, target.open("wb") as out:
            _copy(source, out, most)

    def read(self, nom: str, most: int) -> bytes | None:
        try:
            with self._open(nom) as file:
                return bytes(file.read(most))
        except FileNotFoundError:
            return None

    def create(self, nom: str, data: bytes) -> bool:
        target = self.root / nom
        target.parent.mkdir(exist_ok=True)
        draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
        try:
            with draft.open("xb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            os.link(draft, target)  # refuses to take the place of a file, unlike a renaming
        except (FileExistsError, FileNotFoundError):  # the draft may be cleared, once the file is there
            if not target.exists():
                raise
            return False
        finally:
            draft.unlink(missing_ok=True)
        self._clear_drafts(target.parent)
        return True

    def names(self) -> list[str]:
        folder = self.root / RECEIPTS
        return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []

    def _clear_drafts(self, folder: Path) -> None:
        """Take away what killed workers left of files that are there: nobody needs a draft of those any more, nor the
        lock of a file that has its receipt."""
        for draft in folder.glob(".*.part"):
            if (folder / draft.name[1:].rsplit(".", 2)[0]).exists():
                draft.unlink(missing_ok=True)
        for lock in folder.glob(".*.verrou"):
            if (folder / f"{lock.name[1:].removesuffix('.verrou')}.json").exists():
                lock.unlink(missing_ok=True)

    def remove(self, nom: str) -> None:
        (self.root / nom).unlink(missing_ok=True)

    def _open(self, nom: str) -> Any:
        handle = os.open(self.root / nom, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise OSError(f"{nom} n'est pas un fichier ordinaire")
        return os.fdopen(handle, "rb")


class FsspecStore:
    """An fsspec file system that can create exclusively: S3 and its like by `If-None-Match`, memory."""

    def __init__(self, fs: Any, root: str) -> None:
        self.fs, self.root = fs, root.rstrip("/")

    def entries(self) -> list[Entry]:
        self.fs.invalidate_cache()
        found = []
        for told in self.fs.ls(self.root, detail=True):
            if told["type"] == "file" and (name := told["name"].rpartition("/")[2]):
                found.append(_entry(name, told))
        return found

    def fetch(self, nom: str, target: Path, most: int) -> None:
        with self.fs.open(self._path(nom), "rb") as source, target.open("wb") as out:
            _copy(source, out, most)

    def read(self, nom: str, most: int) -> bytes | None:
        try:
            with self.fs.open(self._path(nom), "rb") as file:
                return bytes(file.read(most))
        except FileNotFoundError:
            return None

    def create(self, nom: str, data: bytes) -> bool:
        try:
            self.fs.pipe_file(self._path(nom), data, mode="create")
        except FileExistsError:
            return False
        return True

    def names(self) -> list[str]:
        self.fs.invalidate_cache()
        try:
            listed = self.fs.ls(self._path(RECEIPTS), detail=False)
        except FileNotFoundError:
            return []
        return sorted(name.rpartition("/")[2] for name in listed)

    def remove(self, nom: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.fs.rm_file(self._path(nom))

    def _path(self, nom: str) -> str:
        return f"{self.root}/{nom}"


class S3Store(FsspecStore):
    """An S3-compatible bucket: not every service says in so many words which condition failed."""

    def create(self, nom: str, data: bytes) -> bool:
        try:
            return super().create(nom, data)
        except OSError as e:
            told = getattr(e.__cause__, "response", None) or {}
            if told.get("Error", {}).get("Code") not in ("PreconditionFailed", "412", "ConditionalRequestConflict"):
                raise
            if self.read(nom, 1) is None:  # a conflict, and nobody won: to be tried again by the next run
                raise
            return False


class SftpStore(FsspecStore):
    """An SFTP server: a plain renaming refuses to take the place of a file (the protocol's version 3)."""

    def create(self, nom: str, data: bytes) -> bool:
        target = self._path(nom)
        if self._there(target):
            return False
        with contextlib.suppress(OSError):  # it exists, or what follows says why it cannot
            self.fs.ftp.mkdir(self._path(RECEIPTS))
        folder, _, name = target.rpartition("/")
        draft = f"{folder}/.{name}.{uuid.uuid4().hex}.part"
        try:
            with self.fs.ftp.open(draft, "wx") as out:
                out.write(data)
            try:
                self.fs.ftp.rename(draft, target)
            except OSError:  # servers answer a mere failure
                if self._there(target):
                    return False
                raise
        finally:
            with contextlib.suppress(OSError):
                self.fs.ftp.remove(draft)
        return True

    def remove(self, nom: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.fs.ftp.remove(self._path(nom))

    def _there(self, path: str) -> bool:
        try:
            self.fs.ftp.stat(path)
        except FileNotFoundError:
            return False
        return True


def _entry(name: str, told: dict[str, Any]) -> Entry:
    """Stores say when, and what version, each in their own words."""
    moment = told.get("mtime") or told.get("LastModified") or told.get("created") or 0.0
    date = moment if isinstance(moment, int | float) else moment.timestamp()
    return Entry(float(date), name, int(told["size"] or 0), str(told.get("ETag") or date))


def _copy(source: Any, out: Any, most: int) -> None:
    total = 0
    while data := source.read(CHUNK):
        total += len(data)
        if total > most:
            raise TooBigError
        out.write(data)
