"""What protection needs beside the cells, and what attacks found: kept and destroyed as the aggregates are."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from lac import LATER, Lac, destruction, duree, rows

from qpv_data.attaque.findings import Finding, Kind, Report
from qpv_data.certificate import _write_private
from qpv_data.retention.settings import PurgeSettings

ENDED = datetime(2025, 2, 1, tzinfo=UTC)
ATOMS = ("points_n.atomes.parquet", "points_somme.atomes.parquet")


def atoms(lac: Lac, *quarters: str) -> dict[str, list[dict[str, Any]]]:
    found = {name: pq.read_table(lac.out / "aggregated/points" / name).to_pylist() for name in ATOMS}
    return {name: [r for r in table if r["periode"] in quarters] for name, table in found.items()}


def test_the_atoms_of_destroyed_records_are_set_aside_and_given_back_beside_those_of_a_new_quarter(lac: Lac) -> None:
    old = ("2024-T1", "2024-T2")
    shown = "SELECT * EXCLUDE (publication, visible_de) FROM valeurs WHERE periode <> '2024-T3' ORDER BY ALL"
    before, cells = atoms(lac, *old), lac.mini.query(shown)
    assert all({r["periode"] for r in table} == set(old) for table in before.values())
    lac.purge()
    for quarter in old:
        folder = lac.out / "aggregated/points/conserves" / quarter
        assert set(ATOMS) < {p.name for p in folder.iterdir()}
        assert [pq.read_table(folder / name).to_pylist() for name in ATOMS] == list(atoms(lac, quarter).values())
        assert {p.stat().st_mode & 0o777 for p in folder.iterdir()} == {0o600}
    lac.mini.deliver("points-2024-T3.csv", rows(6, 50))
    lac.run(LATER)
    assert atoms(lac, *old) == before
    assert all(atoms(lac, "2024-T3").values())
    assert lac.mini.query(shown) == cells


def report(lac: Lac, name: str, indicator: str) -> Path:
    """What the attack on a refused draft leaves, as `publish` writes it."""
    found = Finding(Kind.EXACTE, f"{indicator} qpv2024 QN09901A 2024-T1", "secret", None, None, "rang")
    path = lac.out / "journal/attaques" / name
    _write_private(path, Report(findings=[found]).document())
    return path


def test_the_reports_of_attacks_go_with_the_aggregates_that_they_tell_of_and_the_others_stay(tmp_path: Path) -> None:
    lac = Lac(tmp_path)
    lac.sow("2024-T1", duree=duree("2025-01-31"), destruction=destruction("detruits"))
    lac.sow("2024-T1", ident="autres", start=100)
    lac.run()
    assert (lac.out / "aggregated/points/points_n.atomes.parquet").is_file()
    due = [report(lac, "2024-T4-r2.json", "points_n"), report(lac, ".2024-T4-r3.json.99.part", "points_somme")]
    left = report(lac, "2024-T4-r4.json", "autres_n")
    backup = lac.backup()
    copies = [backup / "2025-01/journal/attaques" / p.name for p in due]
    assert all(p.is_file() for p in copies)
    done = lac.purge(ENDED, PurgeSettings(sauvegardes=(str(backup),)))
    assert done.entiere
    assert [p for p in (*due, *copies) if p.exists()] == []
    assert left.is_file()
    assert (backup / "2025-01/journal/attaques" / left.name).is_file()
    assert lac.files("aggregated") == []
    told = [e for e in lac.proof()["elements"] if e["forme"] == "agregats"]
    assert {"execution", "sauvegarde 1"} == {e["lieu"] for e in told}
    assert "QN09901A" not in json.dumps(lac.proof())


def test_the_report_of_an_attack_that_is_a_link_is_left_and_told(tmp_path: Path) -> None:
    lac = Lac(tmp_path)
    lac.sow("2024-T1", duree=duree("2025-01-31"), destruction=destruction("detruits"))
    lac.run()
    path = report(lac, "2024-T4-r2.json", "points_n")
    elsewhere = path.rename(tmp_path / "ailleurs.json")
    path.symlink_to(elsewhere)
    done = lac.purge(ENDED)
    assert [(h.jeu, h.raison.split(" ")[0]) for h in done.empeches] == [("points", "journal/attaques/")]
    assert elsewhere.is_file()


def test_reports_of_attacks_stay_where_the_clause_keeps_aggregates(lac: Lac) -> None:
    path = report(lac, "2024-T4-r2.json", "points_n")
    lac.purge()
    assert path.is_file()
