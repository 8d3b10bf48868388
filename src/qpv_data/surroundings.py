"""What is read of the process's surroundings, once, at the edge: the clock, the account, the project's own clauses."""

from __future__ import annotations

import getpass
import os
from datetime import UTC, datetime
from pathlib import Path


def default_clauses() -> Path:
    """The clauses that ship with the project, from whatever directory."""
    from qpv_data.resources import referentials_dir

    return referentials_dir() / "clauses"


def now() -> datetime:
    """The clock, read once at the edge; SOURCE_DATE_EPOCH sets it, for reproducible runs."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "").strip()
    try:
        return datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    except (ValueError, OverflowError, OSError):
        from qpv_data.problems import Problem
        from qpv_data.runs import RunError

        message, remedy = "SOURCE_DATE_EPOCH n'est pas un nombre de secondes", "le corriger, ou l'ôter"
        raise RunError(Problem.HORLOGE_DECALEE, message, remedy) from None


def actor() -> str:
    """Who runs, for the access log: QPV_DATA_ACTEUR, else the account."""
    given = os.environ.get("QPV_DATA_ACTEUR", "").strip()
    if given:
        return given
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in some containers
        return f"uid {os.getuid()}"
