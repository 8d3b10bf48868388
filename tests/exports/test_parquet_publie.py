"""Published tables are Parquet that any reader takes, with their comments, and a schema that keeps its promise."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from publication import COMMENTS, internal

from qpv_data.exports.parquet import (
    COMMENT_KEY,
    ROW_GROUP_SIZE,
    SCHEMA_VERSION,
    TableComments,
    file_comments,
    write_table,
)
from qpv_data.exports.schema import PARTITIONS, broken

DOCS = Path(__file__).resolve().parents[2] / "docs"
COMMITTED: dict[str, Any] = json.loads((DOCS / "schema-parquet.json").read_text("utf-8"))
CONTENT = pa.table({"code": ["01053", None, "2A004"], "n": [1.5, 2.0, None]})
SAID = {"essai": TableComments("une ligne par zone", {"code": "code de la zone « d'ici »", "n": "nombre"})}


def test_what_is_written_is_read_back_with_its_comments(tmp_path: Path) -> None:
    path = tmp_path / "essai.parquet"
    write_table(CONTENT, path, "essai", SAID)
    read = pq.read_table(path)
    assert read.equals(CONTENT)
    assert {f.name: f.metadata[COMMENT_KEY].decode() for f in read.schema} == SAID["essai"].colonnes
    assert file_comments(path) == SAID["essai"]


def test_duckdb_finds_the_comments_without_arrow(tmp_path: Path) -> None:
    path = tmp_path / "essai.parquet"
    write_table(CONTENT, path, "essai", SAID)
    query = "SELECT decode(key), decode(value) FROM parquet_kv_metadata($path)"
    found = dict(duckdb.execute(query, {"path": str(path)}).fetchall())
    assert found["qpv_data.version_schema"] == SCHEMA_VERSION
    assert json.loads(found["qpv_data.commentaires"])["colonnes"] == SAID["essai"].colonnes


def test_a_table_that_nothing_says_anything_of_is_written_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "autre.parquet"
    write_table(CONTENT, path, "autre", SAID)
    assert file_comments(path) == TableComments("", {})


@given(st.lists(st.tuples(st.none() | st.text(max_size=5), st.none() | st.floats(allow_nan=False)), max_size=30))
def test_the_same_rows_give_the_same_bytes(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    columns = [[r[n] for r in rows] for n in (0, 1)]
    whole = pa.table({"code": pa.array(columns[0], pa.string()), "n": pa.array(columns[1], pa.float64())})
    parts = pa.concat_tables([whole.slice(0, len(rows) // 2), whole.slice(len(rows) // 2)])
    folder = tmp_path_factory.mktemp("octets")
    for name, table in (("a", whole), ("b", parts)):
        write_table(table, folder / name, "essai", SAID)
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()


def test_row_groups_are_small_enough_to_skip_and_say_what_they_hold(tmp_path: Path) -> None:
    path = tmp_path / "essai.parquet"
    codes = [f"QN{n // 200:05d}A" for n in range(3 * ROW_GROUP_SIZE)]
    write_table(pa.table({"code_zone": codes}), path, "essai", {})
    groups = [pq.ParquetFile(path).metadata.row_group(n).column(0) for n in range(3)]
    assert [(g.compression, g.statistics.min, g.statistics.max) for g in groups] == [
        ("ZSTD", codes[n * ROW_GROUP_SIZE], codes[(n + 1) * ROW_GROUP_SIZE - 1]) for n in range(3)
    ]


def test_the_committed_description_is_the_one_that_the_code_writes() -> None:
    command = [sys.executable, "-m", "qpv_data.exports.schema"]
    written = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    assert written == (DOCS / "schema-parquet.json").read_text("utf-8"), "`make docs` writes it again"


def test_the_release_has_the_schema_that_is_promised(demonstration: Path) -> None:
    folder = internal(demonstration)
    files = {name: [folder.path(name)] for name in folder.tables()}
    files |= {"valeurs": folder.values(), "series": folder.series()}
    assert sorted(files) == sorted(COMMITTED["tables"])
    for name, paths in files.items():
        for path in paths:
            schema = pq.read_schema(path)
            promised = COMMITTED["tables"][name]["colonnes"]
            assert [(f.name, str(f.type)) for f in schema] == [(c["nom"], c["type"]) for c in promised], path
            assert [f.nullable for f in schema] == [not c["obligatoire"] for c in promised], path
    assert all(p.parent.parent.name.startswith("zonage=") for p in files["valeurs"])


def test_every_column_has_its_comment() -> None:
    for name, table in COMMITTED["tables"].items():
        columns = [c["nom"] for c in table["colonnes"]] + list(PARTITIONS.get(name, ()))
        assert [c for c in columns if not COMMENTS[name].colonnes.get(c)] == [], name


def test_the_page_gives_the_changes_of_this_version_first() -> None:
    page = (DOCS / "schema-parquet.md").read_text("utf-8")
    assert re.findall(r"^### (\S+)", page, re.MULTILINE)[0] == COMMITTED["version_schema"] == SCHEMA_VERSION


def test_a_schema_keeps_its_own_promise_and_may_grow() -> None:
    grown = copy.deepcopy(COMMITTED)
    grown["tables"]["nouvelle"] = {"colonnes": []}
    for table in grown["tables"].values():
        table["colonnes"].append({"nom": "ajoutee", "type": "string", "obligatoire": False})
    assert broken(COMMITTED, COMMITTED) == broken(COMMITTED, grown) == []


@given(st.data())
def test_whatever_a_reader_would_lose_breaks_the_promise(data: st.DataObject) -> None:
    changed = copy.deepcopy(COMMITTED)
    name = data.draw(st.sampled_from(sorted(changed["tables"])))
    columns = changed["tables"][name]["colonnes"]
    n = data.draw(st.integers(0, len(columns) - 1))
    match data.draw(st.sampled_from(["table", "colonne", "nom", "type", "ordre", "cle"])):
        case "table":
            del changed["tables"][name]
        case "colonne":
            del columns[n]
        case "nom":
            columns[n]["nom"] += "_2"
        case "type":
            columns[n]["type"] = "int8"
        case "ordre":
            columns.insert(n, {"nom": "ajoutee", "type": "string", "obligatoire": False})
        case "cle":
            changed["tables"][name]["cle"] = ["autre"]
    assert broken(COMMITTED, changed) != []
