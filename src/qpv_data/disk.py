"""A disk that refuses to be written: full, read-only, forbidden, broken. Whoever finds it out, it is one problem."""

from __future__ import annotations

import errno
import os

_REFUSALS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENOTDIR}
)


def refusal(error: Exception) -> str | None:
    """Why the disk refuses, in the system's words; None when the error says something else."""
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno in _REFUSALS else None
    import duckdb  # not for whoever only needs to know what a run is

    if isinstance(error, duckdb.IOException | duckdb.TransactionException | duckdb.FatalException):
        return f"la base ne peut être écrite ({type(error).__name__})"
    return None
