"""Two worlds with the same published cells and different hidden ones: every artefact is the same, byte for byte."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from qpv_data.clause.model import Diffusion
from qpv_data.cli import DEMO_NOW
from qpv_data.demo import generate
from qpv_data.pipeline import run
from qpv_data.resources import referentials_dir
from qpv_data.runs import Configuration

FEED, PERIOD = "demo_licencies", "2024-T1"
KEPT = ("licencies", "etablissements", "population_qpv2024")
"""The club's members change between the worlds; an open feed is beside them, and what both divide by."""
_CELLS = (
    "SELECT zonage, code_zone, modalite, statut_diffusion FROM valeurs"
    f" WHERE indicateur = 'demo_licences' AND periode = '{PERIOD}' AND modalite <> 'ensemble'"
)
_ZONES = ("iris", "qpv2015", "qpv2024", "commune")


def project(root: Path, source: Path, audience: Diffusion) -> Configuration:
    """A run of some of the demonstration's feeds, of one quarter."""
    clauses = root / "clauses"
    if not clauses.is_dir():
        shutil.copytree(referentials_dir() / "demo" / "clauses" / "zonages", clauses / "zonages")
        for name in KEPT:
            shutil.copy(referentials_dir() / "demo" / "clauses" / "jeux" / f"{name}.yml", clauses)
    return Configuration(
        clauses=clauses, sortie=root / audience.value, maintenant=DEMO_NOW, miroir=source, periode=PERIOD,
        diffuseur="valmorte-sur-brume", diffusion=audience,
    )  # fmt: skip


def members(lake: Path) -> list[dict[str, str | None]]:
    """The club's members of the quarter, with the zones that hold them."""
    located = lake / "located" / FEED / f"{PERIOD}.parquet"
    with duckdb.connect() as con:
        answer = con.execute(f"SELECT licence, section, {', '.join(_ZONES)} FROM '{located}' ORDER BY licence")
        names = [d[0] for d in answer.description or []]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def hidden_cells(lake: Path) -> set[tuple[str, str, str]]:
    """(zoning, code, section) that the release hides."""
    with duckdb.connect(str(lake / "qpv.duckdb"), read_only=True) as con:
        return {(z, c, m) for z, c, m, status in con.execute(_CELLS).fetchall() if status == "secret"}


def exchanges(lake: Path) -> Iterator[tuple[str, str]]:
    """Two members of one commune who may exchange their sections: every zone that holds one of them alone hides both,
    so that no published cell changes."""
    hidden, people = hidden_cells(lake), members(lake)
    for n, first in enumerate(people):
        for second in people[n + 1 :]:
            sections = {first["section"], second["section"]}
            alone = [(z, p[z]) for z in _ZONES if first[z] != second[z] for p in (first, second) if p[z]]
            same = first["commune"] is not None and first["commune"] == second["commune"]
            if (
                same
                and alone
                and len(sections) == 2
                and all((*zone, str(s)) in hidden for zone in alone for s in sections)
            ):
                yield str(first["licence"]), str(second["licence"])


def exchange(source: Path, pair: tuple[str, str]) -> None:
    """Exchange the sections of two members in the club's file."""
    (path,) = source.glob(f"club-des-farfadets.example/licences/*{PERIOD}*")
    content = json.loads(path.read_text("utf-8"))
    first, second = (next(m for m in content["licences"] if m["licence"] == licence) for licence in pair)
    first["section"], second["section"] = second["section"], first["section"]
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1), "utf-8")


def artefacts(lake: Path) -> dict[str, bytes]:
    """Everything that readers have, but the databases, whose tables are compared."""
    found = (p for p in sorted((lake / "releases").rglob("*")) if p.is_file() and p.suffix != ".duckdb")
    return {str(p.relative_to(lake)): p.read_bytes() for p in found}


def tables(lake: Path) -> dict[str, list[tuple[object, ...]]]:
    with duckdb.connect(str(lake / "qpv.duckdb"), read_only=True) as con:
        names = [n for (n,) in con.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()]
        return {n: con.execute(f'SELECT * FROM "{n}" ORDER BY ALL').fetchall() for n in names}


def published(root: Path, source: Path, audience: Diffusion) -> Path:
    """The lake of a run."""
    cfg = project(root, source, audience)
    run(cfg, lambda _: None)
    return cfg.sortie


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Path]]:
    """(source, lake) of two worlds that show the same cells, and whose members' sections differ where they are
    hidden."""
    root = tmp_path_factory.mktemp("mondes")
    generate(root / "territoire")
    first = root / "territoire" / "source"
    lake = published(root / "un", first, Diffusion.INTERNE)
    for tried, pair in enumerate(exchanges(lake)):
        second = root / f"source-{tried}"
        shutil.copytree(first, second)
        exchange(second, pair)
        other = published(root / f"deux-{tried}", second, Diffusion.INTERNE)
        if hidden_cells(other) == hidden_cells(lake):
            return [(first, lake), (second, other)]
        assert tried < 8, "no exchange leaves what is hidden as it is"
    raise AssertionError("no two members may exchange their sections")


@pytest.mark.parametrize("audience", list(Diffusion))
def test_what_is_hidden_changes_no_artefact(
    tmp_path: Path, worlds: list[tuple[Path, Path]], audience: Diffusion
) -> None:
    found = [
        lake if audience is Diffusion.INTERNE else published(tmp_path / str(n), source, audience)
        for n, (source, lake) in enumerate(worlds)
    ]
    first, second = (artefacts(lake) for lake in found)
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == []
    assert tables(found[0]) == tables(found[1])
    if audience is not Diffusion.OUVERT:
        assert members(found[0]) != members(found[1]), "the two worlds are not the same"
