"""The nature of a link is read from the ground, never from the codes, and small moves of a contour are not changes."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from paves import attendues, bosses, bouge, carre, formes, generation, natures, passer, tirage

from qpv_data.passage import PASSAGES, Contour, Generation, passage_table
from qpv_data.passage.chain import passages
from qpv_data.problems import FeedError, Problem
from qpv_data.zonages.model import Zone

SEED = st.integers(0, 100_000)
QUICK = settings(max_examples=25, deadline=None)


@QUICK
@given(SEED, SEED, SEED)
def test_natures_are_those_worked_out_on_the_cells_alone(ground: int, before: int, after: int) -> None:
    cells, old, new = bosses(ground), tirage(before, "A"), tirage(after, "B")
    assert natures(passer(formes(old, cells), formes(new, cells))) == attendues(old, new)


@QUICK
@given(SEED, SEED)
def test_a_generation_passed_to_itself_is_all_unchanged(ground: int, seed: int) -> None:
    shapes = formes(tirage(seed, "A"), bosses(ground))
    table = passer(shapes, {f"B{code}": shape for code, shape in shapes.items()})
    assert natures(table) == {(code, f"B{code}"): "inchange" for code in shapes}
    assert table["part_depart"].to_pylist() == pytest.approx([1.0] * len(shapes))
    assert set(table["largeur_perdue_m"].to_pylist()) | set(table["largeur_gagnee_m"].to_pylist()) <= {0.0}


@QUICK
@given(SEED, SEED, SEED, SEED)
def test_moving_contours_by_less_than_the_tolerance_changes_no_nature(g: int, before: int, after: int, s: int) -> None:
    cells, old, new = bosses(g), tirage(before, "A"), tirage(after, "B")
    moved = {code: bouge(shape, s + n, 11.5) for n, (code, shape) in enumerate(formes(old, cells).items())}
    assume(all(shape.is_valid for shape in moved.values()))
    assert natures(passer(moved, formes(new, cells))) == attendues(old, new)


@QUICK
@given(SEED, SEED, SEED, SEED)
def test_the_order_of_the_zones_changes_nothing(ground: int, before: int, after: int, order: int) -> None:
    cells = bosses(ground)
    old, new = formes(tirage(before, "A"), cells), formes(tirage(after, "B"), cells)
    draw = random.Random(order)
    shuffled = [dict(draw.sample(list(shapes.items()), len(shapes))) for shapes in (old, new)]
    assert passer(*shuffled).equals(passer(old, new))


@QUICK
@given(SEED, SEED, SEED)
def test_reversing_the_passage_swaps_split_with_merged_and_new_with_gone(g: int, before: int, after: int) -> None:
    cells = bosses(g)
    old, new = formes(tirage(before, "A"), cells), formes(tirage(after, "B"), cells)
    swap = {"scinde": "fusionne", "fusionne": "scinde", "nouveau": "disparu", "disparu": "nouveau"}
    back = natures(passer(new, old))
    assert {(b, a): swap.get(n, n) for (a, b), n in natures(passer(old, new)).items()} == back


@QUICK
@given(SEED, SEED, SEED)
def test_areas_are_those_of_shapely_and_the_shares_of_every_zone_add_up_to_one(g: int, before: int, after: int) -> None:
    cells = bosses(g)
    shapes = {"depart": formes(tirage(before, "A"), cells), "arrivee": formes(tirage(after, "B"), cells)}
    # A zone that overlaps others, so that something is counted more than once.
    shapes["arrivee"]["B99"] = carre(0.5, 0.5, 2.0, 2.0)
    rows = passer(shapes["depart"], shapes["arrivee"]).to_pylist()
    for side in ("depart", "arrivee"):
        for code, shape in shapes[side].items():
            own = [r for r in rows if r[f"code_{side}"] == code]
            shared = sum(r[f"part_{side}"] or 0.0 for r in own)
            assert shared + own[0][f"reste_{side}"] - own[0][f"double_{side}"] == pytest.approx(1.0, abs=1e-9)
            assert own[0][f"aire_{side}_m2"] == shape.area
            other = "arrivee" if side == "depart" else "depart"
            linked = [shapes[other][r[f"code_{other}"]] for r in own if r[f"code_{other}"] is not None]
            left = shape.difference(shapely.union_all(linked)).area / shape.area
            assert own[0][f"reste_{side}"] == pytest.approx(left, abs=1e-9)
    for r in rows:
        if r["code_depart"] and r["code_arrivee"]:
            a, b = shapes["depart"][r["code_depart"]], shapes["arrivee"][r["code_arrivee"]]
            assert r["aire_commune_m2"] == pytest.approx(a.intersection(b).area)
            assert r["iou"] == pytest.approx(a.intersection(b).area / a.union(b).area)
    linked = {(r["code_depart"], r["code_arrivee"]) for r in rows}
    for a, b in ((a, b) for a in shapes["depart"] for b in shapes["arrivee"] if (a, b) not in linked):
        shared = shapes["depart"][a].intersection(shapes["arrivee"][b])
        assert shared.buffer(-6.1).is_empty


def test_a_split_and_a_merge_are_recognised_whatever_the_codes() -> None:
    old = {"QN1": carre(0, 0, 2), "P": carre(5), "Q": carre(6), "seul": carre(9)}
    new = {"QN1": carre(6, 3), "x": carre(0), "y": carre(1), "pq": carre(5, 0, 2)}
    assert natures(passer(old, new)) == {
        ("QN1", "x"): "scinde",
        ("QN1", "y"): "scinde",
        ("P", "pq"): "fusionne",
        ("Q", "pq"): "fusionne",
        ("seul", None): "disparu",
        (None, "QN1"): "nouveau",
    }


def test_a_link_of_many_to_many_is_named_by_the_links_of_its_own_two_zones() -> None:
    # A goes to X and Y; B goes to Y alone, which comes from both.
    table = passer({"A": carre(0, 0, 2), "B": carre(2)}, {"X": carre(0), "Y": carre(1, 0, 2)})
    assert natures(table) == {("A", "X"): "scinde", ("A", "Y"): "recompose", ("B", "Y"): "fusionne"}
    assert table["groupe"].to_pylist() == [1, 1, 1]
    assert table["liens_depart"].to_pylist() == [2, 2, 1]
    assert table["liens_arrivee"].to_pylist() == [1, 2, 2]


def test_a_zone_that_overlaps_an_unchanged_one_does_not_split_it() -> None:
    table = passer({"A": carre(0), "B": carre(2)}, {"a": carre(0), "b": carre(0.5, 0, 2.5)})
    assert natures(table) == {("A", "a"): "inchange", ("A", "b"): "recouvrement", ("B", "b"): "modifie"}
    row = table.to_pylist()[0]
    assert (row["double_depart"], row["reste_depart"]) == pytest.approx((0.5, 0.0))


@pytest.mark.parametrize(("ecart", "nature"), [(11.9, "inchange"), (12.1, "modifie")])
def test_a_strip_counts_when_it_is_wider_than_the_tolerance(ecart: float, nature: str) -> None:
    wider = shapely.box(*carre(0).bounds[:2], carre(0).bounds[2] + ecart, carre(0).bounds[3])
    assert natures(passer({"A": carre(0)}, {"B": wider})) == {("A", "B"): nature}


@pytest.mark.parametrize(("ecart", "nature"), [(11.9, "disparu"), (12.1, "modifie")])
def test_neighbours_that_share_a_strip_are_linked_when_it_is_wider_than_the_tolerance(
    ecart: float, nature: str
) -> None:
    _, low, right, high = carre(0).bounds
    beside = shapely.box(right - ecart, low, right + 200, high)
    assert natures(passer({"A": carre(0)}, {"B": beside}))["A", "B" if nature == "modifie" else None] == nature


def test_a_small_hole_that_the_new_drawing_dropped_is_no_change() -> None:
    hole = shapely.box(650_100, 6_860_100, 650_110, 6_860_110)
    assert natures(passer({"A": carre(0).difference(hole)}, {"B": carre(0)})) == {("A", "B"): "inchange"}
    yard = shapely.box(650_100, 6_860_100, 650_130, 6_860_130)
    assert natures(passer({"A": carre(0).difference(yard)}, {"B": carre(0)})) == {("A", "B"): "modifie"}


def test_widths_say_by_how_much_a_contour_moved() -> None:
    left, low, right, high = carre(0).bounds
    (row,) = passer({"A": carre(0)}, {"B": shapely.box(left + 40, low, right + 25, high)}).to_pylist()
    assert (row["largeur_perdue_m"], row["largeur_gagnee_m"]) == pytest.approx((40.0, 25.0), abs=1.0)


def test_a_zone_narrower_than_the_tolerance_is_still_matched() -> None:
    street = shapely.box(650_000, 6_860_000, 650_008, 6_860_200)
    assert natures(passer({"A": street}, {"B": street})) == {("A", "B"): "inchange"}
    assert natures(passer({"A": street}, {"B": carre(0)})) == {("A", "B"): "modifie"}
    beside = shapely.box(650_007, 6_860_000, 650_015, 6_860_200)
    assert natures(passer({"A": street}, {"B": beside})) == {("A", None): "disparu", (None, "B"): "nouveau"}


def test_a_collapsed_contour_is_neither_new_nor_gone_and_its_twin_is_not_gone() -> None:
    old = generation("avant", {"A": carre(0), "B": carre(4)})
    new = generation("apres", {"a": shapely.Point(650_100, 6_860_100), "b": carre(4)})
    rows = passage_table(old, new)[0].to_pylist()
    assert {(r["code_depart"], r["code_arrivee"], r["nature"], r["motif"]) for r in rows} == {
        ("A", None, "indetermine", "contour_absent"),
        ("B", "b", "inchange", None),
        (None, "a", "indetermine", "contour_absent"),
    }


def test_a_territory_that_the_other_generation_does_not_speak_of_tells_nothing() -> None:
    old = Generation.of("avant", [Contour("M", "mayotte", 4471, carre(0)), Contour("A", "hexagone", 2154, carre(0))], ["hexagone", "mayotte"])  # fmt: skip
    new = generation("apres", {"a": carre(0)})
    rows = passage_table(old, new)[0].to_pylist()
    assert [(r["code_depart"], r["nature"], r["motif"]) for r in rows] == [
        ("A", "inchange", None),
        ("M", "indetermine", "hors_couverture"),
    ]


def test_zones_of_two_territories_never_meet_even_where_their_metres_do() -> None:
    old = Generation.of("avant", [Contour("A", "guadeloupe", 5490, carre(0))], ["guadeloupe", "martinique"])
    new = Generation.of("apres", [Contour("B", "martinique", 5490, carre(0))], ["guadeloupe", "martinique"])
    assert natures(passage_table(old, new)[0]) == {("A", None): "disparu", (None, "B"): "nouveau"}


@pytest.mark.parametrize("tolerance", [0.0, -1.0, float("nan"), float("inf")])
def test_a_tolerance_that_is_not_a_width_is_refused(tolerance: float) -> None:
    with pytest.raises(FeedError) as e:
        passer({"A": carre(0)}, {"B": carre(0)}, tolerance)
    assert e.value.probleme is Problem.VALEUR_INVALIDE


def test_a_code_met_twice_is_refused() -> None:
    twice = [Contour("A", "hexagone", 2154, carre(0)), Contour("A", "hexagone", 2154, carre(1))]
    with pytest.raises(FeedError) as e:
        Generation.of("avant", twice, ["hexagone"])
    assert e.value.probleme is Problem.DOUBLON


def test_generations_without_any_zone_give_an_empty_table_of_the_same_columns() -> None:
    assert passer({}, {}).schema == PASSAGES


def zone(zonage: str, millesime: str, code: str, shape: Any) -> Zone:
    return Zone(zonage, "qpv", code, None, millesime, "normale", "hexagone", 2154, shape.area, geometrie=shape)


def test_a_run_passes_from_each_vintage_to_the_next_and_from_one_alone_to_none() -> None:
    zones = [zone(f"qpv{y}", y, f"Q{y}", carre(0)) for y in ("2030", "2015", "2024")]
    zones.append(zone("prus", "2024", "P", carre(0)))
    coverage = {name: ["hexagone"] for name in ("qpv2015", "qpv2024", "qpv2030", "prus")}
    table = passages(zones, coverage)
    pairs = set(zip(table["zonage_depart"].to_pylist(), table["zonage_arrivee"].to_pylist(), strict=True))
    assert pairs == {("qpv2015", "qpv2024"), ("qpv2015", "prus"), ("qpv2024", "qpv2030"), ("prus", "qpv2030")}
    assert passages(zones[:1], coverage).equals(PASSAGES.empty_table())


def test_every_share_lies_between_nothing_and_everything() -> None:
    cells = bosses(7)
    table = passer(formes(tirage(1, "A"), cells), formes(tirage(2, "B"), cells))
    for name in ("part_depart", "part_arrivee", "iou", "reste_depart", "reste_arrivee"):
        known = np.array([v for v in table[name].to_pylist() if v is not None])
        assert ((known >= 0) & (known <= 1 + 1e-9)).all(), name
