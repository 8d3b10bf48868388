"""Releases of several partnerships as one: national feeds once, what is each one's own apart, and all of it attacked."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from factory import IN_A, IN_B, IN_C, Mini, point
from typer.testing import CliRunner

from qpv_data.cli import app
from qpv_data.releases.layout import said
from qpv_data.releases.verify import verify

SEUIL = {
    "regime": "seuil", "famille": "donnees_ouvertes", "unite_famille": "enregistrement", "unite": "menage", "seuil": 5,
    "colonne_unite": "menage",
}  # fmt: skip


def partnership(root: Path, name: str, national: int = 8, **more: object) -> Path:
    """A release of the national feed and of one of its own."""
    mini = Mini(root / name)
    mini.referentials()
    mini.points({"2024-T1": [point(f"a{n}", IN_A) for n in range(national)]})
    mini.points({"2024-T1": [point(f"l{n}", IN_B) for n in range(6)]}, ident=f"locaux_{name}", **more)
    return mini.run(diffuseur=name).release.dossier


def merged(out: Path, *releases: Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["fusion", *map(str, releases), "--out", str(out)])
    return done.exit_code, done.output


def rows(folder: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(folder / "ouvert" / "qpv.duckdb"), read_only=True) as con:
        return con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("partenariats")
    return partnership(root, "un"), partnership(root, "deux")


def test_a_national_feed_is_there_once_and_each_partnerships_own_all(pair: tuple[Path, Path], tmp_path: Path) -> None:
    code, told = merged(tmp_path, *pair)
    assert code == 0, told
    made = tmp_path / "releases" / "2024-T4-r1"
    assert verify(made) == []
    where = "WHERE zonage NOT IN ('territoire', 'non_localise')"
    key = "indicateur, modalite, zonage, code_zone, periode"
    both = [set(rows(p, f"SELECT {key}, valeur FROM valeurs {where}")) for p in pair]
    found = rows(made, f"SELECT {key}, valeur FROM valeurs {where}")
    assert len(found) == len(set(found))
    assert set(found) == both[0] | both[1]
    own = rows(made, "SELECT code_zone, valeur FROM valeurs WHERE zonage = 'territoire' AND indicateur = 'points_n'"
                     " AND periode = '2024-T1' ORDER BY 1")  # fmt: skip
    assert own == [("deux", 8.0), ("un", 8.0)]
    assert [s["diffuseur"] for s in said(made)["sources"]] == ["deux", "un"]
    assert rows(made, "SELECT DISTINCT publication FROM valeurs") == [("2024-T4-r1",)]
    assert {r[0] for r in rows(made, "SELECT clause FROM clauses")} >= {"points", "locaux_un", "locaux_deux"}


def test_every_table_that_a_partnership_publishes_is_in_the_merged_release(tmp_path: Path) -> None:
    broken = [{"periode": "2024-T2", "motif": "autre logiciel"}]
    pair = partnership(tmp_path, "un", ruptures=broken), partnership(tmp_path, "deux")
    code, told = merged(tmp_path / "out", *pair)
    assert code == 0, told
    made = tmp_path / "out" / "releases" / "2024-T4-r1"
    names = [{p.name for p in (folder / "ouvert").glob("*.parquet")} for folder in (*pair, made)]
    assert names[2] == names[0] == names[1]
    assert {r[0] for r in rows(made, "SELECT motif FROM ruptures")} == {"autre logiciel"}


def test_the_order_of_the_releases_changes_no_byte(pair: tuple[Path, Path], tmp_path: Path) -> None:
    for name, order in (("a", pair), ("b", pair[::-1])):
        assert merged(tmp_path / name, *order)[0] == 0
    folders = [tmp_path / n / "releases" / "2024-T4-r1" for n in ("a", "b")]
    files = [{p.relative_to(f): p for p in f.rglob("*") if p.is_file() and p.suffix != ".duckdb"} for f in folders]
    assert files[0].keys() == files[1].keys()
    assert [n for n in files[0] if files[0][n].read_bytes() != files[1][n].read_bytes()] == []


def test_partnerships_that_contradict_each_other_are_not_merged_and_the_cells_are_named(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    other = partnership(tmp_path, "trois", national=11)
    code, told = merged(tmp_path / "out", pair[0], other)
    assert code == 4
    assert "publications_contradictoires" in told
    assert "points_n" in told
    assert not list((tmp_path / "out").glob("releases/*-r*"))


def test_what_they_give_away_together_is_not_merged(tmp_path: Path) -> None:
    """Each hides another cell of one commune, and shows what the other hides."""
    made = []
    for name, places in (("un", (IN_A, IN_B)), ("deux", (IN_A, IN_C))):
        mini = Mini(tmp_path / name)
        mini.referentials()
        rows_of = [point(f"r{p}-{n}", at) for p, at in enumerate(places) for n in range(3 if p else 9)]
        mini.points({"2024-T1": rows_of}, secret=SEUIL)
        made.append(mini.run(diffuseur=name).release.dossier)
    code, told = merged(tmp_path / "out", *made)
    assert code == 4
    assert "publications_contradictoires" in told or "divulgation" in told


def test_one_release_a_partnership_and_one_audience_for_all(pair: tuple[Path, Path], tmp_path: Path) -> None:
    code, told = merged(tmp_path, pair[0], pair[0])
    assert (code, "doublon" in told) == (4, True)
    done = CliRunner().invoke(app, ["fusion", *map(str, pair), "--out", str(tmp_path), "--audience", "interne"])
    assert (done.exit_code, "publication_absente" in done.output) == (4, True)
