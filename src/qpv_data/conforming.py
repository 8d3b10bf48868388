"""The SQL that turns received text into typed columns, written from the clause.

Order, for each value: trim, mask, recoding, transformation, padding, typing, domain. One row is rejected for
one reason: the first, in the order of the columns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qpv_data.clause.expressions import literal, quote
from qpv_data.clause.model import ClauseBase, ClauseJeu, Colonne, Format, LocalisationPoint, TypeColonne
from qpv_data.conforming_periods import out_of_range, period_column, period_of_row
from qpv_data.problems import Rejet

_BLANKS = " \t\r\n\x0b\x0c\u00a0\u202f\ufeff"


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
    names = {place.x, place.y, place.colonne_epsg}
    if place.qualite is not None:
        names |= {place.qualite.colonne, place.qualite.colonne_erreur_m}
    return frozenset(n for n in names if n is not None)


def conform_sql(clause: ClauseBase, periode: str | None, geometry: bool) -> ConformSql:
    """`periode`: that of the delivery, for an origin `livraison`."""
    columns = kept_columns(clause)
    macros = tuple(
        f"CREATE TEMP MACRO {quote('t_' + c.nom)}(valeur) AS ({c.transformation}\n)"
        for c in columns
        if c.transformation
    )
    names = tuple(n for c in columns for n in ((c.nom, c.nom + "__statut") if c.masques else (c.nom,)))
    passed = ["_ligne", *(["geometrie"] if geometry else [])]
    keys = ", ".join(quote(k) for k in clause.cle.colonnes)
    repeated = {
        "premier": f"row_number() OVER (PARTITION BY {keys} ORDER BY _ligne)",
        "refuser": f"count(*) OVER (PARTITION BY {keys})",
        "garder": "1",  # a feed whose rows nothing tells apart: two alike are two
    }[clause.cle.doublons]
    sql = f"""
WITH {_steps(columns, clause.format, [*passed, "_rejet"])},
juges AS MATERIALIZED (SELECT *, {_first_fault(clause, columns)} AS _faute FROM types),
doubles AS (SELECT _ligne FROM (
  SELECT _ligne, {repeated} AS _rang FROM juges WHERE _rejet IS NULL AND _faute IS NULL) WHERE _rang > 1),
verdicts AS (SELECT *, CASE
  WHEN _rejet IS NOT NULL THEN _rejet || ':'
  WHEN _faute IS NOT NULL THEN _faute
  WHEN _ligne IN (SELECT _ligne FROM doubles) THEN '{Rejet.CLE_EN_DOUBLE.value}:{clause.cle.colonnes[0]}'
  WHEN {out_of_range(clause)} THEN '{Rejet.HORS_PERIODE.value}:{period_column(clause)}'
  END AS _verdict FROM juges)
SELECT {", ".join([*passed, *map(quote, names)])}, {period_of_row(clause, periode)} AS _periode,
  {_unreadable_place(clause)} AS _place_illisible,
  nullif(split_part(_verdict, ':', 1), '') AS _motif,
  nullif(split_part(_verdict, ':', 2), '') AS _colonne,
  {_faulty_value(columns)} AS _valeur
