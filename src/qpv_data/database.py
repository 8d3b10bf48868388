"""The DuckDB file of a release: its tables with keys and comments, views for analysts, and what the checks found."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb
import pyarrow as pa
import shapely

from qpv_data.checks import Check, record, run_checks
from qpv_data.clause.expressions import literal
from qpv_data.comments import Sorte, added_comments, column_comments, meanings, plain, table_comments
from qpv_data.cores import cores
from qpv_data.derived import create_derived, derive
from qpv_data.engine import MEMORY, sql_path
from qpv_data.problems import Problem
from qpv_data.profile import FIXED, write_profile
from qpv_data.resources import sql_dir
from qpv_data.runs import RunError
from qpv_data.schemas import PUBLISHED, TYPES, PublishedTable

STORAGE = "v1.0.0"
"""The storage format: DuckDB 1.1 and newer read it."""
_PROFILE = "profil_quartier"
GEOJSON_DEGREES = 1e-6
_CONTROLES = (
    "CREATE TABLE controles (controle VARCHAR PRIMARY KEY, gravite VARCHAR NOT NULL, titre VARCHAR NOT NULL,"
    " etat VARCHAR NOT NULL, classe VARCHAR NOT NULL)"
)
_ENTREES = re.compile(r"^-- entrées : (.+)$", re.MULTILINE)
_GEOJSON = (
    "CREATE TABLE zones_geojson (zonage VARCHAR, code_zone VARCHAR, geojson VARCHAR NOT NULL,"
    " PRIMARY KEY (zonage, code_zone))"
)


def write_database(release: Path, target: Path) -> Path:
    """`build`, for whoever asks for the database alone."""
    build(release, target)
    return target


def build(release: Path, target: Path) -> list[Check]:
    """Build `target` from the Parquet files of `release`, the folder of one audience; no extension is needed.

    A table that the release lacks is there, empty. Runs the checks, writes what they found in `controles` and returns
    it: whoever publishes refuses what they refuse (`checks.refuse_blocking`). Raises RunError for a row that breaks a
    key or is null where it may not be.
    """
    target.write_bytes(_empty())
    with duckdb.connect(config={"memory_limit": MEMORY, "threads": cores()}) as con:
        con.execute("SET enable_progress_bar = false")
        con.execute(f"SET temp_directory = {sql_path(target.with_name(f'{target.name}.tmp'))}")
        con.execute(f"ATTACH {sql_path(target)} AS base")
        con.execute("USE base")
        con.execute("BEGIN")  # one write of the log rather than one a comment
        for name, table in PUBLISHED.items():
            _load(con, name, table, release)
        derive(con)
        _write_geojson(con)
        _comment_profile(con, write_profile(con))
        con.execute("COMMIT")  # what is committed is on disk, and the checks read it there
        found = run_checks(con)
        record(con, found)
        con.execute("USE memory")
        con.execute("DETACH base")  # writes everything to the file
    return found


@cache
def _empty() -> bytes:
    """A database with every table and view, commented, and no row: the same for every release, so made once a
    process."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(config={"threads": 1}) as con:
        path = Path(folder) / "vide.duckdb"
        con.execute(f"ATTACH {sql_path(path)} AS base (STORAGE_VERSION '{STORAGE}')")
        con.execute("USE base")
        con.execute("BEGIN")
        create(con)
        _comment(con)
        con.execute("COMMIT")
        con.execute("USE memory")
        con.execute("DETACH base")
        return path.read_bytes()


def create(con: duckdb.DuckDBPyConnection) -> None:
    """Every table, empty, and the views and macros over them; `profil_quartier` apart, whose columns are data."""
    for name, table in PUBLISHED.items():
        _create(con, name, table)
    create_derived(con)
    con.execute(_GEOJSON)
    con.execute(_CONTROLES)
    for name, text in _views():
        con.execute(f"CREATE VIEW {name} AS {text}")
    past = (sql_dir() / "macros" / "valeurs_au.sql").read_text("utf-8")
    con.execute(f"CREATE MACRO valeurs_au(jour) AS TABLE {past}")


def _views() -> Iterator[tuple[str, str]]:
    """The views of sql/vues/, each after those that its line `-- entrées :` names, by name otherwise."""
    texts = {path.stem: path.read_text("utf-8") for path in sorted((sql_dir() / "vues").glob("*.sql"))}
    said = {name: _ENTREES.search(text) for name, text in texts.items()}
    needs = {name: line[1].split(", ") if line else [] for name, line in said.items()}
    return ((name, texts[name]) for name in TopologicalSorter(needs).static_order())


