"""Two worlds with the same published cells and different hidden ones: every artefact is the same, byte for byte."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from qpv_data.clause.model import Diffusion
from qpv_data.cli import DEMO_NOW
from qpv_data.demo import generate
from qpv_data.exports.folder import audience_folder
from qpv_data.pipeline import run
from qpv_data.releases.compare import differences
from qpv_data.releases.explain import explain
from qpv_data.resources import referentials_dir
from qpv_data.runs import Configuration
from qpv_data.site.build import Options, build

FEED, PERIOD, NEXT = "demo_licencies", "2024-T1", "2024-T2"
KEPT = ("licencies", "etablissements", "population_qpv2024")
"""The club's members change between the worlds; an open feed is beside them, and what both divide by."""
_CELLS = (
    "SELECT zonage, code_zone, modalite, statut_diffusion FROM valeurs"
    f" WHERE indicateur = 'demo_licences' AND periode = '{PERIOD}' AND modalite <> 'ensemble'"
)
_ZONES = ("iris", "qpv2015", "qpv2024", "commune")


def project(root: Path, source: Path, period: str) -> Configuration:
    """A run of some of the demonstration's feeds, up to a quarter, for every audience."""
    clauses = root / "clauses"
    if not clauses.is_dir():
        shutil.copytree(referentials_dir() / "demo" / "clauses" / "zonages", clauses / "zonages")
        for name in KEPT:
            shutil.copy(referentials_dir() / "demo" / "clauses" / "jeux" / f"{name}.yml", clauses)
    return Configuration(
        clauses=clauses, sortie=root / "lac", maintenant=DEMO_NOW, miroir=source, periode=period,
        diffuseur="valmorte-sur-brume", diffusion=Diffusion.INTERNE,
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


def artefacts(lake: Path, audience: Diffusion) -> dict[str, bytes]:
    """Every file that readers of an audience have, those at the roots of releases included; databases are compared row
    by row."""
    releases = lake / "releases"
    others = {d.value for d in Diffusion} - {audience.value}
    return {
        name: path.read_bytes()
        for path in sorted(releases.rglob("*"))
        if path.is_file() and path.suffix != ".duckdb" and "stable" not in (name := path.relative_to(releases).as_posix())
        and not others & set(name.split("/"))
    }  # fmt: skip


def rows_of(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table and view: lineage, quality, changes and checks are among them."""
    with duckdb.connect(str(database), read_only=True) as con:
        named = "SELECT table_name FROM duckdb_tables() UNION SELECT view_name FROM duckdb_views() WHERE NOT internal"
        names = sorted(n for (n,) in con.execute(named).fetchall())
        return {n: con.execute(f'SELECT * FROM "{n}" ORDER BY ALL').fetchall() for n in names}


def published(root: Path, source: Path, period: str) -> Path:
    """The lake of a run, up to a quarter."""
    cfg = project(root, source, period)
    run(cfg, lambda _: None)
    return cfg.sortie


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The lakes of two worlds that show the same cells, and whose members' sections differ where they are hidden. Each
    has two releases."""
    root = tmp_path_factory.mktemp("mondes")
    generate(root / "territoire")
    first = root / "territoire" / "source"
    lake = published(root / "un", first, PERIOD)
    for tried, pair in enumerate(exchanges(lake)):
        second = root / f"source-{tried}"
        shutil.copytree(first, second)
        exchange(second, pair)
        other = published(root / f"deux-{tried}", second, PERIOD)
        if hidden_cells(other) == hidden_cells(lake):
            return [published(root / "un", first, NEXT), published(root / f"deux-{tried}", second, NEXT)]
        assert tried < 8, "no exchange leaves what is hidden as it is"
    raise AssertionError("no two members may exchange their sections")


def releases(lake: Path) -> list[Path]:
    return [lake / "releases" / f"{period}-r1" for period in (PERIOD, NEXT)]


@pytest.mark.parametrize("audience", list(Diffusion))
def test_what_is_hidden_changes_no_artefact(worlds: list[Path], audience: Diffusion) -> None:
    assert members(worlds[0]) != members(worlds[1]), "the two worlds are not the same"
    first, second = (artefacts(lake, audience) for lake in worlds)
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == []
    assert len(first) > 60
    for one, other in zip(*(releases(lake) for lake in worlds), strict=True):
        tables = [rows_of(folder / audience.value / "qpv.duckdb") for folder in (one, other)]
        assert [name for name in tables[0] if tables[0][name] != tables[1][name]] == []
        assert {"lignage", "valeurs_qualite", "changements_recents", "controles"} < tables[0].keys()


@pytest.mark.parametrize("audience", list(Diffusion))
def test_what_is_hidden_changes_neither_the_difference_of_two_releases_nor_what_a_number_says_of_itself(
    worlds: list[Path], audience: Diffusion
) -> None:
    told = []
    for lake in worlds:
        before, after = (folder / audience.value for folder in releases(lake))
        changes = pa.concat_tables(differences(before, after)).to_pylist()
        with duckdb.connect(str(after / "qpv.duckdb"), read_only=True) as con:
            asked = con.execute(
                "SELECT code_zone, indicateur, periode, modalite FROM valeurs WHERE statut_observation = 'normale'"
                " QUALIFY row_number() OVER (PARTITION BY indicateur, statut_diffusion ORDER BY zonage, code_zone, periode, modalite) <= 2"
                " ORDER BY ALL"
            ).fetchall()
        said = [explain(after, zone, i, period, modality) for zone, i, period, modality in asked]
        told.append((changes, json.dumps(said, default=str)))
    assert told[0] == told[1]
    assert told[0][0] != []


@pytest.mark.parametrize("audience", list(Diffusion))
def test_what_is_hidden_changes_no_page_of_the_site(worlds: list[Path], audience: Diffusion, tmp_path: Path) -> None:
    """Maps, ranks, classes, distributions, comparisons and files: databases apart, whose rows are compared above."""
    told = []
    for n, lake in enumerate(worlds):
        folder = audience_folder(releases(lake)[-1], audience.value)
        build(folder, tmp_path / str(n), Options())
        told.append(
            {
                path.relative_to(tmp_path / str(n)).as_posix(): path.read_bytes()
                for path in sorted((tmp_path / str(n)).rglob("*"))
                if path.is_file() and path.suffix != ".duckdb"
            }
        )
    assert sorted(told[0]) == sorted(told[1])
    assert [name for name in told[0] if told[0][name] != told[1][name]] == []
    assert "index.html" in told[0]
    assert sum(name.startswith("quartiers/") for name in told[0]) == 12


def test_what_is_told_to_the_owner_alone_is_in_no_release(worlds: list[Path]) -> None:
    """The digest of a delivery that is not open would let anyone test a guess of what is hidden."""
    (digest,) = {
        json.loads(path.read_text("utf-8"))["sha256"]
        for path in (worlds[0] / "conformed" / FEED).glob(f"{PERIOD}.json")
    }  # fmt: skip
    for audience in Diffusion:
        for name, content in artefacts(worlds[0], audience).items():
            assert digest.encode() not in content, name
