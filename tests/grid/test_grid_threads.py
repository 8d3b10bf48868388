"""Eight threads share one index and one judge: the answers are always the same, and the process lives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_eight_threads_on_one_index_answer_alike_for_twenty_rounds_and_nothing_crashes() -> None:
    """In a process of its own: a memory fault would take the tests with it. `benchmarks/preuve.py` runs it for long."""
    command = [sys.executable, "-X", "faulthandler", str(HERE / "grid_stress.py"), "20", "2000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=HERE)
    assert done.returncode == 0, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    assert "0 réponses fausses" in done.stdout