FROM verdicts"""
    return ConformSql(macros, sql, names)


def _steps(columns: Sequence[Colonne], fmt: Format, passed: Sequence[str]) -> str:
    """The queries from `brut` to `types`: `_v_x` is the text of column x, step after step, and x its value.

    Each step is a query of its own, so that what it gives is worked out once.
    """
    texts = [f"trim(coalesce({quote(c.nom)}, ''), {literal(_BLANKS)}) AS {_text(c)}" for c in columns]
    transformed = [c for c in columns if c.transformation]
    steps = [
        ("lus", ", ".join([*passed, *texts])),
        ("statuts", _added([f"{_masks(c)} AS {_status(c)}" for c in columns if c.masques])),
        ("recodes", _replaced([f"{_recoded(c)} AS {_text(c)}" for c in columns])),
        # A transformation that fails gives no record; one that gives null, a record of null.
        ("essais", _added([f"TRY(struct_pack(v := CAST({_call(c)} AS VARCHAR))) AS {_trial(c)}" for c in transformed])),
        ("transformes", _replaced([f"{_transformed(c)} AS {_text(c)}" for c in transformed])),
        ("completes", _replaced([f"{_padded(c)} AS {_text(c)}" for c in columns if c.completer])),
        ("nombres", _added([f"{_number_text(c, fmt)} AS {_number(c)}" for c in columns if _is_number(c)])),
        ("types", _added([f"{_typed(c)} AS {quote(c.nom)}" for c in columns])),
    ]
    source, queries = "brut", []
    for name, selected in steps:
        if selected:
            queries.append(f"{name} AS (SELECT {selected} FROM {source})")
            source = name
    return ",\n".join(queries)


def _added(parts: Sequence[str]) -> str:
    return f"*, {', '.join(parts)}" if parts else ""


def _replaced(parts: Sequence[str]) -> str:
    return f"* REPLACE ({', '.join(parts)})" if parts else ""


def _text(c: Colonne) -> str:
    return quote("_v_" + c.nom)


def _number(c: Colonne) -> str:
    return quote("_n_" + c.nom)


def _trial(c: Colonne) -> str:
    return quote("_t_" + c.nom)


def _status(c: Colonne) -> str:
    return quote(c.nom + "__statut")


def _call(c: Colonne) -> str:
    return f"{quote('t_' + c.nom)}({_text(c)})"


def _masks(c: Colonne) -> str:
    cases = " ".join(f"WHEN {literal(m.strip(_BLANKS))} THEN {literal(s.value)}" for m, s in c.masques.items())
    return f"CASE {_text(c)} {cases} END"


def _recoded(c: Colonne) -> str:
    masked = f"WHEN {_status(c)} IS NOT NULL THEN NULL" if c.masques else ""
    cases = " ".join(
        f"WHEN {_text(c)} = {literal(a.strip(_BLANKS))} THEN nullif({literal(b)}, '')" for a, b in c.recodage.items()
    )
    return f"CASE {masked} WHEN {_text(c)} = '' THEN NULL {cases} ELSE {_text(c)} END"


def _transformed(c: Colonne) -> str:
    # What a producer masked stays masked: no transformation makes a value of it.
    masked = f"WHEN {_status(c)} IS NOT NULL THEN NULL" if c.masques else ""
    made = f"nullif(trim(struct_extract({_trial(c)}, 'v'), {literal(_BLANKS)}), '')"
    return f"CASE {masked} WHEN {_trial(c)} IS NULL THEN {_text(c)} ELSE {made} END"


def _padded(c: Colonne) -> str:
    text = _text(c)
    return (
        f"CASE WHEN length({text}) < {c.completer} AND regexp_full_match({text}, '[0-9AB]+')"
        f" THEN lpad({text}, {c.completer}, '0') ELSE {text} END"
    )


def _is_number(c: Colonne) -> bool:
    return c.type in (TypeColonne.ENTIER, TypeColonne.NOMBRE)


def _number_text(c: Colonne, fmt: Format) -> str:
    text, decimal = _text(c), c.decimale or fmt.decimale
    if fmt.milliers:
        # Only where it cuts threes: dropped blindly, a mark makes 127 of 12.7.
        marks = "(" + "|".join(re.escape(m) for m in fmt.milliers) + ")"
        shape = f"[+-]?[0-9]{{1,3}}({marks}[0-9]{{3}})+({re.escape(decimal)}[0-9]*)?"
        dropped = f"regexp_replace({text}, {literal(marks)}, '', 'g')"
        text = f"CASE WHEN regexp_full_match({text}, {literal(shape)}) THEN {dropped} ELSE {text} END"
    # A dot in a comma file is a fault and not a decimal mark: 1.234 may be one thousand.
    return f"replace(replace({text}, '.', '?'), ',', '.')" if decimal == "," else text


def _typed(c: Colonne) -> str:
    failed = f"CASE WHEN {_trial(c)} IS NOT NULL THEN " if c.transformation else ""
    return f"{failed}{_value(c)}{' END' if failed else ''}"


def _value(c: Colonne) -> str:
    text, number = _text(c), _number(c)
    if c.type is TypeColonne.TEXTE:
        return text
    if c.type is TypeColonne.DATE:
        return _date(c)
    if c.type is TypeColonne.BOOLEEN:
        true, false = (", ".join(literal(v.lower()) for v in values) for values in (c.vrai, c.faux))
        return f"CASE WHEN lower({text}) IN ({true}) THEN true WHEN lower({text}) IN ({false}) THEN false END"
    if c.type is TypeColonne.ENTIER:
        # CAST rounds 12.7 to 13: an integer is digits, at most followed by a null fraction.
        return (
            f"CASE WHEN regexp_full_match({number}, '[+-]?[0-9]+(\\.0*)?')"
            f" THEN TRY_CAST(split_part({number}, '.', 1) AS BIGINT) END"
        )
    shape = "[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?"
    value = f"TRY_CAST({number} AS DOUBLE)"
    return f"CASE WHEN regexp_full_match({number}, '{shape}') AND isfinite({value}) THEN {value} END"


def _date(c: Colonne) -> str:
    """The day as written: with its offset turned to UTC, midnight in Paris would be the day, or the quarter, before."""
    text = _text(c)
    plain = [f for f in c.format_date if not f.endswith("%z")]
    zoned = [f.removesuffix("%z").rstrip() for f in c.format_date if f.endswith("%z")]
    tries = [f"try_strptime({text}, [{', '.join(literal(f) for f in plain)}])"] if plain else []
    if zoned:
        offset = literal(" *(Z|[+-][0-9]{2}(:?[0-9]{2})?)$")
        local = f"CASE WHEN regexp_matches({text}, {offset}) THEN regexp_replace({text}, {offset}, '') END"
        tries.append(f"try_strptime({local}, [{', '.join(literal(f) for f in zoned)}])")
    day = f"CAST(coalesce({', '.join(tries)}) AS DATE)"
    # DuckDB reads `epoch` and `infinity` as dates, and 24 as the year 24.
    return f"CASE WHEN regexp_matches({text}, '[0-9]') AND year({day}) >= 1000 THEN {day} END"


def _first_fault(clause: ClauseBase, columns: Sequence[Colonne]) -> str:
    lenient = lenient_columns(clause)
    required = set(clause.cle.colonnes)
    if isinstance(clause, ClauseJeu) and clause.periode.colonne:
        required.add(clause.periode.colonne)
    cases = ["WHEN _rejet IS NOT NULL THEN NULL"]
    for c in columns:
        if c.nom in lenient and c.nom not in required:
            continue
        typed, text = quote(c.nom), _text(c)
        if c.transformation:
            cases.append(f"WHEN {_trial(c)} IS NULL THEN '{Rejet.VALEUR_ILLISIBLE.value}:{c.nom}'")
        if c.obligatoire or c.nom in required:
            masked = f" AND {_status(c)} IS NULL" if c.masques and c.nom not in required else ""
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
    cases = " ".join(f"WHEN {literal(c.nom)} THEN {_text(c)}" for c in columns)
    return f"CASE nullif(split_part(_verdict, ':', 2), '') {cases} END"


def _unreadable_place(clause: ClauseBase) -> str:
    tests = [
        f"({_text(c)} IS NOT NULL AND {quote(c.nom)} IS NULL)"
        for c in kept_columns(clause)
        if c.nom in lenient_columns(clause)
    ]
    return f"({' OR '.join(tests)})" if tests else "false"
