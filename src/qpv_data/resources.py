"""Where the declarations and the SQL that ship with the package are."""

from __future__ import annotations

from pathlib import Path


def referentials_dir() -> Path:
    """The folder `referentiels/`: inside the package once installed, else at the repository's root."""
    return _shipped("referentiels")


def sql_dir() -> Path:
    """The folder `sql/`: inside the package once installed, else at the repository's root."""
    return _shipped("sql")


def _shipped(name: str) -> Path:
    package = Path(__file__).resolve().parent
    candidates = (package / name, package.parents[1] / name)
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    looked = ", ".join(str(c) for c in candidates)
    raise FileNotFoundError(f"dossier `{name}` introuvable ({looked}) : réinstaller qpv-data")
