"""A feed protected as a whole: zones that overlap, breakdowns, shares; judged by programmes written here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, milp

from qpv_data.secret.linked.ground import Ground, ground_of
from qpv_data.secret.linked.judged import Indicator, Raw
from qpv_data.secret.linked.measures import Period, measures_of
from qpv_data.secret.linked.protection import Job, protect_period
from qpv_data.secret.linked.running import shared
from qpv_data.secret.rules import Rule

K = 4
ZONES = ("commune", "qpv2015", "qpv2024")
GROUND = [
    {"commune": "A"}, {"commune": "A", "qpv2015": "P"}, {"commune": "A", "qpv2015": "P", "qpv2024": "Q"},
    {"commune": "A", "qpv2024": "Q"}, {"commune": "B", "qpv2024": "Q"}, {"commune": "B"}, {"commune": "B", "qpv2015": "R"},
]  # fmt: skip


def atom(zones: dict[str, str]) -> str:
    return "\x1e".join(f"{zoning}\x1f{code}" for zoning, code in sorted({**zones, "territoire": "territoire"}.items()))


def ground() -> Ground:
    zones = {(z, c) for face in GROUND for z, c in face.items()} | {("territoire", "territoire")}
    return ground_of(zones, [atom(face) for face in GROUND], {})


def asked(ident: str, nature: str = "compte") -> Indicator:
    return Indicator(ident, nature, Rule(k=K), False, False, Path(), Path())


def raw_of(place: Ground, numerator: np.ndarray, denominator: np.ndarray | None = None) -> Raw:
    """`numerator`: modalities × atoms, `ensemble` first; values are numbers of units. Zones are sums."""
    modalities = ("ensemble", *(f"m{n}" for n in range(1, len(numerator))))

    def over_nodes(atoms: np.ndarray) -> np.ndarray:
        return np.concatenate([atoms @ place.inside.T.toarray(), atoms], axis=1).astype(float)

    top, zones = over_nodes(numerator), len(place.zones)
    bottom = over_nodes(denominator) if denominator is not None else np.full_like(top, np.nan)
    other = bottom - top
    exists = np.zeros_like(top)
    exists[:, :zones] = 1
    few = [(part > 0) & (part < K) for part in (top, bottom, other)]
    hidden = np.where(exists > 0, few[0] | few[1] | few[2], 0)
    if denominator is not None:
        exists[:, :zones] = bottom[:, :zones] > 0
        hidden = hidden * exists
    group = (exists > 0) & ((top == 0) | (other == 0)) if denominator is not None else np.zeros_like(top)
    nothing = np.zeros_like(top)
    return Raw(
        modalities,
        {
            "existe": exists, "cachee": hidden, "groupe": group.astype(float), "gelee": nothing, "numerateur": top,
            "denominateur": bottom, "u_total": top, "u_numerateur": top, "u_denominateur": bottom,
            "u_complement": other, "part_dominante": np.full_like(top, np.nan),
        },
    )  # fmt: skip


def protected(place: Ground, raws: list[tuple[Indicator, Raw]]) -> Period:
    period = measures_of("2024-T1", [(i, r, np.ones(len(place.atoms), np.bool_)) for i, r in raws], place)
    protect_period("essai", period, place)
    return period


def highest(rows: np.ndarray, known: np.ndarray, least: np.ndarray, cell: int) -> float:
    """The largest value of a cell in whole tables with these sums: another programme than that of the protection."""
    cost = np.zeros(rows.shape[1])
    cost[cell] = -1
    from scipy.optimize import Bounds

    bounds = Bounds(np.where(np.isfinite(known), known, least), np.where(np.isfinite(known), known, 400))
    answer = milp(cost, integrality=np.ones(len(cost)), bounds=bounds, constraints=LinearConstraint(rows, 0, 0))
    assert answer.success, answer.message
    return round(-answer.fun)


counts = st.lists(st.lists(st.integers(0, 7), min_size=7, max_size=7), min_size=2, max_size=3)


@given(counts)
def test_no_small_count_is_known_to_be_small_whatever_zones_and_breakdowns_say(parts: list[list[int]]) -> None:
    place = ground()
    pieces = np.array(parts)
    period = protected(place, [(asked("n"), raw_of(place, np.concatenate([pieces.sum(axis=0)[None, :], pieces])))])
    zones, atoms, planes = len(place.zones), len(place.atoms), len(parts) + 1
    value = np.concatenate([pieces.sum(axis=0)[None, :], pieces])
    every = np.concatenate([value @ place.inside.T.toarray(), value], axis=1).ravel().astype(float)
    nodes = zones + atoms
    rows = []
    for p in range(planes):
        for z in range(zones):
            line = np.zeros(planes * nodes)
            line[p * nodes + z] = -1
            line[p * nodes + zones : (p + 1) * nodes] = place.inside.toarray()[z]
            rows.append(line)
    for n in range(nodes):
        line = np.zeros(planes * nodes)
        line[n] = -1
        line[[p * nodes + n for p in range(1, planes)]] = 1
        rows.append(line)
    shown = np.zeros((planes, nodes), bool)
    for r in period.rows:
        plane = 0 if r.modality == "ensemble" else int(r.modality[1:])
        shown[plane, :zones] = r.exists & ~r.hidden
    known = np.where(shown.ravel(), every, np.nan)
    positive = np.zeros((planes, nodes), bool)
    positive[:, :zones] = True
    least = np.where(positive.ravel() & ~shown.ravel() & (every > 0), 1.0, 0.0)
    for cell in np.flatnonzero((every > 0) & (every < K)):
        assert not shown.ravel()[cell]
        assert highest(np.array(rows), known, least, int(cell)) >= K, (cell, every[cell])


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=7, max_size=7))
def test_a_share_its_whole_and_its_other_side_protect_each_other(pairs: list[tuple[int, int]]) -> None:
    place = ground()
    top, other = np.array(pairs).T
    bottom = top + other
    share = raw_of(place, top[None, :], bottom[None, :])
    period = protected(place, [(asked("n"), raw_of(place, bottom[None, :])), (asked("part", "part"), share)])
    (count,) = (r for r in period.rows if r.indicator.id == "n")
    (ratio,) = (r for r in period.rows if r.indicator.id == "part")
    zones = place.inside.toarray()
    for z in np.flatnonzero(ratio.exists & ~ratio.hidden):
        sides = zones[z] @ top, zones[z] @ other
        assert min(sides) >= K, "the two sides of a share that is shown are large"
        assert not count.hidden[z] or bottom @ zones[z] >= K
    for z in np.flatnonzero(~count.hidden):
        assert zones[z] @ bottom == 0 or zones[z] @ bottom >= K


@given(counts)
def test_protecting_depends_on_the_table_alone(parts: list[list[int]]) -> None:
    place = ground()
    pieces = np.array(parts)
    value = np.concatenate([pieces.sum(axis=0)[None, :], pieces])
    runs = [protected(place, [(asked("n"), raw_of(place, value))]) for _ in range(2)]
    first, second = ([r.hidden.tolist() for r in period.rows] for period in runs)
    assert first == second


def test_what_was_published_stays_and_the_rest_hides_around_it() -> None:
    place = ground()
    raw = raw_of(place, np.array([[9, 9, 9, 9, 0, 0, 2]]))
    free = protected(place, [(asked("n"), raw)])
    large = np.nan_to_num(raw.columns["numerateur"][0, : len(place.zones)]) >= K
    lost = np.flatnonzero(free.rows[0].hidden & large)
    assert lost.size, "commune B has two units, and is the total less commune A"
    frozen = raw.columns["gelee"].copy()
    frozen[0, lost[0]] = 1
    again = protected(place, [(asked("n"), Raw(raw.modalities, {**raw.columns, "gelee": frozen}))])
    assert not again.rows[0].hidden[lost[0]]
    assert again.rows[0].hidden.any()


@given(counts)
def test_what_was_published_and_hidden_is_enough_for_the_next_release_of_the_same_figures(
    parts: list[list[int]],
) -> None:
    place = ground()
    pieces = np.array(parts)
    raw = raw_of(place, np.concatenate([pieces.sum(axis=0)[None, :], pieces]))
    before = protected(place, [(asked("n"), raw)])
    again = {"cachee": raw.columns["cachee"].copy(), "gelee": raw.columns["gelee"].copy()}
    for rows in before.rows:
        plane = raw.modalities.index(rows.modality)
        again["cachee"][plane, : len(place.zones)] = rows.hidden
        again["gelee"][plane, : len(place.zones)] = rows.exists & ~rows.hidden
    after = protected(place, [(asked("n"), Raw(raw.modalities, {**raw.columns, **again}))])
    assert [r.hidden.tolist() for r in after.rows] == [r.hidden.tolist() for r in before.rows]


def amounts_of(place: Ground, units: np.ndarray, each: np.ndarray) -> Raw:
    """An amount by atom, of so many units; every unit brings as much."""
    raw = raw_of(place, (units * each)[None, :])
    counts = np.concatenate([units @ place.inside.T.toarray(), units]).astype(float)[None, :]
    few = (counts > 0) & (counts < K)
    few[:, len(place.zones) :] = False
    columns = {**raw.columns, "u_numerateur": counts, "u_total": counts, "cachee": few.astype(float)}
    return Raw(raw.modalities, columns)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), min_size=7, max_size=7))
def test_what_is_left_of_an_amount_by_subtraction_is_not_known_when_few_units_bring_it(
    pairs: list[tuple[int, int]],
) -> None:
    place = ground()
    units, each = np.array(pairs).T
    raw = amounts_of(place, units, each)
    period = protected(place, [(asked("s", "somme"), raw)])
    shown = period.rows[0].exists & ~period.rows[0].hidden if period.rows else np.zeros(0, bool)
    inside, zones, atoms = place.inside.toarray(), len(place.zones), len(place.atoms)
    value = np.concatenate([inside @ (units * each), units * each]).astype(float)
    rows = np.hstack([-np.eye(zones), inside])
    known = np.where(np.concatenate([shown, np.zeros(atoms, bool)]), value, np.nan)
    for zone in np.flatnonzero(shown):
        for zoning in ZONES:
            nested = [
                z for z in np.flatnonzero(shown)
                if place.zones[z][0] == zoning and z != zone and (inside[z] <= inside[zone]).all()
            ]  # fmt: skip
            left = inside[zone] - inside[nested].sum(axis=0)
            few = 0 < left @ units < K
            if nested and few and left @ (units * each):
                # One more cell, the remainder: what shown cells give exactly must not be its amount.
                line = np.concatenate([np.zeros(zones), left, [-1.0]])
                more = np.vstack([np.hstack([rows, np.zeros((zones, 1))]), line])
                wide = np.append(known, np.nan)
                most = highest(more, wide, np.zeros(zones + atoms + 1), zones + atoms)
                assert most > left @ (units * each), (place.zones[zone], zoning)


def test_the_largest_jobs_are_shared_out_first() -> None:
    place = ground()
    jobs = [Job("j", Period(str(n), measures=[None] * n), place) for n in (1, 5, 2, 4)]  # type: ignore[list-item]
    assert shared(jobs, 2) == [[1, 0], [3, 2]]


@pytest.mark.parametrize("processes", [1, 2])
def test_the_answer_does_not_depend_on_the_number_of_processes(processes: int, tmp_path: Path) -> None:
    from qpv_data.secret.linked import running

    place = ground()
    rng = np.random.default_rng(3)
    value = rng.integers(0, 8, (4, 7))
    raws = [raw_of(place, np.stack([v, v])[:1]) for v in value]
    jobs = [
        Job("j", measures_of(f"2024-T{n + 1}", [(asked("n"), raw, np.ones(7, np.bool_))], place), place)
        for n, raw in enumerate(raws)
    ]
    before, running.SMALL = running.SMALL, 0
    try:
        answers = running.protect_jobs(jobs, tmp_path, processes)
    finally:
        running.SMALL = before
    expected = [protected(place, [(asked("n"), raw)]) for raw in raws]
    assert [len(a["n"]) for a in answers] == [int(p.rows[0].hidden.sum()) for p in expected]
