"""Feeds made of several files (a GTFS): each member is a view of text columns, one SELECT joins them.

The SELECT lives in `sql/conformer/` (or beside the clause's own project) and gives the rows that the clause's
`colonnes` then type, check and key like any other.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from qpv_data.clause.expressions import literal, quote
from qpv_data.clause.model import ClauseJeu, Colonne
from qpv_data.engine import engine, sql_path
from qpv_data.problems import FeedError, Problem, Rejet
from qpv_data.resources import sql_dir
from qpv_data.sources.container import Limits, open_members
from qpv_data.sources.rows import BATCH, match_headers, raw_schema

_REPLACED = "\ufffd"  # what stands for bytes that cannot be read


def member_rows(
    clause: ClauseJeu, fichier: Path, folder: Path, limits: Limits, columns: Sequence[Colonne]
) -> Iterator[pa.RecordBatch]:
    """Batches of `raw_schema`, from the clause's SELECT over the members of the archive."""
    members = open_members(fichier, jeu=clause.id, into=folder / "membres", limite=limits)
    query = _query(clause)
    with engine(folder) as con:
        try:
            con.execute("SET threads = 1")  # a join gives its rows in one order, and a key keeps the same row
            for name, path in sorted(members.items()):
                if path.suffix.lower() in (".txt", ".csv"):
                    _view(con, clause, Path(name).stem.lower(), path)
            yield from _batches(con.execute(query), clause, columns)
        except (duckdb.Error, pa.ArrowException, UnicodeError) as e:
            # The text of the fault may quote a value.
            shown = "" if clause.donnees_personnelles.presentes else f" : {str(e).splitlines()[0]}"
            message = f"{clause.conformation} ({type(e).__name__}){shown}"
            raise FeedError(clause.id, Problem.SQL_INVALIDE, message, "vérifier les fichiers de l'archive") from e


def _query(clause: ClauseJeu) -> str:
    path = sql_dir() / "conformer" / str(clause.conformation)
    if not path.is_file():
        message = f"sql/conformer/{clause.conformation} introuvable"
        raise FeedError(clause.id, Problem.REFERENCE_INCONNUE, message, "écrire ce fichier")
    return path.read_text("utf-8")


def _batches(
    result: duckdb.DuckDBPyConnection, clause: ClauseJeu, columns: Sequence[Colonne]
) -> Iterator[pa.RecordBatch]:
    chosen = match_headers(clause.id, [d[0] for d in result.description or []], columns)
    number = 0
    for batch in result.to_arrow_reader(BATCH):
        texts = [batch.column(i).cast(pa.string()) for i in chosen]
        unreadable = [any(t is not None and _REPLACED in t for t in row) for row in zip(*_lists(texts), strict=True)]
        arrays = [
            pa.array(range(number + 1, number + 1 + batch.num_rows), pa.int64()),
            pa.array([Rejet.ENCODAGE_INVALIDE if u else None for u in unreadable], pa.string()),
            *texts,
        ]
        number += batch.num_rows
        yield pa.record_batch(arrays, schema=raw_schema(columns, geometry=False))


def _lists(texts: Sequence[pa.Array]) -> list[list[str | None]]:
    return [t.to_pylist() for t in texts]


def _view(con: duckdb.DuckDBPyConnection, clause: ClauseJeu, name: str, path: Path) -> None:
    separator, encoding = clause.format.separateur or ",", clause.format.encodage or "utf-8"
    text = path.with_name(f"{path.name}.utf8")
    with path.open(encoding=encoding, errors="replace", newline="") as file, text.open("w", newline="") as copy:
        copy.write(file.read(1).removeprefix("\ufeff"))
        shutil.copyfileobj(file, copy, 1 << 20)
    with text.open(newline="") as file:
        header = next(csv.reader(file, delimiter=separator), [])
    if not header:
        return
    columns = ", ".join(f"{literal(h.strip())}: 'VARCHAR'" for h in header)
    con.execute(
        f"CREATE VIEW {quote(name)} AS SELECT * FROM read_csv({sql_path(text)}, header = true, auto_detect = false,"
        f" delim = {literal(separator)}, quote = {literal(clause.format.guillemet)}, escape = '\"',"
        f" columns = {{{columns}}}, null_padding = true, parallel = false)"
    )
