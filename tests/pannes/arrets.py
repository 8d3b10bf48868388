"""Where a run is killed: at its n-th gesture towards the disk, counted in libc or, where nothing compiles, in Python."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

SHIM = Path(__file__).with_name("arret.c")
LIBRARY = "QPV_PANNES_BIBLIOTHEQUE"
WRITING = os.O_CREAT | os.O_TRUNC
GESTURES = {
    "os.rename": "rename", "os.link": "link", "os.symlink": "symlink", "os.remove": "unlink", "os.rmdir": "unlink",
    "os.mkdir": "mkdir", "os.truncate": "truncate", "os.chmod": "chmod",
}  # fmt: skip
"""Audit events of Python; `open` is judged by its flags, and fsync and write have none."""


class Stops(Protocol):
    """Arms the process that calls it. Gestures are told on `told`, a line each: number, gesture, stage, path.

    `target` 0 tells every gesture and kills at none; else the process is killed as it is about to make that one, or,
    with `torn`, when half of that write is made. With `refusal` (ENOSPC, EROFS) it lives, and the disk refuses from
    there on.
    """

    name: str

    def arm(self, folder: Path, target: int, torn: bool, told: int, refusal: int = 0) -> None: ...
    def stage(self, name: str) -> None: ...


class NativeStops:
    """Gestures of every library, as libc is asked for them: needs to be preloaded (see `preload`)."""

    name = "libc"

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None)

    def arm(self, folder: Path, target: int, torn: bool, told: int, refusal: int = 0) -> None:
        self._libc.panne_armer(str(folder).encode(), ctypes.c_long(target), int(torn), told, refusal)

    def stage(self, name: str) -> None:
        self._libc.panne_etape(name.encode())


class PythonStops:
    """Gestures of Python's own: what DuckDB and Arrow write is not seen, and no write is torn."""

    name = "python"

    def __init__(self) -> None:
        self._stage = "autre"

    def stage(self, name: str) -> None:
        self._stage = name

    def arm(self, folder: Path, target: int, torn: bool, told: int, refusal: int = 0) -> None:
        """Audit hooks are for ever: only a process that is to end may call this."""
        assert not refusal, "only libc can be made to refuse"
        under, count = str(folder), 0

        def happens(gesture: str, path: Any) -> None:
            nonlocal count
            text = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else _of_handle(path)
            if not text.startswith(under):
                return
            count += 1
            if target in (0, count):
                os.write(told, f"{count}\t{gesture}\t{self._stage}\t{text.removeprefix(under)}\n".encode())
            if target == count:
                os.kill(os.getpid(), signal.SIGKILL)

        def hook(event: str, args: tuple[Any, ...]) -> None:
            if event == "open" and isinstance(args[2], int) and args[2] & WRITING:
                happens("open", args[0])
            elif event in GESTURES:
                happens(GESTURES[event], args[1] if event in ("os.rename", "os.link", "os.symlink") else args[0])

        fsync = os.fsync

        def synced(handle: Any) -> None:
            happens("fsync", handle if isinstance(handle, int) else handle.fileno())
            fsync(handle)

        os.fsync = synced  # type: ignore[assignment]
        sys.addaudithook(hook)


def _of_handle(handle: Any) -> str:
    try:
        return str(Path(f"/proc/self/fd/{handle}").readlink())
    except OSError:
        return ""


def stops() -> Stops:
    """The most exact that this process can have."""
    return NativeStops() if os.environ.get(LIBRARY) else PythonStops()


def preloaded_from() -> list[Path]:
    """The folder of the shim, when this process runs under it."""
    return [Path(os.environ[LIBRARY]).parent] if os.environ.get(LIBRARY) else []


def preload(folder: Path) -> None:
    """Compile the shim into `folder` and start this command anew under it; returns where nothing compiles."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if os.environ.get(LIBRARY) or compiler is None:
        return
    library = folder / "arret.so"
    done = subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SHIM), "-ldl"], check=False)
    if done.returncode == 0:
        os.environ.update({LIBRARY: str(library), "LD_PRELOAD": str(library)})
        os.execv(sys.executable, [sys.executable, "-m", "pannes", *sys.argv[1:]])
