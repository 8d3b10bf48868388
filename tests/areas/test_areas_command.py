"""The commands, as a person runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import shapely
import typer
from drawn_areas import X0, Y0, square, write_shapes, write_table
from pyproj import Transformer
from typer.testing import CliRunner

from qpv_data.commands import ventiler

app = typer.Typer()
ventiler.register(app)


@pytest.fixture
def zones(tmp_path: Path) -> Path:
    return write_shapes(
        tmp_path / "zones.parquet", [square(0, 0, 1000), square(5000, 0, 10)], 2154, code_qp=["QN1", "QN2"]
    )


@pytest.fixture
def carreaux(tmp_path: Path) -> Path:
    x, y = Transformer.from_crs(2154, 3035, always_xy=True).transform(X0 + 500, Y0 + 500)
    inside = f"CRS3035RES200mN{int(y // 200 * 200)}E{int(x // 200 * 200)}"
    far = f"CRS3035RES200mN{int(y // 200 * 200) + 20_000}E{int(x // 200 * 200)}"
    return write_table(
        tmp_path / "c.csv",
        idcar_200m=[inside, far, "?"],
        ind=["12,5", "30", "1"],
        men=["5", "10", "1"],
        i_est_200=[0, 1, 0],
    )


def run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    return done.exit_code, done.stdout, done.stderr


def test_cells_are_shared_and_what_is_set_aside_is_written_beside(tmp_path: Path, zones: Path, carreaux: Path) -> None:
    out = tmp_path / "out.parquet"
    code, stdout, stderr = run(
        "ventiler", carreaux, "--zones", zones, "--code", "code_qp", "--carreau", "idcar_200m", "--extensif", "ind",
        "--ratio", "taille=ind/men", "--impute", "i_est_200", "-o", out, "--json",
    )  # fmt: skip
    assert code == 0, stderr
    rows = {r["code"]: r for r in pq.read_table(out).to_pylist()}
    assert rows["QN1"]["ind"] == 12.5
    assert rows["QN1"]["taille"] == 2.5
    assert rows["QN1"]["ind_part_imputee"] == 0
    assert rows["QN2"]["ind"] is None
    said = json.loads(stdout)
    assert said["ecartees"] == {"identifiant_illisible": 1}
    assert said["totaux"][0]["dehors"] == 30
    assert json.loads(pq.read_schema(out).metadata[b"qpv_data"])["totaux"] == said["totaux"]
    assert pq.read_table(tmp_path / "out.rejets.parquet")["identifiant"].to_pylist() == ["?"]


def test_polygons_are_shared_by_points(tmp_path: Path, zones: Path) -> None:
    iris = write_shapes(tmp_path / "iris.parquet", [square(500, 0, 1000)], 2154, men=[100])
    write_table(tmp_path / "adresses.csv", x=[X0 + 600, X0 + 700, X0 + 1400, X0 + 1300], y=[Y0 + 50] * 4)
    out = tmp_path / "out.parquet"
    code, _, stderr = run(
        "ventiler", iris, "--zones", zones, "--code", "code_qp", "--extensif", "men", "-o", out, "--poids",
        tmp_path / "adresses.csv", "--poids-x", "x", "--poids-y", "y", "--poids-crs", "EPSG:2154",
    )  # fmt: skip
    assert code == 0, stderr
    assert pq.read_table(out)["men"].to_pylist() == [50, None]
    assert "1 sources sur 2 zones" in stderr


def test_lengths_are_measured_by_class(tmp_path: Path, zones: Path) -> None:
    drawn = [shapely.LineString([(X0 - 100, Y0 + 50), (X0 + 100, Y0 + 50)])] * 2
    rues = write_shapes(tmp_path / "rues.parquet", drawn, 2154, nature=["rue", "piste"])
    code, _, stderr = run(
        "longueurs", rues, "--classe", "nature", "--zones", zones, "--code", "code_qp", "-o", tmp_path / "o.parquet"
    )
    assert code == 0, stderr
    table = pq.read_table(tmp_path / "o.parquet").to_pylist()
    assert table[0] == {
        "code": "QN1",
        "nb_lignes": 2,
        "longueur_m": 200,
        "longueur_m_piste": 100,
        "longueur_m_rue": 100,
    }


def test_a_median_is_refused_and_nothing_is_written(tmp_path: Path, zones: Path, carreaux: Path) -> None:
    out = tmp_path / "out.parquet"
    code, _, stderr = run(
        "ventiler",
        carreaux,
        "--zones",
        zones,
        "--code",
        "code_qp",
        "--carreau",
        "idcar_200m",
        "--extensif",
        "med_ind",
        "-o",
        out,
    )
    assert code == 3
    assert "médiane" in stderr
    assert not out.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        ["--extensif", "ind"],
        ["--extensif", "ind", "--zones", "z.parquet"],
        ["--extensif", "ind", "--zonage", "qpv2024"],
        ["--extensif", "ind", "--zones", "z.parquet", "--code", "c", "--poids", "p.csv"],
        ["--extensif", "ind", "--zones", "z.parquet", "--code", "c", "--doublons", "ignorer"],
    ],
)
def test_a_command_that_says_too_little_is_told_so(tmp_path: Path, carreaux: Path, wrong: list[str]) -> None:
    assert run("ventiler", carreaux, "-o", tmp_path / "o.parquet", *wrong)[0] == 2


def test_the_help_names_the_columns_that_are_written() -> None:
    stdout = run("ventiler", "--help")[1]
    for word in ("nb_sources", "COL_part_imputee", "COL_part_moins_de_moitie", "NOM_denominateur", "rejets"):
        assert word in stdout


def test_the_command_loads_nothing_heavy_before_it_runs() -> None:
    script = "import sys, qpv_data.commands.ventiler; print(sorted({'numpy', 'shapely', 'pyarrow', 'pyproj'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_zones_of_a_run_are_taken_from_its_folder(demonstration: Path, tmp_path: Path) -> None:
    zones = pq.read_table(demonstration / "zonages" / "zones.parquet").to_pylist()
    own = next(z for z in zones if z["famille"] == "qpv" and z["statut"] == "normale")
    sources = write_shapes(tmp_path / "s.parquet", [shapely.from_wkb(own["geometrie"])], own["epsg"], ind=[9.0])
    for folder in (demonstration, demonstration / "zonages"):
        code, _, stderr = run(
            "ventiler",
            sources,
            "--zonage",
            own["zonage"],
            "--zonages",
            folder,
            "--extensif",
            "ind",
            "-o",
            tmp_path / "o.parquet",
        )
        assert code == 0, stderr
        rows = {r["code"]: r["ind"] for r in pq.read_table(tmp_path / "o.parquet").to_pylist()}
        assert rows[own["code_zone"]] == 9
