"""Feeds made of several files (a GTFS): each member is a view of text columns, one SELECT joins them.

A delivery that is one file is the member `livraison`, for a feed whose rows are to be brought together.
The SELECT lives in `sql/conformer/` (or beside the clause's own project) and gives the rows that the clause's
`colonnes` then type, check and key like any other. Its leading comments say which members it reads: see
`declared_members`. Rows come in the order of their own values, whatever the threads: a SELECT takes no `first` nor
`any_value`, and sums decimals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from qpv_data.clause.model import ClauseJeu, Colonne
from qpv_data.engine import engine
from qpv_data.problems import FeedError, Problem, Rejet
from qpv_data.resources import sql_dir
from qpv_data.sources.container import Limits, open_delivery, open_members
from qpv_data.sources.declared_members import Member, declared_members
from qpv_data.sources.member_views import create_views
from qpv_data.sources.rows import BATCH, match_headers, raw_schema

ALONE = "livraison"
_REPLACED = "\ufffd"  # what stands for bytes that cannot be read


def member_rows(
    clause: ClauseJeu, fichier: Path, folder: Path, limits: Limits, columns: Sequence[Colonne]
) -> Iterator[pa.RecordBatch]:
    """Batches of `raw_schema`, from the clause's SELECT over the members of the archive."""
    query, declared = _query(clause)
    members = _members(clause, fichier, folder / "membres", limits, declared)
    with engine(folder) as con:
        try:
            create_views(con, clause, members, declared)
            # One order, so that a key keeps the same row of two.
            yield from _batches(con.execute(f"SELECT * FROM ({query}\n) ORDER BY ALL"), clause, columns)
        except (duckdb.Error, pa.ArrowException, UnicodeError) as e:
            # The text of the fault may quote a value.
            shown = "" if clause.donnees_personnelles.presentes else f" : {str(e).splitlines()[0]}"
            message = f"{clause.conformation} ({type(e).__name__}){shown}"
            raise FeedError(clause.id, Problem.SQL_INVALIDE, message, "vérifier les fichiers de l'archive") from e


def _members(
    clause: ClauseJeu, fichier: Path, folder: Path, limits: Limits, declared: Sequence[Member]
) -> dict[str, Path]:
    """The files of an archive by name; a SELECT over the one member `livraison` reads the delivery itself."""
    if [m.nom for m in declared] != [ALONE]:
        return open_members(fichier, jeu=clause.id, into=folder, limite=limits)
    folder.mkdir(parents=True, exist_ok=True)
    path = open_delivery(fichier, jeu=clause.id, membre=clause.source.membre, into=folder, limite=limits)
    # Under another name, so that a copy in another encoding is never made beside what was received.
    member = folder / f"{ALONE}.{'json' if clause.format.type == 'json' else 'csv'}"
    member.symlink_to(path.resolve())
    return {member.name: member}


def _query(clause: ClauseJeu) -> tuple[str, tuple[Member, ...]]:
    path = sql_dir() / "conformer" / str(clause.conformation)
    if not path.is_file():
        message = f"sql/conformer/{clause.conformation} introuvable"
        raise FeedError(clause.id, Problem.REFERENCE_INCONNUE, message, "écrire ce fichier")
    query = path.read_text("utf-8").rstrip().removesuffix(";")
    try:
        return query, declared_members(query)
    except ValueError as e:
        raise FeedError(clause.id, Problem.SQL_INVALIDE, f"{clause.conformation} : {e}", "corriger ce fichier") from e


def _batches(
    result: duckdb.DuckDBPyConnection, clause: ClauseJeu, columns: Sequence[Colonne]
) -> Iterator[pa.RecordBatch]:
    chosen = match_headers(clause.id, [d[0] for d in result.description or []], columns)
    number = 0
    for batch in result.to_arrow_reader(BATCH):
        texts = [batch.column(i).cast(pa.string()) for i in chosen]
        unreadable = reduce(pc.or_, (pc.fill_null(pc.match_substring(t, _REPLACED), False) for t in texts))
        arrays = [
            pa.array(range(number + 1, number + 1 + batch.num_rows), pa.int64()),
            pc.if_else(unreadable, pa.scalar(Rejet.ENCODAGE_INVALIDE.value), pa.scalar(None, pa.string())),
            *texts,
        ]
        number += batch.num_rows
        yield pa.record_batch(arrays, schema=raw_schema(columns, geometry=False))
