"""Who picks a file up: one worker at a time, and another when that one dies.

In a folder the claim is a lock that the system drops with its process. Elsewhere it is a lease: a file made by one
worker alone, that says until when; the next number replaces it once it is over. In both, whoever obtains the claim
looks for the receipt again: a file that has one is never picked up twice.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Protocol

from qpv_data.sources.deposit.store import RECEIPTS, FolderStore, Store

Clock = Callable[[], datetime]


class Claims(Protocol):
    """Claims on files, by key."""

    def claim(self, key: str) -> AbstractContextManager[bool]:
        """True when this worker alone may pick the file up; False when another one does."""
        ...


class LockClaims:
    """Locks (flock) on files of `recus/`."""

    def __init__(self, store: FolderStore) -> None:
        self._folder = store.root / RECEIPTS

    @contextmanager
    def claim(self, key: str) -> Iterator[bool]:
        self._folder.mkdir(exist_ok=True)
        path = self._folder / f".{key}.verrou"
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o644)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
            # Only behind a receipt: whoever locks the file that is gone, or a new one, finds the receipt first.
            if (self._folder / f"{key}.json").is_file():
                path.unlink(missing_ok=True)
        finally:
            os.close(handle)


class LeaseClaims:
    """Leases of `seconds`, on the workers' own clocks: they must agree to well within that time.

    Raises ExclusiveCreationError when the store lets two workers create one file.
    """

    def __init__(self, store: Store, seconds: float, clock: Clock) -> None:
        self._store, self._length, self._clock = store, timedelta(seconds=seconds), clock
        self._proven = False

    @contextmanager
    def claim(self, key: str) -> Iterator[bool]:
        self._prove()
        name = self._next(key)
        if name is None or not self._store.create(f"{RECEIPTS}/{name}", self._lease()):
            yield False
            return
        try:
            yield True
        finally:
            self._store.remove(f"{RECEIPTS}/{name}")

    def _next(self, key: str) -> str | None:
        """The name of the next lease; None while the last one runs."""
        pattern = re.compile(rf"{re.escape(key)}\.prise-(\d+)")
        numbers = [int(m[1]) for n in self._store.names() if (m := pattern.fullmatch(n))]
        last = max(numbers, default=0)
        if last and not self._is_over(self._store.read(f"{RECEIPTS}/{key}.prise-{last}", 10_000)):
            return None
        return f"{key}.prise-{last + 1}"

    def _is_over(self, lease: bytes | None) -> bool:
        if lease is None:  # given back since it was listed
            return True
        try:
            return datetime.fromisoformat(json.loads(lease)["jusqu_a"]) < self._clock()
        except (ValueError, KeyError, TypeError):
            return False  # what cannot be read is respected: someone has to look

    def _lease(self) -> bytes:
        until = (self._clock() + self._length).isoformat(timespec="seconds")
        return json.dumps({"jeton": uuid.uuid4().hex, "jusqu_a": until}).encode()

    def _prove(self) -> None:
        """Create one file twice: a store that allows it cannot tell two workers apart."""
        if self._proven:
            return
        name = f"{RECEIPTS}/.essai-{uuid.uuid4().hex}"
        try:
            if not self._store.create(name, b"1") or self._store.create(name, b"2"):
                raise ExclusiveCreationError
        finally:
            self._store.remove(name)
        self._proven = True


class ExclusiveCreationError(Exception):
    """The store does not refuse to create what is there."""
