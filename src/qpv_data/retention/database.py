"""The shared database after a purge: written anew from its release, with the deliveries that are no more."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

import duckdb

from qpv_data.database import write_database
from qpv_data.engine import scratch
from qpv_data.runs import Configuration


def refresh(cfg: Configuration, gone: Set[str], *, anew: bool) -> bool:
    """Write `qpv.duckdb` again: the deliveries `gone` have the status `detruite`. False when there is no database, or
    when it already says so and, without `anew`, there is nothing else to write.

    The file is new, so that no page of the old one is left in it. It never held records: only protected cells.
    """
    base = cfg.sortie / "qpv.duckdb"
    release = _release_of(cfg, base)
    if release is None or not (anew or _unsaid(base, gone)):
        return False
    with scratch(cfg.travail) as folder:
        made = write_database(release, folder / "qpv.duckdb")
        with duckdb.connect(str(made)) as con:
            con.execute("CREATE TEMP TABLE parties AS SELECT unnest(?::VARCHAR[]) AS livraison", [sorted(gone)])
            con.execute("UPDATE livraisons SET statut = 'detruite' WHERE livraison IN (SELECT livraison FROM parties)")
        made.replace(base)
    return True


def _unsaid(base: Path, gone: Set[str]) -> bool:
    """Whether the database still shows as received a delivery that is gone."""
    with duckdb.connect(str(base), read_only=True) as con:
        rows = con.execute("SELECT DISTINCT livraison FROM livraisons WHERE statut <> 'detruite'").fetchall()
    return any(livraison in gone for (livraison,) in rows)


def _release_of(cfg: Configuration, base: Path) -> Path | None:
    if not base.is_file():
        return None
    with duckdb.connect(str(base), read_only=True) as con:
        row = con.execute("SELECT publication FROM publications").fetchone()
    release = cfg.folder("releases") / str(row[0]) if row else None
    return release if release is not None and (release / "manifest.json").is_file() else None
