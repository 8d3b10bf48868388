"""Do not make again what would come out the same: what a stage read is known by its content, and so is what it wrote.

journal/reprises/<jeu>/<what>.json: the key of what was read (bytes of the files, clause, code, libraries), the digests
of what was written, and the report that the stage gave. Anything that differs, or is not there, is made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from qpv_data.releases.manifest import software_digest
from qpv_data.replacing import replacing

FOLDER = "reprises"
_LIBRARIES = ("duckdb", "numpy", "pyarrow", "pyproj", "shapely")


def key_of(files: Iterable[Path], **said: Any) -> str:
    """A digest of what a stage is made from: these files by their bytes, in this order, what is said besides, and the
    code that reads them."""
    told = {"fichiers": [_digest(f)["sha256"] for f in files], "logiciel": software_digest(), **said}
    told["bibliotheques"] = {name: version(name) for name in _LIBRARIES}
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def reused(
    note: Path, key: str, outputs: Callable[[], Iterable[Path]], make: Callable[[], Mapping[str, Any]]
) -> tuple[Mapping[str, Any], bool]:
    """The report of `make`, which writes `outputs`, and whether it was spared: made from `key`, and still there.

    Killed at any point, it is made again: the note is taken away first and written last.
    """
    known = _read(note)
    if known is not None and known["cle"] == key and _intact(known["sorties"], outputs()):
        return known["rapport"], True
    note.unlink(missing_ok=True)
    report = make()
    written = {str(p.name): _digest(p) for p in outputs()}
    note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with replacing(note, durable=False) as draft:
        draft.touch(mode=0o600)
        draft.write_text(json.dumps({"cle": key, "sorties": written, "rapport": report}, ensure_ascii=False), "utf-8")
    return report, False


def _read(note: Path) -> dict[str, Any] | None:
    try:
        told = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) and {"cle", "sorties", "rapport"} <= told.keys() else None


def _intact(told: Mapping[str, Any], there: Iterable[Path]) -> bool:
    """Whether exactly these files are there, with the bytes that were written."""
    found = {p.name: p for p in there if p.is_file()}
    return found.keys() == told.keys() and all(_digest(p) == told[n] for n, p in found.items())


def _digest(path: Path) -> dict[str, Any]:
    known = path.stat()
    return {"sha256": _sha256(path, known.st_size, known.st_mtime_ns, known.st_ino), "taille": known.st_size}


@lru_cache(maxsize=4096)
def _sha256(path: Path, size: int, modified: int, inode: int) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
