"""Probe every source at once: what each clause should have delivered by today."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

from qpv_data.clause.model import Clause
from qpv_data.compliance.journal import Probe, record
from qpv_data.compliance.promises import promises
from qpv_data.sources.probe import Probed, probe

_AT_ONCE = 8


def probe_all(clauses: Iterable[Clause], today: date, transport: Callable[[str], str] | None = None) -> list[Probed]:
    """One request a clause in force, for the last delivery that is due, the network waited for in parallel; by feed. A
    clause of which nothing is due yet is left alone."""
    asked = [(c, due) for c in sorted(clauses, key=lambda c: c.id) if (due := last_due(c, today)) is not None]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda a: probe(a[0].source.pour(a[1] or None), a[0].id, a[1] or None, transport), asked))


def last_due(clause: Clause, today: date) -> str | None:
    """The period of the last delivery that is due, "" for a file that has none; None when nothing is due."""
    if not clause.duree.en_vigueur(today):
        return None
    due = [p for p in promises(clause, today, today) if p.echeance is None or p.echeance <= today]
    if due:
        return due[-1].livraison or ""
    return None if clause.source.par_periode else ""


def note_probes(journal: Path, found: Iterable[Probed], quand: datetime) -> None:
    """Keep each in the journal of its feed: availability is counted from them, and promises are not."""
    when = quand.astimezone(UTC).isoformat(timespec="seconds")
    for p in found:
        record(journal, Probe(when, p.jeu, p.url, p.periode, p.probleme.value if p.probleme else None))
