"""What readers need most is hidden last, and what that is can be said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tables_to_protect import Axes, comptes, ecrire

from qpv_data.problems import InvalidDeclarationError
from qpv_data.secret.costs import weights
from qpv_data.secret.declaration import Declared, read_declaration
from qpv_data.secret.protection import Protection, protect_table
from qpv_data.secret.reading import read_cells

PERIODES = ("2023-T4", "2024-T1", "2024-T2", "2024-T3")
AXES: Axes = {
    "zone": [{"F": "", **{f"z{n}": "F" for n in range(4)}}],
    "periode": [{"toutes": "", **dict.fromkeys(PERIODES, "toutes")}],
}
FINES = {(f"z{n}", p): 20 for n in range(4) for p in PERIODES} | {("z1", "2024-T1"): 2}


def declare(dossier: Path, suite: str = "", axe: str = "") -> tuple[Path, Path]:
    cases, axes = ecrire(dossier, AXES, "regle: {k: 5}\n" + suite, comptes(AXES, FINES))
    axes.write_text(axes.read_text().replace("[zone_0.csv]", f"[zone_0.csv]{axe}"))
    return cases, axes


def protege(dossier: Path, suite: str = "", axe: str = "") -> tuple[Protection, Declared]:
    cases, axes = declare(dossier, suite, axe)
    declared = read_declaration(axes)
    table = read_cells(cases, declared)
    return protect_table(table, declared.rule, weight=weights(table, declared.costs)), declared


def secretes(protection: Protection) -> set[tuple[str, ...]]:
    return {tuple(protection.table.name(int(c)).split(" × ")) for c in np.flatnonzero(protection.hidden)}


def test_details_are_hidden_before_totals_and_old_periods_before_recent_ones(tmp_path: Path):
    found, _ = protege(tmp_path)
    caches = secretes(found)
    assert ("z1", "2024-T1") in caches
    assert {p for _, p in caches} == {"2023-T4", "2024-T1"}
    assert "F" not in {z for z, _ in caches}


def test_a_code_to_keep_is_hidden_last_and_one_that_costs_less_first(tmp_path: Path):
    others = {f"z{n}" for n in (0, 2, 3)}
    for spared in sorted(others):
        dossier = tmp_path / spared
        dossier.mkdir()
        cheap = min(others - {spared})
        found, _ = protege(dossier, axe=f", garder: {{{spared}: 5, {cheap}: 0.5}}")
        assert {z for z, _ in secretes(found)} == {"z1", cheap}


def test_costs_of_zero_make_every_cell_alike(tmp_path: Path):
    found, declared = protege(tmp_path, "couts: {totaux: 0, taille: 0, recents: 0}")
    weight = weights(found.table, declared.costs)
    assert (weight == 1).all()


def test_a_year_is_as_recent_as_its_last_quarter_and_an_axis_of_other_codes_has_no_time(tmp_path: Path):
    found, declared = protege(tmp_path, "couts: {totaux: 0, taille: 0, recents: 1}")
    by_period = weights(found.table, declared.costs).reshape(found.table.shape)[0]
    codes = found.table.axes[1].codes
    assert dict(zip(codes, by_period, strict=True)) == pytest.approx(
        {"2023-T4": 1, "2024-T1": 4 / 3, "2024-T2": 5 / 3, "2024-T3": 2, "toutes": 2}
    )


@pytest.mark.parametrize(
    ("suite", "axe", "morceau"),
    [
        ("couts: {totaux: -1}", "", "couts.totaux"),
        ("couts: {totale: 1}", "", "couts.totale"),
        ("", ", garder: {z1: 0}", "axes.zone.garder.z1"),
        ("", ", garder: {z9: 2, z8: 2}", "z8, z9"),
    ],
)
def test_a_cost_that_means_nothing_is_refused(tmp_path: Path, suite: str, axe: str, morceau: str):
    _, axes = declare(tmp_path, suite, axe)
    with pytest.raises(InvalidDeclarationError) as refused:
        read_declaration(axes)
    assert morceau in str(refused.value)
