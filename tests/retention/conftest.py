"""One run, made once: two quarters of a feed of persons, received on 31 December 2024; each test has its own copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from lac import Lac


@pytest.fixture(scope="session")
def _received(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Lac(tmp_path_factory.mktemp("lac"))
    made.sow("2024-T1", "2024-T2")
    made.run()
    return made.root


@pytest.fixture
def lac(_received: Path, tmp_path: Path) -> Lac:
    shutil.copytree(_received, tmp_path, symlinks=True, dirs_exist_ok=True)
    return Lac(tmp_path)
