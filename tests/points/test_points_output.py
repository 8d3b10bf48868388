"""What is written: the rows received, exactly, with their answers after; whole, or not at all."""

from __future__ import annotations

import csv
import datetime
import os
import resource
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from points_made import XY, X, Y, locate, refused, written

ADDED = ["code", "localisation", "localisation_motif"]


def every_type() -> pa.Table:
    """Three rows of about every type that Parquet holds, with metadata on the table and on a field."""
    stamp = datetime.datetime(2024, 10, 27, 1, 30, tzinfo=datetime.UTC)
    columns: dict[str, Any] = {
        "x": pa.array([X, X - 9, None]),
        "zéro": pa.array(["01053", None, ""]),
        "y": pa.array([Y, Y, Y], pa.float32()),
        "dictionnaire": pa.array(["a", None, "a"]).dictionary_encode(),
        "dict_nombres": pa.array([5, 6, None]).dictionary_encode(),
        "grand": pa.array(["a", "b", None], pa.large_string()),
        "vue": pa.array(["a", "b", None], pa.string_view()),
        "octets": pa.array([b"\xff", b"", None]),
        "fixe": pa.array([b"ab", b"cd", None], pa.binary(2)),
        "petit": pa.array([1, None, -1], pa.int8()),
        "sans_signe": pa.array([2**64 - 1, None, 0], pa.uint64()),
        "demi": pa.array(np.array([1.5, 2.5, 0], np.float16)),
        "vrai": pa.array([True, None, False]),
        "decimal": pa.array([Decimal("1.10"), None, Decimal("-0.01")], pa.decimal128(20, 2)),
        "instant": pa.array([stamp, None, stamp], pa.timestamp("us", "Europe/Paris")),
        "nano": pa.array([1, None, 2**62], pa.timestamp("ns")),
        "jour": pa.array([datetime.date(2024, 2, 29), None, datetime.date(1, 1, 1)]),
        "heure": pa.array([1, None, 2], pa.time64("us")),
        "duree": pa.array([1, None, 2], pa.duration("ms")),
        "liste": pa.array([["a", None], None, []]),
        "structure": pa.array([{"a": 1, "b": [{"c": "d"}]}, None, {"a": None, "b": None}]),
        "carte": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int32())),
        "rien": pa.nulls(3),
        "uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16, None, b"1" * 16], pa.binary(16))),
        "point.é": pa.array(["nom à point", None, "b"]),
    }
    table = pa.table(columns)
    field = table.schema.field("vrai").with_metadata({"unite": "oui ou non"})
    schema = table.schema.set(table.schema.get_field_index("vrai"), field)
    return pa.table(columns, schema=schema).replace_schema_metadata({"pandas": "{}", "à soi": "gardé"})


@pytest.mark.parametrize("name", ["p.parquet", "p.arrow"])
def test_columns_types_order_and_metadata_are_kept(name: str, zones: Path, tmp_path: Path) -> None:
    table = every_type()
    written(tmp_path / "p.parquet", table=table)
    # What pyarrow itself brings back: a dictionary of anything but texts becomes plain in any Parquet.
    reference = pq.read_table(tmp_path / "p.parquet")
    if name.endswith("arrow"):
        with pa.ipc.new_file(str(tmp_path / name), table.schema) as sink:
            sink.write_table(table)
    out = tmp_path / "o.parquet"
    done = locate(tmp_path / name, *XY, "--zones", zones, "--code", "code", "-o", out)
    assert done.code == 0, done.err
    found = pq.read_table(out)
    assert found.column_names == [*table.column_names, *ADDED]
    kept = found.select(table.column_names)
    assert kept.to_pylist() == reference.to_pylist()
    for was, now in zip(reference.schema, kept.schema, strict=True):
        assert now.type == was.type, was.name
        assert now.nullable == was.nullable
        assert {k: v for k, v in (was.metadata or {}).items() if k != b"PARQUET:field_id"}.items() <= (
            now.metadata or {}
        ).items()
    assert found.schema.metadata[b"\xc3\xa0 soi"] == "gardé".encode()
    assert [str(found.schema.field(n).type) for n in ADDED] == ["string"] * 3
    assert found["code"].to_pylist() == ["A", None, None]
    assert found["localisation_motif"].to_pylist() == [None, None, "coordonnees_absentes"]


