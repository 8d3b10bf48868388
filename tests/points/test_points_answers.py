"""The answers are shapely's, in the zones' own CRS, whatever the batches, the threads and the order of rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from points_made import XY, X, Y, drawn, edge_points, holding, locate, square, written

from qpv_data.locator import Locator
from qpv_data.points import reading
from qpv_data.problems import FeedError

seeds = st.integers(0, 2**32 - 1)


def some_points(zones: Any, seed: int) -> tuple[Any, Any]:
    """Vertices, edges, one ulp and one millimetre beside them, anywhere around, and nowhere."""
    x, y = edge_points(zones, seed, [0.0, 1e-3, -1e-3], 30)
    xmin, ymin, xmax, ymax = shapely.total_bounds(zones)
    rng = np.random.default_rng(seed)
    around = rng.uniform((xmin - 500, ymin - 500), (xmax + 500, ymax + 500), (200, 2))
    beside = np.nextafter(x, -np.inf), np.nextafter(y, np.inf)
    odd = np.array([np.nan, np.inf, 0.0])
    return (
        np.concatenate([x, beside[0], around[:, 0], odd]),
        np.concatenate([y, beside[1], around[:, 1], odd]),
    )


@given(seed=seeds, size=st.sampled_from([5.0, 300.0, 40_000.0]), regle=st.sampled_from(["couvre", "contient"]))
@settings(max_examples=25, deadline=None)
def test_answers_are_those_of_shapely_and_the_smallest_code_wins(seed: int, size: float, regle: Any) -> None:
    zones = drawn(seed, X, Y, size)
    codes = [f"Z{n}" for n in np.random.default_rng(seed).permutation(len(zones))]
    locator = Locator.from_zones(codes, zones, "EPSG:2154", regle=regle)
    x, y = some_points(zones, seed)
    held = holding(zones, x, y, regle)
    expected = [sorted(codes[n] for n in one) for one in held]
    assert locator.xy(x, y, crs="EPSG:2154").code.tolist() == [one[0] if one else None for one in expected]
    rows, code = locator.pairs(x, y, crs="EPSG:2154")
    assert [(int(r), c) for r, c in zip(rows, code, strict=True)] == [
        (n, c) for n, one in enumerate(expected) for c in one
    ]


def test_a_point_on_the_edge_is_inside_unless_the_rule_says_otherwise(zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "p.parquet", x=[X, X + 1, X + 500, X + 1500], y=[Y, Y, Y + 500, Y + 700])
    ask = [tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code", "--tous", "-o", tmp_path / "o.parquet"]
    for regle, codes in (
        ("couvre", [["A"], ["A"], ["A", "B"], ["B"]]),
        ("contient", [[], [], ["A"], []]),
    ):
        assert locate(*ask, "--regle", regle, "-q").code == 0
        table = pq.read_table(tmp_path / "o.parquet")
        assert table["codes"].to_pylist() == codes
        assert table["code"].to_pylist() == [c[0] if c else None for c in codes]
        assert table["localisation"].to_pylist() == ["dedans" if c else "dehors" for c in codes]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, pa.Table]:
    """Zones that overlap, and 800 points around them with a key, a category and a value."""
    folder = tmp_path_factory.mktemp("many")
    zones = drawn(11, X, Y, 2000.0, 8)
    geopandas.GeoDataFrame({"code": list("HGFEDCBA")}, geometry=zones, crs=2154).to_parquet(folder / "zones.parquet")
    rng = np.random.default_rng(3)
    x, y = rng.normal(X, 3000, 800), rng.normal(Y, 3000, 800)
    x[::97], y[::89] = np.nan, 0.0
    table = pa.table(
        {"n": np.arange(800), "x": x, "y": y, "g": rng.choice(["a", "b", None], 800), "v": rng.normal(0, 1e6, 800)}
    )
    written(folder / "p.parquet", table=table, _row_group_size=800)
    return folder / "p.parquet", folder / "zones.parquet", table


@given(rows=st.integers(3, 900), threads=st.integers(1, 4), order=seeds, batch=st.sampled_from([64, 1000]))
@settings(max_examples=4, deadline=None, phases=[Phase.reuse, Phase.generate])
def test_batches_threads_and_the_order_of_rows_change_nothing(
    rows: int,
    threads: int,
    order: int,
    batch: int,
    many: tuple[Path, Path, pa.Table],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    points, zones, table = many
    folder = tmp_path_factory.mktemp("cut")
    ask = [*XY, "--zones", zones, "--code", "code", "-q"]
    count = ["--compte", "--par", "g", "--somme", "v", "-o"]
    if not (reference := points.with_name("o.parquet")).exists():
        assert locate(points, *ask, "--fils", 1, "-o", reference).code == 0
        assert locate(points, *ask, "--fils", 1, *count, points.with_name("c.parquet")).code == 0
    shuffled = table.take(np.random.default_rng(order).permutation(800))
    written(folder / "p.parquet", table=shuffled, _row_group_size=rows)
    with pytest.MonkeyPatch.context() as patch:
        if batch == 64:
            patch.setattr(reading, "_AT_ONCE", 0)
            patch.setattr(reading, "ROWS", batch)
        assert locate(folder / "p.parquet", *ask, "--fils", threads, "-o", folder / "o.parquet").code == 0
        assert locate(folder / "p.parquet", *ask, "--fils", threads, *count, folder / "c.parquet").code == 0
    found = pq.read_table(folder / "o.parquet")
    assert found["n"].to_pylist() == shuffled["n"].to_pylist()
    assert str(found.sort_by("n").to_pylist()) == str(pq.read_table(reference).to_pylist())
    assert pq.read_table(folder / "c.parquet").equals(pq.read_table(points.with_name("c.parquet")))


@given(seed=seeds, metres=st.sampled_from([1.0, 100.0, 500.0]))
@settings(max_examples=10, deadline=None)
def test_a_buffer_holds_the_points_that_near(
    seed: int, metres: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    zones = drawn(seed, X, Y, 400.0, 3)
    folder = tmp_path_factory.mktemp("tampon")
    geopandas.GeoDataFrame({"code": ["A", "B", "C"]}, geometry=zones, crs=2154).to_parquet(folder / "z.parquet")
    locator = Locator.from_file(folder / "z.parquet", "code", tampon_m=metres)
    rng = np.random.default_rng(seed)
    near = edge_points(zones, seed, [metres, -metres, 0.99 * metres, 1.01 * metres])
    x, y = (np.concatenate([v, rng.normal(o, 1500, 300)]) for v, o in zip(near, (X, Y), strict=True))
    inside = {(int(r), c) for r, c in zip(*locator.pairs(x, y, crs="EPSG:2154"), strict=True)}
    distance = np.array([shapely.distance(zone, shapely.points(x, y)) for zone in zones])
    for zone, code in enumerate("ABC"):
        for row in range(len(x)):
            if (row, code) in inside:
                assert distance[zone, row] <= metres * (1 + 1e-9) + 1e-6
            else:  # sides of a quarter turn's 64: nowhere short by more than 0.01 %
                assert distance[zone, row] >= metres * (1 - 1e-4)


@pytest.mark.parametrize("system", [4326, 3857, 2154])
def test_a_buffer_is_in_metres_on_the_ground_whatever_the_system_of_the_file(system: int, tmp_path: Path) -> None:
    # Web Mercator's metres are 1.5 times too long near Paris, and degrees are none.
    frame = geopandas.GeoDataFrame({"code": ["A"]}, geometry=[square(X, Y)], crs=2154).to_crs(system)
    frame.to_parquet(tmp_path / "z.parquet")
    locator = Locator.from_file(tmp_path / "z.parquet", "code", tampon_m=100)
    found = locator.xy([X - 99.5, X - 100.5], [Y + 500, Y + 500], crs="EPSG:2154")
    assert found.localisation.tolist() == ["dedans", "dehors"]


@pytest.mark.parametrize("system", [4326, 3857, 2263])
def test_zones_far_from_france_have_no_metres_to_widen_by(system: int, tmp_path: Path) -> None:
    """Degrees, Web Mercator's metres and feet are none."""
    shapes = geopandas.GeoSeries([shapely.box(-74, 40.6, -73.9, 40.7)], crs=4326).to_crs(system)
    geopandas.GeoDataFrame({"code": ["A"]}, geometry=shapes).to_parquet(tmp_path / "z.parquet")
    with pytest.raises(FeedError, match="hors de tout territoire français"):
        Locator.from_file(tmp_path / "z.parquet", "code", tampon_m=100)


