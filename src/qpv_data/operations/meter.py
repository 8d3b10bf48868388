"""Seconds and memory of a stage: the peak of this process while it lasts, where the system can tell."""

from __future__ import annotations

import re
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from qpv_data.operations.stages import Stage
from qpv_data.problems import FeedError
from qpv_data.runs import RunError

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
_KIB = 1 if sys.platform == "darwin" else 1024  # what ru_maxrss counts in


class StageMeter:
    """Measures stages, those within others too, and hands each over when it ends: (stage, seconds, bytes)."""

    def __init__(self, ended: Callable[[Stage, float, int], None]) -> None:
        self._ended, self._within = ended, list[int]()

    @contextmanager
    def over(self, stage: Stage) -> Iterator[None]:
        """Measure `stage`; one that raises is told as failed, and the error goes on."""
        # What stages around this one have peaked at so far is kept: the system's own count begins again here.
        self._within = [max(peak, _peak()) for peak in self._within] + [0]
        _begin_again()
        start = time.monotonic()
        try:
            yield
        except FeedError as e:
            stage.etat, stage.probleme = "refuse", e.probleme.value
            raise
        except RunError as e:
            stage.etat, stage.probleme = "echec", e.probleme.value
            raise
        except BaseException:
            stage.etat = "echec"
            raise
        finally:
            seconds = time.monotonic() - start
            peak = max(self._within.pop(), _peak())
            self._within = [max(held, peak) for held in self._within]
            self._ended(stage, seconds, peak)


def _begin_again() -> None:
    """Have the system count the peak of memory from now on, where it can."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return


def _peak() -> int:
    """Bytes; since the process began where the system cannot count from later."""
    try:
        found = _PEAK.search(_STATUS.read_text())
    except OSError:
        found = None
    return int(found[1]) * 1024 if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
