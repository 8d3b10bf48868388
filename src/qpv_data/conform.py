"""Stage 3, conform: typed, keyed, CRS-tagged records; `received = conformed + rejected`.

Rows stream: a file of any length passes in bounded memory, and its texts are never written. Every rejected row is
kept with its line and its reason; its value too, unless the feed holds personal data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from qpv_data.clause.model import ClauseBase, ClauseJeu
from qpv_data.conforming import ConformSql, conform_sql, lenient_columns
from qpv_data.conforming_checks import hold_checks, hold_corrections, hold_floors, hold_totals
from qpv_data.conforming_headers import told_headers
from qpv_data.conforming_output import refused_path, write_both, write_rejects
from qpv_data.conforming_stream import by_column, type_rows
from qpv_data.conforming_text import Tally, kept_columns, named, read_columns, ready_rows, ready_schema
from qpv_data.engine import engine, failing_as, scratch
from qpv_data.problems import FeedError, Problem
from qpv_data.pseudonyms import feed_key, fingerprint, known_key
from qpv_data.sources.container import Limits, open_delivery
from qpv_data.sources.members import member_rows
from qpv_data.sources.rows import Heard, read_rows

_MEMORY = "1GiB"  # of the engine: blocks of text, and the interpreter, take their part beside


@dataclass(frozen=True)
class ConformReport:
    """The row counts of one delivery: `recues = conformes + Σ rejetees`.

    `lues`: rows of the file; `recues` is more where a wide table or a cell of several values makes rows of one.
    `empreinte_cle`: what tells the key of its pseudonyms from another; None when it has none.
    """

    jeu: str
    periode: str | None
    recues: int
    conformes: int
    rejetees: Mapping[str, int]
    avertissements: tuple[str, ...] = ()
    lues: int = 0
    empreinte_cle: str | None = None


def conform(
    clause: ClauseBase,
    fichier: Path,
    *,
    periode: str | None,
    conformed: Path,
    rejets: Path,
    travail: Path,
    cles: Path | None = None,
    avant: int | None = None,
    heard: Callable[[tuple[str, ...]], object] | None = None,
) -> ConformReport:
    """Conform one delivery.

    In: `fichier`, as received (a container is opened), and `cles`, the folder of the keys of pseudonyms, for a feed
    that has some; `avant`, the rows received the time before. Out: `conformed` (the clause's columns, `_ligne` from 1,
    `_periode`, a `<column>__statut` a masked column, `geometrie` as WKB for perimeters, whose CRS is in the Parquet key
    `crs_source`) and `rejets` (`_ligne, motif, colonne, valeur`), in the order of the file. Both appear whole or not at
    all, for their owner alone. Raises FeedError; then neither changes, and the rejected rows, when they are why, are at
    `refused_path(rejets)`. `heard` is told the headers received, as `told_headers` gives them, also of a delivery that
    is refused for them.
    """
    refused = refused_path(rejets)
    refused.unlink(missing_ok=True)
    key = _key(clause, cles)
    geometry = clause.format.type == "vecteur"
    tally = Tally()
    with ExitStack() as held:
        folder = held.enter_context(scratch(travail))
        # An archive of personal data is opened beside it, in the raw store: nowhere else are they in clear.
        personal = clause.donnees_personnelles.presentes
        opened = held.enter_context(scratch(fichier.parent)) if personal else folder
        sql = conform_sql(clause, periode, geometry)
        con = held.enter_context(engine(folder))
        con.execute(f"SET memory_limit = '{_MEMORY}'")
        with _failing_as(clause):
            source = open_delivery_rows(clause, fichier, opened, lambda h: heard and heard(told_headers(clause, h)))
            rows = ready_rows(source, clause, key, tally, geometry=geometry)
            judged = folder / "juges.arrow"
            _judge(con, sql, rows, ready_schema(clause, geometry), judged, tally)
            try:
                counts, warnings = _verdict(con, clause, tally, avant)
            except FeedError:
                write_rejects(con, judged, refused, tally.recues)
                raise
            write_both(con, judged, _written(clause, geometry), (conformed, rejets), tally.crs)
    conformes = counts.pop("", 0)
    printed = None if key is None else fingerprint(key)
    return ConformReport(clause.id, periode, tally.recues, conformes, counts, warnings, tally.lues, printed)


def _key(clause: ClauseBase, cles: Path | None) -> bytes | None:
    """The key of the feed's pseudonyms, drawn when there is none yet; None for a feed without any."""
    if not has_pseudonyms(clause):
        return None
    if cles is None:
        message = "aucun dossier de clés pour les pseudonymes de ce jeu"
        raise FeedError(clause.id, Problem.CLE_DE_PSEUDONYMES, message, "donner le dossier des clés")
    return feed_key(cles, clause.id)


