"""Hold a SELECT of `sql/conformer/` to what it declares, offline: it binds to empty views, and gives every column."""

from __future__ import annotations

from pathlib import Path

import duckdb

from qpv_data.clause.expressions import quote, sandbox
from qpv_data.clause.model import ClauseJeu
from qpv_data.conforming_text import read_columns
from qpv_data.problems import Problem
from qpv_data.sources.declared_members import declared_members


def conformation_fault(clause: ClauseJeu, path: Path) -> tuple[Problem, str, str] | None:
    """None when the SELECT holds, else (problem, message, remedy). One without declared members is not looked into."""
    if not path.is_file():
        return Problem.REFERENCE_INCONNUE, f"sql/conformer/{path.name} introuvable", "écrire ce fichier"
    query = path.read_text("utf-8").rstrip().removesuffix(";")
    with sandbox() as con:
        try:
            members = declared_members(query)
            for member in members:
                columns = ", ".join(f"{quote(c.nom)} VARCHAR" for c in member.colonnes)
                con.execute(f"CREATE TEMP TABLE {quote(member.nom)} ({columns})")
            given = {str(d[0]) for d in con.execute(f"DESCRIBE {query}").fetchall()} if members else None
        except (ValueError, duckdb.Error) as e:
            return Problem.SQL_INVALIDE, f"{path.name} : {str(e).splitlines()[0]}", "corriger ce fichier"
    absent = [" / ".join(c.source) for c in read_columns(clause) if given is not None and given.isdisjoint(c.source)]
    if absent:
        message = f"{path.name} ne donne pas : {', '.join(absent)}"
        return Problem.COLONNE_INCONNUE, message, f"colonnes données : {', '.join(sorted(given or ()))}"
    return None
