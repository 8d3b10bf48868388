"""Every row has one outcome, and one that is unknown has its reason: inside + outside + unknown = read, always."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from points_made import XY, X, Y, balance, locate, read, square, written
from pyproj import Transformer

from qpv_data.locator import Locator
from qpv_data.zonages.territories import load_territories

ABSENT, INFINITE, NULL = "coordonnees_absentes", "coordonnees_infinies", "coordonnees_nulles"
AWAY, SWAPPED = "hors_territoire", "axes_inverses"
PARIS = Locator.from_zones(["A"], [square(X, Y)], "EPSG:2154")

PLACES = [
    (math.nan, 1.0, ABSENT),
    (1.0, math.nan, ABSENT),
    (math.nan, math.inf, ABSENT),
    (math.inf, 1.0, INFINITE),
    (X, -math.inf, INFINITE),
    (0.0, 0.0, NULL),
    (-0.0, 0.0, NULL),
    (Y + 100, X + 100, SWAPPED),
    (1e7, 1e7, AWAY),
    (2.3, 48.9, AWAY),
    (1e300, -1e300, AWAY),
    (X + 100, Y + 100, None),
    (X - 100, Y - 100, None),
]


@pytest.mark.parametrize(("x", "y", "motif"), PLACES)
def test_a_place_that_is_none_is_unknown_with_its_reason(x: float, y: float, motif: str | None) -> None:
    found = PARIS.xy([x], [y], crs="EPSG:2154")
    assert found.motif[0] == motif
    assert (found.localisation[0] == "inconnu") == (motif is not None)
    assert found.code[0] is None or motif is None


odd = st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, X, Y, X + 500, Y + 500, 1e300, 5e-324, 2.3, 48.9])
anywhere = st.one_of(odd, st.floats())


@given(xy=st.lists(st.tuples(anywhere, anywhere), max_size=30), fixed=st.booleans(), crs=st.sampled_from([2154, 4326]))
@settings(max_examples=50, deadline=None)
def test_each_row_has_one_outcome_whatever_the_numbers(xy: list[tuple[float, float]], fixed: bool, crs: int) -> None:
    locator = Locator(PARIS.zoning, corriger_axes=fixed)
    x, y = np.array([p[0] for p in xy]), np.array([p[1] for p in xy])
    found = locator.xy(x, y, crs=f"EPSG:{crs}")
    for code, state, motif, px, py in zip(found.code, found.localisation, found.motif, x, y, strict=True):
        assert (state == "dedans") == (code is not None)
        assert (state == "inconnu") == (motif is not None)
        assert state == "inconnu" or (math.isfinite(px) and math.isfinite(py) and (px, py) != (0, 0))
    # Alone or among others, a row's answer is the same.
    alone = [locator.xy([px], [py], crs=f"EPSG:{crs}") for px, py in zip(x, y, strict=True)]
    assert [a.motif[0] for a in alone] == found.motif.tolist()
    assert [a.code[0] for a in alone] == found.code.tolist()
    placed = locator.placed(x, y, crs=f"EPSG:{crs}")
    assert placed.lus == len(placed.dedans) + placed.dehors + len(placed.inconnus)
    assert not set(placed.dedans.tolist()) & set(placed.inconnus.tolist())
    assert placed.reasons() == Counter(m for m in found.motif if m is not None)


def test_swapped_axes_are_reported_and_exchanged_only_on_request(zones: Path, tmp_path: Path) -> None:
    table = {"x": [Y + 700.0, X + 700.0, 0.0, Y - 9e3], "y": [X + 700.0, Y + 700.0, 0.0, X - 9e3], "v": [1, 2, 4, 8]}
    written(tmp_path / "p.parquet", **table)
    ask = [tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code", "-o", tmp_path / "o.parquet"]
    said = balance(*ask)
    assert (said["dedans"], said["dehors"], said["motifs"]) == (1, 0, {SWAPPED: 2, NULL: 1})
    assert said["axes_corriges"] == 0
    said = balance(*ask, "--corriger-axes", "--tous")
    assert (said["dedans"], said["dehors"], said["motifs"]) == (2, 1, {NULL: 1})
    assert said["axes_corriges"] == 2
    rows = read(tmp_path / "o.parquet")
    assert [(r["x"], r["code"], r["codes"]) for r in rows] == [
        (Y + 700.0, "A", ["A", "B"]),
        (X + 700.0, "A", ["A", "B"]),
        (0.0, None, []),
        (Y - 9e3, None, []),
    ]
    count = locate(*ask[:-2], "--corriger-axes", "--tous", "--compte", "--somme", "v", "-q")
    assert count.out == '"code","nombre","somme_v"\n"A",2,3\n"B",2,3\n'


@pytest.mark.parametrize("territory", load_territories(), ids=lambda t: t.id)
@pytest.mark.parametrize("degrees", [False, True])
def test_every_french_territory_is_known_in_its_own_system_and_in_degrees(territory: Any, degrees: bool) -> None:
    west, south, east, north = territory.emprises[0]
    lon, lat = (west + east) / 2, (south + north) / 2
    crs = f"EPSG:{territory.epsg}"
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    locator = Locator.from_zones(["Z"], [shapely.box(x - 500, y - 500, x + 500, y + 500)], crs)
    assert locator.zoning.principal == territory.id
    asked = "EPSG:4326" if degrees else crs
    near = Transformer.from_crs(crs, asked, always_xy=True).transform([x, x + 2000], [y, y])
    found = locator.xy(*near, crs=asked)
    assert found.localisation.tolist() == ["dedans", "dehors"]
    # Elsewhere in France is outside; elsewhere on Earth is unknown, and so is a swapped place.
    elsewhere = locator.xy([2.35, 55.5, -3.7, lat], [48.85, -21.1, 40.4, lon], crs="EPSG:4326")
    assert elsewhere.localisation.tolist()[:2] == ["dehors", "dehors"]
    assert elsewhere.motif.tolist()[2:] == [AWAY, SWAPPED]


@pytest.mark.parametrize("shift", [(0.0, 0.0), (40_000.0, -90_000.0)])
def test_zones_in_no_french_territory_are_a_map_of_their_own(shift: tuple[float, float]) -> None:
    zones = [shapely.box(-10, -10, 10, 10), shapely.box(30, -10, 50, 10)]
    locator = Locator.from_zones(["a", "b"], [shapely.transform(z, lambda p: p + shift) for z in zones], "EPSG:2154")
    assert locator.zoning.principal is None
    x = np.array([5.0, 40.0, 20.0, -900.0, 10.0, 1e9, math.nan, math.inf, 1e300]) + shift[0]
    y = np.array([5.0, 0.0, 0.0, 900.0, 10.0, 1e9, 0.0, 0.0, 0.0]) + shift[1]
    found = locator.xy(x, y, crs="EPSG:2154")
    assert found.code.tolist() == ["a", "b", None, None, "a", None, None, None, None]
    assert found.localisation.tolist() == ["dedans"] * 2 + ["dehors"] * 2 + ["dedans", "dehors"] + ["inconnu"] * 2 + [
        "dehors"
    ]
    assert found.motif.tolist()[6:8] == [ABSENT, INFINITE]


def test_zones_in_degrees_elsewhere_are_a_map_of_their_own_too() -> None:
    locator = Locator.from_zones(["dakar"], [shapely.box(-17.6, 14.6, -17.3, 14.8)], "EPSG:4326")
    found = locator.xy([-17.4, -17.0, 0.0, math.nan], [14.7, 14.7, 0.0, 0.0], crs="EPSG:4326")
    assert found.localisation.tolist() == ["dedans", "dehors", "inconnu", "inconnu"]
    assert found.motif.tolist() == [None, None, NULL, ABSENT]


EPSGS: list[Any] = ["2154", "EPSG:2154", "epsg: 2154", "2154.0", " 2154 "]


@pytest.mark.parametrize("text", EPSGS)
def test_the_system_of_a_row_may_be_written_in_several_ways(text: str, zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "p.parquet", x=[X], y=[Y], e=[text])
    ask = ["--x", "x", "--y", "y", "--colonne-epsg", "e", "--zones", zones, "--code", "code"]
    assert balance(tmp_path / "p.parquet", *ask, "-o", tmp_path / "o.parquet")["dedans"] == 1


def test_rows_of_several_systems_are_each_in_its_own(tmp_path: Path) -> None:
    """One place of each system, in a zone of its own system's territory."""
    places = {
        4326: (2.35, 48.85),
        2154: (X + 10, Y + 10),
        5490: (655_000.0, 1_790_000.0),
        2975: (340_000.0, 7_690_000.0),
    }
    lonlat = {
        e: Transformer.from_crs(e, 4326, always_xy=True).transform(*place) for e, place in places.items() if e != 5490
    }
    zones = {f"Z{e}": shapely.Point(p).buffer(0.01) for e, p in lonlat.items()}
    locator = Locator.from_zones(list(zones), list(zones.values()), "EPSG:4326")
    rows: list[tuple[Any, float, float, str | None, str | None]] = [
        ("2154", *places[2154], "Z2154", None),
        ("4326.0", *places[4326], "Z2154", None),  # both are near Paris: the smallest code
        ("EPSG:2975", *places[2975], "Z2975", None),
        ("5490", *places[5490], None, None),
        (None, *places[2154], None, "epsg_absent"),
        ("  ", *places[2154], None, "epsg_absent"),
        ("32", *places[2154], None, "epsg_inconnu"),
        ("99999", *places[2154], None, "epsg_inconnu"),
        ("5720", *places[2154], None, "epsg_inconnu"),  # heights
        ("Lambert", *places[2154], None, "epsg_inconnu"),
        ("2975", math.nan, 1.0, None, ABSENT),
        ("2154", 0.0, 0.0, None, NULL),
    ] * 3
    order = np.random.default_rng(5).permutation(len(rows))
    shuffled = [rows[i] for i in order]
    kept = [r for r in shuffled if r[3] != "Z2154" or r[0] == "2154"]
    for column in (pa.array([r[0] for r in kept]), pa.array([r[0] for r in kept]).dictionary_encode()):
        from qpv_data.points.batch import Placer
        from qpv_data.points.coordinates import Where

        table = pa.record_batch({"x": [r[1] for r in kept], "y": [r[2] for r in kept], "e": column})
        placed = Placer(locator.zoning).place(table, Where("x", "y", colonne_epsg="e"))
        code: list[str | None] = [None] * len(kept)
        for row, zone in zip(placed.dedans, placed.zone, strict=True):
            code[row] = locator.zoning.codes[zone]
        motif: list[str | None] = [None] * len(kept)
        from qpv_data.points.ground import MOTIFS

        for row, why in zip(placed.inconnus, placed.motifs, strict=True):
            motif[row] = MOTIFS[why].value
        assert code == [r[3] for r in kept]
        assert motif == [r[4] for r in kept]
        assert placed.dedans.tolist() == sorted(placed.dedans)
        assert placed.inconnus.tolist() == sorted(placed.inconnus)