def has_pseudonyms(clause: ClauseBase) -> bool:
    """Whether a column of the feed is replaced by a keyed HMAC."""
    return any(c.identifiant_direct == "pseudonymiser" for c in clause.colonnes)


def key_fingerprint(clause: ClauseBase, cles: Path) -> str | None:
    """What tells the key in force from another; None without pseudonyms or without a key. Raises FeedError."""
    key = known_key(cles, clause.id) if has_pseudonyms(clause) else None
    return None if key is None else fingerprint(key)


@contextmanager
def _failing_as(clause: ClauseBase) -> Iterator[None]:
    """A fault of the SQL is the feed's, and says nothing of its rows."""
    try:
        with failing_as(clause.id):
            yield
    except FeedError as e:
        raise (e.discreet() if clause.donnees_personnelles.presentes else e) from None


def open_delivery_rows(
    clause: ClauseBase, fichier: Path, folder: Path, heard: Heard | None = None
) -> Iterable[pa.RecordBatch]:
    """The rows of a delivery as text; an archive is opened, or its members joined by the clause's SQL.

    `heard` is told the headers of a file that has some.
    """
    limits = Limits(taille_max=clause.source.taille_max_mo * 10 * 1_000_000)
    columns = read_columns(clause)
    if isinstance(clause, ClauseJeu) and clause.conformation:
        return member_rows(clause, fichier, folder, limits, columns)
    path = open_delivery(fichier, jeu=clause.id, membre=clause.source.membre, into=folder, limite=limits)
    return read_rows(path, clause.id, clause.format, columns, heard)


def _judge(
    con: duckdb.DuckDBPyConnection,
    sql: ConformSql,
    rows: Iterator[pa.RecordBatch],
    schema: pa.Schema,
    target: Path,
    tally: Tally,
) -> None:
    """Type every row as it comes, with its first fault, and keep it as `juges`, over which `verdicts` is a view."""
    for macro in sql.macros:
        con.execute(macro)
    type_rows(con, sql.typed, rows, schema, target)
    con.register("juges", by_column(target))
    con.execute(sql.marked(tally.recues))
    con.execute(f"CREATE VIEW verdicts AS {sql.verdicts}")


def _verdict(
    con: duckdb.DuckDBPyConnection, clause: ClauseBase, tally: Tally, before: int | None
) -> tuple[dict[str, int], tuple[str, ...]]:
    """(rows by reason, '' for the records; warnings). Raises FeedError on a delivery that does not hold."""
    found = con.execute("SELECT coalesce(_motif, ''), count(*) FROM verdicts GROUP BY 1 ORDER BY 1").fetchall()
    counts: dict[str, int] = dict(found)
    if tally.recues != sum(counts.values()):
        message = f"{tally.recues} lignes reçues, {sum(counts.values())} jugées"
        raise FeedError(clause.id, Problem.TOTAUX_INEGAUX, message, "signaler ce défaut du logiciel")
    hold_corrections(con, clause)
    hold_floors(clause, tally.recues, {reason: n for reason, n in counts.items() if reason}, before)
    warnings = hold_checks(con, clause)
    hold_totals(con, clause)
    return counts, warnings


def _written(clause: ClauseBase, geometry: bool) -> list[str]:
    """Names of the columns of the records."""
    lenient = ["_place_illisible"] if lenient_columns(clause) else []
    return ["_ligne", "_periode", *conform_columns(clause), *(["geometrie"] if geometry else []), *lenient]


def conform_columns(clause: ClauseBase) -> list[str]:
    """Names of the conformed columns, statuses of masked ones included, in the clause's order."""
    return named(kept_columns(clause))