def test_what_is_required_stays_required(zones: Path, tmp_path: Path) -> None:
    schema = pa.schema([pa.field("x", pa.float64(), nullable=False), pa.field("y", pa.float64(), nullable=False)])
    written(tmp_path / "p.parquet", table=pa.table({"x": [X], "y": [Y]}, schema=schema))
    assert (
        locate(tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code", "-o", tmp_path / "o.parquet").code == 0
    )
    assert pq.read_schema(tmp_path / "o.parquet").field("x").nullable is False


def test_added_columns_are_plain_texts_for_every_reader(zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "p.parquet", x=[X, X - 9, None], y=[Y, Y, Y], _row_group_size=1)
    out = tmp_path / "o.parquet"
    assert locate(tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code", "--tous", "-o", out).code == 0
    expected = [("A", "dedans", None), (None, "dehors", None), (None, "inconnu", "coordonnees_absentes")]
    with duckdb.connect() as con:
        rows = con.execute(f"SELECT code, localisation, localisation_motif FROM '{out}'").fetchall()
        kinds = con.execute(f"SELECT typeof(code), typeof(localisation), typeof(codes) FROM '{out}'").fetchone()
    assert rows == expected
    assert kinds == ("VARCHAR", "VARCHAR", "VARCHAR[]")
    frame = pd.read_parquet(out)
    assert [str(frame[n].dtype) for n in ADDED] == ["str"] * 3
    assert frame["code"].dropna().tolist() == ["A"]
    assert pq.read_table(out)["codes"].to_pylist() == [["A"], [], []]


def test_a_pandas_index_and_a_geodataframe_come_back(zones: Path, tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame(
        {"n": [1, 2]}, index=pd.Index(["u", "v"], name="cle"), geometry=[shapely.Point(X, Y), None], crs=2154
    )
    frame.to_parquet(tmp_path / "p.parquet")
    out = tmp_path / "o.parquet"
    assert locate(tmp_path / "p.parquet", "--zones", zones, "--code", "code", "-o", out).code == 0
    back = geopandas.read_parquet(out)
    assert back.index.equals(frame.index)
    assert back["code"].tolist()[0] == "A"


def test_names_that_clash_are_refused_and_a_prefix_gives_others(zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "p.parquet", x=[X], y=[Y], code=["à moi"], codes=["aussi"])
    ask = [tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code", "--tous", "-o", tmp_path / "o.parquet"]
    said = refused(*ask)
    assert "doublon: le fichier a déjà des colonnes nommées code, codes" in said
    assert "--prefixe" in said
    assert locate(*ask, "--prefixe", "q_").code == 0
    row = pq.read_table(tmp_path / "o.parquet").to_pylist()[0]
    assert (row["code"], row["q_code"], row["q_codes"]) == ("à moi", "A", ["A"])


FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")']
HARMLESS = ["-1,5", "+33612345678", "-1e5", "12", "a=b", "", "−3", "-.5"]


def test_a_csv_neutralises_formulas_and_leaves_numbers_as_they_are(zones: Path, tmp_path: Path) -> None:
    texts = FORMULAS + HARMLESS
    n = len(texts)
    columns = {
        "x": [X] * n,
        "y": [Y] * n,
        "texte": texts,
        "grand": pa.array(texts, pa.large_string()),
        "dictionnaire": pa.array(texts).dictionary_encode(),
        "nombre": [-1.5] * n,
        "=entete": [1] * n,
    }
    written(tmp_path / "p.parquet", **columns)
    out = tmp_path / "o.csv"
    assert locate(tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code", "-o", out).code == 0
    with out.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    expected = [f"'{t}" for t in FORMULAS] + HARMLESS
    for column in ("texte", "grand", "dictionnaire"):
        assert [r[column] for r in rows] == expected
    assert {r["nombre"] for r in rows} == {"-1.5"}
    assert "'=entete" in rows[0]
    done = locate(
        tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code", "--compte", "--par", "texte", "-q"
    )  # fmt: skip
    assert {r["texte"] for r in csv.DictReader(done.out.splitlines())} >= {"'=1+1", "-1,5"}


def test_a_csv_holds_bytes_in_hexadecimal_and_several_codes_in_one_text(zones: Path, tmp_path: Path) -> None:
    point = shapely.Point(X + 600, Y + 600)
    geopandas.GeoDataFrame({"n": [1]}, geometry=[point], crs=2154).to_parquet(tmp_path / "p.parquet")
    out = tmp_path / "o.csv"
    assert locate(tmp_path / "p.parquet", "--zones", zones, "--code", "code", "--tous", "-o", out).code == 0
    with out.open(encoding="utf-8", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row["codes"] == "A,B"
    assert shapely.from_wkb(row["geometry"]) == point


def test_a_csv_cannot_hold_lists_and_says_so(zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "p.parquet", x=[X], y=[Y], liste=[[1]], structure=[{"a": 1}])
    ask = [tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code", "-o"]
    said = refused(*ask, tmp_path / "o.csv")
    assert "'liste', 'structure'" in said
    assert not (tmp_path / "o.csv").exists()
    assert locate(*ask, tmp_path / "o.parquet").code == 0


def test_an_output_that_is_also_read_is_refused(zones: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dossier"
    folder.mkdir()
    points = folder / "p.parquet"
    written(points, x=[X], y=[Y])
    before = points.read_bytes()
    ask = [*XY, "--zones", zones, "--code", "code"]
    (tmp_path / "lien").symlink_to(folder)
    for target in (points, tmp_path / "lien" / "p.parquet", folder / ".." / "dossier" / "p.parquet"):
        assert "ecriture_impossible" in refused(folder, *ask, "-o", target)
        assert "ecriture_impossible" in refused(points, *ask, "--compte", "-o", target)
    assert "ecriture_impossible" in refused(points, *ask, "-o", zones)
    assert points.read_bytes() == before
    # An earlier answer left in the folder is not read as points: the second time says so.
    assert locate(folder, *ask, "-o", folder / "o.parquet").code == 0
    assert "ecriture_impossible" in refused(folder, *ask, "-o", folder / "o.parquet")


def command(*arguments: object, limit: int | None = None) -> subprocess.Popen[str]:
    """The command in a process of its own; `limit`: the bytes that a file may have, as on a disk that is full."""

    def full() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    words = [sys.executable, "-m", "qpv_data", "locate", *map(str, arguments)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=full)


def test_a_full_disk_leaves_the_target_as_it_was(zones: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    written(tmp_path / "p.parquet", x=X + 1000 * rng.random(60_000), y=Y + 1000 * rng.random(60_000))
    for name in ("o.parquet", "o.csv"):
        out = tmp_path / name
        out.write_text("avant")
        done = command(
            tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code", "-o", out, limit=100_000
        )  # fmt: skip
        said = done.communicate(timeout=60)[1]
        assert done.returncode == 4
        assert said.startswith("ecriture_impossible"), said
        assert said.count("\n") == 1
        assert out.read_text() == "avant"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["o.csv", "o.parquet", "p.parquet"]


@pytest.mark.parametrize("kind", ["a folder", "under a file"])
def test_a_target_that_cannot_be_written_is_said(kind: str, zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "p.parquet", x=[X], y=[Y])
    (tmp_path / "o.parquet").mkdir()
    target = tmp_path / "o.parquet" if kind == "a folder" else tmp_path / "p.parquet" / "o.parquet"
    for asked in ([], ["--compte"]):
        ask = [tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code", *asked, "-o", target]
        assert refused(*ask).startswith("ecriture_impossible")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["o.parquet", "p.parquet"]


@pytest.mark.skipif(os.name != "posix", reason="signaux")
def test_a_command_that_is_killed_leaves_the_target_as_it_was(zones: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.csv"
    out.write_text("avant")
    written(tmp_path / "p.parquet", x=[X] * 400_000, y=[Y] * 400_000)
    done = command(tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code", "-o", out, "--fils", 1)
    until = time.monotonic() + 30
    while not list(tmp_path.glob(".o.csv.*")) and done.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    done.send_signal(signal.SIGKILL)
    done.communicate(timeout=30)
    assert out.read_text() == "avant" or done.returncode == 0


def test_a_fault_in_the_last_file_leaves_nothing(zones: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n" + f"{X},{Y}\n" * 10)
    (tmp_path / "b.csv").write_text(f"x,y\n{X},{Y}\n1\n")
    out = tmp_path / "o.parquet"
    ask = [*XY, "--zones", zones, "--code", "code", "-o", out]
    assert "b.csv" in refused(tmp_path / "a.csv", tmp_path / "b.csv", *ask)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "b.csv"]


def test_a_file_whose_columns_are_met_twice_is_not_written_and_may_be_counted(zones: Path, tmp_path: Path) -> None:
    twice = pa.Table.from_arrays(
        [pa.array([X]), pa.array([Y]), pa.array([1]), pa.array(["a"])], names=["x", "y", "v", "v"]
    )
    written(tmp_path / "p.parquet", table=twice)
    ask = [tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code"]
    for target in ("o.parquet", "o.csv"):
        assert "entete_inattendu: colonnes en double : 'v'" in refused(*ask, "-o", tmp_path / target)
    assert "colonnes en double : 'v'" in refused(*ask, "--compte", "--par", "v")
    assert locate(*ask, "--compte", "-q").out == '"code","nombre"\n"A",1\n'