@pytest.mark.parametrize("kind", [pa.int32(), pa.float64(), pa.string(), pa.large_string()])
def test_the_column_of_systems_may_be_of_numbers(kind: pa.DataType, zones: Path, tmp_path: Path) -> None:
    systems = pa.array(["2154", None, "4326"]).cast(kind)
    written(tmp_path / "p.parquet", x=[X, X, 2.35], y=[Y, Y, 48.85], e=systems)
    ask = ["--x", "x", "--y", "y", "--colonne-epsg", "e", "--zones", zones, "--code", "code"]
    said = balance(tmp_path / "p.parquet", *ask, "--compte")
    assert (said["dedans"], said["dehors"], said["motifs"]) == (1, 1, {"epsg_absent": 1})


def test_an_unreadable_text_says_so_whatever_else_is_wrong(zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "p.parquet", x=["a", "1", None], y=["2", "b", None], e=["2154", None, "2154"])
    ask = ["--x", "x", "--y", "y", "--colonne-epsg", "e", "--zones", zones, "--code", "code"]
    said = balance(tmp_path / "p.parquet", *ask, "--compte")
    assert said["motifs"] == {"coordonnees_illisibles": 2, ABSENT: 1}


def test_nothing_is_outside_of_no_zone_at_all() -> None:
    empty = Locator.from_zones([], [], "EPSG:2154")
    found = empty.xy([X, math.nan, 0.0], [Y, 1.0, 0.0], crs="EPSG:2154")
    assert found.localisation.tolist() == ["inconnu"] * 3
    assert found.motif.tolist() == ["referentiel_vide", ABSENT, NULL]
