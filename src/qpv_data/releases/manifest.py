"""What a release says of itself: files and their digests, clauses, deliveries, what is missing, what made it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from qpv_data.clause.model import Diffusion
from qpv_data.releases.layout import AT_THE_ROOT, DATABASE, MANIFEST, audiences, said
from qpv_data.replacing import replacing
from qpv_data.resources import sql_dir

_FILES = "fichiers_sha256"
SCHEMA_VERSION = "1.0"
"""Of the published tables: what may be added and what never changes is in docs/schema-parquet.md."""


def write_manifest(folder: Path, told: Mapping[str, Any]) -> None:
    """Write the manifest of an audience's folder: `told`, and the digest of every file but the database, whose pages
    hold no order that two machines share: its tables are those of the Parquet files, and `verify` compares them."""
    content = {k: v for k, v in told.items() if k != _FILES}
    _write(folder / MANIFEST, {**content, _FILES: digests(folder, _files(folder))})


def seal(root: Path, told: Mapping[Diffusion, Mapping[str, Any]]) -> None:
    """Write the manifests of a release whose files are there: of each audience with what is `told` of it besides, then
    that of the root, which says what its widest audience has, and nothing of the others but their names."""
    named = audiences(root)
    for audience in named:
        folder = root / audience.value
        write_manifest(folder, {**said(folder), **told.get(audience, {})})
    widest = root / named[0].value
    for name in AT_THE_ROOT:
        if (widest / name).is_file():
            with replacing(root / name) as draft:
                draft.write_bytes((widest / name).read_bytes())
    files = [*(root / n for n in AT_THE_ROOT if (root / n).is_file()), *_files(widest), widest / MANIFEST]
    content = {
        **{k: v for k, v in said(widest).items() if k != _FILES},
        "audiences": [d.value for d in named],
        "diffusion": named[-1].value,
    }
    _write(root / MANIFEST, {**content, _FILES: digests(root, files)})


def digests(folder: Path, files: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of files, by their path from `folder`, sorted."""
    return {p.relative_to(folder).as_posix(): sha256(p) for p in sorted(files)}


def sha256(path: Path) -> str:
    """Digest of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> list[Path]:
    apart = {folder / DATABASE, folder / MANIFEST}
    return [p for p in folder.rglob("*") if p.is_file() and p not in apart]


def _write(target: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    if not target.is_file() or target.read_text("utf-8") != text:
        with replacing(target) as draft:
            draft.write_text(text, "utf-8")


@cache
def software_digest() -> str:
    """Digest of the code that makes releases, SQL included: two releases made by the same code say the same one."""
    package = Path(__file__).resolve().parents[1]
    told = hashlib.sha256()
    for folder, pattern in ((package, "*.py"), (sql_dir(), "*.sql")):
        for path in sorted(folder.rglob(pattern)):
            told.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return told.hexdigest()
