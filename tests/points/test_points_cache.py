"""Indexes kept on disk: the second run answers as the first, and nothing kept is ever another file's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely
from points_made import XY, X, Y, locate, square, written

from qpv_data.grid import store
from qpv_data.points import opening


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder that is empty."""
    monkeypatch.setenv("QPV_DATA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def points(tmp_path: Path) -> Path:
    written(tmp_path / "p.parquet", x=[X + 1, X + 1400, X - 9], y=[Y + 1, Y + 1400, Y])
    return tmp_path / "p.parquet"


def frame(*codes: str, crs: int = 2154) -> geopandas.GeoDataFrame:
    shapes = [square(X + 500 * n, Y + 500 * n) for n in range(len(codes))]
    return geopandas.GeoDataFrame({"code": list(codes)}, geometry=shapes, crs=2154).to_crs(crs)


def counted(points: Path, zones: Path, *options: object) -> str:
    done = locate(points, *XY, "--zones", zones, "--code", "code", "--compte", "-q", *options)
    assert done.code == 0, done.err
    return done.out


AB = '"code","nombre"\n"A",1\n"B",1\n'


@pytest.mark.parametrize("crs", [2154, 4326])
def test_the_second_run_reads_no_zones_and_answers_the_same(
    crs: int, kept: Path, points: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame("A", "B", crs=crs).to_parquet(tmp_path / "z.parquet")
    assert counted(points, tmp_path / "z.parquet") == AB
    assert len(list(kept.glob("grille-*.arrow"))) == (1 if crs == 2154 else 2)

    def never(*_: Any) -> None:
        raise AssertionError("an index was made again")

    monkeypatch.setattr(opening, "_indexed", never)
    monkeypatch.setattr("qpv_data.points.zoning.front_of", never)
    assert counted(points, tmp_path / "z.parquet") == AB
    # The same bytes under another name are the same zones.
    (tmp_path / "autre nom.parquet").write_bytes((tmp_path / "z.parquet").read_bytes())
    assert counted(points, tmp_path / "autre nom.parquet") == AB


def test_another_file_of_the_same_name_is_another_zoning(kept: Path, points: Path, tmp_path: Path) -> None:
    frame("A", "B").to_parquet(tmp_path / "z.parquet")
    assert counted(points, tmp_path / "z.parquet") == AB
    frame("C", "D").to_parquet(tmp_path / "z.parquet")
    assert counted(points, tmp_path / "z.parquet") == AB.replace("A", "C").replace("B", "D")
    shutter = frame("A", "B").assign(autre=["U", "V"])
    shutter.to_parquet(tmp_path / "z.parquet")
    done = locate(points, *XY, "--zones", tmp_path / "z.parquet", "--code", "autre", "--compte", "-q")
    assert done.out == AB.replace("A", "U").replace("B", "V")


def test_buffers_of_other_widths_are_other_zonings(kept: Path, points: Path, tmp_path: Path) -> None:
    frame("A", "B").to_parquet(tmp_path / "z.parquet")
    ask = [points, tmp_path / "z.parquet", "--tampon"]
    narrow, wide = counted(*ask, 5), counted(*ask, 20)
    assert '"z_5m","A",1' in narrow
    assert '"z_20m","A",2' in wide
    assert (counted(*ask, 5), counted(*ask, 20)) == (narrow, wide)


SIBLINGS = {"shp": [".dbf", ".shx", ".prj", ".cpg"], "mif": [".mid"]}


@pytest.mark.parametrize("kind", SIBLINGS)
def test_the_siblings_of_a_file_of_several_parts_count(kind: str, kept: Path, points: Path, tmp_path: Path) -> None:
    driver = {"shp": "ESRI Shapefile", "mif": "MapInfo File"}[kind]
    frame("A", "B").to_file(tmp_path / f"z.{kind}", driver=driver)
    frame("C", "D").to_file(tmp_path / f"autre.{kind}", driver=driver)
    crs = ["--zones-crs", "EPSG:2154"]
    assert counted(points, tmp_path / f"z.{kind}", *crs) == AB
    # Only the attributes change: the geometry's file is the same, byte for byte.
    sibling = {"shp": ".dbf", "mif": ".mid"}[kind]
    (tmp_path / f"z{sibling}").write_bytes((tmp_path / f"autre{sibling}").read_bytes())
    assert counted(points, tmp_path / f"z.{kind}", *crs) == AB.replace("A", "C").replace("B", "D")


@pytest.mark.parametrize("spoil", ["empty", "half", "noise", "zeros inside"])
def test_a_spoilt_index_is_made_again(spoil: str, kept: Path, points: Path, tmp_path: Path) -> None:
    frame("A", "B", crs=4326).to_parquet(tmp_path / "z.parquet")
    assert counted(points, tmp_path / "z.parquet") == AB
    for path in kept.glob("grille-*.arrow"):
        whole = path.read_bytes()
        spoilt = {
            "empty": b"",
            "half": whole[: len(whole) // 2],
            "noise": b"\xa5" * len(whole),
            "zeros inside": whole[:200] + b"\0" * 400 + whole[600:],
        }[spoil]
        path.unlink()
        path.write_bytes(spoilt)
    assert counted(points, tmp_path / "z.parquet") == AB
    assert all(store.load_index(p) for p in kept.glob("grille-*.arrow"))


def test_a_cache_that_cannot_be_written_costs_no_answer(
    points: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame("A", "B", crs=4326).to_parquet(tmp_path / "z.parquet")
    (tmp_path / "fichier").write_text("")
    monkeypatch.setenv("QPV_DATA_CACHE", str(tmp_path / "fichier"))
    assert counted(points, tmp_path / "z.parquet") == AB
    monkeypatch.setenv("QPV_DATA_CACHE", "/proc/nulle/part")
    assert counted(points, tmp_path / "z.parquet") == AB


def test_several_processes_at_once_all_answer(kept: Path, points: Path, tmp_path: Path) -> None:
    frame("A", "B", crs=4326).to_parquet(tmp_path / "z.parquet")
    command = [sys.executable, "-m", "qpv_data", "locate", points, *XY, "--zones", tmp_path / "z.parquet"]
    command += ["--code", "code", "--compte", "-q", "--fils", 1]
    words = [str(c) for c in command]
    every = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) for _ in range(2)]
    assert [p.communicate(timeout=60)[0] for p in every] == [AB] * 2
    assert not [p for p in kept.iterdir() if p.suffix != ".arrow"]


def test_points_of_another_system_have_a_front_of_their_own(kept: Path, tmp_path: Path) -> None:
    frame("A", "B").to_parquet(tmp_path / "z.parquet")
    for crs in (4326, 3857, 4258):
        shapes = geopandas.GeoSeries([shapely.Point(X + 1, Y + 1), shapely.Point(X + 1400, Y + 1400)], crs=2154)
        geopandas.GeoDataFrame(geometry=shapes.to_crs(crs)).to_parquet(tmp_path / "q.parquet")
        for _ in range(2):
            done = locate(tmp_path / "q.parquet", "--zones", tmp_path / "z.parquet", "--code", "code", "--compte", "-q")
            assert done.out == AB
    assert len(list(kept.glob("grille-*.arrow"))) == 4
