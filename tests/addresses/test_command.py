"""`qpv-data geocoder`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from geocodeurs import FausseGeoplateforme, FauxAddok, Known, Lieu
from pytest_httpserver import HTTPServer
from typer.testing import CliRunner, Result

from qpv_data.addresses.exchange import Patience
from qpv_data.commands import geocoder

KNOWN: Known = {"1 rue A": (Lieu(1.25, 46.5, commune="01053"),), "2 rue, B": (Lieu(1.5, 46.5, commune="2A004"),)}
CSV = 'id;numero;voie;insee\n01;1;rue A;01053\n02;2;"rue, B";2A004\n03;;"rue\nA";01053\n04;;;\n'


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qpv_data.addresses.addok.PATIENCE", Patience(essais=1))


def typed(*words: object) -> Result:
    app = typer.Typer()
    app.callback()(lambda: None)
    geocoder.register(app)
    return CliRunner().invoke(app, ["geocoder", *map(str, words)])


def options(url: str, out: Path, personal: str = "non") -> list[object]:
    return ["--adresse", "numero", "--adresse", "voie", "--code-commune", "insee", "--donnees-personnelles", personal,
            "--url", url, "-o", out]  # fmt: skip


def test_a_csv_comes_out_with_its_points_its_codes_and_its_order(httpserver: HTTPServer, tmp_path: Path) -> None:
    fake = FauxAddok(httpserver, KNOWN)
    (tmp_path / "a.csv").write_text(CSV, "utf-8")
    done = typed(tmp_path / "a.csv", *options(fake.service.url, tmp_path / "o.parquet"))
    assert done.exit_code == 0, done.output
    assert "4 lignes = 2 lieux + 2 de lieu inconnu" in done.output
    rows = pq.read_table(tmp_path / "o.parquet").to_pylist()
    assert [(r["id"], r["insee"], r["adresse_x"], r["adresse_motif"]) for r in rows] == [
        ("01", "01053", 1.25, None), ("02", "2A004", 1.5, None), ("03", "01053", None, "adresse_introuvable"),
        ("04", None, None, "adresse_absente"),
    ]  # fmt: skip
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "o.parquet"]


def test_a_parquet_is_read_as_it_is_and_the_report_is_told_in_json(httpserver: HTTPServer, tmp_path: Path) -> None:
    fake = FausseGeoplateforme(httpserver, KNOWN)
    pq.write_table(pa.table({"numero": [1], "voie": ["rue A"], "insee": ["01053"]}), tmp_path / "a.parquet")
    arguments = options(fake.service.url, tmp_path / "o.parquet")
    done = typed(tmp_path / "a.parquet", *arguments, "--geocodeur", "geoplateforme", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["acceptes"] == 1


def test_whether_the_addresses_are_personal_has_no_default(tmp_path: Path) -> None:
    words = options("http://127.0.0.1:1", tmp_path / "o.parquet")
    at = words.index("--donnees-personnelles")
    done = typed(tmp_path / "a.csv", *words[:at], *words[at + 2 :])
    assert done.exit_code == 2
    assert "donnees-personnelles" in done.output


def test_the_public_service_refuses_personal_addresses_before_anything_is_read(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    fake = FausseGeoplateforme(httpserver, KNOWN)
    (tmp_path / "a.csv").write_text(CSV, "utf-8")
    words = options(fake.service.url, tmp_path / "o.parquet", "oui")
    done = typed(tmp_path / "a.csv", *words, "--geocodeur", "geoplateforme")
    assert done.exit_code == 4
    assert "geocodeur_refuse" in done.output
    assert httpserver.log == []
    assert not (tmp_path / "o.parquet").exists()


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1:7878", "https://geocodeur.example", "http://127.0.0.1:0", "chez moi"]
)
def test_a_host_that_nobody_declared_is_never_reached(url: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV, "utf-8")
    done = typed(tmp_path / "a.csv", *options(url, tmp_path / "o.parquet", "oui"))
    assert done.exit_code == 4
    assert "geocodeur_refuse" in done.output


def test_an_outage_writes_the_rows_and_is_an_error_all_the_same(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/search/").respond_with_data("rue A", 503)
    (tmp_path / "a.csv").write_text(CSV, "utf-8")
    done = typed(tmp_path / "a.csv", *options(httpserver.url_for("").rstrip("/"), tmp_path / "o.parquet"))
    assert done.exit_code == 4
    assert "geocodeur_indisponible" in done.output
    assert "rue" not in done.output
    assert pq.read_metadata(tmp_path / "o.parquet").num_rows == 4


@pytest.mark.parametrize(
    ("more", "problem"),
    [(["--x", "lon"], "crs_inattendu"), (["--x", "a", "--y", "b", "--crs", "4326"], "crs_inattendu"),
     (["--x", "a", "--y", "b", "--crs", "EPSG:4326"], "colonne_inconnue"), (["--separateur", "|"], "colonne_inconnue")],
)  # fmt: skip
def test_options_that_do_not_hold_are_said(more: list[str], problem: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV, "utf-8")
    done = typed(tmp_path / "a.csv", *options("http://127.0.0.1:1", tmp_path / "o.parquet"), *more)
    assert (done.exit_code, problem in done.output) == (4, True), done.output


def test_a_file_that_cannot_be_read_is_said_without_a_word_of_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes('id;voie;numero;insee\n1;"secret\xe9'.encode("latin-1"))
    done = typed(tmp_path / "a.csv", *options("http://127.0.0.1:1", tmp_path / "o.parquet"))
    assert (done.exit_code, "format_inattendu" in done.output, "secret" in done.output) == (4, True, False)
    assert typed(tmp_path / "b.csv", *options("http://127.0.0.1:1", tmp_path / "o.parquet")).exit_code == 4
