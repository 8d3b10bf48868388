"""Hold a release to what it promises, and every number to what it says of itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factory import IN_A, Mini, point
from typer.testing import CliRunner

from qpv_data.cli import app
from qpv_data.problems import Problem
from qpv_data.releases.explain import explain
from qpv_data.releases.listing import part_of
from qpv_data.releases.verify import verify
from qpv_data.runs import RunError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    mini = Mini(tmp_path_factory.mktemp("verifier"))
    mini.referentials()
    mini.points({"2024-T1": [point(f"a{n}", IN_A) for n in range(8)]})
    return mini.begin().release.dossier


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / made.name))


def test_a_release_as_it_was_published_has_no_fault_whole_or_one_audience_alone(made: Path) -> None:
    assert verify(made) == []
    for audience in ("ouvert", "partenaires"):
        assert verify(made / audience) == []


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def rename(path: Path) -> None:
    table = pq.read_table(path)
    pq.write_table(table.rename_columns(["autre", *table.column_names[1:]]), path)


def forget(path: Path) -> None:
    with duckdb.connect(str(path)) as con:
        con.execute("DELETE FROM valeurs WHERE code_zone = 'QN09901A'")


def alter(path: Path) -> None:
    with duckdb.connect(str(path)) as con:
        con.execute("UPDATE valeurs SET valeur = 7 WHERE code_zone = 'QN09901A' AND indicateur = 'points_n'")


def lie(path: Path) -> None:
    told = json.loads(path.read_text("utf-8"))
    told["lignes"]["valeurs"] += 1
    path.write_text(json.dumps(told), "utf-8")


@pytest.mark.parametrize(
    ("where", "harm", "told"),
    [
        ("ouvert/indicateurs.parquet", flip, "son contenu n'est plus"),
        ("ouvert/valeurs/zonage=qpv2024/periode=2024-T1/valeurs.parquet", Path.unlink, "absent"),
        ("ouvert/clauses.parquet", rename, "colonnes autres que promises"),
        ("partenaires/qpv.duckdb", Path.unlink, "absente"),
        ("partenaires/qpv.duckdb", forget, "valeurs ne dit pas ce que disent les fichiers"),
        ("ouvert/qpv.duckdb", alter, "valeurs ne dit pas ce que disent les fichiers"),
        ("partenaires/manifest.json", lie, "et le manifeste en dit"),
        ("certificat.json", flip, "son contenu n'est plus"),
        ("ouvert/de_trop.csv", Path.touch, "le manifeste n'en dit rien"),
        ("manifest.json", Path.unlink, "absent"),
    ],
)
def test_each_harm_is_told_with_its_file(copy: Path, where: str, harm: Callable[[Path], None], told: str) -> None:
    harm(copy / where)
    faults = verify(copy)
    assert [f for f in faults if f.ou.startswith(where.split("/")[0]) and told in f.quoi] != [], faults
    done = CliRunner().invoke(app, ["verify", str(copy)])
    assert done.exit_code == (1 if where != "manifest.json" else 4)


@pytest.mark.parametrize(
    ("version", "kept", "faulty"),
    [
        ("1.0", slice(None, -1), False),
        ("1.0", slice(1, None), True),
        (None, slice(None, -1), True),
        ("0.9", slice(None, -1), True),
    ],
)
def test_an_older_minor_version_of_the_schema_may_lack_columns_at_the_end_and_nothing_else(
    copy: Path, version: str | None, kept: slice, faulty: bool
) -> None:
    path, manifest = copy / "ouvert" / "clauses.parquet", copy / "ouvert" / "manifest.json"
    table = pq.read_table(path)
    pq.write_table(table.select(table.column_names[kept]), path)
    told = json.loads(manifest.read_text("utf-8"))
    manifest.write_text(json.dumps(told | ({"version_schema": version} if version else {})), "utf-8")
    assert any("colonnes autres que promises" in f.quoi for f in verify(copy)) is faulty


def test_a_number_says_where_it_comes_from_and_how_to_find_it_again(made: Path) -> None:
    (told,) = explain(made / "ouvert", "QN09901A", "points_n", "2024-T1")
    assert told["valeur"]["valeur"] == 8
    assert told["clause"]["licence"] == "Licence Ouverte 2.0"
    assert {(one["role"], one["jeu"]) for one in told["livraisons"]} == {
        ("source", "points"), ("perimetre", "ref_qpv2024"),
    }  # fmt: skip
    with duckdb.connect(str(made / "ouvert" / "qpv.duckdb"), read_only=True) as con:
        assert con.execute(told["sql"]).fetchall() == [(8.0, 8.0, None, "normale", "diffusee")]
    done = CliRunner().invoke(
        app, ["explain", str(made), "--zone", "QN09901A", "--indicateur", "points_n", "--periode", "2024-T1"]
    )
    assert done.exit_code == 0
    for words in ("Zone QN09901A (qpv2024 QN09901A), 2024-T1", "8 unités", "essayer", "première publication"):
        assert words in done.output


@pytest.mark.parametrize(
    ("changed", "named"),
    [("indicateur", "points_n"), ("periode", "2024-T1"), ("modalite", "ensemble"), ("zone", "QN09901A")],
)
def test_what_is_not_there_is_named_with_what_is(made: Path, changed: str, named: str) -> None:
    asked = {"zone": "QN09901A", "indicateur": "points_n", "periode": "2024-T1", "modalite": "ensemble"}
    with pytest.raises(RunError) as refused:
        explain(made / "ouvert", **{**asked, changed: f"{asked[changed][:4]}zzz"})
    assert refused.value.probleme is Problem.VALEUR_ABSENTE
    assert named in str(refused.value)


def test_the_folder_of_one_audience_is_never_read_as_anothers(made: Path) -> None:
    with pytest.raises(RunError) as refused:
        part_of(made / "partenaires", "ouvert")
    assert refused.value.probleme is Problem.PUBLICATION_ABSENTE
    assert part_of(made / "partenaires", "partenaires") == part_of(made, None) == (made / "partenaires").resolve()


def test_a_text_in_a_code_is_a_text_and_never_sql(made: Path) -> None:
    with pytest.raises(RunError) as refused:
        explain(made / "ouvert", "x' OR '1'='1", "points_n", "2024-T1")
    assert refused.value.probleme is Problem.VALEUR_ABSENTE


def test_every_parquet_file_of_a_release_is_read_with_the_words_of_its_columns(made: Path) -> None:
    for path in sorted(made.rglob("*.parquet")):
        schema = pq.read_schema(path)
        assert isinstance(schema, pa.Schema)
        if path.name != "zones.parquet":
            assert all((field.metadata or {}).get(b"comment") for field in schema), path
