"""The command as a user meets it: exit codes, streams, words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from points_made import XY, X, Y, locate, refused, written


@pytest.fixture
def asked(zones: Path, tmp_path: Path) -> list[object]:
    written(tmp_path / "p.parquet", x=[X, X - 9, None], y=[Y, Y, Y], v=[1, 2, 3])
    return [tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code"]


WRONG = [
    [],
    ["-o", "o.txt"],
    ["-o", "o"],
    ["--par", "v", "-o", "o.parquet"],
    ["--somme", "v", "-o", "o.parquet"],
    ["-o", "o.parquet", "--regle", "touche"],
    ["-o", "o.parquet", "--zonage", "qpv2024"],
    ["-o", "o.parquet", "--fils", "0"],
    ["-o", "o.parquet", "--decimale", ""],
    ["-o", "o.parquet", "--decimale", "x"],
    ["-o", "o.parquet", "--tampon", "0"],
    ["-o", "o.parquet", "--inconnue"],
]


@pytest.mark.parametrize("options", WRONG, ids=" ".join)
def test_a_command_that_is_written_wrong_exits_2_and_writes_nothing(
    options: list[str], asked: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = locate(*asked, *options)
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err
    assert [p.name for p in tmp_path.iterdir()] == ["p.parquet"]


def test_neither_points_nor_zones_nor_a_code_is_wrong_usage(zones: Path, tmp_path: Path) -> None:
    out = ["-o", tmp_path / "o.parquet"]
    for options in (
        [],
        ["p.csv", *out],
        ["p.csv", "--zones", zones, *out],
        ["p.csv", "--zonage", "a", "--code", "b", *out],
    ):
        assert locate(*options).code == 2


REFUSED = [
    (["--x", "lon", "--y", "y", "--crs", "EPSG:2154"], "colonne_inconnue", "'lon'"),
    (["--x", "x", "--crs", "EPSG:2154"], "colonne_inconnue", "--x et --y"),
    (["--x", "x", "--y", "y", "--geometrie", "v", "--crs", "EPSG:2154"], "colonne_inconnue", "--geometrie"),
    (["--crs", "EPSG:2154"], "colonne_inconnue", "rien ne dit où sont les coordonnées"),
    (["--x", "x", "--y", "y"], "crs_inattendu", "donner --crs"),
    (["--x", "x", "--y", "y", "--crs", "Lambert"], "crs_inattendu", "Lambert"),
    (["--x", "x", "--y", "y", "--crs", "EPSG:²"], "crs_inattendu", "inconnu"),
    (["--x", "x", "--y", "y", "--crs", "EPSG:5720"], "crs_inattendu", "inconnu"),
    (["--x", "x", "--y", "y", "--crs", "+proj=geocent"], "crs_inattendu", "inconnu"),
    (["--x", "x", "--y", "y", "--crs", "EPSG:2154", "--colonne-epsg", "v"], "crs_inattendu", "se contredisent"),
    (["--x", "x", "--y", "y", "--colonne-epsg", "e"], "colonne_inconnue", "'e'"),
]


@pytest.mark.parametrize(("where", "problem", "words"), REFUSED)
def test_a_refusal_is_one_line_with_the_file_the_problem_and_the_remedy(
    where: list[str], problem: str, words: str, zones: Path, tmp_path: Path
) -> None:
    written(tmp_path / "p.parquet", x=[X], y=[Y], v=[1])
    said = refused(tmp_path / "p.parquet", *where, "--zones", zones, "--code", "code", "-o", tmp_path / "o.parquet")
    assert said.startswith(f"p.parquet: {problem}: ")
    assert " → " in said
    assert words in said
    assert not (tmp_path / "o.parquet").exists()


def test_what_is_not_there_is_said(asked: list[object], zones: Path, tmp_path: Path) -> None:
    out = ["-o", tmp_path / "o.parquet"]
    ask = [*XY, "--zones", zones, "--code", "code", *out]
    assert "source_absente" in refused(tmp_path / "absent.parquet", *ask)
    (tmp_path / "dossier").mkdir()
    assert "source_absente" in refused(tmp_path / "dossier", *ask)
    assert "source_absente" in refused(asked[0], *XY, "--zones", tmp_path / "absent.gpkg", "--code", "code", *out)
    known = [asked[0], *XY, *out, "--zonage", "qpv1999"]
    assert "referentiel_absent" in refused(*known, "--zonages", tmp_path)
    assert "qpv2024" in refused(*known)


def test_json_is_on_standard_output_unless_the_count_is_there(asked: list[object], tmp_path: Path) -> None:
    out = ["-o", tmp_path / "o.parquet"]
    done = locate(*asked, *out, "--json")
    said = json.loads(done.out)
    assert done.err == ""
    assert (said["zonage"], said["lus"], said["dedans"], said["dehors"], said["inconnu"]) == ("zones", 3, 1, 1, 1)
    assert said["motifs"] == {"coordonnees_absentes": 1}
    done = locate(*asked, "--compte", "--somme", "v", "--json")
    assert done.out == '"code","nombre","somme_v"\n"A",1,1\n'
    assert json.loads(done.err)["lus"] == 3
    done = locate(*asked, "--compte", "--json", *out)
    assert (json.loads(done.out)["lus"], done.err) == (3, "")
    several = json.loads(locate(*asked, *out, "--json", "--tampon", 20).out)
    assert [(one["zonage"], one["dedans"]) for one in several] == [("zones", 1), ("zones_20m", 2)]


def test_quiet_is_silent_and_words_are_on_standard_error(asked: list[object], tmp_path: Path) -> None:
    out = ["-o", tmp_path / "o.parquet"]
    assert locate(*asked, *out, "-q") == (0, "", "")
    assert locate(*asked, "--compte", "--somme", "v", "-q", *out) == (0, "", "")
    assert locate(*asked, *out, "-q", "--json") == (0, "", "")
    done = locate(*asked, *out)
    assert done.out == ""
    assert done.err.splitlines() == [
        "zones (2 zones) : 3 points = 1 dedans + 1 dehors + 1 de lieu inconnu",
        "  inconnu, coordonnees_absentes : 1",
        f"→ {tmp_path / 'o.parquet'}",
    ]


def test_several_zonings_are_counted_one_after_the_other(asked: list[object], tmp_path: Path) -> None:
    done = locate(*asked, "--compte", "--tampon", 20, "--somme", "v", "-q")
    assert done.out == '"zonage","code","nombre","somme_v"\n"zones","A",1,1\n"zones_20m","A",2,3\n'


def test_a_real_process_says_the_same(asked: list[object], tmp_path: Path) -> None:
    for name in ("é à.csv", "-.csv"):
        (tmp_path / name).write_text(f"x,y\n{X},{Y}\n")
    words = [
        sys.executable,
        "-m",
        "qpv_data",
        "locate",
        "é à.csv",
        "./-.csv",
        *map(str, asked[1:]),
        "--compte",
        "--json",
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, '"code","nombre"\n"A",2\n')
    assert json.loads(done.stderr)["dedans"] == 2


def test_no_value_of_a_row_is_in_a_message(zones: Path, tmp_path: Path) -> None:
    secret = "Jeanne Secrète"
    files = {
        "a.csv": f"x,y,nom\n{X},{Y},{secret}\n{secret}\n",
        "b.csv": f"x,y,nom\n{X},{Y},{secret},{secret}\n",
        "c.csv": f'x,y,nom\n{X},{Y},"{secret}\n',
        "d.csv": f"x,y,nom\n{secret},{secret},{secret}\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content, "utf-8")
        for asked in (["-o", tmp_path / "o.parquet"], ["--compte", "--somme", "nom"]):
            done = locate(tmp_path / name, *XY, "--zones", zones, "--code", "code", *asked)
            assert "Secr" not in done.err
            assert "Secr" not in done.out
