"""Zonings by their name, out of the folder of a run: answered as drawn, in force or not, and remembered."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from points_made import balance, refused, written
from pyproj import Transformer

from qpv_data.locator import Locator
from qpv_data.zonages.crs import reproject
from qpv_data.zonages.tables import members_table

LONLAT = ("--x", "x", "--y", "y", "--crs", "EPSG:4326")
# Quarters drawn in degrees: two in Paris that overlap, one in La Réunion.
QUARTERS = {
    "QN07501M": shapely.Polygon([(2.30, 48.85), (2.36, 48.853), (2.33, 48.90)]),
    "QN07502N": shapely.Polygon([(2.32, 48.84), (2.40, 48.86), (2.35, 48.91)]),
    "QN97401M": shapely.box(55.45, -20.90, 55.50, -20.87),
}
PLACE = {"QN07501M": 2154, "QN07502N": 2154, "QN97401M": 2975}


def composed(folder: Path, quarters: dict[str, Any] = QUARTERS) -> Path:
    """What a run writes of its zonings, with the columns that locating reads."""
    folder.mkdir(parents=True)
    codes = list(quarters)
    drawn = np.array(list(quarters.values()), dtype=object)
    projected = [reproject(drawn[i : i + 1], "EPSG:4326", f"EPSG:{PLACE[c]}")[0] for i, c in enumerate(codes)]
    n = len(codes)
    zones = {
        "zonage": ["qpv2024"] * n + ["contrat"],
        "famille": ["qpv"] * n + ["contrat"],
        "territoire": [*("la_reunion" if PLACE[c] == 2975 else "hexagone" for c in codes), None],
        "epsg": [*(PLACE[c] for c in codes), None],
        "code_zone": [*codes, "CV1"],
        "statut": ["normale"] * n + ["sans_contour"],
        "geometrie": [*(shapely.to_wkb(g) for g in projected), None],
    }
    pq.write_table(pa.table(zones), folder / "zones.parquet")
    natives = {"zonage": ["qpv2024"] * n, "epsg_natif": [4326] * n, "code_zone": codes}
    natives["geometrie"] = [shapely.to_wkb(g) for g in drawn]
    pq.write_table(pa.table(natives), folder / "zones_natives.parquet")
    in_force = {"zonage": ["qpv2024", "qpv2024", "contrat"], "territoire": ["hexagone", "la_reunion", "hexagone"]}
    pq.write_table(pa.table(in_force), folder / "en_vigueur.parquet")
    pq.write_table(members_table([]), folder / "zones_communes.parquet")
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return composed(tmp_path / "out" / "zonages").parent


@pytest.fixture
def points(tmp_path: Path) -> Path:
    # In both, in Paris only, outside, in La Réunion, in Guadeloupe (not in force), in Madrid, nowhere.
    x = [2.34, 2.305, 2.0, 55.47, -61.5, -3.7, None]
    y = [48.87, 48.852, 48.0, -20.88, 16.2, 40.4, 48.0]
    written(tmp_path / "p.parquet", x=x, y=y)
    return tmp_path / "p.parquet"


def test_a_zoning_is_outside_only_where_it_is_in_force(run: Path, points: Path, tmp_path: Path) -> None:
    ask = [points, *LONLAT, "--zonage", "qpv2024", "--tous", "-o", tmp_path / "o.parquet"]
    for folder in (run, run / "zonages", run):
        said = balance(*ask, "--zonages", folder)
        assert (said["zonage"], said["zones"], said["dedans"], said["dehors"]) == ("qpv2024", 3, 3, 1)
        assert said["motifs"] == {"coordonnees_absentes": 1, "hors_couverture": 1, "hors_territoire": 1}
        table = pq.read_table(tmp_path / "o.parquet")
        assert table["codes"].to_pylist()[:4] == [["QN07501M", "QN07502N"], ["QN07501M"], [], ["QN97401M"]]
        assert table["code"].to_pylist()[0] == "QN07501M"


def test_points_received_as_the_zones_were_drawn_are_answered_as_drawn(run: Path) -> None:
    """On a straight edge in degrees; the same edge is a little elsewhere in metres, where every other point is asked."""
    locator = Locator.from_run(run, "qpv2024")
    (ax, ay), (bx, by) = (2.30, 48.85), (2.36, 48.853)
    t = np.linspace(0.05, 0.95, 60)
    off = np.array([[1e-9], [-1e-9], [1e-7], [-1e-7]])
    x, y = (ax + t * (bx - ax) + 0 * off).ravel(), (ay + t * (by - ay) + off).ravel()
    for _ in range(2):
        held = [shapely.covers(QUARTERS["QN07501M"], p) for p in shapely.points(x, y)]
        found = locator.xy(x, y, crs="EPSG:4326").code
        assert [c == "QN07501M" for c in found] == held
        mx, my = Transformer.from_crs(4326, 2154, always_xy=True).transform(x, y)
        local = reproject(np.array([QUARTERS["QN07501M"]]), "EPSG:4326", "EPSG:2154")[0]
        held = [shapely.covers(local, p) for p in shapely.points(mx, my)]
        assert [c == "QN07501M" for c in locator.xy(mx, my, crs="EPSG:2154").code] == held
        # Web Mercator is nobody's: asked in metres.
        wx, wy = Transformer.from_crs(4326, 3857, always_xy=True).transform(x, y)
        mx, my = Transformer.from_crs(3857, 2154, always_xy=True).transform(wx, wy)
        held = [shapely.covers(local, p) for p in shapely.points(mx, my)]
        assert [c == "QN07501M" for c in locator.xy(wx, wy, crs="EPSG:3857").code] == held
        locator = Locator.from_run(run, "qpv2024")  # the second time, out of the cache


def test_a_buffer_of_a_known_zoning_is_in_metres(run: Path, points: Path, tmp_path: Path) -> None:
    ask = [points, *LONLAT, "--zonage", "qpv2024", "--zonages", run, "--tampon", 100, "-o", tmp_path / "o.parquet"]
    first = balance(*ask)
    assert [one["zonage"] for one in first] == ["qpv2024", "qpv2024_100m"]
    assert balance(*ask) == first
    for code, epsg in PLACE.items():
        local = reproject(np.array([QUARTERS[code]]), "EPSG:4326", f"EPSG:{epsg}")[0]
        xmin, ymin, _, ymax = local.bounds
        west = shapely.shortest_line(shapely.Point(xmin - 5000, (ymin + ymax) / 2), local)
        (tx, ty), (px, py) = west.coords[1], west.coords[0]
        far = np.hypot(px - tx, py - ty)
        x, y = ([t + (p - t) * d / far for d in (99.5, 100.5)] for t, p in ((tx, px), (ty, py)))
        found = Locator.from_run(run, "qpv2024", tampon_m=100).pairs(x, y, crs=f"EPSG:{epsg}")
        assert (0, code) in set(zip(found[0].tolist(), found[1], strict=True))
        assert (1, code) not in set(zip(found[0].tolist(), found[1], strict=True))


def test_another_run_in_the_same_folder_is_another_zoning(run: Path, points: Path, tmp_path: Path) -> None:
    ask = [points, *LONLAT, "--zonage", "qpv2024", "--zonages", run, "-o", tmp_path / "o.parquet"]
    assert balance(*ask)["dedans"] == 3
    shutil.rmtree(run / "zonages")
    composed(run / "zonages", {"QN97401M": QUARTERS["QN97401M"]})
    said = balance(*ask)
    assert (said["zones"], said["dedans"]) == (1, 1)


@pytest.mark.parametrize("spoil", [b"", b"{}", b"pas du json", b'{"parts": []}', b"[1]"])
def test_a_memory_that_nobody_can_read_is_made_again(
    spoil: bytes, run: Path, points: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QPV_DATA_CACHE", str(tmp_path / "cache"))
    ask = [points, *LONLAT, "--zonage", "qpv2024", "--zonages", run, "-o", tmp_path / "o.parquet"]
    first = balance(*ask)
    (memory,) = (tmp_path / "cache").glob("zonage-*.json")
    memory.write_bytes(spoil)
    assert balance(*ask) == first
    for path in (tmp_path / "cache").glob("grille-*.arrow"):
        path.unlink()
    assert balance(*ask) == first


def test_a_zoning_that_the_run_has_not_or_without_contours_is_refused(run: Path, points: Path, tmp_path: Path) -> None:
    out = ["-o", tmp_path / "o.parquet", "--zonages", run]
    for name in ("qpv2015", "contrat", "../qpv2024"):
        said = refused(points, *LONLAT, "--zonage", name, *out)
        assert f"{name}: referentiel_absent: pas de zonage {name} avec des contours ; il y a : qpv2024" in said
    for name, words in (("zones.parquet", "illisibles"), ("zones_natives.parquet", "illisibles")):
        whole = (run / "zonages" / name).read_bytes()
        (run / "zonages" / name).write_bytes(b"PAR1")
        assert words in refused(points, *LONLAT, "--zonage", "qpv2024", *out)
        (run / "zonages" / name).write_bytes(whole)
    (run / "zonages" / "en_vigueur.parquet").unlink()
    assert "ne contient pas de zonages composés" in refused(points, *LONLAT, "--zonage", "qpv2024", *out)
