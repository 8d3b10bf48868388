"""The operator's database, exploitation.duckdb: the runs, their stages, and how each stage's measures move.

It is made again from the log at the end of each run, whole or not at all, its owner's alone. Nothing of it is ever in
a release: times differ from a run to the next, and counts of rows may tell of what is hidden.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from qpv_data.engine import sql_path
from qpv_data.operations.events import FOLDER
from qpv_data.replacing import replacing
from qpv_data.resources import sql_dir

NAME = "exploitation.duckdb"
MONTHS = 36
_COLUMNS = {
    "quand": "TIMESTAMP", "execution": "VARCHAR", "evenement": "VARCHAR", "commande": "VARCHAR", "acteur": "VARCHAR",
    "version": "VARCHAR", "etape": "VARCHAR", "jeu": "VARCHAR", "periode": "VARCHAR", "livraison": "VARCHAR",
    "publication": "VARCHAR", "etat": "VARCHAR", "probleme": "VARCHAR", "entrees": "BIGINT", "sorties": "BIGINT",
    "rejetees": "BIGINT", "inconnues": "BIGINT", "octets": "BIGINT", "secondes": "DOUBLE", "memoire_max": "BIGINT",
}  # fmt: skip
_COMMENTS = {
    "executions": "Une ligne par exécution ; sans_fin : tuée, ou en cours. Durées en secondes, mémoire en octets.",
    "etapes": "Une ligne par étape. etape : une des sept ; livraison, jeu, publication : ce à quoi elles aboutissent.",
    "tendance": "Chaque étape de chaque exécution, et la médiane de ses dix exécutions précédentes.",
}


def write_measures(sortie: Path) -> Path | None:
    """Make the database again; None when nothing was ever logged. Raises OSError."""
    files = sorted((sortie / "journal" / FOLDER).glob("[0-9]*.jsonl"))[-MONTHS:]
    if not files:
        return None
    target = sortie / NAME
    try:
        with replacing(target, durable=False) as draft:
            _build(draft, files)
            draft.chmod(0o600)
    except duckdb.Error as e:
        raise OSError(f"{NAME} : {type(e).__name__}") from None
    return target


def _build(draft: Path, files: list[Path]) -> None:
    listed = ", ".join(sql_path(f) for f in files)
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in _COLUMNS.items())
    lines = f"read_json([{listed}], format = 'newline_delimited', ignore_errors = true, columns = {{{columns}}})"
    folder = sql_dir() / "exploitation"
    with duckdb.connect(str(draft)) as con:
        con.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        con.execute(f"CREATE TEMP TABLE evenements AS FROM {lines} WHERE execution IS NOT NULL")
        for name in ("executions", "etapes"):
            con.execute(f"CREATE TABLE {name} AS {(folder / f'{name}.sql').read_text('utf-8')}")
        con.execute(f"CREATE VIEW tendance AS {(folder / 'tendance.sql').read_text('utf-8')}")
        for name, text in _COMMENTS.items():
            kind = "VIEW" if name == "tendance" else "TABLE"
            con.execute(f"COMMENT ON {kind} {name} IS '{text}'")
