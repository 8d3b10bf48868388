"""Stage 3, conform: typed, keyed, CRS-tagged records; `received = conformed + rejected`.

Every rejected row is kept with its line and its reason; its value too, unless the feed holds personal data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.clause.expressions import literal, quote
from qpv_data.clause.model import ClauseBase, ClauseJeu
from qpv_data.conforming import ConformSql, conform_sql, kept_columns, lenient_columns
from qpv_data.engine import engine, replacing, scratch, sql_path
from qpv_data.problems import FeedError, Problem
from qpv_data.sources.container import Limits, open_delivery
from qpv_data.sources.members import member_rows
from qpv_data.sources.rows import raw_schema, read_rows


@dataclass(frozen=True)
class ConformReport:
    """The row counts of one delivery: `recues = conformes + Σ rejetees`."""

    jeu: str
    periode: str | None
    recues: int
    conformes: int
    rejetees: Mapping[str, int]
    avertissements: tuple[str, ...] = ()


def conform(
    clause: ClauseBase, fichier: Path, *, periode: str | None, conformed: Path, rejets: Path, travail: Path
) -> ConformReport:
    """Conform one delivery.

    In: `fichier`, as received (a container is opened). Out: `conformed` (the clause's columns, `_ligne` from 1,
    `_periode`, a `<column>__statut` a masked column, `geometrie` as WKB for perimeters, whose CRS is in the
    Parquet key `crs_source`) and `rejets` (`_ligne, motif, colonne, valeur`). Both files appear whole or not
    at all. Raises FeedError; then neither changes.
    """
    with scratch(travail) as folder:
        source = open_delivery_rows(clause, fichier, folder)
        brut = folder / "brut.parquet"
        geometry = clause.format.type == "vecteur"
        crs = _write_raw(source, brut, clause, geometry)
        with engine(folder) as con, _failing_as(clause):
            con.execute(f"CREATE VIEW brut AS SELECT * FROM read_parquet({sql_path(brut)})")
            report = _judge(con, clause, periode, conform_sql(clause, periode, geometry))
            _write(con, clause, conformed, rejets, crs, geometry)
    return report


@contextmanager
def _failing_as(clause: ClauseBase) -> Iterator[None]:
    """A fault of the SQL is the feed's, and the others go on. DuckDB's message may quote a value: it is not shown."""
    try:
        yield
    except duckdb.IOException as e:
        message = f"écriture impossible ({type(e).__name__})"
        raise FeedError(clause.id, Problem.ECRITURE_IMPOSSIBLE, message, "libérer de la place") from e
    except duckdb.Error as e:
        message = f"le SQL de la clause échoue sur ces données ({type(e).__name__})"
        raise FeedError(clause.id, Problem.SQL_INVALIDE, message, "revoir les expressions de la clause") from e


def open_delivery_rows(clause: ClauseBase, fichier: Path, folder: Path) -> Iterable[pa.RecordBatch]:
    """The rows of a delivery as text; an archive is opened, or its members joined by the clause's SQL."""
    limits = Limits(taille_max=clause.source.taille_max_mo * 10 * 1_000_000)
    columns = kept_columns(clause)
    if isinstance(clause, ClauseJeu) and clause.conformation:
        return member_rows(clause, fichier, folder, limits, columns)
    path = open_delivery(fichier, jeu=clause.id, membre=clause.source.membre, into=folder, limite=limits)
    return read_rows(path, clause.id, clause.format, columns)


def _write_raw(rows: Iterable[pa.RecordBatch], target: Path, clause: ClauseBase, geometry: bool) -> str:
    schema = raw_schema(kept_columns(clause), geometry)
    crs = ""
    with pq.ParquetWriter(target, schema, compression="lz4") as writer:
        for batch in rows:
            crs = (batch.schema.metadata or {}).get(b"crs_source", b"").decode() or crs
            writer.write_batch(batch.replace_schema_metadata(None))
    return crs


