"""Small tables that the database takes from `valeurs` when it is written: views over 20 M rows would take them anew."""

from __future__ import annotations

import duckdb

from qpv_data.resources import sql_dir

_TABLES = {
    "dernieres_periodes": "indicateur VARCHAR PRIMARY KEY, periode VARCHAR NOT NULL",
    "ensembles_quartiers": (
        "zonage VARCHAR, indicateur VARCHAR, modalite VARCHAR, periode VARCHAR, valeur DOUBLE NOT NULL,"
        " quartiers BIGINT NOT NULL, PRIMARY KEY (zonage, indicateur, modalite, periode)"
    ),
}


def create_derived(con: duckdb.DuckDBPyConnection) -> None:
    """The tables, empty."""
    for name, columns in _TABLES.items():
        con.execute(f"CREATE TABLE {name} ({columns})")


def derive(con: duckdb.DuckDBPyConnection) -> None:
    """Fill them from the published tables: each from the SELECT of its name in sql/base/."""
    for name in _TABLES:
        con.execute(f"INSERT INTO {name} {(sql_dir() / 'base' / f'{name}.sql').read_text('utf-8')}")
