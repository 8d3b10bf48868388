"""The SQL that turns received text into typed columns, written from the clause.

Order, for each value: trim (before SQL), what is made of other texts, correction, mask and note, recoding,
transformation, padding, typing, domain.
One row is rejected for one reason: that it cannot be cut, that it is a total, then the first fault in the order of the
columns, a repeated key, a date out of the series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qpv_data import conforming_values as value
from qpv_data.clause.expressions import literal, quote
from qpv_data.clause.model import ClauseBase, ClauseJeu, Colonne, Format, LocalisationPoint, TypeColonne
from qpv_data.conforming_periods import out_of_range, period_column, period_of_row
from qpv_data.conforming_plain import plain_of, plain_type
from qpv_data.conforming_text import kept_columns, named, note_of
from qpv_data.problems import Rejet

TOTAL = Rejet.LIGNE_DE_TOTAL.value


@dataclass(frozen=True)
class ConformSql:
    """`macros` to create first, then three queries.

    `typed` reads the rows made ready (`brut`), and gives them typed, with their first fault (`_faute`); it is to be
    kept as `juges`. `doubles` reads `juges`: the `_rang` of rows that repeat a key; `marked` keeps them in a variable.
    `verdicts` reads `juges` in its order: `_motif` (null: a record), `_colonne` and `_valeur`.
    """

    macros: tuple[str, ...]
    typed: str
    doubles: str
    verdicts: str

    def marked(self, rows: int) -> str:
        """The statement that notes which of so many rows repeat a key, a bit each: a join would lose their order."""
        return f"SET VARIABLE doubles = (SELECT bitstring_agg(_rang, 0, {max(rows, 1)}) FROM ({self.doubles}))"


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
    return ConformSql(macros, _typed(clause, columns, periode, geometry), _doubles(clause), _verdicts(clause, columns))


def _typed(clause: ClauseBase, columns: Sequence[Colonne], periode: str | None, geometry: bool) -> str:
    geometries = ["geometrie"] if geometry else []
    passed = ["_rang", "_ligne", *geometries, "_rejet", *(quote(note_of(c)) for c in columns if c.note is not None)]
    passed += [quote(plain_of(c)) for c in columns if plain_type(c, clause.format) is not None]
    # The typed values of a rejected row serve nobody, and a shifted one may hold a name: they go no further.
    totals = clause.cle.totaux
    compared = f" OR _faute = '{TOTAL}:'" if totals is not None and totals.sommes else ""
    kept = f"(_faute IS NULL{compared})"
    values = [f"CASE WHEN {kept} THEN {quote(n)} END AS {quote(n)}" for n in [*named(columns), *geometries]]
    corrections = [quote(value.correction_name(c, n)) for c in columns for n in range(len(c.corrections))]
    said = {
        "_periode": f"CASE WHEN {kept} THEN {period_of_row(clause, periode)} END",
        "_place_illisible": _unreadable_place(clause),
        "_fautive": _shown(clause, f"CASE WHEN _faute IS NOT NULL THEN {_faulty_value(columns)} END"),
        "_texte_cle": _shown(clause, _text_named(columns, clause.cle.colonnes[0])),
        "_texte_periode": _shown(clause, _text_named(columns, period_column(clause))),
    }
    selected = ["_rang", "_ligne", *values, *corrections, *(f"{sql} AS {name}" for name, sql in said.items()), "_faute"]
    return f"""
WITH {_steps(columns, clause.format, passed)},
fautes AS (SELECT *, {_first_fault(clause, columns)} AS _faute FROM types)
SELECT {", ".join(selected)} FROM fautes"""


def _doubles(clause: ClauseBase) -> str:
    """Keys are compared for those rows only whose key shares its hash with another: a few, when all goes well."""
    keys = ", ".join(quote(k) for k in clause.cle.colonnes)
    if clause.cle.doublons == "garder":
        return "SELECT _rang FROM juges WHERE false"  # a feed whose rows nothing tells apart: two alike are two
    repeated = "row_number() OVER (PARTITION BY {0} ORDER BY _rang)"
    if clause.cle.doublons == "refuser":
        repeated = "count(*) OVER (PARTITION BY {0})"
    return f"""
WITH suspects AS (SELECT hash({keys}) AS h FROM juges WHERE _faute IS NULL GROUP BY h HAVING count(*) > 1)
SELECT _rang FROM (
  SELECT _rang, {repeated.format(keys)} AS _n FROM juges
  WHERE _faute IS NULL AND hash({keys}) IN (SELECT h FROM suspects)) WHERE _n > 1"""


def _verdicts(clause: ClauseBase, columns: Sequence[Colonne]) -> str:
    key, period = clause.cle.colonnes[0], period_column(clause)
    return f"""
WITH rangs AS (SELECT *, CASE
  WHEN _faute IS NOT NULL THEN _faute
  WHEN get_bit(CAST(getvariable('doubles') AS BIT), CAST(_rang AS INTEGER)) = 1 THEN '{Rejet.CLE_EN_DOUBLE.value}:{key}'
  WHEN {out_of_range(clause)} THEN '{Rejet.HORS_PERIODE.value}:{period}'
  END AS _verdict FROM juges)
