"""A release as it is handed over: one folder, or one an audience, whose readers may hold them all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qpv_data.attaque.published import AUDIENCES, digests

_CATALOGUE = "indicateurs.parquet"


def expanded(folders: Sequence[Path]) -> list[Path]:
    """The folders to read, in order: of a release with a folder an audience, the narrowest, and before it those that
    say something else than it does."""
    return [part for folder in folders for part in _parts(folder)]


def _parts(folder: Path) -> list[Path]:
    if (folder / _CATALOGUE).is_file():
        return [folder]
    named = [folder / name for name in AUDIENCES if (folder / name / _CATALOGUE).is_file()]
    if not named:
        return [folder]
    most = digests(named[0]).items()
    others = [part for part in named[1:] if not digests(part).items() <= most]
    return [*reversed(others), named[0]]
