"""Checks of a release: each is one SELECT of sql/checks/ over a database made from what ONE audience is given.

A check returns the rows that offend. Its severity is `arret` (the release is refused) or `alerte` (it is told). What is
published of it is its state and a class of its number of rows: as it reads published cells alone, nothing hidden shows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import duckdb

from qpv_data.problems import Problem
from qpv_data.resources import sql_dir
from qpv_data.runs import RunError

Gravite = Literal["arret", "alerte"]
Etat = Literal["conforme", "a_signaler", "bloquant"]
_HEADER = re.compile(r"-- (?P<grain>.+)\n-- gravite: (?P<gravite>arret|alerte)\n-- titre: (?P<titre>.+)\n")
_MANY = 100


@dataclass(frozen=True)
class Check:
    """A check and what came of it: a row of the table `controles`. `classe`: `0`, `1 à 9`, `10 à 99`, `100 et plus`."""

    controle: str
    gravite: Gravite
    titre: str
    etat: Etat
    classe: str


@dataclass(frozen=True)
class Declared:
    """A file of sql/checks/: its grain, its severity, its title, and its SELECT."""

    controle: str
    grain: str
    gravite: Gravite
    titre: str
    sql: str


def declared_checks() -> list[Declared]:
    """Every check that ships, stops first, by name. Raises ValueError for a file without its three header lines."""
    found = []
    for path in sorted((sql_dir() / "checks").glob("*.sql")):
        text = path.read_text("utf-8")
        if (header := _HEADER.match(text)) is None:
            raise ValueError(f"{path.name} : les trois premières lignes disent grain, gravité et titre")
        severity: Gravite = "arret" if header["gravite"] == "arret" else "alerte"
        found.append(Declared(path.stem, header["grain"], severity, header["titre"], text))
    return sorted(found, key=lambda c: (c.gravite != "arret", c.controle))


def run_checks(con: duckdb.DuckDBPyConnection) -> list[Check]:
    """Run every check on the database that `con` is at. Rows are counted up to 100, which is all that a class tells."""
    return [_result(check, _count(con, check)) for check in declared_checks()]


def offending(con: duckdb.DuckDBPyConnection, controle: str, limit: int) -> tuple[list[str], list[tuple[object, ...]]]:
    """Names of the columns and at most `limit` rows that offend the check, in the order of their columns.

    Raises KeyError for a check that does not ship.
    """
    sql = {check.controle: check.sql for check in declared_checks()}[controle]
    answer = con.execute(f"SELECT * FROM ({sql}) ORDER BY ALL LIMIT {limit}")
    return [column[0] for column in answer.description or []], answer.fetchall()


def record(con: duckdb.DuckDBPyConnection, checks: Sequence[Check]) -> None:
    """Fill the empty table `controles`."""
    con.executemany("INSERT INTO controles VALUES (?, ?, ?, ?, ?)", [_row(check) for check in checks])


def recorded(con: duckdb.DuckDBPyConnection) -> list[Check]:
    """What the table `controles` says, in the order in which it was written."""
    names = ", ".join(f.name for f in fields(Check))
    return [Check(*row) for row in con.execute(f"SELECT {names} FROM controles ORDER BY rowid").fetchall()]


def refuse_blocking(checks: Sequence[Check]) -> None:
    """Raise RunError, naming every check of severity `arret` that has offending rows; otherwise nothing."""
    if blocking := [check for check in checks if check.etat == "bloquant"]:
        told = " ; ".join(f"{check.controle} ({check.classe} lignes) : {check.titre}" for check in blocking)
        remedy = "lire les lignes en cause avec `qpv-data controles`, puis corriger le jeu ou sa clause"
        raise RunError(Problem.CONTROLE_BLOQUANT, told, remedy)


def _row(check: Check) -> list[str]:
    return [getattr(check, f.name) for f in fields(check)]


def _count(con: duckdb.DuckDBPyConnection, check: Declared) -> int:
    row = con.execute(f"SELECT count(*) FROM (SELECT 1 FROM ({check.sql}) LIMIT {_MANY})").fetchone()
    assert row is not None
    return int(row[0])


def _result(check: Declared, rows: int) -> Check:
    state: Etat = "conforme" if rows == 0 else "bloquant" if check.gravite == "arret" else "a_signaler"
    return Check(check.controle, check.gravite, check.titre, state, _class(rows))


def _class(rows: int) -> str:
    return "0" if rows == 0 else "1 à 9" if rows < 10 else "10 à 99" if rows < _MANY else "100 et plus"
