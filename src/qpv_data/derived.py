"""Small tables that the database takes from the published ones when it is written: views over 20 M rows would take them
anew."""

from __future__ import annotations

import duckdb

from qpv_data.resources import sql_dir
from qpv_data.shares import area_shares

_TABLES = {
    "dernieres_periodes": "indicateur VARCHAR PRIMARY KEY, periode VARCHAR NOT NULL",
    "ensembles_quartiers": (
        "zonage VARCHAR, indicateur VARCHAR, modalite VARCHAR, periode VARCHAR, valeur DOUBLE NOT NULL,"
        " quartiers BIGINT NOT NULL, PRIMARY KEY (zonage, indicateur, modalite, periode)"
    ),
    "regles_comparaison": (
        "indicateur VARCHAR PRIMARY KEY, base VARCHAR, ponderable BOOLEAN NOT NULL, decimales INTEGER NOT NULL"
    ),
    "populations": (
        "zonage VARCHAR, code_zone VARCHAR, periode VARCHAR, population DOUBLE NOT NULL, source VARCHAR NOT NULL,"
        " periode_source VARCHAR NOT NULL, PRIMARY KEY (zonage, code_zone, periode)"
    ),
    "totaux_quartiers": (
        "zonage VARCHAR, indicateur VARCHAR, modalite VARCHAR, periode VARCHAR, pour_1000_habitants DOUBLE NOT NULL,"
        " quartiers BIGINT NOT NULL, PRIMARY KEY (zonage, indicateur, modalite, periode)"
    ),
    "groupes_quartiers": (
        "zonage VARCHAR, code_zone VARCHAR, groupe VARCHAR NOT NULL, zonage_partie VARCHAR, code_partie VARCHAR,"
        " signe INTEGER NOT NULL, PRIMARY KEY (zonage, code_zone, zonage_partie, code_partie)"
    ),
    "comparateurs": (
        "zonage VARCHAR, code_zone VARCHAR, sorte VARCHAR, zonage_comparateur VARCHAR, code_comparateur VARCHAR,"
        " nom VARCHAR, part DOUBLE, origine_part VARCHAR,"
        " PRIMARY KEY (zonage, code_zone, sorte, zonage_comparateur, code_comparateur)"
    ),
    "quartiers_comparables": (
        "zonage VARCHAR, code_zone VARCHAR, rang BIGINT, code_comparable VARCHAR NOT NULL, distance DOUBLE NOT NULL,"
        " caracteristiques VARCHAR NOT NULL, PRIMARY KEY (zonage, code_zone, rang)"
    ),
}
"""Table → its columns, each after those that it is made from."""


def create_derived(con: duckdb.DuckDBPyConnection) -> None:
    """The tables, empty."""
    for name, columns in _TABLES.items():
        con.execute(f"CREATE TABLE {name} ({columns})")


def derive(con: duckdb.DuckDBPyConnection) -> None:
    """Fill them from the published tables, anew: each from the SELECT of its name in sql/base/."""
    con.register("parts_surface", area_shares(con))
    try:
        for name in _TABLES:
            con.execute(f"DELETE FROM {name}")
            con.execute(f"INSERT INTO {name} {(sql_dir() / 'base' / f'{name}.sql').read_text('utf-8')}")
    finally:
        con.unregister("parts_surface")
