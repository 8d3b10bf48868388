"""Zonings crossed by their published contours: what three of them leave, what is empty, what is too thin."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from publications import indicator, release
from pyproj import Transformer

from qpv_data.attaque.bounds import analyse
from qpv_data.attaque.faces import cut, read_faces
from qpv_data.attaque.feeds import feeds
from qpv_data.attaque.findings import Report
from qpv_data.attaque.measures import facts
from qpv_data.attaque.published import read_release
from qpv_data.attaque.releases import attack_releases
from qpv_data.attaque.vintages import vintages
from qpv_data.attaque.zeros import without_zeros

DEGREE = 0.01  # about a kilometre
Zone = tuple[str, str]


def square(x: float, y: float, width: float = 1, height: float = 1) -> shapely.Geometry:
    return shapely.box(3 + x * DEGREE, 44 + y * DEGREE, 3 + (x + width) * DEGREE, 44 + (y + height) * DEGREE)


def attacked(
    folder: Path, contours: Mapping[Zone, shapely.Geometry], figures: Mapping[Zone, int | None], k: int = 5
) -> Report:
    values = {("i", "ensemble", *zone, "2024-T4"): v for zone, v in figures.items()}
    zones = [("commune", c, c, "declare") for z, c in contours if z == "commune"]
    return attack_releases([release(folder, values, [indicator("i", seuil=k)], zones=zones, contours=contours)])


def test_a_commune_that_its_neighbourhoods_cover_has_no_rest_of_nobody(tmp_path: Path) -> None:
    contours = {("commune", "C"): square(0, 0, 2), ("qpv2024", "A"): square(0, 0), ("qpv2024", "B"): square(1, 0)}
    done = attacked(tmp_path / "r", contours, {("commune", "C"): 9, ("qpv2024", "A"): None, ("qpv2024", "B"): None})
    assert not [f for f in done.findings if f.statut == "derivable"]
    short = {**contours, ("qpv2024", "B"): square(1, 0, 0.9)}
    done = attacked(tmp_path / "s", short, {("commune", "C"): 29, ("qpv2024", "A"): 14, ("qpv2024", "B"): 12})
    assert [(f.cell, f.high) for f in done.findings] == [("i hors qpv2024 à C 2024-T4", 3)]


def test_three_zonings_give_what_no_two_of_them_give(tmp_path: Path) -> None:
    """A covers P and half of I; what is in A is P, or in I: 20 − 18 leaves 2, whom pairs of zonings bound by 7."""
    contours = {
        ("commune", "C"): square(0, 0, 4), ("qpv2024", "A"): square(0, 0, 2), ("qpv2015", "P"): square(0, 0, 1),
        ("iris", "I"): square(1, 0, 1), ("iris", "J"): square(0, 0, 1), ("iris", "K"): square(2, 0, 2),
    }  # fmt: skip
    figures = {("commune", "C"): 60, ("qpv2024", "A"): 20, ("qpv2015", "P"): 18, ("iris", "I"): None}
    done = attacked(tmp_path / "r", contours, {**figures, ("iris", "J"): None, ("iris", "K"): 40})
    assert {f.cell: (f.low, f.high) for f in done.findings}["i iris I 2024-T4"] == (2, 2)


def test_slivers_are_no_ground_and_thin_ones_neither() -> None:
    base = {"commune": {"C": shapely.box(0, 0, 1000, 1000)}}
    for width, height, kept in ((7, 7, False), (8, 8, True), (1000, 0.04, False), (1000, 0.2, True)):
        rest = shapely.difference(base["commune"]["C"], shapely.box(0, 0, width, height))
        found = cut({**base, "qpv2024": {"A": rest}})
        assert ((("commune", "C"),) in found.area) is kept, (width, height)


def test_a_long_edge_meets_the_vertices_of_others_once_it_is_straight_again(tmp_path: Path) -> None:
    """Contours are drawn in metres: in degrees, an edge of 4 km passes half a metre from what lies along it."""
    commune = shapely.box(700_000, 6_600_000, 704_000, 6_604_000)
    drawn = {("commune", "C"): commune}
    for n in range(4):
        drawn["iris", f"I{n}"] = shapely.box(700_000, 6_600_000 + 1000 * n, 704_000, 6_601_000 + 1000 * n)
    degrees = Transformer.from_crs("EPSG:2154", "EPSG:4326", always_xy=True).transform
    contours = {
        zone: shapely.transform(shape, lambda xy: np.column_stack(degrees(*xy.T))) for zone, shape in drawn.items()
    }
    figures = {("i", "ensemble", "commune", "C", "2024"): 30}
    found = read_faces(
        release(tmp_path / "r", figures, zones=[("commune", "C", "C", "declare")], contours=contours), {}
    )
    assert found is not None
    assert [len(m) for m in found.area] == [2, 2, 2, 2]
    assert all(abs(size / 4e6 - 1) < 0.02 for size in found.area.values())


def test_of_two_zones_that_overlap_the_smaller_code_has_the_ground() -> None:
    found = cut(
        {
            "commune": {"C": shapely.box(0, 0, 300, 100)},
            "qpv2024": {"B": shapely.box(0, 0, 200, 100), "A": shapely.box(100, 0, 300, 100)},
        }
    )
    assert {dict(m)["qpv2024"]: a for m, a in found.area.items()} == {"A": 20_000, "B": 10_000}


@st.composite
def grounds(draw: st.DrawFn) -> tuple[np.ndarray, dict[Zone, np.ndarray], set[Zone]]:
    """Counts on a grid; zones as sets of its squares, one zoning after another; which zones are hidden."""
    width, height = draw(st.integers(2, 4)), draw(st.integers(1, 3))
    size = width * height
    counts = np.array(draw(st.lists(st.integers(0, 9), min_size=size, max_size=size))).reshape(width, height)
    zones: dict[Zone, np.ndarray] = {}
    for zoning, least in (("commune", 0), ("iris", 0), ("qpv2015", -1), ("qpv2024", -1)):
        owner = np.array(draw(st.lists(st.integers(least, 2), min_size=size, max_size=size))).reshape(width, height)
        zones |= {(zoning, f"{zoning}{n}"): owner == n for n in range(3) if (owner == n).any()}
    hidden = draw(st.sets(st.sampled_from(sorted(zones))))
    return counts, zones, {z for z in hidden if counts[zones[z]].sum() > 0}


@settings(max_examples=25)
@given(ground=grounds())
def test_the_truth_is_within_every_bound_of_crossed_zonings(
    ground: tuple[np.ndarray, dict[Zone, np.ndarray], set[Zone]],
) -> None:
    counts, zones, hidden = ground
    contours = {z: shapely.union_all([square(x, y) for x, y in np.argwhere(held)]) for z, held in zones.items()}
    figures = {
        ("i", "ensemble", *z, "2024"): None if z in hidden else int(counts[held].sum()) for z, held in zones.items()
    }
    with TemporaryDirectory() as folder:
        of_commune = [("commune", c, c, "declare") for z, c in zones if z == "commune"]
        made = release(Path(folder) / "r", figures, zones=of_commune, contours=contours)
        published = read_release(made)
        done = attack_releases([made])
    assert not done.to_review
    (feed,) = feeds(vintages(without_zeros(facts([published]), [published])), [published])
    (builder,) = feed.builders
    system = builder.system(set())
    found = analyse(system, exhaustive=True)
    truth = {system.name(c): None for c in range(len(system.low))}
    for zone, held in zones.items():
        truth[f"i {zone[0]} {zone[1]} 2024"] = int(counts[held].sum())
    for cell in range(len(system.low)):
        real = truth[system.name(cell)]
        if real is not None:
            assert found.low[cell] <= real <= found.high[cell], system.name(cell)
    for finding in done.findings:
        real = truth.get(finding.cell)
        if real is not None:
            assert finding.low is None or finding.low <= Fraction(real)
            assert finding.high is None or finding.high >= Fraction(real)
