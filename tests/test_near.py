"""What counts in every quarter that it is near, and the smallest and largest of what counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from factory import (
    COMMUNES,
    IN_A,
    IN_B,
    IN_C,
    IN_COMMUNE_1,
    QPV2024,
    X0,
    Y0,
    Mini,
    clause_of,
    indicator,
    point,
    points_clause,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from qpv_data.clause.check import checked_clauses
from qpv_data.places import Places
from qpv_data.placing.near import NearColumns
from qpv_data.problems import InvalidDeclarationError, Problem
from qpv_data.uncertainty.cells import bounded
from qpv_data.zonages.loading import ZoneGroup, Zones
from qpv_data.zonages.territories import load_territories

BETWEEN = (700.0, 400.0)  # 200 m from A and from B
HALF = (850.0, 400.0)  # 50 m from B, 350 m from A


def near(ident: str, metres: float, nature: str = "compte", **more: object) -> dict[str, object]:
    return indicator(ident, nature, rayon_m=metres, **more)


def test_a_record_counts_in_each_quarter_that_it_is_near_and_once_elsewhere(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    mini.referentials()
    rows = [point("a", IN_A), point("m", BETWEEN), point("h", HALF), point("f", IN_COMMUNE_1), point("u", None)]
    mini.points({"2024-T1": rows}, indicateurs=[indicator("dedans"), near("a_200", 200), near("a_400", 400)])
    mini.run()
    values = {
        (i, z): v for i, z, v in mini.query(
            "SELECT indicateur, code_zone, valeur FROM valeurs WHERE periode = '2024-T1' AND zonage <> 'non_localise'"
        )
    }  # fmt: skip
    assert [values["dedans", z] for z in QPV2024] == [1, 0, 0]
    assert [values["a_200", z] for z in QPV2024] == [2, 2, 0], "200 m is near: the edge of the radius is in it"
    assert [values["a_400", z] for z in QPV2024] == [4, 2, 0]
    for name in ("dedans", "a_200", "a_400"):
        assert [values[name, c] for c in COMMUNES] == [4, 0, 0], "a commune counts what is in it"
        assert values[name, "territoire"] == 5
    assert mini.query("SELECT rayon_m FROM indicateurs ORDER BY indicateur") == [(200,), (400,), (None,)]


def test_the_smallest_the_largest_and_their_range(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    mini.referentials()
    listed = [
        indicator("bas", "minimum", numerateur="montant"), indicator("haut", "maximum", numerateur="montant"),
        indicator("amplitude", "etendue", numerateur="montant + 1", denominateur="montant"),
        near("haut_pres", 200, "maximum", numerateur="montant"),
    ]  # fmt: skip
    rows = [
        point("a", IN_A, montant=-7), point("b", IN_A, montant=3), point("m", BETWEEN, montant=12),
        point("v", IN_B, montant=""), point("c", IN_C, montant=0),
    ]  # fmt: skip
    mini.points({"2024-T1": rows}, indicateurs=listed)
    mini.run()
    nothing = (None, "sans_objet", "diffusee")
    expected = {"bas": (-7, None, 0), "haut": (3, None, 0), "amplitude": (11, None, 1), "haut_pres": (12, 12, 0)}
    for name, by_zone in expected.items():
        for zone, value in zip(QPV2024, by_zone, strict=True):
            found = mini.value(name, zone, "2024-T1")
            assert found == (nothing if value is None else (value, "normale", "diffusee")), (name, zone)
    assert mini.value("haut", "territoire", "2024-T1")[0] == 12
    assert mini.value("bas", "200099001", "2024-T1")[0] == -7


@pytest.mark.parametrize(
    ("made", "word"),
    [
        (indicator("n", "minimum", numerateur="montant"), "extrême"),
        (near("n", 300), "couronne"),
    ],
)
def test_neither_is_for_what_has_to_be_protected(tmp_path: Path, made: dict[str, object], word: str) -> None:
    mini = Mini(tmp_path)
    mini.referentials()
    secret = {
        "regime": "seuil",
        "famille": "donnees_ouvertes",
        "unite_famille": "enregistrement",
        "unite": "menage",
        "seuil": 5,
        "colonne_unite": "menage",
    }
    mini.declare(points_clause(indicateurs=[made], secret=secret))
    with pytest.raises(InvalidDeclarationError) as caught:
        checked_clauses(mini.clauses)
    assert [v.probleme for v in caught.value.violations] == [Problem.VALEUR_INVALIDE]
    assert word in caught.value.violations[0].message


def test_a_rate_does_not_divide_by_an_extreme(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    mini.referentials()
    listed = [indicator("m", "maximum", numerateur="montant"), indicator("t", "taux", numerateur="montant", par="m")]
    mini.declare(points_clause(indicateurs=listed))
    with pytest.raises(InvalidDeclarationError, match="maximum"):
        checked_clauses(mini.clauses)


metres = st.integers(0, 30)


@settings(max_examples=60, deadline=None)
@given(
    squares=st.lists(st.tuples(metres, metres, st.integers(1, 8)), min_size=1, max_size=5),
    spots=st.lists(st.tuples(metres, metres), min_size=1, max_size=8),
    radius=st.integers(1, 12),
)
def test_the_zones_near_a_point_are_those_within_the_radius(
    squares: list[tuple[int, int, int]], spots: list[tuple[int, int]], radius: int
) -> None:
    shapes = np.array([shapely.box(X0 + x, Y0 + y, X0 + x + s, Y0 + y + s) for x, y, s in squares], dtype=object)
    codes = np.array([f"Z{n}" for n in range(len(shapes))], dtype=object)
    group = ZoneGroup("z", 2154, codes, shapes)
    zones = Zones({"z": {2154: group}}, {"z": frozenset({"hexagone"})}, {"z": frozenset(codes)}, {"z": "qpv"})
    territories = load_territories()
    mainland = next(n for n, t in enumerate(territories) if t.id == "hexagone")
    x, y = (np.array(c, dtype=float) for c in zip(*((X0 + a, Y0 + b) for a, b in spots), strict=True))
    places = Places(territories, np.full(len(x), mainland, np.int16), x, y, np.full(len(x), None, dtype=object))
    feed = clause_of(points_clause(indicateurs=[near("n", radius)]))
    found = NearColumns(feed, zones)(places)["z__proches"].to_pylist()
    for px, py, listed in zip(x, y, found, strict=True):
        away = {c: float(shapely.distance(shapely.Point(px, py), g)) for c, g in zip(codes, shapes, strict=True)}
        expected = [{"code_zone": c, "m": m} for c, m in away.items() if m <= radius]
        assert (listed or []) == expected


def test_what_a_radius_settles_carries_no_bound_of_position() -> None:
    quality = {"colonne": "insee", "inconnu": ["33"], "erreurs_m": {"11": 5}, "confiance": 0.95}
    place = {"mode": "point", "x": "x", "y": "y", "crs": "EPSG:2154", "qualite": quality}
    feed = clause_of(points_clause(localisation=place, indicateurs=[indicator("n"), near("m", 300)]))
    assert [bounded(feed, i) for i in feed.indicateurs] == [True, False]
