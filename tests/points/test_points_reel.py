"""The facts of the real public data, through the command itself."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely
from points_made import balance, locate, read, written

from qpv_data.locator import Locator

pytestmark = pytest.mark.reel
LONLAT = ("--x", "x", "--y", "y", "--crs", "EPSG:4326")


@pytest.fixture(scope="module")
def qpv(donnees_reelles: Path) -> dict[str, list[object]]:
    """How each generation is asked for."""
    old, new = donnees_reelles / "qpv2015/QP_METROPOLE_LB93.shp", donnees_reelles / "qpv2024/qpv2024_simplified.geojson"
    return {"2015": ["--zones", old, "--code", "CODE_QP"], "2024": ["--zones", new, "--code", "code_qp"]}


def stops(folder: Path) -> list[tuple[float, float]]:
    found = json.loads((folder / "toulouse/arret_physique.json").read_text("utf-8"))
    return [(s["geo_point_2d"]["lon"], s["geo_point_2d"]["lat"]) for s in found]


def stations(folder: Path) -> list[tuple[float, float]]:
    found = json.loads((folder / "toulouse/velotoulouse_jcdecaux_2016-05-22.json").read_text("utf-8"))
    return [(s["position"]["lng"], s["position"]["lat"]) for s in found]


FACTS = [
    (stops, "2024", 4098, 152),
    (stops, "2015", 4098, 129),
    (stations, "2024", 280, 15),
    (stations, "2015", 280, 18),
]


@pytest.mark.parametrize(("places", "generation", "read_rows", "inside"), FACTS)
def test_stops_and_stations_are_in_the_quarters_that_the_facts_say(
    places: Any, generation: str, read_rows: int, inside: int, qpv: Any, donnees_reelles: Path, tmp_path: Path
) -> None:
    xy = places(donnees_reelles)
    written(tmp_path / "p.parquet", x=[p[0] for p in xy], y=[p[1] for p in xy])
    (tmp_path / "p.csv").write_text("x;y\n" + "".join(f"{x};{y}\n" for x, y in xy))
    geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(*zip(*xy, strict=True)), crs=4326).to_crs(2154).to_parquet(
        tmp_path / "l93.parquet"
    )
    for asked in ([tmp_path / "p.parquet", *LONLAT], [tmp_path / "p.csv", *LONLAT], [tmp_path / "l93.parquet"]):
        said = balance(*asked, *qpv[generation], "-o", tmp_path / "o.parquet")
        assert (said["lus"], said["dedans"], said["inconnu"]) == (read_rows, inside, 0)
        assert sum(r["code"] is not None for r in read(tmp_path / "o.parquet")) == inside


def test_sales_are_in_the_quarter_that_their_producer_says(qpv: Any, donnees_reelles: Path, tmp_path: Path) -> None:
    sales = donnees_reelles / "toulouse/dvf_2016_2020_qpv_31.csv"
    ask = [sales, "--x", "longitude", "--y", "latitude", "--crs", "EPSG:4326", *qpv["2015"]]
    said = balance(*ask, "-o", tmp_path / "o.parquet")
    assert (said["lus"], said["dedans"], said["dehors"], said["inconnu"]) == (3178, 3177, 1, 0)
    rows = read(tmp_path / "o.parquet")
    assert {(r["code"] is None or r["code"] == r["code_qp"]) for r in rows} == {True}
    # The other is within 2.2 m outside.
    frame = geopandas.read_file(qpv["2015"][1])
    frame[frame["CODE_QP"].str.startswith("QP031")].to_parquet(tmp_path / "z.parquet")
    near = [*ask[:-4], "--zones", tmp_path / "z.parquet", "--code", "CODE_QP", "--tampon", 2.2, "--compte"]
    assert [one["dedans"] for one in balance(*near, "-o", tmp_path / "c.parquet")] == [3177, 3178]
    assert locate(*ask, "--compte", "--par", "code_qp", "-q", "-o", tmp_path / "c.parquet").code == 0
    counted = {r["code"]: r["nombre"] for r in read(tmp_path / "c.parquet")}
    assert counted == Counter(r["code"] for r in rows if r["code"] is not None)


def test_every_quarter_of_every_territory_holds_a_point_of_its_own(qpv: Any, donnees_reelles: Path) -> None:
    locator = Locator.from_file(*(str(v) for v in (qpv["2024"][1],)), code="code_qp")
    frame = geopandas.read_file(qpv["2024"][1])
    sound = shapely.make_valid(np.asarray(frame.geometry.values), method="structure")
    area = shapely.area(sound) > 0
    points = shapely.point_on_surface(sound[area])
    found = locator.xy(shapely.get_x(points), shapely.get_y(points), crs="EPSG:4326")
    assert set(found.localisation) == {"dedans"}
    rows, codes = locator.pairs(shapely.get_x(points), shapely.get_y(points), crs="EPSG:4326")
    assert {(n, c) for n, c in enumerate(frame["code_qp"][area])} <= set(zip(rows.tolist(), codes, strict=True))
    assert (len(locator.zoning.codes), len(locator.zoning.sans_aire)) == (1606, 3)
    assert len(locator.zoning.reparees) == 85


def test_real_contours_answer_as_shapely_on_and_beside_their_edges(qpv: Any, donnees_reelles: Path) -> None:
    frame = geopandas.read_file(qpv["2015"][1])
    sound = shapely.make_valid(np.asarray(frame.geometry.values), method="structure")
    locator = Locator.from_file(str(qpv["2015"][1]), code="CODE_QP")
    rng = np.random.default_rng(2)
    xy = rng.choice(shapely.get_coordinates(sound), 20_000)
    xy = np.concatenate([xy, xy + rng.normal(0, 1, xy.shape), xy + rng.normal(0, 1e-3, xy.shape)])
    points = shapely.points(xy)
    zone, point = shapely.STRtree(points).query(sound, predicate="covers")
    codes = frame["CODE_QP"].to_numpy()[zone]
    rows, found = locator.pairs(xy[:, 0], xy[:, 1], crs="EPSG:2154")
    assert set(zip(rows.tolist(), found, strict=True)) == set(zip(point.tolist(), codes, strict=True))
    # The same from degrees, asked as if every point had been moved.
    lonlat = geopandas.GeoSeries(points[:5000], crs=2154).to_crs(4326)
    back = lonlat.to_crs(2154)
    lon, lat = lonlat.x.to_numpy(), lonlat.y.to_numpy()
    moved = locator.xy(back.x.to_numpy(), back.y.to_numpy(), crs="EPSG:2154").code.tolist()
    assert locator.xy(lon, lat, crs="EPSG:4326").code.tolist() == moved


def test_a_count_of_both_generations_in_one_run(qpv: Any, donnees_reelles: Path, tmp_path: Path) -> None:
    xy = stops(donnees_reelles)
    written(tmp_path / "p.parquet", x=[p[0] for p in xy], y=[p[1] for p in xy])
    counts = {}
    for generation, zones in qpv.items():
        out = tmp_path / f"{generation}.parquet"
        assert locate(tmp_path / "p.parquet", *LONLAT, *zones, "--compte", "-o", out, "-q").code == 0
        counts[generation] = {r["code"]: r["nombre"] for r in pq.read_table(out).to_pylist()}
    assert (sum(counts["2015"].values()), sum(counts["2024"].values())) == (129, 152)
    assert all(c.startswith("QP") for c in counts["2015"])
    assert all(c.startswith("QN") for c in counts["2024"])
