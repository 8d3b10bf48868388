"""From coordinates to places, and every reason why there is none."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from feeds import clause, column
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from qpv_data.places import Places, points_of
from qpv_data.problems import MotifInconnu
from qpv_data.zonages.territories import load_territories

TERRITORIES = load_territories()
PARIS = {"EPSG:4326": (2.35, 48.85), "EPSG:2154": (652_308.0, 6_861_681.0)}


def located(rows: list[dict[str, Any]], **place: Any) -> Places:
    """Places of rows of x, y and maybe epsg, qualite, illisible."""
    columns = [column("a"), column("x", "nombre"), column("y", "nombre"), column("epsg"), column("qualite")]
    said = {"mode": "point", "x": "x", "y": "y", **(place or {"colonne_epsg": "epsg"})}
    feed = clause(columns, localisation=said)
    table = pa.table(
        {
            "x": pa.array([r.get("x") for r in rows], pa.float64()),
            "y": pa.array([r.get("y") for r in rows], pa.float64()),
            "epsg": pa.array([r.get("epsg") for r in rows], pa.string()),
            "qualite": pa.array([r.get("qualite") for r in rows], pa.string()),
            "_place_illisible": pa.array([r.get("illisible", False) for r in rows], pa.bool_()),
        }
    )
    return points_of(feed, table)


def reason(**row: Any) -> str | None:
    motive: str | None = located([row]).motifs[0]
    return motive


@pytest.mark.parametrize("territory", TERRITORIES, ids=lambda t: t.id)
def test_a_point_of_each_territory_keeps_its_place_through_its_own_crs(territory: Any) -> None:
    points = [
        (ouest + (est - ouest) * u, sud + (nord - sud) * v)
        for ouest, sud, est, nord in territory.emprises
        for u in (0.25, 0.5, 0.75)
        for v in (0.25, 0.5, 0.75)
    ]
    lon, lat = np.array(points).T
    x, y = Transformer.from_crs(4326, territory.epsg, always_xy=True).transform(lon, lat)
    metric = [{"x": a, "y": b, "epsg": str(territory.epsg)} for a, b in zip(x, y, strict=True)]
    degrees = [{"x": a, "y": b, "epsg": "EPSG:4326"} for a, b in points]
    places = located(metric + degrees)
    assert set(places.motifs) == {None}
    assert {places.territoires[i].id for i in places.territoire} == {territory.id}
    n = len(points)
    assert np.allclose(places.x[:n], x, atol=0.01)
    assert np.array_equal(places.x[:n], x), "the same CRS moves nothing"
    assert np.allclose(places.x[:n], places.x[n:], atol=0.01)
    assert np.allclose(places.y[:n], places.y[n:], atol=0.01)


def test_rows_of_several_crs_land_where_each_would_alone() -> None:
    rows = [
        {"x": x, "y": y, "epsg": code}
        for code, (x, y) in [("2154", PARIS["EPSG:2154"]), ("4326", PARIS["EPSG:4326"]), ("4171", PARIS["EPSG:4326"])]
    ]
    rows += [{"x": 55.45, "y": -20.88, "epsg": "4326"}, {"x": 652_308.0, "y": 6_861_681.0, "epsg": "nimporte"}]
    for order in (rows, rows[::-1]):
        together = located(order)
        for i, row in enumerate(order):
            alone = located([row])
            assert together.motifs[i] == alone.motifs[0]
            assert together.territoire[i] == alone.territoire[0]
            assert np.array_equal(together.x[[i]], alone.x, equal_nan=True)
            assert np.array_equal(together.y[[i]], alone.y, equal_nan=True)


@pytest.mark.parametrize("text", ["2154", "EPSG:2154", "epsg:2154", " 2154 ", "EPSG: 2154", "2154.0"])
def test_an_epsg_is_read_however_it_is_written(text: str) -> None:
    x, y = PARIS["EPSG:2154"]
    assert reason(x=x, y=y, epsg=text) is None


@pytest.mark.parametrize(
    "text", ["", "L93", "Lambert 93", "9999", "999999", "215", "-2154", "2154;4326", "2.154e3", "٢١٥٤", "0", "5720",
             "4978", "EPSG:", "2154.5"],
)  # fmt: skip
def test_what_is_no_crs_on_the_ground_is_an_unknown_epsg(text: str) -> None:
    assert reason(x=652_308.0, y=6_861_681.0, epsg=text) == MotifInconnu.EPSG_INCONNU.value


def test_each_reason_has_its_name_and_the_first_wins() -> None:
    x, y = PARIS["EPSG:2154"]
    assert reason(x=x, y=y, epsg=None) == "epsg_absent"
    assert reason(x=None, y=y, epsg="2154") == "coordonnees_absentes"
    assert reason(x=x, y=None, epsg=None) == "coordonnees_absentes"
    assert reason(x=None, y=y, epsg="2154", illisible=True) == "coordonnees_illisibles"
    assert reason(x=0.0, y=0.0, epsg="2154") == "coordonnees_nulles"
    assert reason(x=0.0, y=-0.0, epsg=None) == "coordonnees_nulles"
    assert reason(x=y, y=x, epsg="2154") == "axes_inverses"
    assert reason(x=48.85, y=2.35, epsg="4326") == "axes_inverses"
    assert reason(x=13.4, y=52.5, epsg="4326") == "hors_territoire"
    assert reason(x=2.35, y=48.85, epsg="2154") == "hors_territoire", "degrees under a metric CRS"


@pytest.mark.parametrize("bad", [math.inf, -math.inf, 1e308, 1e30, -1e300])
@pytest.mark.parametrize("epsg", ["4326", "2154", "2975"])
def test_numbers_that_are_nowhere_are_outside_and_never_a_crash(bad: float, epsg: str) -> None:
    assert reason(x=bad, y=48.0, epsg=epsg) == "hors_territoire"
    assert reason(x=2.0, y=bad, epsg=epsg) == "hors_territoire"


def test_a_number_that_is_not_one_is_absent() -> None:
    assert reason(x=math.nan, y=48.0, epsg="4326") == "coordonnees_absentes"


def test_a_poor_position_is_unknown_but_a_broken_one_keeps_its_own_reason() -> None:
    said = {"crs": "EPSG:4326", "qualite": {"colonne": "qualite", "inconnu": ["33"]}}
    rows = [
        {"x": 2.35, "y": 48.85, "qualite": "11"},
        {"x": 2.35, "y": 48.85, "qualite": "33"},
        {"x": 2.35, "y": 48.85, "qualite": None},
        {"x": 0.0, "y": 0.0, "qualite": "33"},
    ]
    places = located(rows, **said)
    assert list(places.motifs) == [None, "qualite_insuffisante", None, "coordonnees_nulles"]
    assert list(places.territoire >= 0) == [True, False, True, False]


def test_no_row_is_no_place() -> None:
    assert len(located([]).motifs) == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.none() | st.floats(),
            st.none() | st.floats(),
            st.sampled_from([None, "2154", "4326", "3946", "27572", "5490", "2975", "3163", "3857", "x", "32631"]),
        ),
        max_size=30,
    )
)
def test_a_row_has_a_place_or_a_reason_and_never_both(
    rows: list[tuple[float | None, float | None, str | None]],
) -> None:
    places = located([{"x": x, "y": y, "epsg": e} for x, y, e in rows])
    for i in range(len(rows)):
        known = places.motifs[i] is None
        assert known == (places.territoire[i] >= 0) == math.isfinite(places.x[i]) == math.isfinite(places.y[i])
        if not known:
            assert places.motifs[i] in list(MotifInconnu)


def test_swapped_axes_are_exchanged_only_when_the_clause_says_so() -> None:
    lon, lat = PARIS["EPSG:4326"]
    rows = [
        {"x": lat, "y": lon, "epsg": "4326"},
        {"x": lon, "y": lat, "epsg": "4326"},
        {"x": -30.0, "y": 40.0, "epsg": "4326"},
    ]
    told = located(rows)
    assert list(told.motifs) == [MotifInconnu.AXES_INVERSES, None, MotifInconnu.HORS_TERRITOIRE]
    corrected = located(rows, colonne_epsg="epsg", axes="corriger")
    assert list(corrected.motifs) == [None, None, MotifInconnu.HORS_TERRITOIRE]
    assert corrected.recus is not None
    assert (corrected.x[0], corrected.y[0]) == (corrected.x[1], corrected.y[1])
    assert (corrected.recus[1][0], corrected.recus[2][0]) == (lon, lat)
