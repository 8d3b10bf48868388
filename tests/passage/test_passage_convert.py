"""Values passed to the new generation are estimates that say so, and none is lost or made up on the way."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paves import COTE, X, Y, bosses, carre, formes, generation, passer, tirage
from test_passage_weights import points

from qpv_data.passage import convert, convert_ratio, passage_table
from qpv_data.problems import FeedError, Problem

SEED = st.integers(0, 100_000)
AVANT = {"A": carre(0), "B": carre(2, 0, 2), "C": carre(6), "D": carre(7), "E": carre(10)}
APRES = {"a": carre(0), "b1": carre(2), "b2": carre(3), "cd": carre(6, 0, 2), "n": carre(20)}


def rows(conversion: object) -> dict[str, dict[str, object]]:
    return {r["code_zone"]: r for r in conversion.table.to_pylist()}  # type: ignore[attr-defined]


@settings(max_examples=30, deadline=None)
@given(SEED, SEED, SEED, st.data())
def test_a_total_is_conserved_between_what_is_sent_held_lost_and_counted_twice(
    g: int, before: int, after: int, data: st.DataObject
) -> None:
    cells = bosses(g)
    old, new = formes(tirage(before, "A"), cells), formes(tirage(after, "B"), cells)
    new["B99"] = carre(0.5, 0.5, 2.0, 2.0)
    value = st.one_of(st.none(), st.floats(0, 1e6))
    values = {code: data.draw(value) for code in old}
    done = convert(passer(old, new), values, "surface", extensive=True)
    assert done.depart == pytest.approx(sum(v for v in values.values() if v is not None))
    assert done.depart + done.double == pytest.approx(done.transmis + done.retenu + done.hors, abs=1e-3)
    known = [v for v in done.table["valeur"].to_pylist() if v is not None]
    assert sum(known) == pytest.approx(done.transmis, abs=1e-3)
    assert set(done.table["code_zone"].to_pylist()) == set(new)


@settings(max_examples=15, deadline=None)
@given(SEED, SEED, st.data())
def test_values_of_the_same_perimeters_come_back_as_they_were(g: int, seed: int, data: st.DataObject) -> None:
    shapes = formes(tirage(seed, "A"), bosses(g))
    values = {code: data.draw(st.floats(-1e6, 1e6)) for code in shapes}
    done = convert(passer(shapes, shapes), values, "surface", extensive=True)
    assert {c: r["valeur"] for c, r in rows(done).items()} == values
    assert set(done.table["statut_observation"].to_pylist()) <= {"normale"}
    assert (done.hors, done.double) == pytest.approx((0, 0))


def test_an_estimate_is_flagged_with_the_share_that_comes_from_cut_zones() -> None:
    values = {"A": 10.0, "B": 8.0, "C": 3.0, "D": 4.0, "E": 5.0}
    done = convert(passer(AVANT, APRES), values, "surface", extensive=True)
    told = {
        c: (r["valeur"], r["statut_observation"], r["part_partielle"], r["part_couverte"])
        for c, r in rows(done).items()
    }
    assert told == {
        "a": (10.0, "normale", 0.0, 1.0),
        "b1": (4.0, "estimee", 1.0, 1.0),
        "b2": (4.0, "estimee", 1.0, 1.0),
        "cd": (7.0, "estimee", 0.0, 1.0),
        "n": (None, "non_livree", None, 0.0),
    }
    assert (done.transmis, done.hors, done.retenu, done.double) == (25.0, 5.0, 0.0, 0.0)


def test_the_part_of_a_new_zone_that_no_old_one_describes_is_told() -> None:
    done = convert(passer({"A": carre(0)}, {"a": carre(0, 0, 4)}), {"A": 10.0}, "surface", extensive=True)
    (row,) = rows(done).values()
    assert (row["valeur"], row["part_couverte"]) == pytest.approx((10.0, 0.25))


def test_a_value_that_is_not_known_is_never_taken_for_zero() -> None:
    done = convert(passer(AVANT, APRES), {"A": 10.0, "C": 3.0, "D": None}, "surface", extensive=True)
    told = {c: (r["valeur"], r["statut_observation"], r["sources_absentes"]) for c, r in rows(done).items()}
    assert told["cd"] == (None, "non_livree", 1)
    assert told["b1"] == (None, "non_livree", 1)
    assert told["a"] == (10.0, "normale", 0)
    assert done.retenu == 3.0


def test_points_share_a_value_by_where_people_live() -> None:
    old, new = generation("avant", {"B": carre(2, 0, 2)}), generation("apres", {"b1": carre(2), "b2": carre(3)})
    xs = [X + 2.5 * COTE] * 3 + [X + 3.5 * COTE]
    table, _ = passage_table(old, new, points=points(xs, [Y + 10] * 4, [1] * 4))
    by_points = rows(convert(table, {"B": 8.0}, "points", extensive=True))
    assert [by_points[c]["valeur"] for c in ("b1", "b2")] == [6.0, 2.0]


def test_a_zone_without_any_point_has_no_share_and_its_value_is_told_as_lost() -> None:
    old, new = generation("avant", {"B": carre(2, 0, 2)}), generation("apres", {"b1": carre(2), "b2": carre(3)})
    table, _ = passage_table(old, new, points=points([X], [Y], [1]))
    done = convert(table, {"B": 8.0}, "points", extensive=True)
    assert done.table["valeur"].to_pylist() == [None, None]
    assert done.hors == 8.0


def test_a_ratio_is_passed_as_its_numerator_and_its_denominator() -> None:
    table = passer(AVANT, APRES)
    poor, all_of_them = {"A": 5.0, "C": 1.0, "D": 4.0}, {"A": 10.0, "C": 10.0, "D": 10.0}
    told = {r["code_zone"]: r for r in convert_ratio(table, poor, all_of_them, "surface", 100.0).to_pylist()}
    assert (told["cd"]["valeur"], told["cd"]["statut_observation"]) == (25.0, "estimee")
    assert (told["a"]["valeur"], told["a"]["statut_observation"]) == (50.0, "normale")
    assert (told["b1"]["valeur"], told["b1"]["statut_observation"]) == (None, "non_livree")
    empty = {r["code_zone"]: r for r in convert_ratio(table, poor, dict.fromkeys("ACD", 0.0), "surface").to_pylist()}
    assert (empty["cd"]["valeur"], empty["cd"]["statut_observation"]) == (None, "sans_objet")


def test_a_median_or_a_bare_ratio_is_refused_with_the_remedy() -> None:
    with pytest.raises(FeedError, match="convert_ratio") as e:
        convert(passer(AVANT, APRES), {"A": 1.0}, "surface", extensive=False)
    assert e.value.probleme is Problem.VALEUR_INVALIDE


def test_codes_of_another_generation_infinite_values_and_absent_weights_are_refused() -> None:
    table = passer(AVANT, APRES)
    with pytest.raises(FeedError, match="a, cd") as strangers:
        convert(table, {"a": 1.0, "cd": 1.0}, "surface", extensive=True)
    assert strangers.value.probleme is Problem.REFERENCE_INCONNUE
    with pytest.raises(FeedError, match="infinies"):
        convert(table, {"A": float("inf")}, "surface", extensive=True)
    with pytest.raises(FeedError, match="pas de poids"):
        convert(table, {"A": 1.0}, "points", extensive=True)
    with pytest.raises(FeedError, match="surface, points"):
        convert(table, {"A": 1.0}, "logements", extensive=True)  # type: ignore[arg-type]


def test_a_table_of_several_passages_is_refused_until_one_is_chosen() -> None:
    table = passer(AVANT, APRES)
    both = pa.concat_tables([table, passage_table(generation("apres", APRES), generation("encore", APRES))[0]])
    with pytest.raises(FeedError, match="2 passages") as e:
        convert(both, {"A": 1.0}, "surface", extensive=True)
    assert e.value.probleme is Problem.VALEUR_INVALIDE
