"""Preloaded by the workers of a test: one of them stops in the middle of the first file that each stage writes.

It leaves its process id in $QPV_ESSAI_ARRETS/<stage> and waits there for whoever kills it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import qpv_data.aggregate
import qpv_data.conforming_output
import qpv_data.locate

HALTS = os.environ.get("QPV_ESSAI_ARRETS")


def halting(stage: str, replacing: Any) -> Any:
    @contextmanager
    def halted(target: Path, **more: Any) -> Iterator[Path]:
        with replacing(target, **more) as draft:
            if HALTS and _first(Path(HALTS) / stage):
                draft.write_bytes(b"PAR1, and no more")
                time.sleep(600)
            yield draft

    return halted


def _first(mark: Path) -> bool:
    part = mark.with_suffix(f".{os.getpid()}")
    part.write_text(str(os.getpid()))
    try:
        os.link(part, mark)
    except FileExistsError:
        return False
    return True


STAGES = {"conformer": qpv_data.conforming_output, "localiser": qpv_data.locate, "agreger": qpv_data.aggregate}


def dask_setup(_: Any) -> None:
    """Called by Dask when a worker starts."""
    for stage, module in STAGES.items():
        module.replacing = halting(stage, module.replacing)