SELECT * EXCLUDE (_faute, _fautive, _verdict, _texte_cle, _texte_periode),
  nullif(split_part(_verdict, ':', 1), '') AS _motif,
  nullif(split_part(_verdict, ':', 2), '') AS _colonne,
  CASE WHEN _verdict IS NULL THEN NULL WHEN _faute IS NOT NULL THEN _fautive
    WHEN _verdict = '{Rejet.HORS_PERIODE.value}:{period}' THEN _texte_periode ELSE _texte_cle END AS _valeur
FROM rangs"""


def _shown(clause: ClauseBase, text: str) -> str:
    """A text kept beside a rejected row; none of a feed that holds personal data, in scratch files either."""
    return "CAST(NULL AS VARCHAR)" if clause.donnees_personnelles.presentes else text


def _text_named(columns: Sequence[Colonne], name: str) -> str:
    return next((value.text_of(c) for c in columns if c.nom == name), "CAST(NULL AS VARCHAR)")


def _steps(columns: Sequence[Colonne], fmt: Format, passed: Sequence[str]) -> str:
    """The queries from `brut` to `types`: `_v_x` is the text of column x, step after step, and x its value.

    Each step is a query of its own, so that what it gives is worked out once.
    """
    texts = [f"{value.received(c)} AS {value.text_of(c)}" for c in columns]
    flags = [flag for c in columns for flag in value.corrections_of(c)]
    transformed = [c for c in columns if c.transformation]
    recoded = [c for c in columns if c.a_statut or c.recodage]
    numbers = [c for c in columns if value.is_number(c)] if fmt.milliers else []
    steps = [
        ("lus", ", ".join([*passed, *texts, *flags])),
        ("corriges", _replaced([f"{value.corrected(c)} AS {value.text_of(c)}" for c in columns if c.corrections])),
        ("statuts", _added([f"{value.status(c)} AS {value.status_of(c)}" for c in columns if c.a_statut])),
        ("recodes", _replaced([f"{value.recoded(c)} AS {value.text_of(c)}" for c in recoded])),
        ("essais", _added([f"{value.trial(c)} AS {value.trial_of(c)}" for c in transformed])),
        ("transformes", _replaced([f"{value.transformed(c)} AS {value.text_of(c)}" for c in transformed])),
        ("completes", _replaced([f"{value.padded(c)} AS {value.text_of(c)}" for c in columns if c.completer])),
        ("nombres", _added([f"{value.number_text(c, fmt)} AS {value.number_of(c)}" for c in numbers])),
        ("types", _added([f"{value.typed(c, fmt)} AS {quote(c.nom)}" for c in columns])),
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


def _first_fault(clause: ClauseBase, columns: Sequence[Colonne]) -> str:
    lenient = lenient_columns(clause)
    required = set(clause.cle.colonnes)
    if isinstance(clause, ClauseJeu) and clause.periode.colonne:
        required.add(clause.periode.colonne)
    cases = ["WHEN _rejet IS NOT NULL THEN _rejet || ':'"]
    if clause.cle.totaux is not None:
        cases.append(f"WHEN coalesce(({clause.cle.totaux.lignes}\n), false) THEN '{TOTAL}:'")
    for c in columns:
        if c.nom not in lenient or c.nom in required:
            cases += [f"WHEN {test} THEN '{reason.value}:{c.nom}'" for test, reason in _faults(c, c.nom in required)]
    return "CASE " + "\n  ".join(cases) + " END"


def _faults(c: Colonne, required: bool) -> list[tuple[str, Rejet]]:
    """(condition, reason) of each fault of a column, in their order."""
    typed, text = quote(c.nom), value.text_of(c)
    faults = []
    if c.note is not None:  # a note that the clause does not know is not an absence at random
        unknown = f"{text} IS NULL AND {quote(note_of(c))} IS NOT NULL AND {value.status_of(c)} IS NULL"
        faults.append((unknown, Rejet.VALEUR_HORS_DOMAINE))
    if c.transformation:
        faults.append((f"{value.trial_of(c)} IS NULL", Rejet.VALEUR_ILLISIBLE))
    if c.obligatoire or required:
        masked = f" AND {value.status_of(c)} IS NULL" if c.a_statut and not required else ""
        faults.append((f"{text} IS NULL{masked}", Rejet.VALEUR_OBLIGATOIRE_ABSENTE))
    if c.type is not TypeColonne.TEXTE:
        faults.append((f"{text} IS NOT NULL AND {typed} IS NULL", Rejet.VALEUR_ILLISIBLE))
    if domain := _out_of_domain(c, typed, text):
        faults.append((domain, Rejet.VALEUR_HORS_DOMAINE))
    return faults


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
    cases = " ".join(f"WHEN {literal(c.nom)} THEN {value.text_of(c)}" for c in columns)
    return f"CASE nullif(split_part(_faute, ':', 2), '') {cases} END"


def _unreadable_place(clause: ClauseBase) -> str:
    tests = [
        f"({value.text_of(c)} IS NOT NULL AND {quote(c.nom)} IS NULL)"
        for c in kept_columns(clause)
        if c.nom in lenient_columns(clause)
    ]
    return f"({' OR '.join(tests)})" if tests else "false"
