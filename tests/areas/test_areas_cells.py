"""Identifiers of cells: what is read, what is refused, and how much of a cell each zone holds."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
import shapely
from drawn_areas import array, identifier, polygons
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from pyproj.exceptions import CRSError

from qpv_data.areas.cells import Grille, parse_cells
from qpv_data.areas.coverage import coverage
from qpv_data.areas.duplicates import Rencontres
from qpv_data.areas.extents import extent_of
from qpv_data.areas.rejects import Ecart
from qpv_data.zonages.crs import in_metres

_ORACLE = re.compile(r"CRS(\d{4,6})RES(\d{1,6})mN(\d{1,8})E(\d{1,8})")


def read(text: str | None) -> tuple[str, int, int, int] | Ecart:
    """What one identifier says, the slow and plain way, for the grids of the tests."""
    if text is None:
        return Ecart.IDENTIFIANT_ABSENT
    found = _ORACLE.fullmatch(text)
    if found is None:
        return Ecart.IDENTIFIANT_ILLISIBLE
    epsg, pas, north, east = map(int, found.groups())
    try:
        known = CRS.from_epsg(epsg)
    except CRSError:
        return Ecart.CRS_INCONNU
    if not known.is_projected or not in_metres(f"EPSG:{epsg}"):
        return Ecart.CRS_SANS_METRE
    if pas == 0:
        return Ecart.IDENTIFIANT_ILLISIBLE
    if north % pas or east % pas:
        return Ecart.HORS_MAILLE
    west, south, east_end, north_end = extent_of(f"EPSG:{epsg}")
    if not (west <= east <= east_end and south <= north <= north_end):
        return Ecart.HORS_EMPRISE
    return f"EPSG:{epsg}", pas, north // pas, east // pas


def told(texts: list[str | None], kind: pa.DataType | None = None) -> list[tuple[str, int, int, int] | Ecart]:
    cells = parse_cells(pa.array(texts, kind or pa.string()))
    return [
        list(Ecart)[cells.ecart[i]]
        if cells.ecart[i] >= 0
        else (cells.grids[cells.grid[i]].crs, cells.grids[cells.grid[i]].pas, int(cells.row[i]), int(cells.column[i]))
        for i in range(len(texts))
    ]


sound = st.builds(
    lambda crs, pas, n, e, width: f"CRS{crs}RES{pas}mN{n * pas:0{width}d}E{e * pas:0{width}d}",
    st.sampled_from([3035, 2975, 5490, 4559, 32620, 4326, 9999]),
    st.sampled_from([200, 1000, 100, 0]),
    st.integers(0, 49_999),
    st.integers(0, 49_999),
    st.integers(1, 8),
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    text = draw(sound)
    at = draw(st.integers(0, len(text) - 1))
    return text[:at] + draw(st.sampled_from(["", "x", "é", " ", ".", "7", ":", "/", "N", "\x80"])) + text[at + 1 :]


@given(st.lists(st.one_of(sound, damaged(), st.text(max_size=45), st.none()), max_size=60))
@settings(max_examples=300, deadline=None)
def test_many_identifiers_are_read_as_each_would_be(texts: list[str | None]) -> None:
    assert told(texts) == [read(t) for t in texts]


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_identifiers_are_read_from_any_arrow_text(kind: pa.DataType) -> None:
    texts = ["CRS3035RES200mN2029800E4252400", None, "CRS2975RES200mN7634600E0314600", "carreau"]
    assert told(texts, kind) == [read(t) for t in texts]


def test_a_slice_of_identifiers_is_read_as_such() -> None:
    whole = pa.array(["CRS3035RES200mN2029800E4252400", "CRS3035RES200mN2030000E4252400", None])
    cells = parse_cells(whole.slice(1))
    assert cells.row[0] == 10_150
    assert cells.ecart[1] == Ecart.IDENTIFIANT_ABSENT.rank


def test_several_grids_stand_in_one_file() -> None:
    cells = parse_cells(
        pa.array(
            [
                "CRS3035RES200mN2029800E4252400",
                "CRS3035RES1000mN2029000E4252000",
                "CRS2975RES200mN7634600E0314600",
                "CRS5490RES200mN1606600E0703000",
                "CRS4559RES200mN1592600E0728800",
            ]
        )
    )
    assert set(cells.grids) == {
        Grille("EPSG:3035", 200),
        Grille("EPSG:3035", 1000),
        Grille("EPSG:2975", 200),
        Grille("EPSG:5490", 200),
        Grille("EPSG:4559", 200),
    }
    assert (cells.ecart < 0).all()


def test_more_kinds_of_identifiers_than_are_read_together_are_all_read() -> None:
    texts = [f"CRS3035RES{pas}mN{pas * 2000:07d}E{pas * 2000:07d}" for pas in range(1000, 1999)]
    texts = [t for t in texts for _ in range(2)]
    assert told(texts) == [read(t) for t in texts]


def test_a_corner_off_the_mesh_or_far_from_its_system_is_refused() -> None:
    assert told(["CRS3035RES200mN2029850E4252400"]) == [Ecart.HORS_MAILLE]
    assert told(["CRS3035RES200mN2029800E42524000"]) == [Ecart.HORS_EMPRISE]
    assert told(["CRS5490RES200mN0703000E1606600"]) == [Ecart.HORS_EMPRISE]


def test_no_identifier_gives_no_cell() -> None:
    assert len(parse_cells(pa.array([], pa.string()))) == 0
    assert len(parse_cells(pa.chunked_array([], pa.string()))) == 0
    assert told([None, None]) == [Ecart.IDENTIFIANT_ABSENT] * 2


@given(
    st.lists(polygons(reach=1500, x0=3_600_000.0, y0=2_300_000.0), min_size=1, max_size=5),
    st.sampled_from([100, 200, 1000]),
)
@settings(max_examples=150, deadline=None)
def test_what_a_zone_holds_of_each_cell_is_the_area_that_shapely_finds(shapes: list, pas: int) -> None:
    found = coverage(array(shapes), pas)
    rows, columns = np.divmod(np.arange(20 * 20), 20)
    rows, columns = rows + 2_300_000 // pas - 2, columns + 3_600_000 // pas - 2
    near, entry = found.pairs(rows, columns)
    dense = np.zeros((400, len(shapes)))
    dense[near, found.zone[entry]] = found.share[entry]
    boxes = shapely.box(columns * pas, rows * pas, (columns + 1) * pas, (rows + 1) * pas)
    expected = shapely.area(shapely.intersection(boxes[:, None], array(shapes)[None, :])) / pas**2
    assert np.abs(dense - expected).max() < 2e-9
    assert (np.diff(near) >= 0).all()


def test_a_zone_equal_to_a_cell_holds_all_of_it_and_nothing_of_its_neighbours() -> None:
    zone = shapely.box(4_252_400, 2_029_800, 4_252_600, 2_030_000)
    found = coverage(array([zone]), 200)
    rows, columns = (a.ravel() + o for a, o in zip(np.mgrid[-1:2, -1:2], (10_149, 21_262), strict=True))
    near, entry = found.pairs(rows, columns)
    assert near.tolist() == [4]
    assert found.share[entry].tolist() == [1.0]


def test_missing_zones_hold_no_cell() -> None:
    found = coverage(array([None, shapely.Polygon()]), 200)
    assert len(found.pairs(np.arange(5), np.arange(5))[0]) == 0


def test_a_zone_of_edges_on_the_mesh_is_counted_to_the_cell() -> None:
    ring = [(0, 0), (600, 0), (600, 400), (400, 400), (400, 200), (200, 200), (200, 400), (0, 400)]
    found = coverage(array([shapely.Polygon(ring)]), 200)
    rows, columns = np.divmod(np.arange(25), 5)
    near, entry = found.pairs(rows - 1, columns - 1)
    assert [(int(rows[i] - 1), int(columns[i] - 1)) for i in near] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2)]
    assert (found.share[entry] == 1).all()


@given(st.lists(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=40), max_size=6))
def test_a_cell_met_again_is_told_in_whatever_batch(batches: list[list[tuple[int, int]]]) -> None:
    met, seen = Rencontres(), set()
    for batch in batches:
        rows, columns = (np.array([c[i] for c in batch], dtype=np.int64) for i in (0, 1))
        again = met.repeated(rows, columns)
        fresh = len(set(batch) - seen)
        assert len(batch) - int(again.sum()) == fresh
        seen |= set(batch)


def test_an_identifier_is_that_of_the_cell_that_holds_a_point() -> None:
    assert identifier(4_252_455.0, 2_029_999.9) == "CRS3035RES200mN2029800E4252400"
