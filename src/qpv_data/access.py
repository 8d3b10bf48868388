"""The access log: who did what with which delivery, for which purpose and audience, and what came out of it.

acces/acces.jsonl, its owner's alone: lines are only added, each with the digest of the one before, so that one taken
out or changed shows. No value of a record, and no name that a partner gave to a file, is in it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qpv_data.runs import Configuration

NAME = "acces.jsonl"
_LONGEST = 1 << 16


@dataclass(frozen=True)
class Access:
    """One access. `action`: `reception`, `publication` or `destruction`. `sorties`: the release, or the proof.

    `finalites`: the purposes for which the clause has it. `formes`: of what was destroyed.
    """

    action: str
    jeu: str
    livraison: str | None
    clause_version: str | None = None
    finalites: tuple[str, ...] = ()
    formes: tuple[str, ...] = ()
    sorties: tuple[str, ...] = ()


@dataclass(frozen=True)
class Log:
    """The lines of a log, and the numbers (from 1) of those that do not follow the one before."""

    lignes: tuple[dict[str, Any], ...]
    rompues: tuple[int, ...]


def note(cfg: Configuration, access: Access) -> None:
    """Add one line, on disk before it returns."""
    told = {k: v for k, v in asdict(access).items() if v not in (None, ())}
    said = {
        "quand": cfg.maintenant.isoformat(timespec="seconds"),
        "acteur": cfg.acteur,
        "diffuseur": cfg.diffuseur,
        "diffusion": cfg.diffusion.value,
        "finalite": cfg.finalite,
        **told,
    }
    folder = cfg.folder("acces")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / NAME, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        before = _last_line(handle)
        cut = bool(before) and not before.endswith(b"\n")  # by a kill or a full disk: left as it is, and told
        line = json.dumps({**said, "precedente": _digest(before)}, ensure_ascii=False)
        os.write(handle, f"{chr(10) * cut}{line}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def read_log(folder: Path) -> Log:
    """Every line that can be read, in order. A line that is cut short, changed or missing breaks the chain there."""
    path = folder / NAME
    if not path.is_file():
        return Log((), ())
    return _checked(path.read_bytes().split(b"\n"))


def _checked(lines: list[bytes]) -> Log:
    told, broken, before = list[dict[str, Any]](), list[int](), b""
    for number, line in enumerate((li for li in lines if li), start=1):
        content = _content(line)
        if content is None or content.get("precedente") != _digest(before):
            broken.append(number)
        if content is not None:
            told.append(content)
        before = line
    return Log(tuple(told), tuple(broken))


def of_feed(log: Log, jeu: str | None) -> Iterator[dict[str, Any]]:
    """The lines of one feed, or all."""
    return (line for line in log.lignes if jeu in (None, line.get("jeu")))


def _content(line: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _last_line(handle: int) -> bytes:
    size = os.fstat(handle).st_size
    tail = os.pread(handle, min(size, _LONGEST), max(0, size - _LONGEST))
    ended = tail.endswith(b"\n")
    return tail.rstrip(b"\n").rpartition(b"\n")[2] + (b"\n" if ended else b"")


def _digest(line: bytes) -> str | None:
    line = line.rstrip(b"\n")
    return hashlib.sha256(line).hexdigest() if line else None
