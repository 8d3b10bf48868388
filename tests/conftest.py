"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def donnees_reelles() -> Path:
    """Folder of the real public data: QPV_DATA_REAL, else ../shared/data. Skips, saying so, when it is absent."""
    folder = Path(os.environ.get("QPV_DATA_REAL") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"données réelles absentes ({folder} n'existe pas) : définir QPV_DATA_REAL pour ces contrôles")
    return folder
