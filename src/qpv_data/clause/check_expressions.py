"""SQL and patterns of a clause, held offline to what they may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb

from qpv_data.clause.expressions import Attendu, check_expressions, literal, sandbox
from qpv_data.clause.load import Chemin, LoadedClause
from qpv_data.clause.model import ClauseJeu, ClauseZonage, Colonne, TypeColonne
from qpv_data.problems import Problem, Violation


def expression_violations(loaded: LoadedClause) -> Iterator[Violation]:
    """Every expression that is no scalar, deterministic value of the columns it may read; every pattern RE2 refuses."""
    clause = loaded.clause
    checks: list[tuple[Chemin, str | None, Attendu, bool]] = [
        (("colonnes", i, "transformation"), c.transformation, "quelconque", True) for i, c in enumerate(clause.colonnes)
    ]
    if clause.cle.totaux is not None:
        checks.append((("cle", "totaux", "lignes"), clause.cle.totaux.lignes, "booleen", False))
    checks += [
        (("controles", "lignes", i, "expression"), c.expression, "booleen", False)
        for i, c in enumerate(clause.controles.lignes)
    ]
    for i, indicator in enumerate(clause.indicateurs if isinstance(clause, ClauseJeu) else ()):
        at: Chemin = ("indicateurs", i)
        checks += [
            ((*at, "filtre"), indicator.filtre, "booleen", False),
            ((*at, "numerateur"), indicator.numerateur, "nombre", False),
            ((*at, "denominateur"), indicator.denominateur, "nombre", False),
            ((*at, "distinct"), indicator.distinct, "quelconque", False),
        ]
        if indicator.modalites:
            checks.append(((*at, "modalites", "expression"), indicator.modalites.expression, "quelconque", False))
    for on_text in (True, False):
        asked = [(path, sql, expected) for path, sql, expected, raw in checks if sql is not None and raw == on_text]
        yield from _asked(loaded, asked, None if on_text else clause.colonnes)
    yield from _on_texts(loaded)
    yield from _patterns(loaded)


def _asked(
    loaded: LoadedClause, asked: Sequence[tuple[Chemin, str, Attendu]], columns: Sequence[Colonne] | None
) -> Iterator[Violation]:
    faults = check_expressions([(sql, expected) for _, sql, expected in asked], columns)
    for (path, _, _), fault in zip(asked, faults, strict=True):
        if fault is not None:
            problem, message, remedy = fault
            where = ".".join(str(p) for p in path)
            yield loaded.violation(path, problem, f"{where} : {message}", remedy)


def _on_texts(loaded: LoadedClause) -> Iterator[Violation]:
    """Made columns and the conditions of corrections are over the texts received: every column received is one."""
    received = [c for c in loaded.clause.colonnes if c.calcul is None]
    texts = [c.model_copy(update={"type": TypeColonne.TEXTE}) for c in received]
    asked: list[tuple[Chemin, str, Attendu]] = []
    for i, column in enumerate(loaded.clause.colonnes):
        asked += [
            (("colonnes", i, "corrections", n, "quand"), correction.quand, "booleen")
            for n, correction in enumerate(column.corrections)
        ]
        if column.calcul is not None:
            asked.append((("colonnes", i, "calcul"), column.calcul, "quelconque"))
    yield from _asked(loaded, asked, texts)


def _patterns(loaded: LoadedClause) -> Iterator[Violation]:
    """DuckDB matches with RE2, which knows less than Python's `re`."""
    patterns: list[tuple[Chemin, str]] = [
        (("colonnes", i, "motif"), c.motif) for i, c in enumerate(loaded.clause.colonnes) if c.motif
    ]
    if isinstance(loaded.clause, ClauseZonage):
        patterns.append((("zonage", "motif_code"), loaded.clause.zonage.motif_code))
    with sandbox() as con:
        for path, pattern in patterns:
            try:
                con.execute(f"SELECT regexp_full_match('', {literal(pattern)})")
            except duckdb.Error as e:
                message = str(e).splitlines()[0]
                yield loaded.violation(path, Problem.VALEUR_INVALIDE, message, "écrire une expression régulière RE2")
