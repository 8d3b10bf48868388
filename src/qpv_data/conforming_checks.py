"""What a delivery is held to once its rows are judged: floors, checks, corrections that match, totals that add up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from qpv_data.clause.expressions import quote
from qpv_data.clause.model import ClauseBase
from qpv_data.clause.received import Totaux
from qpv_data.conforming import TOTAL
from qpv_data.conforming_text import kept_columns
from qpv_data.conforming_values import correction_name
from qpv_data.problems import FeedError, Problem, listed

_LINES = 11  # those shown in a message, and one that tells that there are more
_EXACT = "DECIMAL(38, 9)"  # a sum of floats depends on its order, so on the threads


def rows_before(conformed: Path) -> int | None:
    """Rows received in the last good delivery of a period, or of the one before it; None before the first."""
    notes = sorted(p for p in conformed.parent.glob("*.json") if p.stem <= conformed.stem)
    return int(json.loads(notes[-1].read_text("utf-8"))["recues"]) if notes else None


def hold_floors(clause: ClauseBase, received: int, rejected: Mapping[str, int], before: int | None = None) -> None:
    """Raises FeedError on too few rows, too many less than `before`, or too many faulty ones: a row of totals is no
    fault."""
    floors = clause.controles
    if received < floors.lignes_min:
        message = f"{received} lignes reçues, {floors.lignes_min} attendues au moins"
        raise FeedError(
            clause.id, Problem.TROP_PEU_DE_LIGNES, message, "demander une livraison entière, ou revoir `lignes_min`"
        )
    if before is not None and floors.baisse_max is not None and received < (1 - floors.baisse_max) * before:
        most = f"{100 * floors.baisse_max:g}".replace(".", ",")
        message = f"{before} lignes puis {received}, {most} % de perte permis au plus"
        remedy = "demander une livraison entière, ou revoir `baisse_max`"
        raise FeedError(clause.id, Problem.LIGNES_EN_BAISSE, message, remedy)
    faulty = {reason: n for reason, n in rejected.items() if reason != TOTAL}
    total = sum(faulty.values())
    if total > floors.rejets_max * received:
        reasons = ", ".join(f"{reason} : {n}" for reason, n in faulty.items())
        most = f"{100 * floors.rejets_max:g}".replace(".", ",")
        message = f"{total} lignes rejetées sur {received} ({reasons}), {most} % permises au plus"
        raise FeedError(clause.id, Problem.TROP_DE_REJETS, message, "prévenir le producteur, ou revoir `rejets_max`")


def hold_corrections(con: duckdb.DuckDBPyConnection, clause: ClauseBase) -> None:
    """Raises FeedError when a correction matches another number of the rows received than was expected."""
    declared = [(c, n, k) for c in kept_columns(clause) for n, k in enumerate(c.corrections)]
    if not declared:
        return
    counts = [f"count(*) FILTER ({quote(correction_name(c, n))})" for c, n, _ in declared]
    found = con.execute(f"SELECT {', '.join(counts)} FROM juges").fetchone()
    assert found is not None
    wrong = [
        f"{c.nom}, correction {n + 1} : {seen} lignes, {k.attendu} attendues"
        for (c, n, k), seen in zip(declared, found, strict=True)
        if seen != k.attendu
    ]
    if wrong:
        remedy = "le producteur a peut-être corrigé : revoir ou enlever la correction"
        raise FeedError(clause.id, Problem.CORRECTION_INATTENDUE, " ; ".join(wrong), remedy)


def hold_checks(con: duckdb.DuckDBPyConnection, clause: ClauseBase) -> tuple[str, ...]:
    """The checks that only warn and do not hold. Raises FeedError on one that must."""
    checks = clause.controles.lignes
    if not checks:
        return ()
    failing = [f"FILTER (NOT coalesce(({check.expression}\n), true))" for check in checks]
    counts = [f"count(*) {f}, min(_ligne, {_LINES}) {f}" for f in failing]
    found = con.execute(f"SELECT {', '.join(counts)} FROM verdicts WHERE _motif IS NULL").fetchone()
    assert found is not None
    failed = [
        (check, f"contrôle {check.id} non tenu sur {count} lignes", lines)
        for check, count, lines in zip(checks, found[::2], found[1::2], strict=True)
        if count
    ]
    stopping = [f"{message} ({_first(lines)})" for check, message, lines in failed if check.gravite == "arreter"]
    if stopping:
        raise FeedError(clause.id, Problem.CONTROLE_NON_TENU, " ; ".join(stopping), "prévenir le producteur")
    return tuple(message for _, message, _ in failed)


def _first(lines: Sequence[int]) -> str:
    shown = listed(f"{line}" for line in sorted(lines)[: _LINES - 1])
    return f"lignes {shown}{', …' if len(lines) == _LINES else ''}"


def hold_totals(con: duckdb.DuckDBPyConnection, clause: ClauseBase) -> None:
    """Raises FeedError when a total is not the sum of its records.

    A group with a masked value, or with a row that was rejected, cannot be added up: it is not compared.
    """
    totals = clause.cle.totaux
    if totals is None:
        return
    for column in totals.sommes:
        row = con.execute(_differences(totals, column)).fetchone()
        assert row is not None
        if row[0]:
            message = f"{column} : {row[0]} totaux ne sont pas la somme de leurs lignes ({_first(row[1])})"
            raise FeedError(clause.id, Problem.CONTROLE_NON_TENU, message, "prévenir le producteur")


def _differences(totals: Totaux, column: str) -> str:
    groups = [quote(c) for c in totals.par]
    shared = "".join(f"{g}, " for g in groups)
    by = f" GROUP BY {', '.join(groups)}" if groups else ""
    value = f"CAST({quote(column)} AS {_EXACT})"
    joined = " AND ".join(f"t.{g} IS NOT DISTINCT FROM s.{g}" for g in groups) or "true"
    return f"""
WITH sommes AS (
  SELECT {shared}sum({value}) AS somme, count(*) FILTER ({value} IS NULL) AS absents
  FROM verdicts WHERE _motif IS NULL{by}),
totaux AS (SELECT {shared}{value} AS total, _ligne FROM verdicts WHERE _motif = '{TOTAL}' AND {value} IS NOT NULL),
rejets AS (SELECT count(*) AS n FROM verdicts WHERE _motif <> '{TOTAL}')
SELECT count(*), min(t._ligne, {_LINES}) FROM totaux t JOIN sommes s ON {joined}, rejets r
WHERE s.absents = 0 AND r.n = 0 AND abs(t.total - s.somme) > {totals.tolerance!r}"""
