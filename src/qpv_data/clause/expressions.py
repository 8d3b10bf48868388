"""Hold the SQL of clauses to what it may be: one scalar, deterministic expression over declared columns.

DuckDB itself parses and binds each expression against an empty table, offline: a misspelt column is found
before any data is read, and nothing an expression can say reaches a file, a setting or the clock.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Literal

import duckdb

from qpv_data.clause.model import Colonne, TypeColonne
from qpv_data.problems import Problem

SQL_TYPES = {
    TypeColonne.TEXTE: "VARCHAR",
    TypeColonne.ENTIER: "BIGINT",
    TypeColonne.NOMBRE: "DOUBLE",
    TypeColonne.DATE: "DATE",
    TypeColonne.BOOLEEN: "BOOLEAN",
}
_NUMERIC = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DOUBLE|FLOAT|DECIMAL.*|BOOLEAN)")
# What DuckDB calls consistent and yet depends on the clock, on settings, on other data or on how it runs.
_FORBIDDEN = re.compile(
    r"age|alias|combine|finalize|getenv|getvariable|nextval|currval|query|query_table|vector_type"
    r"|(current|pg|icu|json_serialize|json_deserialize|parse_duckdb|variant)_.*|__internal.*"
)
_MACROS = frozenset(
    {"array_to_string", "date_add", "days_in_month", "fdiv", "fmod", "nullif", "round_even", "split_part"}
    | {f"list_{name}" for name in ("append", "count", "first", "last", "max", "min", "sum")}
)
_STRINGS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
# Parts of the tree that are not a plain scalar expression over the record.
_FORBIDDEN_CLASSES = {"SUBQUERY", "WINDOW", "STAR", "PARAMETER", "POSITIONAL_REFERENCE", "DEFAULT", "LAMBDA"}
Attendu = Literal["booleen", "nombre", "texte", "quelconque"]


def quote(name: str) -> str:
    """An SQL identifier, quoted."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string, quoted."""
    return "'" + text.replace("'", "''") + "'"


Fault = tuple[Problem, str, str]


def check_expression(expression: str, columns: Sequence[Colonne] | None, attendu: Attendu) -> Fault | None:
    """None when the expression holds, else (problem, message, remedy).

    `columns` are those of the conformed record; None stands for the single text column `valeur`.
    """
    return check_expressions([(expression, attendu)], columns)[0]


def check_expressions(asked: Sequence[tuple[str, Attendu]], columns: Sequence[Colonne] | None) -> list[Fault | None]:
    """`check_expression` of each, in order. Those that can be bound are bound together: one question for them all."""
    faults = [_fault_of_form(expression, columns) for expression, _ in asked]
    sound = [n for n, fault in enumerate(faults) if fault is None]
    kinds = _kinds([asked[n][0] for n in sound], columns)
    for n, kind in zip(sound, kinds, strict=True):
        faults[n] = kind if isinstance(kind, tuple) else _fault_of_kind(kind, asked[n][1])
    return faults


def _fault_of_form(expression: str, columns: Sequence[Colonne] | None) -> Fault | None:
    """What is seen before binding: what the expression is made of, and the columns that it names."""
    parsed = _outer_fault(expression) or _parse(expression)
    if isinstance(parsed, str):
        return Problem.SQL_INVALIDE, parsed, "écrire une seule expression SQL scalaire"
    if fault := _forbidden_part(parsed):
        return Problem.SQL_INVALIDE, fault, "n'employer que des fonctions scalaires et déterministes sur les colonnes"
    names = _names(columns)
    # The binder would take `current_date` for the clock and not for a misspelt column.
    for name in sorted(columns_of(expression) - set(names)):
        if any(c.nom == name for c in columns or ()):
            message = f"{name} est un identifiant direct"
            return Problem.COLONNE_INCONNUE, message, "un identifiant direct ne passe pas la conformation"
        return _unknown_column(name, names)
    return None


def _names(columns: Sequence[Colonne] | None) -> list[str]:
    return ["valeur"] if columns is None else [c.nom for c in columns if c.lue]


def _kinds(expressions: Sequence[str], columns: Sequence[Colonne] | None) -> list[str | Fault]:
    """The SQL type of each, or its fault; one by one only when one of them fails."""
    if not expressions:
        return []
    names = _names(columns)
    typed = [("valeur", "VARCHAR")] if columns is None else [(c.nom, SQL_TYPES[c.type]) for c in columns]
    empty = ", ".join(f"CAST(NULL AS {kind}) AS {quote(name)}" for name, kind in typed if name in names)
    made = ", ".join(f"({e}\n) AS v{n}" for n, e in enumerate(expressions))
    with sandbox() as con:
        try:
            # Run, and not only bound: a constant that cannot be converted fails on no row at all.
            done = con.execute(f"SELECT {made} FROM (SELECT {empty}) AS e")
            done.fetchone()
            return [str(column[1]) for column in done.description or ()]
        except duckdb.Error as e:
            if len(expressions) == 1:
                return [(Problem.SQL_INVALIDE, str(e).splitlines()[0], "corriger l'expression")]
    return [_kinds([e], columns)[0] for e in expressions]


def _fault_of_kind(kind: str, attendu: Attendu) -> Fault | None:
    if "(" in kind.removeprefix("DECIMAL(") or kind.endswith("]"):
        return Problem.SQL_INVALIDE, f"une seule valeur est attendue, l'expression donne {kind}", "choisir une valeur"
    if attendu == "booleen" and kind != "BOOLEAN":
        return Problem.SQL_INVALIDE, f"un booléen est attendu, l'expression donne {kind}", "écrire une condition"
    if attendu == "nombre" and not _NUMERIC.fullmatch(kind):
        return Problem.SQL_INVALIDE, f"un nombre est attendu, l'expression donne {kind}", "convertir (CAST)"
    return None


