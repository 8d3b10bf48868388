"""Lengths of lines in zones: edges, overlaps, classes, totals."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import shapely
from drawn_areas import X0, Y0, apart, array, codes, polygons, square, write_shapes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qpv_data.areas.lengths import measure_lines
from qpv_data.areas.lines import LineZones
from qpv_data.areas.rejects import Ecartees
from qpv_data.areas.zones import planes
from qpv_data.problems import FeedError

FILES = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def line(*corners: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([(X0 + x, Y0 + y) for x, y in corners])


def asked(zones: list) -> LineZones:
    return LineZones(array(zones), np.arange(len(zones), dtype=np.int32))


def dense(found, lines: int, zones: int) -> np.ndarray:
    table = np.zeros((lines, zones))
    table[found.line, found.zone] = found.length
    return table


lines_drawn = st.lists(st.tuples(st.integers(-50, 1050), st.integers(-50, 1050)), min_size=2, max_size=6).filter(
    lambda corners: len(set(corners)) > 1
)


def lengths_by_segment(drawn: shapely.LineString, zones: list) -> tuple[list[float], float]:
    """Segment by segment with shapely alone: in each zone, and in any, as intervals along the segment."""
    each, covered = [0.0] * len(zones), 0.0
    for a, b in itertools.pairwise(shapely.get_coordinates(drawn)):
        segment, spans = shapely.LineString([a, b]), []
        for k, zone in enumerate(zones):
            parts = [p for p in shapely.get_parts(segment.intersection(zone)) if p.length > 0]
            each[k] += sum(p.length for p in parts)
            spans += [sorted(segment.project(shapely.Point(c)) for c in (p.coords[0], p.coords[-1])) for p in parts]
        reached = 0.0
        for start, end in sorted(spans):
            covered += max(end - max(start, reached), 0.0)
            reached = max(reached, end)
    return each, covered


@given(st.lists(lines_drawn, min_size=1, max_size=6), st.lists(polygons(), min_size=1, max_size=5))
@settings(max_examples=120, deadline=None)
def test_lengths_are_those_that_plain_shapely_finds_segment_by_segment(drawn: list, zones: list) -> None:
    lines = [line(*corners) for corners in drawn]
    found = asked(zones).lengths(array(lines))
    for k, one in enumerate(lines):
        each, covered = lengths_by_segment(one, zones)
        assert np.allclose(dense(found, len(lines), len(zones))[k], each, atol=1e-5)
        assert found.covered[k] == pytest.approx(covered, abs=1e-4)


@given(st.lists(lines_drawn, min_size=1, max_size=6), st.lists(polygons(), min_size=1, max_size=5), st.randoms())
@settings(max_examples=40, deadline=None)
def test_the_order_of_zones_and_lines_changes_nothing(drawn: list, zones: list, rng) -> None:
    lines = [line(*corners) for corners in drawn]
    by_zone, by_line = rng.sample(range(len(zones)), len(zones)), rng.sample(range(len(lines)), len(lines))
    first = dense(asked(zones).lengths(array(lines)), len(lines), len(zones))
    again = asked([zones[i] for i in by_zone]).lengths(array([lines[i] for i in by_line]))
    assert np.allclose(dense(again, len(lines), len(zones)), first[by_line][:, by_zone], atol=1e-9)


def test_a_line_along_the_edge_of_a_zone_is_inside_it() -> None:
    found = asked([square(0, 0, 100)]).lengths(array([line((0, 0), (0, 100))]))
    assert found.length.tolist() == [100]
    assert found.covered.tolist() == [100]


def test_a_line_along_a_shared_edge_is_inside_both_once_each_and_covered_once() -> None:
    zones = [square(0, 0, 100), square(100, 0, 100)]
    found = asked(zones).lengths(array([line((100, -50), (100, 150))]))
    assert found.length.tolist() == [100, 100]
    assert found.covered.tolist() == [100]
    assert found.total.tolist() == [200]


def test_a_line_whole_in_a_zone_and_along_the_edge_of_another_is_covered_once() -> None:
    zones = [square(0, 0, 100), square(100, 0, 100)]
    found = asked(zones).lengths(array([line((100, 20), (100, 80), (50, 50))]))
    assert found.length.tolist() == [pytest.approx(60 + np.hypot(50, 30)), 60]
    assert found.covered[0] == pytest.approx(found.total[0])


def test_a_line_that_goes_back_over_itself_counts_each_time() -> None:
    there_and_back = line((-50, 50), (50, 50), (-50, 50))
    found = asked([square(0, 0, 100)]).lengths(array([there_and_back]))
    assert found.length.tolist() == [pytest.approx(100)]
    assert found.total.tolist() == [200]


def test_a_line_that_only_touches_a_zone_is_not_in_it() -> None:
    found = asked([square(0, 0, 100)]).lengths(array([line((-50, 50), (0, 50)), line((100, 100), (200, 200))]))
    assert len(found.line) == 0
    assert found.covered.tolist() == [0, 0]


@given(st.lists(lines_drawn, min_size=1, max_size=8), st.lists(polygons(), min_size=1, max_size=4), st.data())
@FILES
def test_inside_and_outside_make_the_total_of_each_class(tmp_path: Path, drawn: list, zones: list, data) -> None:
    zones = apart(zones)
    labels = [data.draw(st.sampled_from(["rue", "piste", None, ""])) for _ in drawn]
    path = write_shapes(tmp_path / "l.parquet", [line(*c) for c in drawn], 2154, classe=np.array(labels, dtype=object))
    with Ecartees() as rejects:
        found = measure_lines(path, "classe", planes(codes(len(zones)), array(zones), "EPSG:2154"), rejects)
    assert sum(t.total for t in found.totaux) == pytest.approx(sum(line(*c).length for c in drawn))
    for total in found.totaux:
        assert total.total == pytest.approx(total.dans_zones - total.en_double + total.dehors)
        assert sum(v or 0 for v in found.table[f"longueur_m_{total.classe}"].to_pylist()) == pytest.approx(
            total.dans_zones
        )
    assert {t.classe for t in found.totaux} == {label or "sans_classe" for label in labels}


def test_lengths_are_metres_of_the_territory_whatever_the_system_of_the_file(tmp_path: Path) -> None:
    import geopandas

    zone = planes(["A"], array([square(0, 0, 1000)]), "EPSG:2154")
    for name, crs in (("a.geojson", 4326), ("b.gpkg", 2154), ("c.gpkg", 3857)):
        frame = geopandas.GeoDataFrame({"k": ["x"]}, geometry=[line((500, 500), (1500, 500))], crs=2154)
        frame.to_crs(crs).to_file(tmp_path / name)
        with Ecartees() as rejects:
            found = measure_lines(tmp_path / name, "k", zone, rejects)
        assert found.table["longueur_m_x"].to_pylist() == [pytest.approx(500, abs=0.01)]
        assert found.totaux[0].total == pytest.approx(1000, abs=0.01)


def test_what_is_no_line_is_set_aside(tmp_path: Path) -> None:
    shapes = [line((0, 0), (1, 0)), None, square(0, 0, 5), shapely.LineString([(0, 0), (1, 1)])]
    path = write_shapes(tmp_path / "l.parquet", shapes, 2154)
    with Ecartees() as rejects:
        found = measure_lines(path, None, planes(["A"], array([square(0, 0, 9)]), "EPSG:2154"), rejects)
    assert rejects.motifs == {"geometrie_absente": 1, "geometrie_sans_longueur": 1, "hors_emprise": 1}
    assert found.lignes == 1


def test_a_column_of_names_is_no_column_of_classes(tmp_path: Path) -> None:
    n = 1001
    path = write_shapes(tmp_path / "l.parquet", [line((0, 0), (1, 0))] * n, 2154, nom=[f"rue {k}" for k in range(n)])
    with Ecartees() as rejects, pytest.raises(FeedError, match="classes"):
        measure_lines(path, "nom", planes(["A"], array([square(0, 0, 9)]), "EPSG:2154"), rejects)


def test_a_zone_that_no_line_meets_is_there_without_a_length(tmp_path: Path) -> None:
    zones = planes(["A", "B"], array([square(0, 0, 9), square(500, 0, 9)]), "EPSG:2154")
    with Ecartees() as rejects:
        found = measure_lines(write_shapes(tmp_path / "l.parquet", [line((0, 0), (5, 0))], 2154), None, zones, rejects)
    assert found.table["longueur_m"].to_pylist() == [5, None]
    assert found.table["nb_lignes"].to_pylist() == [1, 0]


def test_a_slanted_line_whole_in_a_zone_is_covered_to_the_last_metre() -> None:
    found = asked([square(0, 0, 1)]).lengths(array([line((0, 0), (1, 1))]))
    assert found.covered.tolist() == [np.hypot(1, 1)]
