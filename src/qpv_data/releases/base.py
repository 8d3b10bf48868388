"""The database of an audience, which is checked before it is published."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import duckdb

from qpv_data.checks import recorded, refuse_blocking
from qpv_data.database import write_database
from qpv_data.releases.layout import DATABASE, said
from qpv_data.releases.manifest import write_manifest


def build_database(folder: Path) -> None:
    """Build the database of an audience; its checks say what is wrong with what is about to be published.

    Raises RunError when a check of severity `arret` has something to say.
    """
    base = write_database(folder, folder / DATABASE)
    with duckdb.connect(str(base), read_only=True) as con:
        found = recorded(con)
    refuse_blocking(found)
    write_manifest(folder, {**said(folder), "controles": [asdict(check) for check in found]})
