"""Amounts that one contributor dominates: how near readers come, with the truth in hand."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import typer
from publications import everywhere, indicator, release
from typer.testing import CliRunner, Result

from qpv_data.attaque.amounts import audit_amounts
from qpv_data.attaque.releases import attack_releases
from qpv_data.commands.audit import register

SALES = indicator("i", nature="somme", numerateur="ca", unite="EUR", dominance=0.85)
AMOUNTS = {"99001": (330.0, 300 / 330), "99002": (100.0, 0.4)}


def aggregated(folder: Path, amounts: dict[str, tuple[float, float]]) -> Path:
    rows = [
        {
            "zonage": "commune",
            "code_zone": code,
            "periode": "2024-T4",
            "modalite": "ensemble",
            "somme_numerateur": a,
            "part_dominante": p,
        }
        for code, (a, p) in amounts.items()
    ]
    (folder / "f").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "f" / "i.parquet")
    return folder


def published(folder: Path, total: float) -> Path:
    figures = everywhere("i", territoire_territoire=total, commune_99001=None, commune_99002=None)
    return release(folder, figures, [SALES])


def test_an_amount_is_safe_when_readers_stay_as_far_as_its_rule_asks(tmp_path: Path) -> None:
    """330, of which 300 of one: 352.94 at least above. The whole bounds it by 430, then by 345."""
    wide = published(tmp_path / "large", 430)
    assert audit_amounts([wide], aggregated(tmp_path / "a", AMOUNTS)) == []
    narrow = published(tmp_path / "etroite", 345)
    (near,) = audit_amounts([narrow], aggregated(tmp_path / "b", {**AMOUNTS, "99002": (15.0, 0.4)}))
    assert (near.cell, near.amount, near.high, round(float(near.level), 2)) == (
        "i commune 99001 2024-T4",
        330,
        345,
        22.94,
    )
    assert not attack_releases([narrow]).findings, "who does not know the contributions cannot tell"


def test_an_amount_that_nobody_dominates_is_no_matter_of_this_rule(tmp_path: Path) -> None:
    shared = {"99001": (330.0, 0.1), "99002": (15.0, 0.4)}
    assert audit_amounts([published(tmp_path / "r", 345)], aggregated(tmp_path / "a", shared)) == []


def run(*arguments: object) -> Result:
    command = typer.Typer()
    register(command)
    command.command("autre")(lambda: None)
    return CliRunner().invoke(command, ["audit", *map(str, arguments)])


def test_the_command_audits_amounts_and_says_what_it_needs(tmp_path: Path) -> None:
    narrow, truth = published(tmp_path / "r", 345), aggregated(tmp_path / "a", AMOUNTS)
    done = run("--publication", narrow, "--verite", truth)
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-1] == "1 montant de trop près."
    assert "encadré de 0 à 345" in done.stdout
    for usage in ([], ["--publication", narrow], [narrow, "--k", "5"], [narrow, "--zonages", "a,b"]):
        assert run(*usage).exit_code == 2
    assert run("--publication", narrow, "--verite", tmp_path / "rien").exit_code == 4
