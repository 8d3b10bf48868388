"""The SQL of one value: masks and notes, recoding, transformation, padding, typing.

`_v_x` is the text of column x, step after step; each function gives the expression of its next state. Regular
expressions cost more than anything else here: what most values are is tried before them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from qpv_data.clause.expressions import literal, quote
from qpv_data.clause.model import Colonne, Format, StatutMasque, TypeColonne
from qpv_data.conforming_plain import plain_of, plain_type
from qpv_data.conforming_text import note_of
from qpv_data.texts import BLANKS


def text_of(c: Colonne) -> str:
    """The column's text; null when there is nothing."""
    return quote("_v_" + c.nom)


def received(c: Colonne) -> str:
    """The text received; or what is made of others, over the texts received, which bear the columns' names."""
    if c.calcul is None:
        return quote(c.nom)
    return f"nullif(trim(TRY(CAST(({c.calcul}\n) AS VARCHAR)), {literal(BLANKS)}), '')"


def number_of(c: Colonne) -> str:
    """The text of a number, its thousands marks apart."""
    return quote("_n_" + c.nom)


def trial_of(c: Colonne) -> str:
    """What the column's transformation gave: null when it failed."""
    return quote("_t_" + c.nom)


def status_of(c: Colonne) -> str:
    """Why the value is absent."""
    return quote(c.nom + "__statut")


def known_text(text: str | None) -> str:
    """A text of the clause, as texts are received: trimmed, null when nothing is left."""
    kept = (text or "").strip(BLANKS)
    return literal(kept) if kept else "CAST(NULL AS VARCHAR)"


def correction_name(c: Colonne, rank: int) -> str:
    """The column that tells whether a row is corrected."""
    return f"_c_{c.nom}_{rank}"


def corrections_of(c: Colonne) -> list[str]:
    """For each correction, whether it matches; over the texts received, which bear the columns' names."""
    return [
        f"(coalesce(({k.quand}\n), false) AND {quote(c.nom)} IS NOT DISTINCT FROM {known_text(k.avant)})"
        f" AS {quote(correction_name(c, n))}"
        for n, k in enumerate(c.corrections)
    ]


def corrected(c: Colonne) -> str:
    """The first correction that matches wins; each was judged on the text received."""
    cases = " ".join(
        f"WHEN {quote(correction_name(c, n))} THEN {known_text(k.apres)}" for n, k in enumerate(c.corrections)
    )
    return f"CASE {cases} ELSE {text_of(c)} END"


def status(c: Colonne) -> str:
    """What the companion note says, else what the mask says."""
    said = [_case(quote(note_of(c)), c.note.statuts)] if c.note is not None else []
    if c.masques:
        said.append(_case(f"coalesce({text_of(c)}, '')", c.masques))
    return f"coalesce({', '.join(said)})"


def _case(value: str, statuses: Mapping[str, StatutMasque]) -> str:
    cases = " ".join(f"WHEN {literal(m.strip(BLANKS))} THEN {literal(s.value)}" for m, s in statuses.items())
    return f"CASE {value} {cases} END"


def recoded(c: Colonne) -> str:
    """The text behind a mask is no value; a code that is recoded takes its new text."""
    masked = f"WHEN {status_of(c)} IS NOT NULL THEN NULL" if c.a_statut else ""
    cases = " ".join(
        f"WHEN {text_of(c)} = {literal(a.strip(BLANKS))} THEN nullif({literal(b)}, '')" for a, b in c.recodage.items()
    )
    return f"CASE {masked} {cases} ELSE {text_of(c)} END"


def trial(c: Colonne) -> str:
    """A transformation that fails gives no record; one that gives null, a record of null."""
    return f"TRY(struct_pack(v := CAST({quote('t_' + c.nom)}({text_of(c)}) AS VARCHAR)))"


def transformed(c: Colonne) -> str:
    """What a producer masked stays masked: no transformation makes a value of it."""
    masked = f"WHEN {status_of(c)} IS NOT NULL THEN NULL" if c.a_statut else ""
    made = f"nullif(trim(struct_extract({trial_of(c)}, 'v'), {literal(BLANKS)}), '')"
    return f"CASE {masked} WHEN {trial_of(c)} IS NULL THEN {text_of(c)} ELSE {made} END"


def padded(c: Colonne) -> str:
    """Leading zeros get lost on the way."""
    text = text_of(c)
    return (
        f"CASE WHEN length({text}) < {c.completer} AND regexp_full_match({text}, '[0-9AB]+')"
        f" THEN lpad({text}, {c.completer}, '0') ELSE {text} END"
    )


