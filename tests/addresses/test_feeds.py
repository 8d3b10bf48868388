"""A feed of addresses through the whole run: asked once, located as points, and never outside for want of an answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from factory import IN_A, IN_B, IN_C, IN_COMMUNE_1, Mini, csv_of, lonlat, number_column, points_clause, text_column
from geocodeurs import FauxAddok, Known, Lieu
from promises import PERSONAL
from pytest_httpserver import HTTPServer

from qpv_data.addresses import feeds
from qpv_data.addresses.exchange import Patience

HEADER = ("id", "adresse", "insee", "montant")
ROWS = [
    ("a1", "1 rue A", "99001"), ("a2", "1 rue A", "99001"), ("b1", "2 rue B", "99002"), ("c1", "3 rue C", "99003"),
    ("d1", "9 rue D", "99001"), ("u1", "rue A", "99001"), ("u2", "perdue", "99002"), ("u3", "", "99001"),
]  # fmt: skip


def place(at: tuple[float, float], commune: str, **more: Any) -> tuple[Lieu]:
    lon, lat = lonlat(*at)
    return (Lieu(lon, lat, commune=commune, **more),)


KNOWN: Known = {
    "1 rue A": place(IN_A, "99001"), "2 rue B": place(IN_B, "99002"), "3 rue C": place(IN_C, "99003"),
    "9 rue D": place(IN_COMMUNE_1, "99001"), "rue A": place(IN_A, "99001", type="street"),
}  # fmt: skip


@pytest.fixture
def fake(httpserver: HTTPServer) -> FauxAddok:
    return FauxAddok(httpserver, KNOWN)


def project(root: Path, url: str, **more: Any) -> Mini:
    mini = Mini(root)
    mini.referentials()
    columns = [
        text_column("id", obligatoire=True),
        text_column("adresse"),
        text_column("insee"),
        number_column("montant"),
    ]
    mini.declare(
        points_clause(
            "adresses",
            colonnes=columns,
            localisation={"mode": "adresse", "adresse": "adresse", "code_commune": "insee", "url": url},
            periode={"origine": "livraison", "frequence": "T", "debut": "2024-T4", "fin": "2024-T4"},
            **more,
        )
    )
    mini.deliver("adresses-2024-T4.csv", csv_of([dict(zip(HEADER, (*r, 1), strict=True)) for r in ROWS], HEADER))
    return mini


def conformed(mini: Mini, suffix: str = ".adresses.parquet") -> Path:
    return mini.out / "conformed" / "adresses" / f"2024-T4{suffix}"


def test_addresses_are_geocoded_then_counted_where_they_are(fake: FauxAddok, tmp_path: Path) -> None:
    mini = project(tmp_path, fake.service.url)
    report = mini.run()
    assert [p.erreur for p in report.places] == [None]
    counts = {
        z: mini.value("adresses_n", z, "2024-T4")[0]
        for z in ("QN09901A", "QN09902B", "QN09903C", "99001", "territoire")
    }
    assert counts == {"QN09901A": 2, "QN09902B": 1, "QN09903C": 1, "99001": 5, "territoire": 8}
    located = pq.read_table(mini.out / "located" / "adresses" / "2024-T4.parquet").to_pylist()
    assert {r["id"]: (r["localisation"], r["localisation_motif"]) for r in located} == {
        "a1": ("dedans", None), "a2": ("dedans", None), "b1": ("dedans", None), "c1": ("dedans", None),
        "d1": ("dehors", None), "u1": ("inconnu", "adresse_imprecise"), "u2": ("inconnu", "adresse_introuvable"),
        "u3": ("inconnu", "adresse_absente"),
    }  # fmt: skip
    assert report.places[0].localisations[0].motifs == {
        "adresse_absente": 1, "adresse_imprecise": 1, "adresse_introuvable": 1,
    }  # fmt: skip


def test_what_was_answered_is_not_asked_again(fake: FauxAddok, tmp_path: Path) -> None:
    mini = project(tmp_path, fake.service.url)
    first = mini.run().release
    asked = len(fake.asked)
    assert asked == 6
    again = mini.run().release
    assert (len(fake.asked), again.nouvelle, again.id) == (asked, False, first.id)
    project(tmp_path, fake.service.url + "/")  # another word in the clause's place is another question
    mini.run()
    assert len(fake.asked) == 2 * asked


def test_personal_addresses_leave_no_label_behind(fake: FauxAddok, tmp_path: Path) -> None:
    mini = project(tmp_path, fake.service.url, donnees_personnelles=PERSONAL)
    mini.run()
    assert "adresse_libelle" not in pq.read_schema(conformed(mini)).names
    assert conformed(mini).parent.parent.stat().st_mode & 0o077 == 0, "the folder is its owner's alone"
    for path in (mini.out / "releases").rglob("*"):
        assert path.is_dir() or b"rue A" not in path.read_bytes()


def test_an_outage_fails_the_feed_says_so_and_is_never_kept_as_an_answer(
    fake: FauxAddok, httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qpv_data.addresses.addok.PATIENCE", Patience(essais=1))
    mini = project(tmp_path, fake.service.url)
    mini.points({"2024-T4": []}, controles={"lignes_min": 1, "rejets_max": 1})
    from factory import point

    mini.points({"2024-T4": [point("p", IN_A)]})
    httpserver.clear()
    httpserver.expect_request("/search/").respond_with_data("1 rue A", 503)
    report = mini.run()
    failed = next(p for p in report.places if p.jeu == "adresses")
    assert failed.erreur is not None
    assert failed.erreur.probleme.value == "geocodeur_indisponible"
    assert "8 lignes sur 8" not in failed.erreur.message
    assert "7 lignes sur 8 de lieu inconnu" in failed.erreur.message, "one has no address at all"
    assert "rue" not in str(failed.erreur)
    rows = pq.read_table(conformed(mini)).to_pylist()
    assert [r["adresse_motif"] for r in rows] == ["geocodeur_indisponible"] * 7 + ["adresse_absente"]
    assert not conformed(mini, ".adresses.json").exists()
    assert mini.value("points_n", "QN09901A", "2024-T4")[0] == 1, "the other feeds go on"
    httpserver.clear()
    FauxAddok(httpserver, KNOWN)
    assert [p.erreur for p in mini.run().places] == [None, None]
    assert mini.value("adresses_n", "QN09901A", "2024-T4")[0] == 2
    assert json.loads(conformed(mini, ".adresses.json").read_text("utf-8"))["acceptes"] == 5


def test_a_feed_of_points_is_given_back_as_it_is(tmp_path: Path) -> None:
    from factory import clause_of

    path = tmp_path / "x.parquet"
    assert feeds.geocoded(clause_of(points_clause()), path) == path


def test_no_message_nor_log_of_a_run_holds_an_address(fake: FauxAddok, httpserver: HTTPServer, tmp_path: Path) -> None:
    mini = project(tmp_path, fake.service.url, donnees_personnelles=PERSONAL)
    done = mini.cli()
    assert done.returncode == 0, done.stderr
    httpserver.clear()
    httpserver.expect_request("/search/").respond_with_data("1 rue A", 404)
    conformed(mini, ".adresses.json").unlink()
    command = [sys.executable, "-X", "dev", *mini.command()[1:]]
    broken = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env={**os.environ, **mini.environment()}, cwd=mini.root,
        check=False,
    )  # fmt: skip
    assert "geocodeur_indisponible" in broken.stdout + broken.stderr
    for text in (done.stdout, done.stderr, broken.stdout, broken.stderr):
        assert "rue A" not in text
        assert "rue+A" not in text