def _judge(con: duckdb.DuckDBPyConnection, clause: ClauseBase, periode: str | None, sql: ConformSql) -> ConformReport:
    for macro in sql.macros:
        con.execute(macro)
    con.execute(f"CREATE TABLE juges AS {sql.typed}")
    received = _count(con, "SELECT count(*) FROM brut")
    counts = dict(con.execute("SELECT coalesce(_motif, ''), count(*) FROM juges GROUP BY 1 ORDER BY 1").fetchall())
    conformed = counts.pop("", 0)
    if received != conformed + sum(counts.values()):
        message = f"{received} reçues ≠ {conformed} conformes + {sum(counts.values())} rejetées"
        raise FeedError(clause.id, Problem.TOTAUX_INEGAUX, message, "signaler ce défaut du logiciel")
    _hold_floors(clause, received, counts)
    warnings = _hold_checks(con, clause)
    return ConformReport(clause.id, periode, received, conformed, counts, warnings)


def _hold_floors(clause: ClauseBase, received: int, rejected: Mapping[str, int]) -> None:
    floors = clause.controles
    if received < floors.lignes_min:
        message = f"{received} lignes reçues, {floors.lignes_min} attendues au moins"
        raise FeedError(
            clause.id, Problem.TROP_PEU_DE_LIGNES, message, "demander une livraison entière, ou revoir `lignes_min`"
        )
    total = sum(rejected.values())
    if total > floors.rejets_max * received:
        reasons = ", ".join(f"{reason} : {n}" for reason, n in rejected.items())
        message = f"{total} lignes rejetées sur {received} ({reasons}), {floors.rejets_max:.1%} permises au plus"
        raise FeedError(clause.id, Problem.TROP_DE_REJETS, message, "prévenir le producteur, ou revoir `rejets_max`")


def _hold_checks(con: duckdb.DuckDBPyConnection, clause: ClauseBase) -> tuple[str, ...]:
    warnings = []
    for check in clause.controles.lignes:
        failing = _count(
            con, f"SELECT count(*) FROM juges WHERE _motif IS NULL AND NOT coalesce(({check.expression}\n), true)"
        )
        if not failing:
            continue
        message = f"contrôle {check.id} non tenu sur {failing} lignes"
        if check.gravite == "arreter":
            raise FeedError(clause.id, Problem.CONTROLE_NON_TENU, message, "prévenir le producteur")
        warnings.append(message)
    return tuple(warnings)


def _write(
    con: duckdb.DuckDBPyConnection, clause: ClauseBase, conformed: Path, rejets: Path, crs: str, geometry: bool
) -> None:
    names = conform_columns(clause) + (["geometrie"] if geometry else [])
    lenient = ", _place_illisible" if lenient_columns(clause) else ""
    records = f"SELECT _ligne, _periode, {', '.join(quote(n) for n in names)}{lenient} FROM juges WHERE _motif IS NULL"
    value = "CAST(NULL AS VARCHAR)" if clause.donnees_personnelles.presentes else "_valeur"
    refused = (
        f"SELECT _ligne, _motif AS motif, _colonne AS colonne, {value} AS valeur FROM juges WHERE _motif IS NOT NULL"
    )
    metadata = f", KV_METADATA {{crs_source: {literal(crs)}}}" if crs else ""
    with replacing(conformed) as good, replacing(rejets) as bad:
        con.execute(
            f"COPY ({records} ORDER BY _ligne) TO {sql_path(good)} (FORMAT parquet, COMPRESSION zstd{metadata})"
        )
        con.execute(f"COPY ({refused} ORDER BY _ligne) TO {sql_path(bad)} (FORMAT parquet, COMPRESSION zstd)")


def conform_columns(clause: ClauseBase) -> list[str]:
    """Names of the conformed columns, statuses of masked ones included, in the clause's order."""
    return [n for c in kept_columns(clause) for n in ((c.nom, f"{c.nom}__statut") if c.masques else (c.nom,))]


def _count(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    assert row is not None
    return int(row[0])
