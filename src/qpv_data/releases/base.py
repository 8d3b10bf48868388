"""The database of an audience, which is checked before it is published."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import duckdb

from qpv_data.checks import Check, refuse_blocking
from qpv_data.database import build
from qpv_data.engine import sql_path
from qpv_data.releases.layout import DATABASE, said
from qpv_data.releases.manifest import FILES, write_manifest

_NAMED, _FOUND = "publications.parquet", "controles"


def build_database(folder: Path, wider: Path | None = None) -> None:
    """Build the database of an audience; its checks say what is wrong with what is about to be published.

    `wider`: the folder of a wider audience, whose database is taken again when it is told the same. Raises RunError
    when a check of severity `arret` has something to say.
    """
    base = folder / DATABASE
    if wider is not None and _tables(wider) == _tables(folder):
        found = [Check(**told) for told in said(wider)[_FOUND]]
        base.write_bytes((wider / DATABASE).read_bytes())
        named = f"read_parquet({sql_path(folder / _NAMED)})"
        with duckdb.connect(str(base), config={"threads": 1}) as con:
            con.execute(f"DELETE FROM publications; INSERT INTO publications BY NAME SELECT * FROM {named}")
    else:
        found = build(folder, base)
    refuse_blocking(found)
    write_manifest(folder, {**said(folder), _FOUND: [asdict(check) for check in found]})


def _tables(folder: Path) -> dict[str, str]:
    """What the database is made from, the table that names the audience apart."""
    digests: dict[str, str] = said(folder)[FILES]
    return {name: digest for name, digest in digests.items() if name.endswith(".parquet") and name != _NAMED}
