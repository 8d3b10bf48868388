"""The embedded territory, written once for every test of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from qpv_data.demo import generate
from qpv_data.demo.generer import world
from qpv_data.demo.lignes import Jeu


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of the territory: `source/` and `verite/`."""
    root = tmp_path_factory.mktemp("demo")
    generate(root)
    return root


@pytest.fixture(scope="session")
def jeux() -> list[Jeu]:
    """The same feeds, in memory."""
    return world(2024, 1)
