"""A worker that empties a deposit, in a process of its own."""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from protocols import POLICY, source

from qpv_data.problems import FeedError
from qpv_data.sources.deposit.pickup import pick_up


def empty(deposit: Path, out: Path, name: str, kill_at: int) -> None:
    """Land each file by copying it under its SHA-256 in OUT/NAME.

    `kill_at`: the step, counted over files, at which it dies without a word (SIGKILL to itself).
    """
    declared = source(type="depot", url=f"file://{deposit}", motif="livraison-*.csv", ecriture="renommage")
    landed, step = out / name, 0
    landed.mkdir(parents=True, exist_ok=True)

    def passed() -> None:
        nonlocal step
        step += 1
        if step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    work = out / f".{name}-{os.getpid()}"
    try:
        for picked in pick_up(
            declared, jeu="essai", into=work, policy=POLICY, clock=lambda: datetime.now(UTC), known=True
        ):
            passed()
            with (out / "journal.txt").open("a") as journal:
                journal.write(f"{picked.fetched.sha256}\n")
            (landed / picked.fetched.sha256).write_bytes(picked.fetched.path.read_bytes())
            passed()
            picked.acknowledge(f"essai-{name}")
            passed()
    except FeedError as e:
        sys.exit(0 if e.probleme.value == "execution_en_cours" else str(e))
