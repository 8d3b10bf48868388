"""A sample of `make pannes`, on the smallest miniature: kills that Python alone can count."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def test_what_is_killed_leaves_whole_releases_and_doing_it_again_gives_what_an_undisturbed_run_does(
    tmp_path: Path,
) -> None:
    """In a process of its own: it forks, and this one may have threads."""
    command = [sys.executable, "-m", "pannes", "--petit", "--dossier", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 en faute" in done.stdout
    assert list(tmp_path.iterdir()) == []
