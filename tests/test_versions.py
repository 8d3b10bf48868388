"""A clause changes by versions with dates: each delivery stays under the one that it was received under."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from factory import IN_A, POINT_HEADER, Mini, csv_of, point, points_clause
from promises import PROMISES

from qpv_data.clause.check import checked_clauses
from qpv_data.problems import InvalidDeclarationError, Problem


def dated(version: str, debut: str, fin: str | None, **more: Any) -> dict[str, Any]:
    until = fin if fin is not None else PROMISES["duree"]["fin"]
    return points_clause(version=version, duree={**PROMISES["duree"], "debut": debut, "fin": until}, **more)


def write(mini: Mini, name: str, clause: dict[str, Any]) -> None:
    mini.clauses.mkdir(parents=True, exist_ok=True)
    (mini.clauses / name).write_text(str(yaml.dump(clause, Dumper=_Plain, allow_unicode=True)), "utf-8")


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def renamed() -> list[dict[str, Any]]:
    """The columns of the second version: the amount has another header, and no household."""
    columns = copy.deepcopy(points_clause()["colonnes"])
    for column in columns:
        column["source"] = "euros" if column["nom"] == "montant" else column["source"]
    return [c for c in columns if c["nom"] != "menage"]


def two_versions(root: Path) -> Mini:
    """Version 1 until the end of June, version 2 after it; the first quarter is delivered under version 1."""
    mini = Mini(root, now=datetime(2024, 4, 10, tzinfo=UTC))
    mini.referentials()
    write(mini, "points-1.yml", dated("1", "2024-01-01", "2024-06-30"))
    write(mini, "points-2.yml", dated("2", "2024-07-01", None, colonnes=renamed()))
    mini.deliver("points-2024-T1.csv", csv_of([point("a", IN_A, montant=5)], POINT_HEADER))
    return mini


def test_each_delivery_is_read_as_the_version_it_was_received_under_says(tmp_path: Path) -> None:
    mini = two_versions(tmp_path)
    mini.run(periode="2024-T1")
    mini.deliver("points-2024-T3.csv", "id;x;y;insee;euros\nb;600400;6600400;99001;7\n")
    mini.now = datetime(2024, 10, 10, tzinfo=UTC)
    mini.run(periode="2024-T3")
    assert mini.value("points_somme", "QN09901A", "2024-T1")[0] == 5
    assert mini.value("points_somme", "QN09901A", "2024-T3")[0] == 7
    told = mini.query("SELECT periode, statut, clause_version FROM livraisons WHERE jeu = 'points' ORDER BY 1")
    assert told == [("2024-T1", "recue", "1"), ("2024-T2", "manquante", "2"), ("2024-T3", "recue", "2")]


def test_the_partner_s_report_speaks_of_the_clause_that_the_delivery_came_under(tmp_path: Path) -> None:
    mini = two_versions(tmp_path)
    mini.run(periode="2024-T1")
    mini.now = datetime(2024, 10, 10, tzinfo=UTC)
    mini.run(periode="2024-T3")
    [path] = (mini.out / "rapports" / "points").glob("*.json")
    told = json.loads(path.read_text("utf-8"))
    assert told["clause_version"] == "1"
    assert [c["entete"] for c in told["colonnes"] if c["colonne"] in ("montant", "menage")] == ["menage", "montant"]
    assert {c["colonne"]: c["renseignee"] for c in told["colonnes"]}["menage"] == 1.0


def test_out_of_its_dates_a_clause_receives_nothing_and_what_it_had_received_stands(tmp_path: Path) -> None:
    mini = two_versions(tmp_path)
    (mini.clauses / "points-2.yml").unlink()
    mini.run(periode="2024-T1")
    mini.now = datetime(2024, 7, 1, tzinfo=UTC)
    report = mini.run(periode="2024-T2")
    found = [(r.periode, r.statut, r.probleme) for r in report.receptions if r.jeu == "points"]
    late = Problem.CLAUSE_HORS_VIGUEUR.value
    assert found == [("2024-T1", "perimee", late), ("2024-T2", "refusee", late)]
    assert mini.value("points_somme", "QN09901A", "2024-T1")[0] == 5


@pytest.mark.parametrize(
    ("second", "path", "word"),
    [
        (dated("2", "2024-06-30", None), "duree.debut", "vaut encore"),
        (dated("1", "2024-07-01", None), "version", "déjà déclarée"),
    ],
)
def test_versions_that_meet_or_bear_one_number_are_refused(
    second: dict[str, Any], path: str, word: str, tmp_path: Path
) -> None:
    mini = two_versions(tmp_path)
    write(mini, "points-2.yml", second)
    with pytest.raises(InvalidDeclarationError) as refused:
        checked_clauses(mini.clauses)
    (fault,) = refused.value.violations
    assert fault.probleme is Problem.DOUBLON
    assert word in fault.message
    line = (mini.clauses / "points-2.yml").read_text("utf-8").splitlines()[fault.ligne - 1]
    assert line.strip().startswith(path.rpartition(".")[2])


@pytest.mark.parametrize(
    ("day", "version"),
    [(None, "2"), ("2023-01-01", "1"), ("2024-06-30", "1"), ("2024-07-01", "2"), ("2030-01-01", "2")],
)
def test_a_day_has_its_version(day: str | None, version: str, tmp_path: Path) -> None:
    from datetime import date

    clauses = checked_clauses(two_versions(tmp_path).clauses, date.fromisoformat(day) if day else None)
    assert [c.version for c in clauses.jeux] == [version]
    assert {c.version for c in clauses.versions("points")} == {"1", "2"}
