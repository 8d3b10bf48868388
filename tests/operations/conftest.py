"""One recorded run, in which a delivery is missing; each test that writes has its own copy."""

from __future__ import annotations

import pytest
from factory import Mini, small_run

from qpv_data.operations.recording import recording
from qpv_data.pipeline import run


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Mini:
    """Read it, never write in it."""
    made = small_run(tmp_path_factory.mktemp("operer"))
    (made.mirror / "donnees.mini.example" / "points-2024-T4.csv").unlink()
    with recording(cfg := made.configuration(), "run"):
        run(cfg, lambda _: None)
    return made