def test_zones_far_from_france_are_widened_in_their_own_metres(tmp_path: Path) -> None:
    geopandas.GeoDataFrame({"code": ["A"]}, geometry=[square(583_000, 4_500_000)], crs=32618).to_parquet(
        tmp_path / "z.parquet"
    )
    wide = Locator.from_file(tmp_path / "z.parquet", "code", tampon_m=100)
    found = wide.xy([583_000 - 99.5, 583_000 - 100.5], [4_500_500, 4_500_500], crs="EPSG:32618")
    assert found.localisation.tolist() == ["dedans", "dehors"]


def test_several_zonings_in_one_pass_are_those_of_separate_passes(
    many: tuple[Path, Path, pa.Table], tmp_path: Path
) -> None:
    points, zones, _ = many
    ask = [points, *XY, "--zones", zones, "--code", "code", "--tous", "-q"]
    together = tmp_path / "o.parquet"
    assert locate(*ask, "--tampon", 100, "--tampon", 300.5, "-o", together).code == 0
    found = pq.read_table(together)
    added = ["zones", "zones_localisation", "zones_localisation_motif", "zones_codes"]
    assert found.column_names[5:9] == added
    assert found.column_names[9:13] == [a.replace("zones", "zones_100m", 1) for a in added]
    for nom, metres in (("zones", 0), ("zones_100m", 100), ("zones_300.5m", 300.5)):
        own = Locator.from_file(zones, "code", tampon_m=metres)
        alone = own.table(pq.read_table(points), x="x", y="y", crs="EPSG:2154")
        assert found[nom].to_pylist() == alone["code"].to_pylist()
        assert found[f"{nom}_localisation"].to_pylist() == alone["localisation"].to_pylist()
        assert found[f"{nom}_localisation_motif"].to_pylist() == alone["localisation_motif"].to_pylist()
        rows, codes = own.pairs(found["x"].to_numpy(), found["y"].to_numpy(), crs="EPSG:2154")
        every: list[list[str]] = [[] for _ in range(found.num_rows)]
        for row, code in zip(rows, codes, strict=True):
            every[row].append(code)
        assert found[f"{nom}_codes"].to_pylist() == every


def test_the_same_zoning_is_not_asked_twice(zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "p.parquet", x=[X], y=[Y])
    ask = [tmp_path / "p.parquet", *XY, "-o", tmp_path / "o.parquet"]
    assert locate(*ask, "--zones", zones, "--code", "code", "--tampon", 10, "--tampon", 10).code == 2
    assert locate(*ask, "--zonage", "qpv2024", "--zonage", "qpv2024").code == 2