def is_number(c: Colonne) -> bool:
    """Whether the column's marks are those of numbers."""
    return c.type in (TypeColonne.ENTIER, TypeColonne.NOMBRE)


def number_text(c: Colonne, fmt: Format) -> str:
    """Thousands marks are dropped only where they cut threes: dropped blindly, one makes 127 of 12.7."""
    text = text_of(c)
    marks = "(" + "|".join(re.escape(m) for m in fmt.milliers) + ")"
    shape = f"[+-]?[0-9]{{1,3}}({marks}[0-9]{{3}})+({re.escape(c.decimale or fmt.decimale)}[0-9]*)?"
    dropped = f"regexp_replace({text}, {literal(marks)}, '', 'g')"
    return f"CASE WHEN regexp_full_match({text}, {literal(shape)}) THEN {dropped} ELSE {text} END"


def typed(c: Colonne, fmt: Format) -> str:
    """The value in its type; null when there is none, or when it cannot be read."""
    failed = f"CASE WHEN {trial_of(c)} IS NOT NULL THEN " if c.transformation else ""
    read = _value(c, fmt)
    if plain_type(c, fmt) is not None:
        read = f"CASE WHEN {quote(plain_of(c))} IS NOT NULL THEN {quote(plain_of(c))} ELSE {read} END"
    return f"{failed}{read}{' END' if failed else ''}"


def _value(c: Colonne, fmt: Format) -> str:
    if c.type is TypeColonne.TEXTE:
        return text_of(c)
    if c.type is TypeColonne.DATE:
        return _date(c)
    if c.type is TypeColonne.BOOLEEN:
        return _boolean(c)
    number, decimal = (number_of(c) if fmt.milliers else text_of(c)), c.decimale or fmt.decimale
    mark = re.escape(decimal)
    if c.type is TypeColonne.ENTIER:
        # CAST rounds 12.7 to 13: an integer is digits, at most followed by a null fraction.
        whole = f"TRY_CAST({number} AS BIGINT)"
        return (
            f"CASE WHEN CAST({whole} AS VARCHAR) = {number} THEN {whole}"
            f" WHEN regexp_full_match({number}, '[+-]?[0-9]+({mark}0*)?')"
            f" THEN TRY_CAST(split_part({number}, '{decimal}', 1) AS BIGINT) END"
        )
    # A dot in a comma file is a fault and not a decimal mark: 1.234 may be one thousand.
    shape = f"[+-]?([0-9]+({mark}[0-9]*)?|{mark}[0-9]+)([eE][+-]?[0-9]+)?"
    dotted = f"replace({number}, ',', '.')" if decimal == "," else number
    value = f"TRY_CAST({dotted} AS DOUBLE)"
    return f"CASE WHEN regexp_full_match({number}, '{shape}') AND isfinite({value}) THEN {value} END"


def _boolean(c: Colonne) -> str:
    text = text_of(c)
    true, false = (", ".join(literal(v.lower()) for v in values) for values in (c.vrai, c.faux))
    cases = [(text, true, "true"), (text, false, "false"), (f"lower({text})", true, "true"),
             (f"lower({text})", false, "false")]  # fmt: skip
    return "CASE " + " ".join(f"WHEN {t} IN ({said}) THEN {value}" for t, said, value in cases if said) + " END"


def _date(c: Colonne) -> str:
    """The day as written: with its offset turned to UTC, midnight in Paris would be the day, or the quarter, before."""
    text = text_of(c)
    plain = [f for f in c.format_date if not f.endswith("%z")]
    zoned = [f.removesuffix("%z").rstrip() for f in c.format_date if f.endswith("%z")]
    tries = [f"try_strptime({text}, [{', '.join(literal(f) for f in plain)}])"] if plain else []
    if zoned:
        offset = literal(" *(Z|[+-][0-9]{2}(:?[0-9]{2})?)$")
        local = f"CASE WHEN regexp_matches({text}, {offset}) THEN regexp_replace({text}, {offset}, '') END"
        tries.append(f"try_strptime({local}, [{', '.join(literal(f) for f in zoned)}])")
    day = f"CAST(coalesce({', '.join(tries)}) AS DATE)" if len(tries) > 1 else f"CAST({tries[0]} AS DATE)"
    # DuckDB reads `epoch` and `infinity` as dates, and 24 as the year 24.
    written = f"(({text} >= '0' AND {text} < ':') OR regexp_matches({text}, '[0-9]'))"
    return f"CASE WHEN year({day}) >= 1000 AND {written} THEN {day} END"
