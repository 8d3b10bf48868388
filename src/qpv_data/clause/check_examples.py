"""The examples of a clause, conformed for real: each becomes what it says, or is rejected for what it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from qpv_data.clause.expressions import sandbox
from qpv_data.clause.load import Chemin, LoadedClause
from qpv_data.clause.model import Clause, ClauseJeu, Exemple
from qpv_data.conforming import conform_sql
from qpv_data.conforming_text import Tally, read_columns, ready_rows
from qpv_data.problems import Problem, Rejet, Violation
from qpv_data.sources.rows import raw_schema


def example_violations(loaded: LoadedClause) -> Iterator[Violation]:
    """Every example that does not become what it says. The SQL of the clause must hold."""
    tried: list[tuple[int, Exemple]] = []
    for i, example in enumerate(loaded.clause.exemples):
        path: Chemin = ("exemples", i)
        read = [c for c in loaded.clause.colonnes if c.calcul is None]
        known = {s for c in read for s in (*c.source, *(c.note.source if c.note else ()))}
        unknown = sorted(set(example.entree) - known)
        if unknown:
            message = f"champs que la clause ne lit pas : {', '.join(unknown)}"
            yield loaded.violation((*path, "entree"), Problem.EXEMPLE_FAUX, message, "corriger `entree`")
            continue
        if example.rejet is not None and example.rejet not in list(Rejet):
            yield loaded.violation(
                (*path, "rejet"), Problem.EXEMPLE_FAUX, f"motif inconnu : {example.rejet}",
                "motifs : " + ", ".join(r.value for r in Rejet),
            )  # fmt: skip
            continue
        tried.append((i, example))
    if tried:
        for (i, example), found in zip(tried, _conformed(loaded.clause, [e for _, e in tried]), strict=True):
            if fault := _example_fault(example, found):
                yield loaded.violation(("exemples", i), Problem.EXEMPLE_FAUX, fault, "corriger l'exemple, ou la clause")


def _conformed(clause: Clause, examples: Sequence[Exemple]) -> list[dict[str, Any]]:
    """What each example becomes, alone in its delivery: no key of one repeats another's. The first row of each."""
    columns = read_columns(clause)
    periode = clause.periode.debut if isinstance(clause, ClauseJeu) and clause.par_periode else None
    sql = conform_sql(clause, periode, geometry=False)
    n = len(examples)
    texts = [[next((e.entree[s] for s in c.source if s in e.entree), None) for e in examples] for c in columns]
    rows = pa.record_batch(
        [pa.array(range(n), pa.int64()), pa.nulls(n, pa.string()), *(pa.array(t, pa.string()) for t in texts)],
        schema=raw_schema(columns, geometry=False),
    )
    # No example tells a pseudonym: any key will do.
    brut = pa.Table.from_batches(ready_rows([rows], clause, bytes(32), Tally(), geometry=False))
    with sandbox() as con:
        con.register("brut", brut)
        for macro in sql.macros:
            con.execute(macro)
        con.execute(f"CREATE TEMP TABLE juges AS {sql.typed}")
        con.execute(f"SET VARIABLE doubles = bitstring('0', {brut.num_rows})")
        found = con.execute(f"SELECT * FROM ({sql.verdicts}) ORDER BY _rang DESC").to_arrow_table().to_pylist()
    by_line = {row["_ligne"]: row for row in found}
    return [by_line[i] for i in range(n)]


def _example_fault(example: Exemple, found: Mapping[str, Any]) -> str | None:
    if found["_motif"] is not None and example.rejet is None:
        return f"rejeté ({found['_motif']}, colonne {found['_colonne']}), alors qu'il devait être accepté"
    if example.rejet is not None:
        return None if found["_motif"] == example.rejet else f"rejet attendu {example.rejet}, obtenu {found['_motif']}"
    wrong = [
        f"{name} : attendu {value!r}, obtenu {found.get(name)!r}"
        for name, value in (example.attendu or {}).items()
        if name not in found or _plain(found[name]) != _plain(value)
    ]
    return " ; ".join(wrong) or None


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
