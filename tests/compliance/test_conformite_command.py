"""`qpv-data conformite`, as it is read."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
from typer.testing import CliRunner

from qpv_data.cli import app

CLAUSES = Path(__file__).resolve().parents[2] / "referentiels" / "demo" / "clauses"


def told(out: Path, *more: str) -> str:
    done = CliRunner().invoke(app, ["conformite", "--out", str(out), "--clauses", str(CLAUSES), *more])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_demonstration_has_one_late_delivery_and_one_missing_and_says_each_once(demonstration: Path) -> None:
    lines = json.loads(told(demonstration, "--json"))
    states = {(li["clause"], li["periode"]): li["etat"] for li in lines}
    assert len(states) == len(lines)
    assert [key for key, state in states.items() if state == "en_retard"] == [("demo_logements", "2024-T2")]
    assert [key for key, state in states.items() if state == "manquante"] == [("demo_mutuelle", "2024-T3")]
    with duckdb.connect(str(demonstration / "qpv.duckdb"), read_only=True) as con:
        published = con.execute("SELECT clause, periode, etat, retard_jours FROM conformite WHERE periode IS NOT NULL")
        told_of = {(clause, period): (state, late) for clause, period, state, late in published.fetchall()}
    late = {(li["clause"], li["periode"]): li["retard_jours"] or None for li in lines}
    assert {key: (state, late[key] if state == "en_retard" else None) for key, (state, _) in told_of.items()} == told_of
    assert {key: state for key, (state, _) in told_of.items()} == {k: s for k, s in states.items() if k in told_of}
    shown = [row.split()[:2] for row in told(demonstration).splitlines() if row.startswith(" demo_")]
    assert len({tuple(row) for row in shown if row[0] == "demo_mutuelle"}) == 2
    assert sum(row[0] == "demo_logements" for row in shown) == 1
