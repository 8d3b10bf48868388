"""First runs that several tests begin from: each is made once a process, and the others have a copy of its folder.

`test_run` proves that the same inputs give the same bytes, whatever the folder: to make them again proves nothing more.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from qpv_data.pipeline import RunReport, run
from qpv_data.runs import Configuration

_PLACED = ("clauses", "sortie", "miroir")
_made: dict[str, tuple[Path, bytes]] = {}


def begun(cfg: Configuration) -> RunReport:
    """Run for the first time, or copy the folder that the same clauses, files and settings have given. The report is
    the run's own, its paths in this folder. Not for a test that changes the code: what it makes would be others'."""
    assert not cfg.sortie.exists(), "a first run begins in no folder"
    inputs = _digest(cfg)
    if inputs not in _made:
        report = run(cfg, lambda _: None)
        kept = _folder() / inputs
        _copied(cfg.sortie, kept)
        _made[inputs] = kept, _written(report, cfg.sortie)
        return report
    kept, told = _made[inputs]
    _copied(kept, cfg.sortie)
    report = _Reader(io.BytesIO(told), cfg.sortie).load()
    assert isinstance(report, RunReport)
    return report


def _digest(cfg: Configuration) -> str:
    """Of all that a run reads: files under the clauses and the mirror, the policy, the settings, the environment's."""
    seen = hashlib.sha256(repr([getattr(cfg, f.name) for f in fields(cfg) if f.name not in _PLACED]).encode())
    seen.update(repr(sorted((k, v) for k, v in os.environ.items() if k.startswith("QPV_"))).encode())
    for path, name in _inputs(cfg):
        content = path.read_bytes()
        seen.update(f"\n{name} {len(content)}\n".encode() + content)
    return seen.hexdigest()


def _inputs(cfg: Configuration) -> Iterator[tuple[Path, str]]:
    for root in (cfg.clauses, cfg.miroir):
        assert root is not None
        yield from ((p, p.relative_to(root.parent).as_posix()) for p in sorted(root.rglob("*")) if p.is_file())
    yield from ((p, p.name) for p in sorted(cfg.clauses.parent.glob("*.yml")))


@cache
def _folder() -> Path:
    """Of this process, and gone with it."""
    held = tempfile.TemporaryDirectory(prefix="qpv-commencees-")
    _kept.append(held)
    return Path(held.name)


_kept: list[tempfile.TemporaryDirectory[str]] = []


def _copied(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, copy_function=_linking())


def _linking() -> Callable[[str, str], object]:
    """Copy files; those that audiences share are shared in the copy too."""
    done: dict[int, str] = {}

    def copy(source: str, target: str) -> object:
        first = done.setdefault(Path(source).stat().st_ino, target)
        return shutil.copy2(source, target) if first == target else os.link(first, target)

    return copy


class _Writer(pickle.Pickler):
    """A report whose paths are told from the run's folder."""

    def __init__(self, file: io.BytesIO, root: Path) -> None:
        super().__init__(file)
        self.root = root

    def persistent_id(self, obj: Any) -> str | None:
        inside = isinstance(obj, Path) and obj.is_relative_to(self.root)
        return obj.relative_to(self.root).as_posix() if inside else None


class _Reader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, root: Path) -> None:
        super().__init__(file)
        self.root = root

    def persistent_load(self, pid: str) -> Path:
        return self.root / pid


def _written(report: RunReport, root: Path) -> bytes:
    file = io.BytesIO()
    _Writer(file, root).dump(report)
    return file.getvalue()
