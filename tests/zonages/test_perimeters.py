"""Perimeters: repaired with a report, never moved when already in place, refused by name when absent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qpv_data.problems import FeedError, Problem
from qpv_data.zonages.crs import reproject, same_crs

Atelier = Any
X, Y = 650_000.0, 6_860_000.0
RGF93_ESRI = (
    'PROJCS["RGF93_Lambert_93",GEOGCS["GCS_RGF_1993",DATUM["D_RGF_1993",SPHEROID["GRS_1980",6378137.0,298.257222101]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Lambert_Conformal_Conic"],'
    'PARAMETER["False_Easting",700000.0],PARAMETER["False_Northing",6600000.0],PARAMETER["Central_Meridian",3.0],'
    'PARAMETER["Standard_Parallel_1",44.0],PARAMETER["Standard_Parallel_2",49.0],'
    'PARAMETER["Latitude_Of_Origin",46.5],UNIT["Meter",1.0]]'
)


def carre(i: float, j: float = 0.0, cote: float = 100.0) -> Any:
    return shapely.box(X + 100 * i, Y + 100 * j, X + 100 * i + cote, Y + 100 * j + cote)


COORD = st.floats(0, 1000, width=64)
POLYGON = st.lists(st.tuples(COORD, COORD), min_size=3, max_size=8).map(
    lambda points: shapely.Polygon([(X + a, Y + b) for a, b in points])
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(POLYGON, min_size=1, max_size=6))
def test_any_drawing_gives_one_valid_zone_or_a_reported_one(
    nouvel_atelier: Callable[[], Atelier], drawings: list[Any]
) -> None:
    atelier = nouvel_atelier()
    codes = [f"QN0750{i}M" for i in range(len(drawings))]
    atelier.qpv(codes, drawings)
    report = atelier.composer()
    zones = atelier.lire("zones")
    assert [z["code_zone"] for z in zones] == codes
    flat = {d.code_zone for d in report.degenerees}
    for zone, drawing in zip(zones, drawings, strict=True):
        shape = shapely.from_wkb(zone["geometrie"])
        assert shape.is_valid
        assert (zone["statut"] == "degeneree") == (zone["code_zone"] in flat) == (zone["superficie_m2"] == 0)
        assert zone["superficie_m2"] == pytest.approx(shape.area)
        assert zone["reparee"] == (not drawing.is_valid)
        if not zone["reparee"]:
            assert zone["geometrie"] == shapely.to_wkb(drawing, byte_order=1)
        if zone["statut"] == "normale":
            assert shape.geom_type in ("Polygon", "MultiPolygon")
    assert {r.code_zone for r in report.reparations} == {z["code_zone"] for z in zones if z["reparee"]}


@settings(max_examples=50, deadline=None)
@given(POLYGON.filter(lambda p: p.is_valid and p.area > 1))
def test_there_and_back_moves_nothing_by_a_millimetre(polygon: Any) -> None:
    shapes = np.array([polygon], dtype=object)
    back = reproject(reproject(shapes, "EPSG:2154", "EPSG:4326"), "EPSG:4326", "EPSG:2154")
    assert shapely.get_coordinates(back) == pytest.approx(shapely.get_coordinates(shapes), abs=1e-3)
    assert reproject(shapes, "EPSG:2154", "IGNF:LAMB93") is shapes


def test_a_bow_tie_keeps_both_lobes_and_the_report_says_how(atelier: Atelier) -> None:
    bow = shapely.Polygon([(X, Y), (X + 100, Y + 100), (X + 100, Y), (X, Y + 100)])
    atelier.qpv(["QN07501M"], [bow])
    (repair,) = atelier.composer().reparations
    assert (repair.zonage, repair.code_zone) == ("qpv2024", "QN07501M")
    assert repair.probleme.startswith("Self-intersection")
    assert (repair.aire_avant_m2, repair.aire_apres_m2) == (0.0, 5000.0)


def test_what_a_ring_surrounds_twice_is_inside(atelier: Atelier) -> None:
    ring = [(0, 0), (200, 0), (200, 200), (100, 200), (100, -100), (300, -100), (300, 300), (0, 300)]
    twice = shapely.Point(X + 150, Y + 100)
    parts = shapely.MultiPolygon([carre(0, cote=200), carre(1, cote=200)])
    atelier.qpv(["QN07501M", "QN07502M"], [shapely.Polygon([(X + a, Y + b) for a, b in ring]), parts])
    atelier.composer()
    zones = atelier.lire("zones")
    assert [z["superficie_m2"] for z in zones] == [110_000, 60_000]
    assert all(shapely.from_wkb(z["geometrie"]).covers(twice) for z in zones)


def test_only_the_polygons_of_a_repaired_zone_are_kept(atelier: Atelier) -> None:
    around = [(0, 0), (100, 0), (100, 100), (50, 100), (50, 200), (50, 100), (0, 100)]
    spike = shapely.Polygon([(X + a, Y + b) for a, b in around])
    collapsed = shapely.MultiPolygon([carre(5), shapely.Polygon([(X, Y), (X, Y), (X, Y)])])
    atelier.qpv(["QN07501M", "QN07502M"], [spike, collapsed])
    report = atelier.composer()
    assert len(report.reparations) == 2
    for zone in atelier.lire("zones"):
        assert shapely.from_wkb(zone["geometrie"]).geom_type == "Polygon"
        assert (zone["statut"], zone["superficie_m2"]) == ("normale", 10_000.0)


def test_zones_collapsed_to_a_point_or_a_line_are_kept_and_reported(atelier: Atelier) -> None:
    point = shapely.Polygon([(X, Y), (X, Y), (X, Y)])
    line = shapely.Polygon([(X, Y), (X + 10, Y), (X, Y)])
    atelier.qpv(["QN07501M", "QN07502M", "QN07503M"], [point, line, carre(1)])
    report = atelier.composer()
    assert [(d.code_zone, d.forme) for d in report.degenerees] == [("QN07501M", "Point"), ("QN07502M", "LineString")]
    assert [z["statut"] for z in atelier.lire("zones")] == ["degeneree", "degeneree", "normale"]


def test_absent_empty_and_infinite_geometries_are_all_named(atelier: Atelier) -> None:
    wild = shapely.LineString([(X, Y), (float("inf"), Y)])
    atelier.qpv(["QN07501M", "QN07502M", "QN07503M", "QN07504M"], [None, carre(0), shapely.Polygon(), wild])
    with pytest.raises(FeedError) as refused:
        atelier.composer()
    assert refused.value.probleme is Problem.PERIMETRES_INVALIDES
    assert "QN07501M, QN07503M, QN07504M" in refused.value.message
    assert not atelier.out.exists()


@pytest.mark.parametrize("name", ["EPSG:2154", "IGNF:LAMB93", RGF93_ESRI])
def test_every_name_of_lambert_93_is_accepted_and_its_coordinates_left_alone(atelier: Atelier, name: str) -> None:
    drawing = shapely.box(X + 0.1, Y + 0.2, X + 100.3, Y + 100.7)
    atelier.qpv(["QN07501M"], [drawing], crs_source=name)
    atelier.composer()
    (zone,) = atelier.lire("zones")
    assert zone["geometrie"] == shapely.to_wkb(drawing, byte_order=1)
    assert (zone["epsg"], zone["territoire"]) == (2154, "hexagone")
    assert (zone["xmin"], zone["ymin"], zone["xmax"], zone["ymax"]) == drawing.bounds


@pytest.mark.parametrize(
    ("a", "b", "one"),
    [
        ("OGC:CRS84", "EPSG:4326", True),
        ("EPSG:4979", "EPSG:4326", True),
        ("EPSG:4470", "EPSG:4471", False),
        ("EPSG:4326", "EPSG:4470", False),
        ("EPSG:32620", "EPSG:5490", False),
        ("EPSG:3943", "EPSG:2154", False),
        ("n'importe quoi", "EPSG:2154", False),
    ],
)
def test_two_crs_are_one_or_not(a: str, b: str, *, one: bool) -> None:
    assert same_crs(a, b) is one
    assert same_crs(b, a) is one


def test_a_file_in_another_crs_than_its_clause_is_refused_with_both_names(atelier: Atelier) -> None:
    degrees = shapely.box(45.20, -12.80, 45.21, -12.79)
    said = {"crs": "EPSG:4471", "en_vigueur": [{"territoire": "mayotte", "de": "2025-01-01"}]}
    atelier.qpv(["QN97601M"], [degrees], crs_source="EPSG:4470", **said)
    with pytest.raises(FeedError, match=r"EPSG:4471.*EPSG:4470") as refused:
        atelier.composer()
    assert refused.value.probleme is Problem.CRS_INATTENDU


@pytest.mark.parametrize("swapped", [True, False])
def test_coordinates_that_contradict_the_codes_are_refused(atelier: Atelier, *, swapped: bool) -> None:
    # a file that says nothing of its CRS: axes swapped, or degrees read as metres
    shape = shapely.box(48.8, 2.3, 48.81, 2.31) if swapped else shapely.box(2.3, 48.8, 2.31, 48.81)
    atelier.qpv(["QN07501M"], [shape], crs="EPSG:4326" if swapped else "EPSG:2154")
    with pytest.raises(FeedError, match="QN07501M") as refused:
        atelier.composer()
    assert refused.value.probleme is Problem.CRS_INATTENDU


def test_each_zone_goes_to_the_projection_of_its_territory(atelier: Atelier) -> None:
    places = {
        "QN07501M": (2.3, 48.8),
        "QN97101M": (-61.5, 16.2),
        "QN97401M": (55.5, -21.0),
        "QN98701M": (-151.4, -16.7),
    }
    shapes = [shapely.box(lon, lat, lon + 0.01, lat + 0.01) for lon, lat in places.values()]
    territories = ["hexagone", "guadeloupe", "la_reunion", "polynesie_5s"]
    in_force = [{"territoire": t, "de": "2025-01-01"} for t in territories]
    atelier.qpv(list(places), shapes, crs="EPSG:4326", crs_source="EPSG:4326", en_vigueur=in_force)
    atelier.composer()
    zones = atelier.lire("zones")
    assert [z["territoire"] for z in zones] == territories
    assert [z["epsg"] for z in zones] == [2154, 5490, 2975, 3296]
    for zone, (lon, lat) in zip(zones, places.values(), strict=True):
        expected = 1113.2 * 1113.2 * np.cos(np.radians(lat))
        assert zone["superficie_m2"] == pytest.approx(expected, rel=0.01), (lon, lat)


def test_a_zone_where_nothing_is_in_force_is_refused(atelier: Atelier) -> None:
    atelier.qpv(["QN97401M"], [shapely.box(55.5, -21, 55.51, -20.99)], crs="EPSG:4326")
    with pytest.raises(FeedError, match="la_reunion"):
        atelier.composer()


def test_codes_of_the_abolished_generation_are_refused_by_name(atelier: Atelier) -> None:
    codes = [f"QP07500{i}" for i in range(7)]
    atelier.qpv(codes, [carre(i) for i in range(7)], motif_code=r"QN(\d{3}|02[AB])\d{2}[A-Z]")
    with pytest.raises(FeedError) as refused:
        atelier.composer()
    assert refused.value.probleme is Problem.MILLESIME_INATTENDU
    assert "7 codes sur 7" in refused.value.message
    assert "QP075000, QP075001, QP075002, QP075003, QP075004, …" in refused.value.message


def test_a_code_met_twice_is_refused_in_a_file_as_over_files(atelier: Atelier) -> None:
    atelier.qpv(["QN07501M", "QN07502M"], [carre(0), carre(1)], identifiant="nord")
    atelier.qpv(["QN07502M"], [carre(2)], identifiant="sud")
    with pytest.raises(FeedError, match="QN07502M") as refused:
        atelier.composer()
    assert (refused.value.jeu, refused.value.probleme) == ("sud", Problem.PERIMETRES_INVALIDES)


def test_files_of_several_territories_make_one_zoning(atelier: Atelier) -> None:
    reunion = {"crs": "EPSG:2975", "en_vigueur": [{"territoire": "la_reunion", "de": "2025-01-01"}]}
    atelier.qpv(["QN07501M"], [carre(0)], identifiant="hexagone")
    atelier.qpv(["QN97401M"], [shapely.box(340000, 7650000, 340100, 7650100)], identifiant="reunion", **reunion)
    report = atelier.composer()
    assert [tuple(e) for e in report.effectifs] == [("qpv2024", 2, 0, 0)]
    assert {r["territoire"] for r in atelier.lire("en_vigueur")} == {"hexagone", "la_reunion"}


def test_overlaps_are_listed_once_and_touching_zones_are_not(atelier: Atelier) -> None:
    atelier.qpv(["QN07503M", "QN07501M", "QN07502M"], [carre(0), carre(1), carre(1.5)])
    (overlap,) = atelier.composer().chevauchements
    assert overlap == ("qpv2024", "QN07501M", "QN07502M", pytest.approx(5000))
