"""No reader who tries every table of whole numbers works out a protected cell."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables_to_protect import Axes, Case, comptes, ecrire, feuilles, intervalles, lu, marges, tirer

from qpv_data.secret.declaration import read_declaration
from qpv_data.secret.protection import Protection, protect_table
from qpv_data.secret.reading import read_cells
from qpv_data.secret.writing import write_protected

K = 3


def proteger(dossier: Path, axes: Axes, fines: dict[Case, int], k: int = K) -> dict[Case, int | float | None]:
    protection = protection_de(dossier, axes, fines, k)
    write_protected(protection, dossier / "out.parquet")
    return lu(dossier / "out.parquet", axes)


def protection_de(dossier: Path, axes: Axes, fines: dict[Case, int], k: int) -> Protection:
    cells, declaration = ecrire(dossier, axes, f"regle: {{k: {k}}}", comptes(axes, fines))
    declared = read_declaration(declaration)
    return protect_table(read_cells(cells, declared), declared.rule)


@settings(deadline=None, max_examples=30)
@given(graine=st.integers(0, 10**6))
def test_no_hidden_cell_of_few_units_can_be_told_to_have_few(tmp_path_factory: pytest.TempPathFactory, graine: int):
    axes, fines = tirer(graine)
    montre = proteger(tmp_path_factory.mktemp("t"), axes, fines)
    vraies = marges(axes, fines)
    assert montre.keys() == vraies.keys()
    assert all(shown is None or shown == vraies[case] for case, shown in montre.items())
    assert all(montre[case] is None for case, value in vraies.items() if 0 < value < K)
    assert all(montre[case] == 0 for case, value in vraies.items() if value == 0)
    if sum(montre[f] is None for f in fines) > 6:
        return  # too many tables to try one by one
    for case, (low, high) in intervalles(axes, montre, 8).items():
        assert low <= vraies[case] <= high
        assert high > low, f"{case} est retrouvée exactement"
        assert high >= K or vraies[case] >= K, f"{case} est connue sous le seuil"


@settings(deadline=None, max_examples=6)
@given(graine=st.integers(0, 10**6))
def test_the_order_of_rows_changes_no_byte(tmp_path_factory: pytest.TempPathFactory, graine: int):
    axes, fines = tirer(graine)
    dossier = tmp_path_factory.mktemp("t")
    proteger(dossier, axes, fines)
    first = (dossier / "out.parquet").read_bytes()
    rows = list(fines.items())
    random.Random(graine).shuffle(rows)
    retournes = {name: [dict(reversed(list(h.items()))) for h in hs] for name, hs in axes.items()}
    proteger(dossier, retournes, dict(rows))
    assert (dossier / "out.parquet").read_bytes() == first


def test_blocks_apart_protect_as_well_as_the_whole_and_whatever_the_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    axes, fines = _deux_niveaux(12, 4, graine=5)
    monkeypatch.setattr("qpv_data.secret.blocks.blocks_of.__defaults__", (60,))
    one = protection_de(tmp_path, axes, fines, 5)
    declared = read_declaration(tmp_path / "axes.yml")
    two = protect_table(read_cells(tmp_path / "cases.parquet", declared), declared.rule, processes=2)
    assert (one.hidden == two.hidden).all()
    assert one.hidden.sum() > one.primary.sum()


def _deux_niveaux(zones: int, modalites: int, graine: int) -> tuple[Axes, dict[Case, int]]:
    draw = random.Random(graine)
    haut = {"F": "", **{f"d{n}": "F" for n in range(zones // 3)}}
    zone = haut | {f"z{n}": f"d{n // 3}" for n in range(zones)}
    axes: Axes = {"zone": [zone], "modalite": [{"T": "", **{f"m{n}": "T" for n in range(modalites)}}]}
    return axes, {
        (z, m): draw.choice([0, 1, 2, 3, 9, 14, 30, 80])
        for z in feuilles(axes["zone"])
        for m in feuilles(axes["modalite"])
    }


def test_totals_are_those_of_the_cells(tmp_path: Path):
    axes, fines = _deux_niveaux(9, 5, graine=2)
    proteger(tmp_path, axes, {c: v * 100 + 100 for c, v in fines.items()})
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert {r["statut_diffusion"] for r in rows} == {"diffusee"}
    found = {(r["zone"], r["modalite"]): r["valeur"] for r in rows}
    assert found == marges(axes, {c: v * 100 + 100 for c, v in fines.items()})
