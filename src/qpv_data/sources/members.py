"""Feeds made of several files (a GTFS): each member is a view of text columns, one SELECT joins them.

The SELECT lives in `sql/conformer/` (or beside the clause's own project) and gives the rows that the clause's
`colonnes` then type, check and key like any other.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from qpv_data.clause.expressions import quote
from qpv_data.clause.model import ClauseJeu, Colonne
from qpv_data.engine import engine, sql_path
from qpv_data.problems import FeedError, Problem
from qpv_data.resources import sql_dir
from qpv_data.sources.container import Limits, open_members
from qpv_data.sources.rows import BATCH, match_headers, raw_schema


def member_rows(
    clause: ClauseJeu, fichier: Path, folder: Path, limits: Limits, columns: Sequence[Colonne]
) -> Iterator[pa.RecordBatch]:
    """Batches of `raw_schema`, from the clause's SELECT over the members of the archive."""
    members = open_members(fichier, jeu=clause.id, into=folder / "membres", limite=limits)
    query = (sql_dir() / "conformer" / str(clause.conformation)).read_text("utf-8")
    with engine(folder) as con:
        for name, path in sorted(members.items()):
            if path.suffix.lower() in (".txt", ".csv"):
                _view(con, clause, Path(name).stem.lower(), path)
        try:
            result = con.execute(query)
        except duckdb.Error as e:
            message = f"{clause.conformation} : {str(e).splitlines()[0]}"
            raise FeedError(clause.id, Problem.SQL_INVALIDE, message, "vérifier les fichiers de l'archive") from e
        names = [d[0] for d in result.description or []]
        chosen = [names[i] for i in match_headers(clause.id, names, columns)]
        number = 0
        for batch in result.to_arrow_reader(BATCH):
            arrays = [
                pa.array(range(number + 1, number + 1 + batch.num_rows), pa.int64()),
                pa.nulls(batch.num_rows, pa.string()),
                *(batch.column(c).cast(pa.string()) for c in chosen),
            ]
            number += batch.num_rows
            yield pa.record_batch(arrays, schema=raw_schema(columns, geometry=False))


def _view(con: duckdb.DuckDBPyConnection, clause: ClauseJeu, name: str, path: Path) -> None:
    separator, encoding = clause.format.separateur or ",", clause.format.encodage or "utf-8"
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        header = next(csv.reader(file, delimiter=separator), [])
    columns = ", ".join(f"{_string(h.strip().lstrip(chr(0xFEFF)))}: 'VARCHAR'" for h in header)
    con.execute(
        f"CREATE VIEW {quote(name)} AS SELECT * FROM read_csv({sql_path(path)}, header = true, auto_detect = false,"
        f" delim = {_string(separator)}, quote = '\"', escape = '\"', columns = {{{columns}}}, null_padding = true)"
    )


def _string(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
