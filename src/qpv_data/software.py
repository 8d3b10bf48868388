"""What computes: the code of this package, and the libraries whose answers may change with their version."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from qpv_data.resources import referentials_dir, sql_dir

LIBRARIES = ("duckdb", "numpy", "pyarrow", "pyproj", "shapely")


@cache
def software_digest() -> str:
    """Digest of the code that makes releases, SQL included: two releases made by the same code say the same one."""
    package = Path(__file__).resolve().parent
    told = hashlib.sha256()
    for folder, pattern in ((package, "*.py"), (sql_dir(), "*.sql")):
        for path in sorted(folder.rglob(pattern)):
            told.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return told.hexdigest()


@cache
def computing_digest() -> str:
    """The same, with the referentials that ship with the code and the versions of the libraries: what a stage made
    under another is made again."""
    told = hashlib.sha256(software_digest().encode())
    for path in sorted(referentials_dir().glob("*.yml")):
        told.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    told.update(" ".join(f"{name}={version(name)}" for name in LIBRARIES).encode())
    return told.hexdigest()
