"""`Locator`: the same answers for numpy, Arrow and GeoDataFrames, and plain refusals of what is none of them."""

from __future__ import annotations

import math
import threading
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely
from points_made import X, Y, drawn, square

from qpv_data.locator import COLUMNS, Locator
from qpv_data.problems import FeedError

L93 = "EPSG:2154"
SQUARES = [square(X, Y), square(X + 500, Y + 500)]
AB = Locator.from_zones(["A", "B"], SQUARES, L93)
PX, PY = [X + 1, X + 600, X + 1400, X - 9, math.nan], [Y + 1, Y + 600, Y + 1400, Y, Y]
CODES = ["A", "A", "B", None, None]
STATES = ["dedans"] * 3 + ["dehors", "inconnu"]


@pytest.mark.parametrize(
    "kind",
    [list, tuple, np.array, lambda v: np.array(v, np.float64)[::-1][::-1], lambda v: pd.Series(v, index=range(5, 10))],
    ids=["list", "tuple", "array", "strided", "series"],
)
def test_coordinates_may_be_any_sequence_of_numbers(kind: Any) -> None:
    found = AB.xy(kind(PX), kind(PY), crs=L93)
    assert (found.code.tolist(), found.localisation.tolist()) == (CODES, STATES)
    assert found.motif.tolist() == [None] * 4 + ["coordonnees_absentes"]


def test_integers_single_floats_and_absent_numbers_are_coordinates() -> None:
    assert AB.xy(np.array([int(X)]), np.array([int(Y)], np.int32), crs=L93).code.tolist() == ["A"]
    assert AB.xy(np.array([X], np.float32), [Y], crs=L93).code.tolist() == ["A"]
    assert AB.xy([None], [Y], crs=L93).motif.tolist() == ["coordonnees_absentes"]
    assert AB.xy([], [], crs=L93).code.tolist() == []


@pytest.mark.parametrize(("x", "y"), [([1.0], [1.0, 2.0]), (np.zeros((2, 2)), np.zeros((2, 2))), ([], [1.0])])
def test_shapes_that_do_not_match_are_refused(x: Any, y: Any) -> None:
    with pytest.raises(ValueError, match="shapes"):
        AB.xy(x, y, crs=L93)


def test_the_arrays_received_are_not_written_to() -> None:
    x, y = np.array(PX), np.array(PY)
    before = x.copy(), y.copy()
    x.flags.writeable = y.flags.writeable = False
    for crs in (L93, "EPSG:4326", "EPSG:27572"):
        AB.xy(x, y, crs=crs)
        AB.pairs(x, y, crs=crs)
    assert np.array_equal(x, before[0], equal_nan=True)
    assert np.array_equal(y, before[1], equal_nan=True)


def test_an_arrow_table_keeps_its_chunks_columns_and_slices() -> None:
    table = pa.table({"n": range(5), "x": PX, "y": pa.array([str(v) for v in PY])}, metadata={"a": "b"})
    chunked = pa.concat_tables([table.slice(0, 2), table.slice(2, 0), table.slice(2)])
    for asked, start, stop in ((table, 0, 5), (chunked, 0, 5), (table.slice(1, 3), 1, 4), (chunked.slice(1, 3), 1, 4)):
        found = AB.table(asked, x="x", y="y", crs=L93)
        assert found.column_names == ["n", "x", "y", *COLUMNS]
        assert str(found.select(["n", "x", "y"]).to_pylist()) == str(asked.to_pylist())
        assert found["code"].to_pylist() == CODES[start:stop]
        assert found["localisation"].to_pylist() == STATES[start:stop]
        assert found.schema.metadata == {b"a": b"b"}
    for empty in (table.slice(0, 0), table.schema.empty_table()):
        assert AB.table(empty, x="x", y="y", crs=L93).schema.names == ["n", "x", "y", *COLUMNS]
    points = [None if math.isnan(x) else shapely.to_wkb(shapely.Point(x, y)) for x, y in zip(PX, PY, strict=True)]
    assert AB.table(pa.table({"g": points}).slice(1), geometrie="g", crs=L93)["code"].to_pylist() == CODES[1:]


def test_a_table_without_the_columns_named_is_refused_and_no_other_is_read() -> None:
    table = pa.table({"x": PX, "y": PY, "code": PX})
    with pytest.raises(FeedError, match="déjà des colonnes nommées code"):
        AB.table(table, x="x", y="y", crs=L93)
    table = table.drop_columns("code")
    with pytest.raises(FeedError, match="colonnes absentes : 'lon', 'lat'"):
        AB.table(table, x="lon", y="lat", crs=L93)
    with pytest.raises(FeedError, match="colonnes en double : 'x'"):
        AB.table(
            pa.Table.from_arrays([table["x"], table["y"], table["y"]], names=["x", "y", "x"]), x="x", y="y", crs=L93
        )
    for wrong in ({}, {"x": "x"}, {"y": "y"}, {"x": "x", "y": "y", "geometrie": "x"}):
        with pytest.raises(ValueError, match="x and y, or in geometrie"):
            AB.table(table, crs=L93, **wrong)


