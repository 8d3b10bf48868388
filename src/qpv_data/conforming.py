"""The SQL that turns received text into typed columns, written from the clause.

Order, for each value: trim, mask, recoding, transformation, padding, typing, domain. One row is rejected for
one reason: the first, in the order of the columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qpv_data.clause.expressions import SQL_TYPES, literal, quote
from qpv_data.clause.model import ClauseBase, ClauseJeu, Colonne, Format, LocalisationPoint, TypeColonne
from qpv_data.periods import Frequence, parse_period
from qpv_data.problems import Rejet


@dataclass(frozen=True)
class ConformSql:
    """`macros` to create first; `typed` reads the view `brut` and gives every row with `_motif`."""

    macros: tuple[str, ...]
    typed: str
    columns: tuple[str, ...]


def kept_columns(clause: ClauseBase) -> tuple[Colonne, ...]:
    """The columns that are read: direct identifiers are left where they were received."""
    return tuple(c for c in clause.colonnes if not c.identifiant_direct)


def lenient_columns(clause: ClauseBase) -> frozenset[str]:
    """Columns that place a record and never reject it: an unreadable coordinate makes an unknown place."""
    if not isinstance(clause, ClauseJeu) or not isinstance(clause.localisation, LocalisationPoint):
        return frozenset()
    place = clause.localisation
    names = {place.x, place.y, place.colonne_epsg, place.qualite.colonne if place.qualite else None}
    return frozenset(n for n in names if n is not None)


def conform_sql(clause: ClauseBase, periode: str | None, geometry: bool) -> ConformSql:
    """`periode`: that of the delivery, for an origin `livraison`."""
    columns = kept_columns(clause)
    macros = tuple(
        f"CREATE TEMP MACRO {quote('t_' + c.nom)}(valeur) AS ({c.transformation}\n)"
        for c in columns
        if c.transformation
    )
    texts = ",\n  ".join(_text_and_status(c) for c in columns)
    typed = ",\n  ".join(f"{_typed(c, clause.format)} AS {quote(c.nom)}" for c in columns)
    statuses = ", ".join(quote(c.nom + "__statut") for c in columns if c.masques)
    passed = "_ligne, _rejet" + (", geometrie" if geometry else "")
    keys = ", ".join(quote(k) for k in clause.cle.colonnes)
    repeated = (
        f"row_number() OVER (PARTITION BY {keys} ORDER BY _ligne) > 1"
        if clause.cle.doublons == "premier"
        else f"count(*) OVER (PARTITION BY {keys}) > 1"
    )
    sql = f"""
WITH textes AS (SELECT {passed},
  {texts}
  FROM brut),
types AS (SELECT {passed}{", " + statuses if statuses else ""}, {", ".join(quote("v_" + c.nom) for c in columns)},
  {typed}
  FROM textes),
juges AS (SELECT *, {_first_fault(clause, columns)} AS faute FROM types),
cles AS (SELECT *, faute IS NULL AND {repeated.replace("PARTITION BY ", "PARTITION BY (faute IS NULL), ")} AS en_double
  FROM juges),
dates AS (SELECT *, {_period(clause, periode)} AS _periode FROM cles)
SELECT * EXCLUDE (_rejet, faute, en_double),
  CASE WHEN _rejet IS NOT NULL THEN _rejet WHEN faute IS NOT NULL THEN split_part(faute, ':', 1)
       WHEN en_double THEN '{Rejet.CLE_EN_DOUBLE.value}'
       WHEN {_out_of_range(clause)} THEN '{Rejet.HORS_PERIODE.value}' END AS _motif,
  CASE WHEN faute IS NOT NULL THEN split_part(faute, ':', 2)
       WHEN en_double THEN {literal(clause.cle.colonnes[0])} END AS _colonne,
  {_faulty_value(columns)} AS _valeur
