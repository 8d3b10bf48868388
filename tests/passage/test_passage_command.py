"""`qpv-data passage`, as a user types it, and what a run publishes."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import geopandas as gpd
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
import typer
from paves import carre
from typer.testing import CliRunner, Result

from qpv_data.commands.passage import _DEFAULT_TOLERANCE_M, register
from qpv_data.passage import PASSAGES, TOLERANCE_M
from qpv_data.problems import FeedError, Problem


def lance(*arguments: object) -> Result:
    app = typer.Typer()
    register(app)
    app.command("autre")(lambda: None)
    return CliRunner().invoke(app, ["passage", *map(str, arguments)])


@pytest.fixture
def fichiers(tmp_path: Path) -> list[object]:
    """Two files of zones, in two systems: the old ones in degrees."""
    old = gpd.GeoDataFrame({"code": ["A", "B"]}, geometry=[carre(0), carre(1)], crs=2154).to_crs(4326)
    new = gpd.GeoDataFrame({"id": ["ab"]}, geometry=[carre(0, 0, 2)], crs=2154)
    old.to_file(tmp_path / "avant.geojson", driver="GeoJSON")
    new.to_file(tmp_path / "apres.gpkg", driver="GPKG")
    return ["--de-zones", tmp_path / "avant.geojson", "--de-code", "code",
            "--vers-zones", tmp_path / "apres.gpkg", "--vers-code", "id"]  # fmt: skip


def test_files_of_zones_in_two_systems_are_passed_and_written_as_the_extension_says(
    fichiers: list[object], tmp_path: Path
) -> None:
    done = lance(*fichiers, "-o", tmp_path / "p.parquet")
    assert done.exit_code == 0, done.output
    assert "avant → apres : 2 zones de départ, 1 d'arrivée, tolérance 12 m" in done.stdout
    table = pq.read_table(tmp_path / "p.parquet")
    assert table.schema.equals(PASSAGES)
    assert table["nature"].to_pylist() == ["fusionne", "fusionne"]
    assert lance(*fichiers, "-o", tmp_path / "p.csv", "--json").exit_code == 0
    assert csv.read_csv(tmp_path / "p.csv")["code_depart"].to_pylist() == ["A", "B"]


def test_json_counts_each_nature(fichiers: list[object], tmp_path: Path) -> None:
    (row,) = json.loads(lance(*fichiers, "-o", tmp_path / "p.csv", "--json").stdout)
    assert (row["nature"], row["lignes"], row["zones_depart"], row["zones_arrivee"]) == ("fusionne", 2, 2, 1)
    assert lance(*fichiers, "-o", tmp_path / "p.csv", "-q").stdout == ""


def test_points_are_counted_and_those_without_a_place_are_told(fichiers: list[object], tmp_path: Path) -> None:
    (tmp_path / "pts.csv").write_text("x;y;log\n650010;6860010;3\n650210;6860010;4\n;;1\n", "utf-8")
    layer = ["--points", tmp_path / "pts.csv", "--x", "x", "--y", "y", "--crs", "EPSG:2154", "--poids", "log"]
    done = lance(*fichiers, *layer, "-o", tmp_path / "p.parquet")
    assert "points : 3 lus, dont 1 de lieu inconnu (1 coordonnees_absentes)" in done.stdout
    assert pq.read_table(tmp_path / "p.parquet")["part_poids_arrivee"].to_pylist() == pytest.approx([3 / 7, 4 / 7])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--de", "qpv2015", "--vers", "qpv2024"],
        ["--de-zones", "a.geojson", "--vers", "qpv2024", "--zonages", "."],
        ["--de", "a", "--vers", "b", "--zonages", ".", "--x", "lon"],
    ],
)
def test_options_that_do_not_go_together_are_a_wrong_usage(arguments: list[str], tmp_path: Path) -> None:
    assert lance(*arguments, "-o", tmp_path / "p.parquet").exit_code == 2


def test_an_output_that_is_neither_parquet_nor_csv_is_a_wrong_usage(fichiers: list[object], tmp_path: Path) -> None:
    assert lance(*fichiers, "-o", tmp_path / "p.xlsx").exit_code == 2


def test_an_unknown_zoning_names_those_that_are_drawn(demonstration: Path, tmp_path: Path) -> None:
    folder = demonstration / "zonages"
    done = lance("--de", "qpv1996", "--vers", "qpv2024", "--zonages", folder, "-o", tmp_path / "p.csv")
    assert isinstance(done.exception, FeedError)
    assert done.exception.probleme is Problem.REFERENCE_INCONNUE
    assert "qpv2015" in str(done.exception)
    assert not (tmp_path / "p.csv").exists()


def test_zones_outside_every_territory_are_refused_by_name(fichiers: list[object], tmp_path: Path) -> None:
    away = gpd.GeoDataFrame({"code": ["Z"]}, geometry=[carre(0)], crs=32631)
    away.to_file(tmp_path / "ailleurs.geojson", driver="GeoJSON")
    done = lance(
        "--de-zones", tmp_path / "ailleurs.geojson", "--de-code", "code", *fichiers[4:], "-o", tmp_path / "p.csv"
    )
    assert isinstance(done.exception, FeedError)
    assert done.exception.probleme is Problem.CRS_INATTENDU
    assert "Z" in str(done.exception)


def test_a_run_publishes_the_passage_that_the_command_gives(demonstration: Path, tmp_path: Path) -> None:
    folder = demonstration / "zonages"
    assert (
        lance("--de", "qpv2015", "--vers", "qpv2024", "--zonages", folder, "-o", tmp_path / "p.parquet").exit_code == 0
    )
    made = pq.read_table(tmp_path / "p.parquet")
    assert pq.read_table(folder / "passages.parquet").equals(made)
    assert pq.read_table(demonstration / "releases/provisoire/ouvert/passages.parquet").equals(made)
    with duckdb.connect(str(demonstration / "qpv.duckdb"), read_only=True) as con:
        assert con.table("passages").to_arrow_table().to_pylist() == made.to_pylist()


def test_the_quarters_of_the_demonstration_pass_as_they_were_drawn(demonstration: Path) -> None:
    rows = pq.read_table(demonstration / "zonages" / "passages.parquet").to_pylist()
    found = {(r["code_depart"], r["code_arrivee"]): r["nature"] for r in rows}
    assert found["QP099001", "QN09901I"] == "inchange"
    assert found["QP099003", "QN09903M"] == found["QP099004", "QN09903M"] == "fusionne"
    assert found["QP099005", "QN09904M"] == found["QP099005", "QN09905M"] == "scinde"
    assert found["QP099011", None] == "disparu"
    assert found[None, "QN09912N"] == "nouveau"


def test_the_default_of_the_command_is_that_of_the_package() -> None:
    assert _DEFAULT_TOLERANCE_M == TOLERANCE_M
