"""Territories: extents are disjoint, codes give departments, and nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS

from qpv_data.problems import InvalidDeclarationError, Problem
from qpv_data.resources import referentials_dir
from qpv_data.zonages.territories import (
    department_of_zone_code,
    load_territories,
    territories_of_department,
    territory_of_department,
    territory_of_points,
)

KNOWN_PLACES = {
    "hexagone": [(1.4442, 43.6047), (9.45, 42.70), (-4.77, 48.45), (2.37, 51.05), (8.23, 48.97), (-5.10, 48.46)],
    "guadeloupe": [(-61.53, 16.24), (-61.05, 16.32), (-61.63, 15.86)],
    "martinique": [(-61.07, 14.61), (-61.01, 14.42)],
    "saint_martin": [(-63.08, 18.07), (-62.97, 18.12)],
    "saint_barthelemy": [(-62.83, 17.90), (-62.91, 17.96)],
    "guyane": [(-52.33, 4.93), (-54.03, 5.49), (-52.0, 2.3)],
    "la_reunion": [(55.45, -20.88), (55.48, -21.34)],
    "mayotte": [(45.23, -12.78), (45.28, -12.79)],
    "saint_pierre_et_miquelon": [(-56.18, 46.78), (-56.38, 47.10)],
    "nouvelle_caledonie": [(166.45, -22.27), (167.9, -21.5), (163.65, -19.72)],
    "polynesie_6s": [(-149.57, -17.54), (-149.83, -17.49)],
    "polynesie_5s": [(-151.44, -16.73), (-152.8, -22.65)],
    "polynesie_7s": [(-140.09, -8.92), (-134.97, -23.12)],
    "wallis_et_futuna": [(-176.18, -13.28), (-178.16, -14.28)],
}
LON = st.floats(-180, 180)
LAT = st.floats(-90, 90)


def named(lon: float, lat: float) -> str | None:
    index = int(territory_of_points(np.array([lon]), np.array([lat]))[0])
    return load_territories()[index].id if index >= 0 else None


@given(LON, LAT)
def test_a_point_is_in_one_territory_at_most_and_their_order_is_irrelevant(lon: float, lat: float) -> None:
    forward, backward = load_territories(), load_territories()[::-1]
    x, y = np.array([lon]), np.array([lat])
    first, last = territory_of_points(x, y, forward)[0], territory_of_points(x, y, backward)[0]
    assert (first < 0) == (last < 0)
    if first >= 0:
        assert forward[first] == backward[last]


@pytest.mark.parametrize("identifiant", KNOWN_PLACES)
def test_known_places_are_in_their_territory(identifiant: str) -> None:
    assert {named(*place) for place in KNOWN_PLACES[identifiant]} == {identifiant}


def test_every_territory_has_a_known_place_here() -> None:
    assert {t.id for t in load_territories()} == set(KNOWN_PLACES)


def test_zero_zero_swapped_axes_nan_and_infinity_are_nowhere() -> None:
    lon = np.array([0.0, 43.6, np.nan, np.inf])
    lat = np.array([0.0, 1.44, 45.0, 45.0])
    assert territory_of_points(lon, lat).tolist() == [-1, -1, -1, -1]
    assert territory_of_points(lon, lat).dtype == np.int16


def test_a_point_on_a_shared_meridian_is_east_of_it() -> None:
    assert named(-150.0, -17.0) == "polynesie_6s"
    assert named(np.nextafter(-150.0, -151.0), -17.0) == "polynesie_5s"


@pytest.mark.parametrize("territory", load_territories(), ids=lambda t: t.id)
def test_the_projection_of_each_territory_is_metric_and_made_for_it(territory: object) -> None:
    crs = CRS.from_epsg(territory.epsg)  # type: ignore[attr-defined]
    assert crs.is_projected
    assert {axis.unit_name for axis in crs.axis_info} == {"metre"}
    ouest, sud, est, nord = crs.area_of_use.bounds
    crossing = ouest > est  # the antimeridian
    for lon, lat in KNOWN_PLACES[territory.id]:  # type: ignore[attr-defined]
        if crossing:
            ouest = min(ouest, -180.0)
        # Gambier (-135°) are attached to zone 7S, whose area of use ends at -138°.
        assert ouest - 0.6 <= lon <= est + 3.1
        assert sud - 0.6 <= lat <= nord + 0.6


@given(st.sampled_from([d for t in load_territories() for d in t.departements]), st.integers(0, 99))
def test_any_code_of_a_department_names_it(department: str, number: int) -> None:
    assert department_of_zone_code(f"QP{department.zfill(3)}0{number:02d}") == department
    assert department_of_zone_code(f"QN{department.zfill(3)}{number:02d}M") == department
    assert department_of_zone_code(f"{department}{number:02d}".ljust(5, "1")) == department


@pytest.mark.parametrize("code", ["243100518", "200000172", "", "QX001001", "1053", "QP9", "non_localise", "315550101"])
def test_a_code_that_holds_no_department_gives_none(code: str) -> None:
    assert department_of_zone_code(code) is None


def test_a_department_spread_over_several_territories_has_none_of_its_own() -> None:
    assert territory_of_department("987") is None
    assert len(territories_of_department("987")) == 3
    assert territories_of_department("99") == ()
    mayotte = territory_of_department("976")
    assert mayotte is not None
    assert mayotte.epsg == 4471


def test_all_faults_of_the_file_are_listed_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "territoires.yml"
    file.write_text(
        "territoires:\n"
        '  - {id: un, nom: Un, epsg: 2154, emprises: [[5, 0, 1, 2]], departements: ["01"]}\n'
        '  - {id: deux, nom: Deux, espg: 2154, epsg: 2154, emprises: [[5, 0, 6, 2]], departements: ["1"]}\n',
        encoding="utf-8",
    )
    with pytest.raises(InvalidDeclarationError) as refused:
        load_territories(file)
    assert [v.ligne for v in refused.value.violations] == [2, 3, 3]


def test_overlapping_extents_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "territoires.yml"
    one = 'nom: N, epsg: 2154, departements: ["01"]'
    file.write_text(
        f"territoires:\n  - {{id: un, {one}, emprises: [[0, 0, 2, 2]]}}\n"
        f"  - {{id: deux, {one}, emprises: [[2, 0, 3, 2], [1, 1, 2, 3]]}}\n",
        encoding="utf-8",
    )
    with pytest.raises(InvalidDeclarationError, match="se recouvrent"):
        load_territories(file)


def test_a_file_that_is_not_yaml_says_where(tmp_path: Path) -> None:
    file = tmp_path / "territoires.yml"
    file.write_text("territoires:\n  - [", encoding="utf-8")
    with pytest.raises(InvalidDeclarationError) as refused:
        load_territories(file)
    assert refused.value.violations[0].probleme is Problem.YAML_ILLISIBLE


def test_the_declarations_ship_with_the_package() -> None:
    assert (referentials_dir() / "territoires.yml").is_file()
