"""Aggregation against plain Python, on records drawn at random; places against brute force."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import shapely
from factory import COMMUNES, EPCI, IN_A, IN_B, IN_C, IN_COMMUNE_1, QUARTERS, Mini, indicator, point
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from qpv_data.places import Places
from qpv_data.zonages.index import PointIndex
from qpv_data.zonages.loading import ZoneGroup, Zones
from qpv_data.zonages.perimeters import polygons_of
from qpv_data.zonages.territories import load_territories

PLACES = {"A": (IN_A, "99001", "QN09901A"), "B": (IN_B, "99001", "QN09902B"), "C": (IN_C, "99003", "QN09903C"),
          "hors": (IN_COMMUNE_1, "99001", None)}  # fmt: skip
rows = st.lists(
    st.tuples(
        st.sampled_from(sorted(PLACES)),
        st.one_of(st.none(), st.decimals(-1000, 1000, places=9, allow_nan=False)),
        st.sampled_from(["m1", "m2", "m3"]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=rows)
def test_every_cell_is_what_plain_python_finds(tmp_path_factory: Any, drawn: list[tuple[str, Any, str]]) -> None:
    mini = Mini(tmp_path_factory.mktemp("mini"))
    mini.referentials()

    def modalities() -> dict[str, Any]:
        return {"axe": "menage", "expression": "menage", "valeurs": {"m1": "Un", "m2": "Deux"}}

    declared = [
        indicator("n", modalites=modalities()),
        indicator("foyers", distinct="menage"),
        {**indicator("total", "somme", numerateur="montant", modalites=modalities()), "decimales": 6},
        indicator("moyenne", "moyenne", numerateur="montant"),
        indicator("positifs", "part", numerateur="montant > 0", facteur=100),
        indicator("grands", filtre="montant > 100"),
    ]
    listed = [point(n, PLACES[p][0], montant=m, menage=h) for n, (p, m, h) in enumerate(drawn)]
    mini.points({"2024-T2": listed}, indicateurs=declared)
    mini.run(periode="2024-T2")
    cells: defaultdict[tuple[str, str], list[tuple[Any, str]]] = defaultdict(list)
    for place, amount, household in drawn:
        _, commune, qpv = PLACES[place]
        for zone in (commune, qpv, "territoire"):
            if zone is not None:
                cells[zone, "ensemble"].append((amount, household))
                modality = household if household in ("m1", "m2") else "non_renseigne"
                cells[zone, modality].append((amount, household))
    told = mini.query(
        "SELECT indicateur, code_zone, modalite, valeur, numerateur FROM valeurs"
        " WHERE periode = '2024-T2' AND zonage <> 'non_localise'"
    )
    values = {(i, zone, modality): (value, numerator) for i, zone, modality, value, numerator in told}
    assert len(values) == len(told)
    for zone in (*COMMUNES, "QN09901A", "QN09902B", "QN09903C", "territoire"):
        for modality in ("ensemble", "m1", "m2", "non_renseigne"):
            held = cells[zone, modality]
            known = [Fraction(Decimal(a)) for a, _ in held if a is not None]
            assert values["n", zone, modality][0] == len(held)
            assert values["total", zone, modality][1] == float(sum(known, Fraction(0)))
        held = cells[zone, "ensemble"]
        known = [Fraction(Decimal(a)) for a, _ in held if a is not None]
        found = {i: values[i, zone, "ensemble"][0] for i in ("foyers", "grands", "moyenne", "positifs")}
        assert found["foyers"] == len({h for _, h in held})
        assert found["grands"] == sum(a > 100 for a in known)
        if known:
            assert abs(found["moyenne"] - float(sum(known) / len(known))) <= 0.0051
            assert abs(found["positifs"] - 100 * sum(a > 0 for a in known) / len(known)) <= 0.0051
        else:
            assert (found["moyenne"], found["positifs"]) == (None, None)


def test_values_are_dense_and_each_cell_is_there_once(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    mini.referentials()
    mini.points({q: [point(1, IN_A)] for q in QUARTERS})
    mini.run()
    zones = 2 + 3 + len(COMMUNES) + len(EPCI) + 1 + (len(COMMUNES) + 1)  # qpv, communes, EPCI, territoire, non localisé
    keys = "indicateur, zonage, code_zone, periode, modalite"
    assert mini.query(f"SELECT count(*), count(DISTINCT ({keys})) FROM valeurs") == [(zones * 2 * 4, zones * 2 * 4)]


def test_the_order_of_the_rows_changes_nothing(tmp_path: Path) -> None:
    listed = [point(n, (IN_A, IN_B, IN_C, None)[n % 4], montant=f"{n}.123456789") for n in range(40)]
    answers = []
    for name, ordered in (("a", listed), ("b", listed[::-1])):
        mini = Mini(tmp_path / name)
        mini.referentials()
        mini.points(dict.fromkeys(QUARTERS, ordered))
        mini.run()
        answers.append(mini.query("SELECT * FROM valeurs ORDER BY ALL"))
    assert answers[0] == answers[1]


grid = st.integers(0, 12)
corners = st.lists(st.tuples(grid, grid), min_size=3, max_size=7, unique=True)


def _polygons(drawn: list[list[tuple[int, int]]]) -> list[BaseGeometry]:
    made = [polygons_of(shapely.make_valid(shapely.Polygon(c))) for c in drawn]
    return [g for g in made if g is not None and g.area > 0]


@settings(max_examples=150, deadline=None)
@given(drawn=st.lists(corners, min_size=1, max_size=6), hole=st.booleans())
def test_the_index_agrees_with_covers_everywhere_boundaries_and_overlaps_included(
    drawn: list[list[tuple[int, int]]], hole: bool
) -> None:
    shapes = _polygons(drawn)
    if hole and len(shapes) > 1:
        cut = polygons_of(shapes[0].difference(shapes[1]))
        shapes = [g for g in [cut, *shapes[1:]] if g is not None and g.area > 0]
    if not shapes:
        return
    codes = np.array([f"Z{n:02d}" for n in range(len(shapes))], dtype=object)
    group = ZoneGroup("z", 2154, codes, np.array(shapes, dtype=object))
    zones = Zones({"z": {2154: group}}, {"z": frozenset({"hexagone"})}, {"z": frozenset(codes)}, {"z": "qpv"})
    territories = load_territories()
    mainland = next(n for n, t in enumerate(territories) if t.id == "hexagone")
    half = np.arange(0, 12.5, 0.5)
    x, y = (a.ravel() for a in np.meshgrid(half, half))
    places = Places(territories, np.full(len(x), mainland, np.int16), x, y, np.full(len(x), None, dtype=object))
    found, state, _ = PointIndex(zones, "z").locate(places)
    for px, py, code, where in zip(x, y, found, state, strict=True):
        spot = shapely.Point(px, py)
        covering = [c for c, g in zip(codes, shapes, strict=True) if g.covers(spot)]
        assert code == (covering[0] if covering else None)
        assert where == ("dedans" if covering else "dehors")


def test_inside_outside_and_unknown_sum_to_what_was_read(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    mini.referentials()
    spots = [IN_A, IN_B, IN_COMMUNE_1, None, (10_000_000.0, 0.0), (-600_000.0, -6_600_000.0)]
    mini.points({q: [point(n, s) for n, s in enumerate(spots)] for q in QUARTERS})
    report = mini.run()
    for placed in report.places:
        for located in placed.localisations:
            assert all(sum(counts) == located.lus == len(spots) for counts in located.zonages.values())
            assert located.zonages["qpv2024"] == (2, 1, 3)
    table = pq.read_table(mini.out / "located" / "points" / "2024-T1.parquet")
    why = table.column("localisation_motif").to_pylist()
    assert why[3:] == ["coordonnees_absentes", "hors_territoire", "coordonnees_nulles"]
    assert table.column("localisation").to_pylist() == ["dedans", "dedans", "dehors", *["inconnu"] * 3]
