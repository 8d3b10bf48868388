"""Worked cases with known answers, and the rules one by one."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from tables_to_protect import Axes, Case, comptes, ecrire, lu

from qpv_data.secret.axes import Axis, build_axis
from qpv_data.secret.cells import Table, disjoint_table
from qpv_data.secret.costs import weights
from qpv_data.secret.declaration import Declared, read_declaration
from qpv_data.secret.equations import System, system_of
from qpv_data.secret.primary import primary, targets_of
from qpv_data.secret.protection import protect_table
from qpv_data.secret.reading import read_cells, read_records
from qpv_data.secret.rules import Nk, Rule, load_families
from qpv_data.secret.verification import intervals, verify
from qpv_data.secret.writing import write_protected


def axe(nom: str, codes: str | list[str]) -> Axis:
    built = build_axis(nom, [{f"{nom}_total": None, **dict.fromkeys(codes, f"{nom}_total")}], lambda m, r: None)
    assert built is not None
    return built


def tableau(lignes: dict[str, list[int]], colonnes: str) -> Table:
    values = np.array([lignes[c] for c in sorted(lignes)], dtype=np.int64)
    flat = values.ravel()
    axes = (axe("ligne", sorted(lignes)), axe("colonne", list(colonnes)))
    return disjoint_table(axes, flat, flat, (flat > 0).astype(np.int64), 0)


def bornes(table: Table, caches: list[str], moindre: int) -> dict[str, tuple[float, float]]:
    """Intervals of the hidden cells named by their two codes; hidden cells are known to be at least `moindre`."""
    system = system_of(table, weights(table))
    names = {table.name(n).replace(" × ", ""): n for n in range(len(table))}
    cells = np.array([names[c] for c in caches])
    hidden = np.zeros(len(table), dtype=np.bool_)
    hidden[cells] = True
    known = System(
        system.rows, system.value, np.minimum(system.least, moindre), system.movable, system.published, system.weight
    )
    return {c: (float(lo), float(hi)) for c, (lo, hi) in zip(caches, intervals(known, hidden, cells), strict=True)}


def test_a_hidden_block_of_four_gives_the_intervals_of_its_remainders():
    table = tableau({"r": [4, 3, 10], "s": [2, 1, 20], "t": [30, 40, 50]}, "abc")
    found = bornes(table, ["ra", "rb", "sa", "sb"], moindre=0)
    assert found == {"ra": (3, 6), "rb": (1, 4), "sa": (0, 3), "sb": (0, 3)}


def test_a_cell_left_alone_in_its_line_is_found_and_a_second_one_is_hidden(tmp_path: Path):
    axes: Axes = {"zone": [{"F": "", "a": "F", "b": "F", "c": "F"}]}
    columns = {"zone": ["a", "b", "c"], "valeur": [47_600, 8_002, 998], "n_unites": [500, 90, 9]}
    cells, declaration = ecrire(tmp_path, axes, "regle: {k: 11}", columns)
    declared = read_declaration(declaration)
    table = read_cells(cells, declared)
    system = system_of(table, weights(table))
    alone = table.measures.value == 998
    assert intervals(system, alone, np.flatnonzero(alone)).tolist() == [[998, 998]]
    write_protected(protect_table(table, declared.rule), tmp_path / "out.parquet")
    shown = lu(tmp_path / "out.parquet", axes)
    assert shown == {("F",): 56_600, ("a",): 47_600, ("b",): None, ("c",): None}


def test_a_dominated_cell_keeps_its_protection_level(tmp_path: Path):
    axes: Axes = {"zone": [{"F": "", "a": "F", "b": "F", "c": "F"}]}
    rows = [("a", 300, "x"), ("a", 20, "y"), ("a", 10, "z")]
    rows += [(zone, 40, f"{zone}{n}") for zone in "bc" for n in range(20)]
    columns = {"zone": [r[0] for r in rows], "valeur": [r[1] for r in rows], "unite": [r[2] for r in rows]}
    columns["contributeur"] = columns["unite"]
    cells, declaration = ecrire(tmp_path, axes, "regle: {k: 3, nk: {n: 1, pourcent: 85}}", columns)
    declared = read_declaration(declaration)
    table = read_records(cells, declared)
    hidden, targets = primary(table, declared.rule)
    assert [table.name(n) for n in np.flatnonzero(hidden)] == ["a"]
    assert targets.amount.tolist() == [23, 23]  # 300 / 0.85 - 330 = 22.94
    result = protect_table(table, declared.rule)
    low, high = intervals(result.system, result.hidden, np.flatnonzero(hidden))[0]
    assert high >= 352.94
    assert low <= 307.06


CAS_4 = {"w": [30, 47, 64, 89], "x": [90, 124, 5, 31], "y": [92, 100, 59, 85], "z": [800, 991, 651, 685]}
CACHES_4 = ["wa", "wb", "wc", "xa", "xc", "yb", "yd", "zb", "zd"]


def test_two_hidden_cells_a_line_are_not_enough():
    table = tableau(CAS_4, "abcd")
    assert bornes(table, CACHES_4, moindre=0)["wb"] == (47, 47)
    assert bornes(table, [*CACHES_4, "xd"], moindre=0)["wb"] == (0, 78)
    assert bornes(table, [*CACHES_4, "xb"], moindre=0)["wb"] == (0, 141)


def test_no_protected_cell_of_that_table_is_found_any_more():
    table = tableau(CAS_4, "abcd")
    result = protect_table(table, Rule(k=65))
    found = intervals(result.system, result.hidden, np.flatnonzero(result.primary))
    assert (found[:, 1] >= 65).all()
    assert (found[:, 1] - found[:, 0] >= 1).all()


def test_a_suppression_that_is_not_enough_is_not_verified():
    table = tableau(CAS_4, "abcd")
    result = protect_table(table, Rule(k=65))
    secondary = np.flatnonzero(result.hidden & ~result.primary)
    proved = np.unique(np.concatenate([w.cells for w in result.proof.values()]))
    one_too_many = result.hidden.copy()
    one_too_many[np.intersect1d(secondary, proved)[0]] = False
    with pytest.raises(AssertionError, match="publiée"):
        verify(result.system, one_too_many, result.targets, result.proof)


def test_one_woman_is_not_what_is_left_of_a_total():
    table = disjoint_table((axe("sexe", "fh"),), np.array([1, 21]), np.array([1, 21]), np.array([1, 1]), 0)
    result = protect_table(table, Rule(k=5))
    assert result.hidden[[table.axes[0].codes.index(c) for c in "fh"]].all()


@pytest.mark.parametrize(
    ("regle", "parts", "sensible", "marge"),
    [
        (Rule(k=3, dominance=0.85), (85, 10, 5), False, None),
        (Rule(k=3, dominance=0.85), (86, 9, 5), True, 2),  # 86 / 0.85 - 100 = 1.18
        (Rule(k=3, nk=Nk(n=2, pourcent=90)), (50, 45, 5), True, 6),  # 95 / 0.9 - 100 = 5.56
        (Rule(k=3, nk=Nk(n=2, pourcent=95)), (50, 45, 5), False, None),
        (Rule(k=3, p_pourcent=10), (60, 34, 6), False, None),
        (Rule(k=3, p_pourcent=10), (60, 35, 5), True, 1),  # 6 - 5
        (Rule(k=4), (60, 35, 5), True, 30),  # the margin of a cell whose value is not a number of units
    ],
)
def test_rules_of_contributors(tmp_path: Path, regle: Rule, parts: tuple[int, ...], sensible: bool, marge: int | None):
    axes: Axes = {"zone": [{"F": "", "a": "F", "b": "F"}]}
    columns = {"zone": ["a"] * len(parts), "valeur": list(parts), "unite": [f"u{n}" for n in range(len(parts))]}
    columns["contributeur"] = columns["unite"]
    cells, declaration = ecrire(tmp_path, axes, "regle: {k: 3, dominance: 0.5}", columns)
    table = read_records(cells, Declared(read_declaration(declaration).axes, regle))
    hidden, targets = primary(table, regle)
    assert hidden.any() == sensible
    if marge is not None:
        assert set(targets.amount[targets.up].tolist()) == {marge}


def test_contributors_are_added_up_over_their_records(tmp_path: Path):
    # In each cell no one has 85 %; over both, one holding has.
    axes: Axes = {"zone": [{"F": "", "a": "F", "b": "F"}]}
    rows = [("a", 84, "h"), ("a", 16, "x"), ("b", 800, "h"), ("b", 84, "y"), ("b", 70, "z")]
    columns = {
        "zone": [r[0] for r in rows],
        "valeur": [r[1] for r in rows],
        "unite": [f"u{n}" for n in range(5)],
        "contributeur": [r[2] for r in rows],
    }
    cells, declaration = ecrire(tmp_path, axes, "regle: {k: 1, dominance: 0.8385}", columns)
    declared = read_declaration(declaration)
    table = read_records(cells, declared)
    first = dict(zip(table.axes[0].codes, table.measures.first.tolist(), strict=True))
    assert first == {"F": 884, "a": 84, "b": 800}
    units = dict(zip(table.axes[0].codes, table.measures.units.tolist(), strict=True))
    assert units == {"F": 5, "a": 2, "b": 3}


def test_every_family_has_a_rule_and_doubt_is_protected_at_eleven():
    families = load_families()
    assert families["entreprises"].rule(None) == Rule(k=3, dominance=0.85)
    assert families["filosofi_zones"].rule(None).k == 100
    assert families["filosofi_zones"].rule("menage").k == 50
    assert all(f.rule(None).k >= 11 for f in families.values() if f.confiance == "basse")


def test_targets_come_the_largest_first_whatever_the_order_of_cells():
    table = tableau({"r": [4, 3, 10], "s": [2, 1, 20]}, "abc")
    cells = np.array([n for n in range(len(table)) if 0 < table.measures.value[n] < 11])
    for order in itertools.islice(itertools.permutations(range(len(cells))), 20):
        shuffled = cells[list(order)]
        found = targets_of(shuffled, table.measures[shuffled], np.zeros(len(cells), np.int64), Rule(k=11), 1)
        assert found.amount.tolist() == sorted(found.amount.tolist(), reverse=True)
        assert found.cell.tolist() == primary(table, Rule(k=11))[1].cell.tolist()


def test_a_table_of_one_cell_hides_all_that_holds_it():
    table = disjoint_table((axe("zone", ["a"]),), np.array([3]), np.array([3]), np.array([1]), 0)
    assert protect_table(table, Rule(k=5)).hidden.all()


def test_counts_hide_what_finest_cells_hide(tmp_path: Path):
    axes: Axes = {"zone": [{"F": "", "a": "F", "b": "F"}], "sexe": [{"T": "", "f": "T", "h": "T"}]}
    fines: dict[Case, int] = {("a", "f"): 1, ("a", "h"): 0, ("b", "f"): 0, ("b", "h"): 2}
    cells, declaration = ecrire(tmp_path, axes, "regle: {k: 5}", comptes(axes, fines))
    declared = read_declaration(declaration)
    result = protect_table(read_cells(cells, declared), declared.rule)
    assert (result.hidden == (result.table.measures.value > 0)).all()