def _create(con: duckdb.DuckDBPyConnection, name: str, table: PublishedTable) -> None:
    always = set(table.non_nulles)
    columns = [f'"{f.name}" {TYPES[str(f.type)]}{" NOT NULL" * (f.name in always)}' for f in table.schema]
    key = [f"PRIMARY KEY ({', '.join(table.cle)})"] if table.cle and not table.controlee else []
    con.execute(f"CREATE TABLE {name} ({', '.join([*columns, *key])})")


def _load(con: duckdb.DuckDBPyConnection, name: str, table: PublishedTable, release: Path) -> None:
    """Every row of the table's files. Contours stay WKB, whatever the metadata of their file says."""
    con.execute("SET enable_geoparquet_conversion = false")
    try:
        if name == "valeurs":
            _load_values(con, release / "valeurs")
        elif (source := release / f"{name}.parquet").is_file():
            con.execute(f"INSERT INTO {name} BY NAME SELECT * FROM read_parquet({sql_path(source)})")
    except duckdb.ConstraintException as e:
        why = f"{name} : clé en double ou colonne vide ({_named(e, table)})"
        raise RunError(Problem.CONTROLE_BLOQUANT, why, "corriger le jeu ou la clause d'où vient la ligne") from None


def _named(error: duckdb.Error, table: PublishedTable) -> str:
    """The columns that the engine's message names; it quotes values too, which are not shown."""
    said = str(error)
    return next((c for c in table.schema.names if f".{c}" in said), ", ".join(table.cle) or "ligne")


def _load_values(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """One zoning after the other, sorted: all of a zone is in few row groups, and a zone's profile or series reads them
    alone. A zoning at a time, so that the sort of 20 M rows stays in memory."""
    for zoning in sorted(folder.glob("zonage=*")):
        files = f"{sql_path(zoning)} || '/*/*.parquet'"
        con.execute(
            f"INSERT INTO valeurs BY NAME SELECT * FROM read_parquet({files}, hive_partitioning = true,"
            " hive_types = {zonage: VARCHAR, periode: VARCHAR})"
            " ORDER BY code_zone, indicateur, modalite, periode_debut"
        )


def _write_geojson(con: duckdb.DuckDBPyConnection) -> None:
    """Fill the empty table `zones_geojson`: DuckDB has no function for it without an extension."""
    found = con.execute(
        "SELECT zonage, code_zone, geometrie FROM zones WHERE geometrie IS NOT NULL ORDER BY ALL"
    ).to_arrow_table()
    shapes = shapely.from_wkb(found["geometrie"].to_pylist())
    rounded = shapely.set_precision(shapes, GEOJSON_DEGREES, mode="pointwise")
    texts = pa.array(shapely.to_geojson(rounded).tolist(), pa.string())
    con.register("geojson_arrow", found.drop_columns(["geometrie"]).append_column("geojson", texts))
    con.execute("INSERT INTO zones_geojson SELECT * FROM geojson_arrow")
    con.unregister("geojson_arrow")


def _comment(con: duckdb.DuckDBPyConnection) -> None:
    """Say what every table, view and column is, `profil_quartier` apart, whose columns are data."""
    for table, text in table_comments().items():
        _say(con, f"TABLE {table}", text)
        _say_columns(con, table, column_comments(table))
    sorts: tuple[tuple[Sorte, str], ...] = (("table", "TABLE"), ("vue", "VIEW"))
    for sort, kind in sorts:
        for name, text in added_comments(sort).items():
            if name != _PROFILE:
                _say(con, f"{kind} {name}", text)
                _say_columns(con, name, {c: plain(t) for c, t in meanings(name, _columns(con, name)).items()})
    for name, text in added_comments("macro").items():
        _say(con, f"MACRO TABLE {name}", text)


def _comment_profile(con: duckdb.DuckDBPyConnection, titles: Mapping[str, str]) -> None:
    """Say what the wide profile is. `titles`: those of the indicators that are its columns."""
    _say(con, f"TABLE {_PROFILE}", added_comments("table")[_PROFILE])
    _say_columns(con, _PROFILE, {c: plain(t) for c, t in meanings(_PROFILE, FIXED).items()})
    _say_columns(con, _PROFILE, titles)


def _columns(con: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    return [str(column) for column, *_ in con.execute(f"DESCRIBE {name}").fetchall()]


def _say_columns(con: duckdb.DuckDBPyConnection, owner: str, comments: Mapping[str, str]) -> None:
    for column, text in comments.items():
        _say(con, f'COLUMN {owner}."{column}"', text)


def _say(con: duckdb.DuckDBPyConnection, what: str, text: str) -> None:
    con.execute(f"COMMENT ON {what} IS {literal(text)}")
