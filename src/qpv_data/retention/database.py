"""The databases of releases after a purge: written anew from their files, with the deliveries that are no more."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

import duckdb

from qpv_data.database import write_database
from qpv_data.engine import scratch
from qpv_data.releases.channels import PROVISOIRE, database_link, followed, point
from qpv_data.releases.journal import last
from qpv_data.releases.layout import DATABASE, audiences
from qpv_data.retention.withdrawals import roots
from qpv_data.runs import Configuration


def refresh(cfg: Configuration, gone: Set[str], *, anew: bool) -> bool:
    """Write the databases again: in those of the current release, the deliveries `gone` have the status `detruite`.
    False when there is none, or when they already say so and, without `anew`, there is nothing else to write.

    `anew`: files of releases have changed, and the databases of all of them follow. Each file is new, so that no page
    of the old one is left in it. They never held records: only protected cells.
    """
    releases = cfg.folder("releases")
    link, shown = database_link(releases), followed(releases)
    if shown is None and (shown := last(releases)) is not None:
        point(releases, PROVISOIRE, shown)  # a copy of the run's folder that followed the links
    if shown is None or not link.is_file() or not (anew or _unsaid(link, gone)):
        return False
    now = releases / shown
    for root in roots(cfg.sortie) if anew else [now]:
        for audience in audiences(root):
            _write(cfg, root / audience.value, gone if root == now else set())
    return True


def _write(cfg: Configuration, folder: Path, gone: Set[str]) -> None:
    with scratch(cfg.travail) as aside:
        made = write_database(folder, aside / DATABASE)
        with duckdb.connect(str(made)) as con:
            con.execute("CREATE TEMP TABLE parties AS SELECT unnest(?::VARCHAR[]) AS livraison", [sorted(gone)])
            con.execute("UPDATE livraisons SET statut = 'detruite' WHERE livraison IN (SELECT livraison FROM parties)")
        made.replace(folder / DATABASE)


def _unsaid(base: Path, gone: Set[str]) -> bool:
    """Whether the database still shows as received a delivery that is gone."""
    with duckdb.connect(str(base), read_only=True) as con:
        rows = con.execute("SELECT DISTINCT livraison FROM livraisons WHERE statut <> 'detruite'").fetchall()
    return any(livraison in gone for (livraison,) in rows)
