"""What a release says of itself: files and their digests, clauses, deliveries, what is missing, what made it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from qpv_data.clause.model import Diffusion
from qpv_data.digests import sha256
from qpv_data.exports.datapackage import datapackage
from qpv_data.exports.dcat import dcat
from qpv_data.exports.folder import AudienceFolder
from qpv_data.exports.words import words
from qpv_data.releases.layout import AT_THE_ROOT, CERTIFICATE, DATABASE, DATAPACKAGE, DCAT, MANIFEST, audiences, said
from qpv_data.replacing import replacing

FILES = "fichiers_sha256"
"""Key of a manifest: path from its folder → SHA-256."""


def write_manifest(folder: Path, told: Mapping[str, Any]) -> None:
    """Write the manifest of an audience's folder: `told`, and the digest of every file but the database, whose pages
    hold no order that two machines share: its tables are those of the Parquet files, and `verify` compares them."""
    content = {k: v for k, v in told.items() if k != FILES}
    _write(folder / MANIFEST, {**content, FILES: digests(folder, _files(folder))})


def seal(root: Path, told: Mapping[Diffusion, Mapping[str, Any]]) -> None:
    """Write the manifests of a release whose files are there: of each audience with what is `told` of it besides, then
    that of the root, which says what its widest audience has, and nothing of the others but their names."""
    named = audiences(root)
    for audience in named:
        folder = root / audience.value
        _catalogues(folder, folder)
        write_manifest(folder, {**said(folder), **told.get(audience, {})})
    widest = root / named[0].value
    _write_text(root / CERTIFICATE, (widest / CERTIFICATE).read_text("utf-8"))
    _catalogues(widest, root)
    files = [*(root / n for n in AT_THE_ROOT), *_files(widest), widest / MANIFEST]
    content = {
        **{k: v for k, v in said(widest).items() if k != FILES},
        "audiences": [d.value for d in named],
        "diffusion": named[-1].value,
    }
    _write(root / MANIFEST, {**content, FILES: digests(root, files)})


def digests(folder: Path, files: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of files, by their path from `folder`, sorted."""
    return {p.relative_to(folder).as_posix(): sha256(p) for p in sorted(files)}


def _files(folder: Path) -> list[Path]:
    apart = {folder / DATABASE, folder / MANIFEST}
    return [p for p in folder.rglob("*") if p.is_file() and p not in apart]


def _write(target: Path, content: Mapping[str, Any]) -> None:
    _write_text(target, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def _catalogues(widest: Path, root: Path) -> None:
    """Describe the files of an audience for catalogues, with their paths from `root`."""
    held = AudienceFolder(widest)
    _write_text(root / DATAPACKAGE, datapackage(held, root, words()).decode())
    _write_text(root / DCAT, dcat(held, root, words()).decode())


def _write_text(target: Path, text: str) -> None:
    if not target.is_file() or target.read_text("utf-8") != text:
        with replacing(target, durable=False) as draft:
            draft.write_text(text, "utf-8")
