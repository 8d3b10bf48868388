"""What a run publishes gives nothing away: drawn worlds, corrections, and a protection that fails."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from factory import IN_A, IN_B, IN_C, IN_COMMUNE_1, IN_COMMUNE_2, Mini, indicator, point

from qpv_data import protect as protecting
from qpv_data.attaque.findings import Report
from qpv_data.attaque.releases import attack_releases
from qpv_data.history import ledger
from qpv_data.problems import Problem
from qpv_data.runs import RunError

PLACES = [IN_A, IN_B, IN_C, IN_COMMUNE_1, IN_COMMUNE_2, (910.0, 400.0), (1050.0, 400.0), (2900.0, 900.0)]
SEUIL = {
    "regime": "seuil", "famille": "donnees_ouvertes", "unite_famille": "enregistrement", "unite": "menage", "seuil": 5,
    "colonne_unite": "menage",
}  # fmt: skip
KINDS = {"axe": "genre", "expression": "CASE WHEN montant > 6 THEN 'grand' ELSE 'petit' END",
         "valeurs": {"grand": "Grand", "petit": "Petit"}}  # fmt: skip
INDICATORS = [
    indicator("n", modalites=KINDS),
    indicator("somme", "somme", numerateur="montant"),
    indicator("part", "part", numerateur="CASE WHEN montant > 6 THEN 1 ELSE 0 END", denominateur="1"),
    indicator("moyenne", "moyenne", numerateur="montant"),
    indicator("menages", distinct="menage"),
]


def households(rng: random.Random, most: int) -> list[dict[str, object]]:
    """Up to `most` records a place, some households with several."""
    rows = []
    for n, at in enumerate(PLACES):
        for k in range(rng.randint(0, most)):
            household = f"m{n}-{k if rng.random() < 0.8 else 0}"
            rows.append(point(f"r{n}-{k}", at, menage=household, montant=rng.randint(1, 12)))
    rows += [point(f"u{k}", None, insee="99001", menage=f"u{k}", montant=3) for k in range(rng.randint(0, 7))]
    return rows


def world(root: Path, rows: dict[str, list[dict[str, object]]], **more: Any) -> Mini:
    mini = Mini(root)
    mini.referentials()
    mini.points(rows, secret=SEUIL, indicateurs=INDICATORS, **more)
    return mini


def releases(mini: Mini) -> list[Path]:
    return ledger(mini.out)


@pytest.mark.parametrize("seed", range(4))
def test_a_release_of_a_drawn_world_gives_nothing_away(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    mini = world(tmp_path, {f"2024-T{q}": households(rng, 12) for q in (1, 2, 3, 4)})
    release = mini.run().release
    report = attack_releases([release.complet])
    assert report.findings == []
    assert report.hidden > 0
    said = json.loads((release.complet / "certificat.json").read_text("utf-8"))
    assert said["attaque"]["constats"] == 0
    assert said["protection"] == "complementaire"
    assert said["cellules"]["secret"] > 0


def test_a_second_run_hides_the_same_cells(tmp_path: Path) -> None:
    mini = world(tmp_path, {"2024-T1": households(random.Random(5), 12)})
    first = mini.run(periode="2024-T1").release
    again = mini.run(periode="2024-T1").release
    assert not again.nouvelle
    assert again.id == first.id


def test_a_correction_of_few_units_waits_until_it_accumulates(tmp_path: Path) -> None:
    rows = [point(f"a{n}", IN_A, montant=3) for n in range(20)] + [point(f"b{n}", IN_B, montant=3) for n in range(20)]
    rows += [point(f"c{n}", IN_C, montant=9) for n in range(20)] + [point(f"d{n}", IN_A, montant=9) for n in range(20)]
    mini = world(tmp_path, {"2024-T1": rows}, periodicite="trimestrielle")
    mini.run(periode="2024-T1")
    assert mini.value("n", "QN09901A", "2024-T1")[0] == 40
    more = [point("e0", IN_A, montant=3), point("e1", IN_A, montant=3)]
    mini.points({"2024-T1": [*rows, *more]}, secret=SEUIL, indicateurs=INDICATORS)
    mini.run(periode="2024-T1")
    assert mini.value("n", "QN09901A", "2024-T1")[0] == 40, "two households came: saying so would tell of them"
    more += [point(f"e{n}", IN_A, montant=3) for n in range(2, 8)]
    mini.points({"2024-T1": [*rows, *more]}, secret=SEUIL, indicateurs=INDICATORS)
    mini.run(periode="2024-T1")
    assert mini.value("n", "QN09901A", "2024-T1")[0] == 48
    assert attack_releases(releases(mini)).findings == []


def test_what_was_published_stays_when_an_indicator_comes(tmp_path: Path) -> None:
    rows = {"2024-T1": households(random.Random(8), 14)}
    mini = Mini(tmp_path)
    mini.referentials()
    mini.points(rows, secret=SEUIL, indicateurs=INDICATORS[1:3])
    mini.run(periode="2024-T1")
    query = "SELECT indicateur, zonage, code_zone, modalite, valeur FROM valeurs WHERE valeur IS NOT NULL"
    before = set(mini.query(query))
    mini.points(rows, secret=SEUIL, indicateurs=INDICATORS)
    mini.run(periode="2024-T1")
    assert before <= set(mini.query(query))
    assert attack_releases(releases(mini)).findings == []


def test_what_an_earlier_version_gave_away_is_counted_and_not_added_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Releases of before were protected by primary rules alone: they are out, and the next ones go on."""
    rows = {"2024-T1": households(random.Random(2), 9)}
    mini = world(tmp_path, rows)
    with monkeypatch.context() as before:
        before.setattr(protecting, "protect_jobs", lambda jobs, *_: [{} for _ in jobs])
        before.setattr("qpv_data.certificate.attack_ledgers", lambda held: [Report() for _ in held])
        old = mini.run(periode="2024-T1").release
    leaks = {f.cell for f in attack_releases([old.complet]).findings}
    assert leaks
    rows["2024-T2"] = households(random.Random(3), 9)
    mini.points(rows, secret=SEUIL, indicateurs=INDICATORS)
    release = mini.run(periode="2024-T2").release
    said = json.loads((release.complet / "certificat.json").read_text("utf-8"))["attaque"]
    assert said["constats_anterieurs"] > 0
    assert {f.cell for f in attack_releases(releases(mini)).findings} <= leaks


def test_a_release_that_the_attack_breaks_is_not_published_and_what_was_found_is_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mini = world(tmp_path, {"2024-T1": households(random.Random(2), 9)})
    real = protecting.protect_jobs

    def careless(jobs: Any, *others: Any) -> Any:
        return [{i: [] for i in answer} for answer in real(jobs, *others)]

    monkeypatch.setattr(protecting, "protect_jobs", careless)
    with pytest.raises(RunError) as refused:
        mini.run(periode="2024-T1")
    assert refused.value.probleme is Problem.DIVULGATION
    assert not list((mini.out / "releases").glob("*"))
    (audit,) = (mini.out / "journal" / "attaques").iterdir()
    assert audit.stat().st_mode & 0o077 == 0
    assert json.loads(audit.read_text("utf-8"))["constats"]
