"""Households and persons at once: every rule holds for each unit; judged by counting and by programmes written here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from test_protect_linked import ZONES, K, asked, ground, highest, protected, raw_of

from qpv_data.secret.linked.ground import Ground
from qpv_data.secret.linked.judged import Indicator, OtherUnit, Raw
from qpv_data.secret.linked.measures import Period

OTHER = OtherUnit("personne", 6, Path(), Path())
atoms = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 12)), min_size=7, max_size=7)


def both(
    place: Ground, value: np.ndarray, units: np.ndarray, persons: np.ndarray, nature: str
) -> tuple[Indicator, Raw]:
    """Values, first units and persons by atom: no unit is in two atoms."""
    raw = raw_of(place, value[None, :])
    count, told = (np.concatenate([place.inside.toarray() @ own, own]).astype(float) for own in (units, persons))
    few = ((count > 0) & (count < K)) | ((count > 0) & (told < OTHER.k))
    few[len(place.zones) :] = False
    columns = {**raw.columns, "u_numerateur": count[None, :], "u_total": count[None, :]}
    columns |= {"cachee": few[None, :].astype(float), "u_numerateur personne": told[None, :]}
    return replace(asked("n", nature), others=(OTHER,)), Raw(raw.modalities, columns)


def shown_of(period: Period, zones: int) -> np.ndarray:
    return period.rows[0].exists & ~period.rows[0].hidden if period.rows else np.zeros(zones, bool)


@given(atoms)
def test_no_count_is_known_whose_persons_are_too_few_nor_whose_households_are(pairs: list[tuple[int, int]]) -> None:
    place = ground()
    homes, persons = np.array(pairs).T
    period = protected(place, [both(place, homes, homes, persons * (homes > 0), "compte")])
    inside, zones = place.inside.toarray(), len(place.zones)
    shown = shown_of(period, zones)
    value = np.concatenate([inside @ homes, homes]).astype(float)
    told = np.concatenate([inside @ (persons * (homes > 0)), persons * (homes > 0)])
    rows = np.hstack([-np.eye(zones), inside])
    known = np.where(np.concatenate([shown, np.zeros(len(place.atoms), bool)]), value, np.nan)
    least = np.where((value > 0) & (np.arange(len(value)) < zones), 1.0, 0.0)
    for cell in np.flatnonzero((value > 0) & ((value < K) | (told < OTHER.k))):
        assert cell >= zones or not shown[cell]
        most = highest(rows, known, least, int(cell))
        assert value[cell] >= K or most >= K, "fewer households than K"
        if told[cell] < OTHER.k:
            wanted = OTHER.k if told[cell] == value[cell] else np.ceil(1.3 * value[cell] - 1e-9)
            assert most >= wanted, "fewer persons than their threshold"


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7), st.integers(1, 9)), min_size=7, max_size=7))
def test_what_is_left_by_subtraction_is_not_known_when_one_of_the_units_is_too_few(
    triples: list[tuple[int, int, int]],
) -> None:
    place = ground()
    homes, persons, each = np.array(triples).T
    persons, amount = persons * (homes > 0), homes * each
    period = protected(place, [both(place, amount, homes, persons, "somme")])
    inside, zones, count = place.inside.toarray(), len(place.zones), len(place.atoms)
    shown = shown_of(period, zones)
    value = np.concatenate([inside @ amount, amount]).astype(float)
    rows = np.hstack([-np.eye(zones), inside])
    known = np.where(np.concatenate([shown, np.zeros(count, bool)]), value, np.nan)
    for zone in np.flatnonzero(shown):
        for zoning in ZONES:
            nested = [
                z for z in np.flatnonzero(shown)
                if place.zones[z][0] == zoning and z != zone and (inside[z] <= inside[zone]).all()
            ]  # fmt: skip
            left = inside[zone] - inside[nested].sum(axis=0)
            if nested and left @ amount and (left @ homes < K or left @ persons < OTHER.k):
                line = np.concatenate([np.zeros(zones), left, [-1.0]])
                more = np.vstack([np.hstack([rows, np.zeros((zones, 1))]), line])
                most = highest(more, np.append(known, np.nan), np.zeros(zones + count + 1), zones + count)
                assert most > left @ amount, (place.zones[zone], zoning)


@given(atoms)
def test_a_second_unit_that_is_the_first_again_changes_nothing(pairs: list[tuple[int, int]]) -> None:
    place = ground()
    homes = np.array(pairs)[:, 0]
    one = protected(place, [(asked("n"), raw_of(place, homes[None, :]))])
    indicator, raw = both(place, homes, homes, homes, "compte")
    same = replace(OTHER, k=K)
    columns = {**raw.columns, "cachee": raw_of(place, homes[None, :]).columns["cachee"]}
    two = protected(place, [(replace(indicator, others=(same,)), Raw(raw.modalities, columns))])
    assert [r.hidden.tolist() for r in one.rows] == [r.hidden.tolist() for r in two.rows]


@given(atoms)
def test_persons_counted_by_an_indicator_of_their_own_are_kept_out_of_reach_too(pairs: list[tuple[int, int]]) -> None:
    """Two indicators, one a unit: neither shows a cell of which the other's unit has too few."""
    place = ground()
    homes, persons = np.array(pairs).T
    persons = persons * (homes > 0)
    first, second = both(place, homes, homes, persons, "compte"), both(place, persons, homes, persons, "somme")
    period = protected(place, [first, (replace(second[0], id="p"), second[1])])
    told, count = place.inside.toarray() @ persons, place.inside.toarray() @ homes
    for rows in period.rows:
        for zone in np.flatnonzero(rows.exists & ~rows.hidden):
            assert count[zone] == 0 or (count[zone] >= K and told[zone] >= OTHER.k)