FROM dates"""
    names = tuple(n for c in columns for n in ((c.nom, c.nom + "__statut") if c.masques else (c.nom,)))
    return ConformSql(macros, sql, names)


def _text_and_status(c: Colonne) -> str:
    raw = f"trim(coalesce({quote(c.nom)}, ''), ' \t\u00a0\r\n')"
    masks = " ".join(f"WHEN {literal(m.strip())} THEN {literal(s.value)}" for m, s in c.masques.items())
    masked = " ".join(f"WHEN {literal(m.strip())} THEN NULL" for m in c.masques)
    value = f"CASE {raw} {masked} WHEN '' THEN NULL ELSE {raw} END"
    if c.recodage:
        cases = " ".join(f"WHEN {literal(a)} THEN nullif({literal(b)}, '')" for a, b in c.recodage.items())
        value = f"CASE {value} {cases} ELSE {value} END"
    if c.transformation:
        value = f"nullif(trim(CAST({quote('t_' + c.nom)}({value}) AS VARCHAR)), '')"
    if c.completer:
        value = (
            f"CASE WHEN length({value}) < {c.completer} AND regexp_full_match({value}, '[0-9AB]+')"
            f" THEN lpad({value}, {c.completer}, '0') ELSE {value} END"
        )
    status = f", CASE {raw} {masks} END AS {quote(c.nom + '__statut')}" if c.masques else ""
    return f"{value} AS {quote('v_' + c.nom)}{status}"


def _number_text(c: Colonne, fmt: Format) -> str:
    text = quote("v_" + c.nom)
    for mark in fmt.milliers:
        text = f"replace({text}, {literal(mark)}, '')"
    decimal = c.decimale or fmt.decimale
    # A dot in a comma file is a fault and not a decimal mark: 1.234 may be one thousand.
    return f"replace(replace({text}, '.', '?'), ',', '.')" if decimal == "," else text


def _typed(c: Colonne, fmt: Format) -> str:
    text = quote("v_" + c.nom)
    if c.type is TypeColonne.TEXTE:
        return text
    if c.type is TypeColonne.DATE:
        formats = ", ".join(literal(f) for f in c.format_date)
        return f"CAST(try_strptime({text}, [{formats}]) AS DATE)"
    if c.type is TypeColonne.BOOLEEN:
        true, false = (", ".join(literal(v.lower()) for v in values) for values in (c.vrai, c.faux))
        return f"CASE WHEN lower({text}) IN ({true}) THEN true WHEN lower({text}) IN ({false}) THEN false END"
    number = _number_text(c, fmt)
    if c.type is TypeColonne.ENTIER:
        # CAST rounds 12.7 to 13: an integer is digits, at most followed by a null fraction.
        return (
            f"CASE WHEN regexp_full_match({number}, '[+-]?[0-9]+(\\.0*)?')"
            f" THEN TRY_CAST(split_part({number}, '.', 1) AS BIGINT) END"
        )
    shape = "[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?"
    value = f"TRY_CAST({number} AS DOUBLE)"
    return f"CASE WHEN regexp_full_match({number}, '{shape}') AND isfinite({value}) THEN {value} END"


def _first_fault(clause: ClauseBase, columns: Sequence[Colonne]) -> str:
    lenient = lenient_columns(clause)
    required = set(clause.cle.colonnes)
    if isinstance(clause, ClauseJeu) and clause.periode.colonne:
        required.add(clause.periode.colonne)
    cases = ["WHEN _rejet IS NOT NULL THEN NULL"]
    for c in columns:
        if c.nom in lenient:
            continue
        typed, text = quote(c.nom), quote("v_" + c.nom)
        if c.obligatoire or c.nom in required:
            masked = f" AND {quote(c.nom + '__statut')} IS NULL" if c.masques and c.nom not in required else ""
            cases.append(f"WHEN {text} IS NULL{masked} THEN '{Rejet.VALEUR_OBLIGATOIRE_ABSENTE.value}:{c.nom}'")
        if c.type is not TypeColonne.TEXTE:
            cases.append(f"WHEN {text} IS NOT NULL AND {typed} IS NULL THEN '{Rejet.VALEUR_ILLISIBLE.value}:{c.nom}'")
        if domain := _out_of_domain(c, typed, text):
            cases.append(f"WHEN {domain} THEN '{Rejet.VALEUR_HORS_DOMAINE.value}:{c.nom}'")
    return "CASE " + "\n  ".join(cases) + " END"


def _out_of_domain(c: Colonne, typed: str, text: str) -> str:
    tests = []
    if c.valeurs is not None:
        tests.append(f"{text} NOT IN ({', '.join(literal(v) for v in c.valeurs)})")
    if c.motif is not None:
        tests.append(f"NOT regexp_full_match({text}, {literal(c.motif)})")
    if c.minimum is not None:
        tests.append(f"{typed} < {c.minimum!r}")
    if c.maximum is not None:
        tests.append(f"{typed} > {c.maximum!r}")
    return f"{text} IS NOT NULL AND ({' OR '.join(tests)})" if tests else ""


def _faulty_value(columns: Sequence[Colonne]) -> str:
    cases = " ".join(f"WHEN {literal(c.nom)} THEN {quote('v_' + c.nom)}" for c in columns)
    return f"CASE split_part(faute, ':', 2) {cases} END"


def period_sql(column: str, frequence: Frequence) -> str:
    """The period's text of a DATE column."""
    year = f"lpad(CAST(year({column}) AS VARCHAR), 4, '0')"
    part = {
        Frequence.A: "''",
        Frequence.S: f"'-S' || CAST((month({column}) + 5) // 6 AS VARCHAR)",
        Frequence.T: f"'-T' || CAST(quarter({column}) AS VARCHAR)",
        Frequence.M: f"'-' || lpad(CAST(month({column}) AS VARCHAR), 2, '0')",
    }[frequence]
    return f"{year} || {part}"


def _period(clause: ClauseBase, periode: str | None) -> str:
    if not isinstance(clause, ClauseJeu):
        return "CAST(NULL AS VARCHAR)"
    if clause.periode.origine == "fixe":
        return literal(clause.periode.debut)
    if clause.periode.origine == "livraison":
        assert periode is not None, "a delivery of this clause has a period"
        return literal(periode)
    return period_sql(quote(clause.periode.colonne or ""), clause.periode.frequence)


def _out_of_range(clause: ClauseBase) -> str:
    if not isinstance(clause, ClauseJeu) or clause.periode.colonne is None:
        return "false"
    day = quote(clause.periode.colonne)
    tests = [f"{day} < DATE '{parse_period(clause.periode.debut).debut}'"]
    if clause.periode.fin is not None:
        tests.append(f"{day} > DATE '{parse_period(clause.periode.fin).fin}'")
    return f"({' OR '.join(tests)})"


def sql_type(c: Colonne) -> str:
    """The DuckDB type of a conformed column."""
    return SQL_TYPES[c.type]
