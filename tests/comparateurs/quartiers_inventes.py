"""Small releases written row by row in a database of every table and view, and taken back when a test has asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import duckdb
from bases import insert

from qpv_data.database import create
from qpv_data.derived import derive

Rows = Iterable[tuple[str, Mapping[str, Any]]]
"""(table, columns said) of each row."""
SHOWN = {"statut_observation": "normale", "statut_diffusion": "diffusee"}
HIDDEN = {"statut_observation": "normale", "statut_diffusion": "secret", "valeur": None, "numerateur": None}
STATES = {
    "shown": SHOWN,
    "hidden": {**HIDDEN, "denominateur": None},
    "unknown": {**HIDDEN, "denominateur": None, "statut_observation": "non_livree", "statut_diffusion": "diffusee"},
}
PERIOD = "2024-T1"


@cache
def _empty() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"threads": 2})
    create(con)
    return con


@contextmanager
def release(rows: Rows) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database of these rows, with what is derived from them; nothing of it is left after."""
    con = _empty()
    con.begin()
    try:
        for table, said in rows:
            insert(con, table, **said)
        derive(con)
        yield con
    finally:
        con.rollback()


def zone(zonage: str, code: str, famille: str | None = None, **more: Any) -> tuple[str, dict[str, Any]]:
    return "zones", {"zonage": zonage, "code_zone": code, "famille": famille or zonage, "nom": code, **more}


def quarter(code: str, communes: Mapping[str, float | None], zonage: str = "qpv2024", **more: Any) -> Rows:
    """A quarter and its communes, each with the share of its inhabitants who are there, if anybody says."""
    yield zone(zonage, code, "qpv", **more)
    for commune, part in communes.items():
        yield "zones_communes", {
            "zonage": zonage, "code_zone": code, "code_commune": commune, "origine": "declare", "part_population": part
        }  # fmt: skip


def indicator(name: str, nature: str, **more: Any) -> tuple[str, dict[str, Any]]:
    said = {"additif": nature != "releve", "unite": "u", "decimales": 1, **more}
    return "indicateurs", {"indicateur": name, "nature": nature, **said}


def value(zonage: str, code: str, name: str, state: str = "shown", **more: Any) -> tuple[str, dict[str, Any]]:
    """A cell; `valeur`, `numerateur`, `denominateur` are read only when it is shown."""
    said = {**STATES["shown"], "modalite": "ensemble", "periode": PERIOD, **more, **STATES[state]}
    return "valeurs", {"zonage": zonage, "code_zone": code, "indicateur": name, **said}


def asked(con: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    answer = con.execute(sql)
    names = [column[0] for column in answer.description or []]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
