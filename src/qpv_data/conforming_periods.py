"""The SQL that tells the period of a record, and whether it is in its clause's series."""

from __future__ import annotations

from qpv_data.clause.expressions import literal, quote
from qpv_data.clause.model import ClauseBase, ClauseJeu
from qpv_data.periods import Frequence, parse_period


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


def period_of_row(clause: ClauseBase, periode: str | None) -> str:
    """The period's text of a record; null for a referential. `periode`: the delivery's."""
    if not isinstance(clause, ClauseJeu):
        return "CAST(NULL AS VARCHAR)"
    if clause.periode.origine == "fixe":
        return literal(clause.periode.debut)
    if clause.periode.origine == "livraison":
        assert periode is not None, "a delivery of this clause has a period"
        return literal(periode)
    return period_sql(quote(clause.periode.colonne or ""), clause.periode.frequence)


def period_column(clause: ClauseBase) -> str:
    """The column whose date gives the period; empty when none does."""
    return (clause.periode.colonne or "") if isinstance(clause, ClauseJeu) else ""


def out_of_range(clause: ClauseBase) -> str:
    """The condition under which a record's date is outside its clause's series."""
    if not isinstance(clause, ClauseJeu) or clause.periode.colonne is None:
        return "false"
    day = quote(clause.periode.colonne)
    tests = [f"{day} < DATE '{parse_period(clause.periode.debut).debut}'"]
    if clause.periode.fin is not None:
        tests.append(f"{day} > DATE '{parse_period(clause.periode.fin).fin}'")
    return f"({' OR '.join(tests)})"
