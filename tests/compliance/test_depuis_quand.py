"""From which day a delivery was there, and what the published view says of each promise."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from publications_ecrites import Ecrite, Mesure, Quartier

from qpv_data.answers import there_since
from qpv_data.database import write_database
from qpv_data.retention.tombstones import bury, known

SAID = {1: "Wed, 10 Apr 2024 08:00:00 GMT", 2: "Sat, 01 Jun 2024 08:00:00 GMT", 3: None}


def receipts(raw: Path, periode: str | None = "2024-T1") -> None:
    folder = raw / "jeu" / "livraisons"
    folder.mkdir(parents=True)
    for number, said in SAID.items():
        told = {
            "id": f"jeu-{periode or 'unique'}-v{number}", "jeu": "jeu", "periode": periode, "sha256": f"{number}" * 64,
            "taille": 1, "nom_fichier": "f.csv", "url": "https://exemple.fr/f.csv", "etag": None, "last_modified": said,
            "recue_le": f"2025-0{number}-15T00:00:00+00:00", "clause_version": "1.0", "diffusion": "partenaires",
        }  # fmt: skip
        (folder / f"{told['id']}.json").write_text(json.dumps(told), "utf-8")


def test_a_correction_does_not_change_the_day_from_which_its_period_was_there(tmp_path: Path) -> None:
    receipts(tmp_path)
    days = [there_since(tmp_path, "jeu", "2024-T1", f"jeu-2024-T1-v{n}") for n in SAID]
    assert days == ["2024-04-10"] * 3
    assert there_since(tmp_path, "jeu", "2024-T1", "jeu-2024-T1-v9") is None


def test_each_version_of_a_file_that_is_replaced_has_its_own_day(tmp_path: Path) -> None:
    receipts(tmp_path, None)
    days = [there_since(tmp_path, "jeu", None, f"jeu-unique-v{n}") for n in SAID]
    assert days == ["2024-04-10", "2024-06-01", "2025-03-15"]


def test_what_is_destroyed_was_there_since_the_same_day(tmp_path: Path) -> None:
    receipts(tmp_path)
    for held in known(tmp_path, "jeu")[0]:
        bury(tmp_path, held, date(2026, 1, 1))
    assert there_since(tmp_path, "jeu", "2024-T1", "jeu-2024-T1-v2") == "2024-04-10"
    assert "exemple.fr" not in (tmp_path / "jeu" / "livraisons" / "jeu-2024-T1-v1.json").read_text("utf-8")


def row(**more: Any) -> dict[str, Any]:
    return {"livraison": "l", "jeu": "jeu_m", "periode": "2024-T4", "statut": "recue", "echeance": date(2025, 1, 30),
            "recue_le": date(2025, 4, 15), "disponible_le": date(2025, 1, 20), **more}  # fmt: skip


@pytest.mark.parametrize(
    ("delivery", "state", "late"),
    [
        (row(), "recue", None),
        (row(disponible_le=date(2025, 2, 2)), "en_retard", 3),
        (row(disponible_le=None), "en_retard", 75),
        (row(livraison=None, statut="manquante", recue_le=None, disponible_le=None), "manquante", None),
        (row(livraison=None, statut="manquante", recue_le=None, disponible_le=None, echeance=date(2025, 2, 10)),
         "attendue", None),
        (row(livraison=None, statut="refusee", recue_le=None, disponible_le=None), "refusee", None),
        (row(echeance=date(2023, 12, 1)), "anterieure", None),
    ],
)  # fmt: skip
def test_the_published_view_accuses_nobody_of_what_did_not_happen(
    tmp_path: Path, delivery: dict[str, Any], state: str, late: int | None
) -> None:
    clause = {"clause": "jeu_m", "nature": "jeu", "titre": "M", "producteur": "P", "debut": date(2024, 1, 1)}
    written = Ecrite([Quartier("QN099001A", "Un")], [Mesure("m", "M", "emploi")], lambda *_: 1.0,
                     entieres={"livraisons": [delivery], "clauses": [clause]})  # fmt: skip
    base = write_database(written.ecrire(tmp_path / "publication").dossier, tmp_path / "qpv.duckdb")
    with duckdb.connect(str(base), read_only=True) as con:
        assert con.execute("SELECT etat, retard_jours FROM conformite").fetchall() == [(state, late)]