def columns_of(expression: str) -> frozenset[str]:
    """Names of the columns that an expression reads, in lower case as SQL compares them."""
    parsed = _parse(expression)
    if isinstance(parsed, str):
        return frozenset()
    return frozenset(node["column_names"][-1].lower() for node in _nodes(parsed) if node.get("class") == "COLUMN_REF")


def conjuncts(expression: str) -> tuple[str, ...]:
    """The conditions that an expression is the AND of, as SQL; itself when it is not one. It must be one that holds."""
    with sandbox() as con:
        row = con.execute("SELECT json_serialize_sql(?)", [f"SELECT ({expression}\n)"]).fetchone()
        assert row is not None
        tree = json.loads(row[0])
        selected = tree["statements"][0]["node"]
        parts = []
        for part in _conditions(selected["select_list"][0]):
            selected["select_list"] = [part]
            said = con.execute("SELECT json_deserialize_sql(?)", [json.dumps(tree)]).fetchone()
            assert said is not None
            parts.append(str(said[0]).removeprefix("SELECT "))
    return tuple(parts)


def _conditions(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if node.get("class") == "CONJUNCTION" and node.get("type") == "CONJUNCTION_AND":
        for child in node["children"]:
            yield from _conditions(child)
    else:
        yield node


@cache
def _database() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(":memory:", config={"threads": 1, "enable_external_access": False})
    con.execute("SET lock_configuration = true")
    return con


def sandbox() -> duckdb.DuckDBPyConnection:
    """A connection that reaches no file, no setting and no other connection's temporary tables; to be closed.

    Opening a database costs far more than asking it a question: all share one, in memory and empty.
    """
    return _database().cursor()


@cache
def _parse(expression: str) -> dict[str, Any] | str:
    try:
        with sandbox() as con:
            # Written in the query: to bind a parameter, DuckDB imports pandas, which takes longer than all the rest.
            text = literal(f"SELECT ({expression}\n)")
            row = con.execute(f"SELECT json_serialize_sql({text})").fetchone()
        tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    except (duckdb.Error, ValueError, RecursionError) as e:
        return f"SQL illisible ({type(e).__name__})"
    if tree.get("error"):
        return f"SQL illisible : {tree.get('error_message', 'erreur de syntaxe')}"
    statements = tree["statements"]
    if len(statements) != 1:
        return "une seule expression est permise"
    node = statements[0]["node"]
    if node.get("type") != "SELECT_NODE" or len(node["select_list"]) != 1:
        return "une seule expression est permise"
    if node["from_table"]["type"] != "EMPTY" or node["where_clause"] or node["group_expressions"]:
        return "ni FROM, ni WHERE, ni GROUP BY : une expression seule"
    if node["having"] or node["qualify"] or node["modifiers"] or node["cte_map"]["map"]:
        return "ni HAVING, ni QUALIFY, ni ORDER BY, ni WITH : une expression seule"
    tree_of_expression: dict[str, Any] = node["select_list"][0]
    return tree_of_expression


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    left = [tree]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            yield part
            left += reversed(part.values())
        elif isinstance(part, list):
            left += reversed(part)


def _outer_fault(expression: str) -> str | None:
    """What would let an expression out of the parentheses that it is put in, wherever it is used."""
    bare = _STRINGS.sub("''", expression)
    if "--" in bare or "/*" in bare:
        return "aucun commentaire : une expression seule"
    depth = 0
    for mark in bare:
        depth += (mark == "(") - (mark == ")")
        if depth < 0:
            break
    return "parenthèses mal appariées" if depth else None


def _forbidden_part(tree: dict[str, Any]) -> str | None:
    for node in _nodes(tree):
        if node.get("class") in _FORBIDDEN_CLASSES:
            return f"élément non permis : {node['class'].lower()}"
        if node.get("class") == "COLUMN_REF" and len(node["column_names"]) > 1:
            return f"nom qualifié : {'.'.join(node['column_names'])}"
        if node.get("class") == "FUNCTION":
            name = str(node["function_name"]).lower()
            before = node.get("catalog") or node.get("schema") or "main"
            if before != "main":  # the parser's own for `extract(year from jour)`
                # `abc.upper()` hides its column from `columns_of`, and `current_date.day()` hides the clock.
                return f"écrire {name}({before}) et non {before}.{name}()"
            if not node.get("is_operator") and name not in _scalar_functions():
                return f"fonction non permise : {name}"
    return None


@cache
def _scalar_functions() -> frozenset[str]:
    """Scalar functions whose result depends on their arguments alone; aggregates and the clock are not."""
    with sandbox() as con:
        rows = con.execute(
            "SELECT function_name, bool_and(function_type = 'scalar' AND stability = 'CONSISTENT')"
            " FROM duckdb_functions() GROUP BY ALL"
        ).fetchall()
    return _MACROS | {name for name, pure in rows if pure and not _FORBIDDEN.fullmatch(name)}


def _unknown_column(name: str, names: Sequence[str]) -> tuple[Problem, str, str]:
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    remedy = f"vouliez-vous « {close[0]} » ?" if close else f"colonnes déclarées : {', '.join(names)}"
    return Problem.COLONNE_INCONNUE, f"colonne inconnue : {name}", remedy