def test_a_geodataframe_keeps_its_index_and_answers_missing_and_empty_points() -> None:
    shapes = [*(shapely.Point(x, y) for x, y in zip(PX[:4], PY[:4], strict=True)), None, shapely.Point()]
    points = geopandas.GeoDataFrame({"n": range(6)}, index=[7, 7, 3, 1, 0, 9], geometry=shapes, crs=2154)
    for asked in (points, points.iloc[::-1], points.to_crs(4326), points.rename_geometry("lieu")):
        found = AB.frame(asked)
        assert found.index.equals(asked.index)
        assert list(found.columns) == [*asked.columns, *COLUMNS]
        by_n = found.sort_values("n")
        assert [None if v != v else v for v in by_n["code"].astype(object)] == [*CODES, None]
        assert by_n["localisation"].tolist() == [*STATES, "inconnu"]
        assert found.crs == asked.crs
    assert list(points.columns) == ["n", "geometry"]
    assert len(AB.frame(points.iloc[:0])) == 0


def test_a_geodataframe_that_cannot_be_answered_is_refused() -> None:
    point = geopandas.GeoDataFrame({"code": ["à moi"]}, geometry=[shapely.Point(X, Y)])
    with pytest.raises(ValueError, match="crs is not set"):
        AB.frame(point)
    with pytest.raises(ValueError, match=r"already has columns \['code'\]"):
        AB.frame(point.set_crs(2154))
    line = geopandas.GeoDataFrame(geometry=[shapely.LineString([(X, Y), (X + 1, Y)])], crs=2154)
    with pytest.raises(ValueError, match="only points"):
        AB.frame(line)


def test_zones_of_a_geodataframe_answer_as_those_of_a_file() -> None:
    frame = geopandas.GeoDataFrame({"code": [2, 10]}, geometry=SQUARES, crs=2154)
    for asked in (frame, frame.to_crs(4326), frame.to_crs("EPSG:3857")):
        found = Locator.from_frame(asked, "code").xy(PX, PY, crs=L93)
        # Codes are texts: "10" comes before "2".
        assert found.code.tolist() == ["2", "10", "10", None, None]
    with pytest.raises(ValueError, match="crs is not set"):
        Locator.from_frame(geopandas.GeoDataFrame({"code": [1, 2]}, geometry=SQUARES), "code")
    for absent in ([1.0, None], ["a", None], pd.array([1, None], "Int64"), ["a", " "]):
        with pytest.raises(ValueError, match="1 zones have no code"):
            Locator.from_frame(frame.assign(code=absent), "code")
    whole = Locator.from_frame(frame.assign(code=[1.0, 2.5]), "code")
    assert whole.zoning.codes == ("1", "2.5")


BOW = shapely.Polygon([(X, Y), (X + 9, Y + 9), (X + 9, Y), (X, Y + 9)])


@pytest.mark.parametrize(
    ("codes", "shapes", "words"),
    [
        (["a"], SQUARES, "1 codes for 2 geometries"),
        (["a", "b", "c"], SQUARES, "3 codes for 2 geometries"),
        (["a", "a"], SQUARES, "a code is met twice"),
        (["a", "b"], [SQUARES[0], None], r"no polygons: \['b'\]"),
        (["a", "b"], [SQUARES[0], shapely.Polygon()], r"no polygons: \['b'\]"),
        (["a", "b"], [SQUARES[0], shapely.Point(X, Y)], r"no polygons: \['b'\]"),
        (["a", "b"], [SQUARES[0], BOW], r"not valid: make them so: \['b'\]"),
        (["a"], [square(2e9, 0)], "cannot be indexed"),
    ],
)
def test_zones_that_no_answer_can_be_proven_for_are_refused(codes: list[str], shapes: list[Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Locator.from_zones(codes, shapes, L93)


def test_a_rule_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="regle is one of"):
        Locator.from_zones(["a"], SQUARES[:1], L93, regle="touche")  # type: ignore[arg-type]


def test_a_repaired_zoning_says_so(tmp_path: Any) -> None:
    frame = geopandas.GeoDataFrame({"code": ["a", "b"]}, geometry=[SQUARES[0], BOW], crs=2154)
    frame.to_file(tmp_path / "z.gpkg")
    zoning = Locator.from_file(tmp_path / "z.gpkg", "code").zoning
    assert (zoning.codes, zoning.reparees) == (("a", "b"), ("b",))


def test_eight_threads_share_a_locator() -> None:
    zones = drawn(8, X, Y, 2000.0, 12)
    locator = Locator.from_zones([f"Z{n:02d}" for n in range(12)], zones, L93)
    rng = np.random.default_rng(0)
    lots = [(rng.normal(X, 3000, 4000), rng.normal(Y, 3000, 4000)) for _ in range(8)]
    # On the edges, so that GEOS is asked from every thread.
    xy = shapely.get_coordinates(zones)
    lots = [(np.concatenate([x, xy[:, 0]]), np.concatenate([y, xy[:, 1]])) for x, y in lots]
    systems = [L93, "EPSG:4326", "EPSG:27572", "EPSG:3857"] * 2
    expected = [Locator(locator.zoning).xy(*lot, crs=crs).code.tolist() for lot, crs in zip(lots, systems, strict=True)]
    fresh = Locator.from_zones([f"Z{n:02d}" for n in range(12)], zones, L93)
    found: list[list[list[object]]] = [[] for _ in range(8)]
    start = threading.Barrier(8)

    def work(n: int) -> None:
        start.wait()
        for _ in range(3):
            found[n].append(fresh.xy(*lots[n], crs=systems[n]).code.tolist())

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[e] * 3 for e in expected]
