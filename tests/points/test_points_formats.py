"""Files of points: every encoding of the same points gives the same answers, and a file that is not whole gives none."""

from __future__ import annotations

import decimal
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from points_made import XY, X, Y, balance, codes_in, locate, read, refused, written

from qpv_data.points import reading

PX = np.array([X + 100, X + 600, X + 1400, X + 2000, X + 999])
PY = np.array([Y + 100, Y + 600, Y + 1400, Y + 2000, Y + 1])
CODES = ["A", "A", "B", None, "A"]


def answers(points: Path, zones: Path, *where: object) -> list[str | None]:
    out = points.with_name("sortie.parquet")
    done = locate(points, *where, "--zones", zones, "--code", "code", "-o", out, "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")
    return codes_in(out)


NUMBERS: dict[str, Any] = {
    "float64": lambda v: pa.array(v),
    "float32": lambda v: pa.array(v.astype(np.float32)),
    "int32": lambda v: pa.array(v.astype(np.int32)),
    "uint64": lambda v: pa.array(v.astype(np.uint64)),
    "decimal": lambda v: pa.array([decimal.Decimal(str(n)) for n in v], pa.decimal128(18, 3)),
    "text": lambda v: pa.array([f" {n} " for n in v]),
    "large_string": lambda v: pa.array([str(n) for n in v], pa.large_string()),
    "string_view": lambda v: pa.array([str(n) for n in v], pa.string_view()),
    "dictionary of texts": lambda v: pa.array([str(n) for n in v]).dictionary_encode(),
    "dictionary of floats": lambda v: pa.array(v).dictionary_encode(),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_coordinates_of_any_type_give_the_same_answers(kind: str, zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "p.parquet", x=NUMBERS[kind](PX), y=NUMBERS[kind](PY))
    assert answers(tmp_path / "p.parquet", zones, *XY) == CODES


@pytest.mark.parametrize("kind", ["date", "list", "struct", "bool", "binary"])
def test_a_column_that_is_no_coordinate_is_refused_by_its_name(kind: str, zones: Path, tmp_path: Path) -> None:
    column = {
        "date": pa.array([1], pa.date32()),
        "list": pa.array([[1.0]]),
        "struct": pa.array([{"x": 1.0}]),
        "bool": pa.array([True]),
        "binary": pa.array([b"1"]),
    }[kind]
    written(tmp_path / "p.parquet", x=column, y=[Y])
    said = refused(tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code", "-o", tmp_path / "o.parquet")
    assert said.startswith("p.parquet: valeur_invalide:")
    assert "'x' (" in said
    assert not (tmp_path / "o.parquet").exists()


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_row_groups_of_any_size_give_the_same_rows_in_order(rows: int, zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "p.parquet", x=PX, y=PY, n=list(range(5)), _row_group_size=rows)
    assert answers(tmp_path / "p.parquet", zones, *XY) == CODES
    assert [r["n"] for r in read(tmp_path / "sortie.parquet")] == [0, 1, 2, 3, 4]


def test_a_row_group_too_large_to_read_at_once_is_read_by_batches(
    zones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_AT_ONCE", 1)
    monkeypatch.setattr(reading, "ROWS", 2)
    groupe = pa.array(["a", None, "b", "a", "a"]).dictionary_encode()
    written(tmp_path / "p.parquet", x=PX, y=PY, groupe=groupe)
    source = reading.ParquetSource(tmp_path / "p.parquet")
    assert [sum(b.num_rows for b in unit()) for unit in source.units(None)] == [2, 2, 1]
    assert answers(tmp_path / "p.parquet", zones, *XY) == CODES
    done = locate(tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code", "--compte", "--par", "groupe", "-q")
    assert done.out == '"code","groupe","nombre"\n"A","a",2\n"A",,1\n"B","b",1\n'


def test_a_batch_of_an_arrow_file_may_be_the_whole_file(
    zones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "ROWS", 2)
    table = pa.table({"x": PX, "y": PY, "groupe": pa.array(["a", None, "b", "a", "a"]).dictionary_encode()})
    with pa.ipc.new_file(str(tmp_path / "p.arrow"), table.schema) as sink:
        sink.write_table(table)
    (unit,) = reading.ArrowSource(tmp_path / "p.arrow").units(None)
    assert [b.num_rows for b in unit()] == [2, 2, 1]
    assert answers(tmp_path / "p.arrow", zones, *XY) == CODES
    assert pq.read_table(tmp_path / "sortie.parquet").select(["x", "y", "groupe"]).to_pylist() == table.to_pylist()


@pytest.mark.parametrize("groups", [0, 1])
def test_a_file_without_a_row_gives_a_file_without_a_row(groups: int, zones: Path, tmp_path: Path) -> None:
    schema = pa.schema([("x", pa.float64()), ("y", pa.float64()), ("g", pa.string())])
    with pq.ParquetWriter(tmp_path / "p.parquet", schema) as writer:
        for _ in range(groups):
            writer.write_table(schema.empty_table())
    assert answers(tmp_path / "p.parquet", zones, *XY) == []
    added = ["code", "localisation", "localisation_motif"]
    assert pq.read_schema(tmp_path / "sortie.parquet").names == ["x", "y", "g", *added]
    done = locate(tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code", "--compte", "--par", "g", "-q")
    assert (done.code, done.out) == (0, '"code","g","nombre"\n')


POINTS = [shapely.Point(x, y) for x, y in zip(PX, PY, strict=True)]
ODD = [
    shapely.Point(),
    None,
    shapely.LineString([(X, Y), (X + 9, Y)]),
    shapely.MultiPoint([(X, Y)]),
    shapely.Point(X, Y, 5),
]
ODD_MOTIFS = ["coordonnees_absentes", "coordonnees_absentes", "coordonnees_illisibles", "coordonnees_illisibles", None]


def wkb(points: list[Any], order: int = 1) -> list[bytes | None]:
    return [None if p is None else shapely.to_wkb(p, byte_order=order) for p in points]


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()])
def test_wkb_of_either_byte_order_is_read(order: int, kind: pa.DataType, zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "p.parquet", g=pa.array(wkb(POINTS, order), kind))
    assert answers(tmp_path / "p.parquet", zones, "--geometrie", "g", "--crs", "EPSG:2154") == CODES


def test_a_geometry_that_is_empty_absent_or_no_point_is_of_unknown_place(zones: Path, tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame({"n": range(10)}, geometry=[*POINTS, *ODD], crs=2154)
    frame.to_parquet(tmp_path / "p.parquet")
    assert answers(tmp_path / "p.parquet", zones) == [*CODES, None, None, None, None, "A"]
    rows = read(tmp_path / "sortie.parquet")
    assert [r["localisation_motif"] for r in rows] == [None] * 5 + ODD_MOTIFS
    # The output is still GeoParquet, and says the same geometries.
    back = geopandas.read_parquet(tmp_path / "sortie.parquet")
    assert back.crs == frame.crs
    assert back.geometry.to_wkb().equals(frame.geometry.to_wkb())


def test_an_empty_point_of_plain_wkb_has_no_coordinates(zones: Path, tmp_path: Path) -> None:
    empty = struct.pack("<BIdd", 1, 1, float("nan"), float("nan"))
    written(tmp_path / "p.parquet", g=pa.array([*wkb(POINTS[:1]), empty]))
    assert answers(tmp_path / "p.parquet", zones, "--geometrie", "g", "--crs", "EPSG:2154") == ["A", None]
    assert read(tmp_path / "sortie.parquet")[1]["localisation_motif"] == "coordonnees_absentes"


def test_bytes_that_are_no_wkb_are_unreadable_and_refuse_nothing_else(zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "p.parquet", g=pa.array([*wkb(POINTS), b"", b"\x01\x02", b"x" * 21]))
    assert answers(tmp_path / "p.parquet", zones, "--geometrie", "g", "--crs", "EPSG:2154") == [*CODES] + [None] * 3
    assert {r["localisation_motif"] for r in read(tmp_path / "sortie.parquet")[5:]} == {"coordonnees_illisibles"}


def test_native_points_are_read_apart_and_together(zones: Path, tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame({"n": range(6)}, geometry=[*POINTS, None], crs=2154)
    frame.to_parquet(tmp_path / "apart.parquet", geometry_encoding="geoarrow")
    assert pa.types.is_struct(pq.read_schema(tmp_path / "apart.parquet").field("geometry").type)
    assert answers(tmp_path / "apart.parquet", zones) == [*CODES, None]
    pairs = pa.FixedSizeListArray.from_arrays(pa.array(np.column_stack([PX, PY, PX]).ravel()), 3)
    together = pa.concat_arrays([pairs, pa.nulls(1, pairs.type)])
    written(tmp_path / "together.parquet", g=together)
    assert answers(tmp_path / "together.parquet", zones, "--geometrie", "g", "--crs", "EPSG:2154") == [*CODES, None]


def test_native_geometries_that_are_no_points_are_refused(zones: Path, tmp_path: Path) -> None:
    lines = geopandas.GeoDataFrame(geometry=[shapely.LineString([(X, Y), (X + 9, Y)])], crs=2154)
    lines.to_parquet(tmp_path / "p.parquet", geometry_encoding="geoarrow")
    said = refused(tmp_path / "p.parquet", "--zones", zones, "--code", "code", "-o", tmp_path / "o.parquet")
    assert "valeur_invalide" in said


def geoparquet(path: Path, crs: object, **column: object) -> Path:
    """A GeoParquet whose `geo` metadata says `crs`; Ellipsis says nothing of it."""
    said = {"encoding": "WKB", "geometry_types": ["Point"], **({} if crs is ... else {"crs": crs}), **column}
    geo = {"version": "1.1.0", "primary_column": "g", "columns": {"g": said}}
    written(path, table=pa.table({"g": wkb(POINTS)}).replace_schema_metadata({"geo": json.dumps(geo)}))
    return path


def test_the_crs_of_a_geoparquet_is_its_own_and_no_other_is_believed(zones: Path, tmp_path: Path) -> None:
    import pyproj

    projjson = pyproj.CRS("EPSG:2154").to_json_dict()
    lambert = geoparquet(tmp_path / "p.parquet", projjson)
    assert answers(lambert, zones) == CODES
    assert answers(lambert, zones, "--crs", "IGNF:LAMB93") == CODES
    ask = ["--zones", zones, "--code", "code", "-o", tmp_path / "o.parquet"]
    assert "et non en EPSG:4326" in refused(lambert, "--crs", "EPSG:4326", *ask)
    # Without an identifier, the definition itself says which system it is.
    projjson.pop("id")
    assert answers(geoparquet(tmp_path / "sans_id.parquet", projjson), zones) == CODES


def test_a_geoparquet_without_a_word_on_its_crs_is_in_longitude_and_latitude(zones: Path, tmp_path: Path) -> None:
    ask = ["--zones", zones, "--code", "code"]
    done = balance(geoparquet(tmp_path / "p.parquet", ...), *ask, "-o", tmp_path / "o.parquet")
    assert done["motifs"] == {"hors_territoire": 5}
    # A null one is unknown, and has to be given.
    null = geoparquet(tmp_path / "null.parquet", None)
    assert "n'est pas dit" in refused(null, *ask, "-o", tmp_path / "o.parquet")
    assert answers(null, zones, "--crs", "EPSG:2154") == CODES


@pytest.mark.parametrize("geo", ["pas du json", "[1]", '{"columns": 3}', json.dumps({"columns": {"g": {"crs": "x"}}})])
def test_geo_metadata_that_nobody_can_read_is_refused(geo: str, zones: Path, tmp_path: Path) -> None:
    table = pa.table({"g": wkb(POINTS)}).replace_schema_metadata({"geo": geo})
    written(tmp_path / "p.parquet", table=table)
    said = refused(
        tmp_path / "p.parquet", "--geometrie", "g", "--zones", zones, "--code", "code", "-o", tmp_path / "o.parquet"
    )
    assert said.startswith("p.parquet: ")


def test_a_folder_and_several_files_are_one(zones: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dossier"
    (folder / "a=1").mkdir(parents=True)
    for n, name in enumerate(["a=1/c.parquet", "b.parquet", "a.parquet"]):
        written(folder / name, x=PX[n : n + 1], y=PY[n : n + 1], n=[n])
    (folder / "_SUCCESS").write_text("")
    (folder / ".cache").write_text("")
    out = tmp_path / "o.parquet"
    done = locate(folder, *XY, "--zones", zones, "--code", "code", "-o", out)
    assert done.code == 0, done.err
    assert [(r["n"], r["code"]) for r in read(out)] == [(2, "B"), (0, "A"), (1, "A")]
    named = [folder / "b.parquet", folder / "a.parquet"]
    assert locate(*named, *XY, "--zones", zones, "--code", "code", "-o", out).code == 0
    assert [r["n"] for r in read(out)] == [1, 2]


def test_files_with_other_columns_are_not_written_as_one(zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "a.parquet", x=PX, y=PY)
    written(tmp_path / "b.parquet", x=PX, y=PY, z=PY)
    out = tmp_path / "o.parquet"
    ask = ["--zones", zones, "--code", "code"]
    said = refused(tmp_path / "a.parquet", tmp_path / "b.parquet", *XY, *ask, "-o", out)
    assert "b.parquet: entete_inattendu" in said
    assert not out.exists()
    assert balance(tmp_path / "a.parquet", tmp_path / "b.parquet", *XY, *ask, "--compte")["lus"] == 10


def test_files_that_declare_other_systems_are_not_mixed(zones: Path, tmp_path: Path) -> None:
    for crs in (2154, 4326):
        geopandas.GeoDataFrame(geometry=POINTS, crs=2154).to_crs(crs).to_parquet(tmp_path / f"p{crs}.parquet")
    ask = ["--zones", zones, "--code", "code", "-o", tmp_path / "o.parquet"]
    assert "crs_inattendu" in refused(tmp_path / "p2154.parquet", tmp_path / "p4326.parquet", *ask)


def broken_files(folder: Path) -> dict[str, Path]:
    rng = np.random.default_rng(4)
    table = pa.table({"x": rng.random(20_000), "y": rng.random(20_000)})
    written(folder / "entier.parquet", table=table, _compression="snappy")
    with pa.ipc.new_file(str(folder / "entier.arrow"), table.schema) as sink:
        sink.write_table(table)
    with pa.ipc.new_stream(str(folder / "flux.arrow"), table.schema) as sink:
        sink.write_table(table)
    parquet, arrow = (folder / "entier.parquet").read_bytes(), (folder / "entier.arrow").read_bytes()
    batch = arrow.index(b"\xff\xff\xff\xff", 20)  # after the schema
    made = {
        "tronqué.parquet": parquet[: len(parquet) // 2],
        "sans début.parquet": parquet[len(parquet) // 2 :],
        "pages.parquet": parquet[:4] + b"\xff" * 200 + parquet[204:],
        "quatre octets.parquet": b"PAR1",
        "tronqué.arrow": arrow[: len(arrow) // 2],
        "pages.arrow": arrow[: batch + 8] + b"\xff" * 64 + arrow[batch + 72 :],
        "flux.arrow": (folder / "flux.arrow").read_bytes(),
        "zip.csv": b"PK\x03\x04" + b"\0" * 400,
        "page.csv": b"<!doctype html><html>erreur 500</html>",
        "points.geojson": b'{"type": "FeatureCollection", "features": []}',
        "bruit.csv": bytes(rng.integers(0, 256, 5000, dtype=np.uint8)),
        "zéros.csv": b"\0" * 300,
    }
    for name, content in made.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in made}


def test_a_file_that_is_not_whole_or_not_of_points_is_refused_and_nothing_is_written(
    zones: Path, tmp_path: Path
) -> None:
    for name, path in broken_files(tmp_path).items():
        for asked in (["-o", tmp_path / "o.parquet"], ["-o", tmp_path / "o.csv"], ["--compte"]):
            said = refused(path, *XY, "--zones", zones, "--code", "code", *asked)
            assert said.startswith(f"{name}: "), said
            assert "ecriture_impossible" not in said
    assert not list(tmp_path.glob("o.*"))
    assert not list(tmp_path.glob(".*"))


def test_a_damaged_file_is_a_balance_or_one_line_and_never_a_crash(tmp_path: Path) -> None:
    # A process of its own: an offset that leads nowhere would take the tests down with it.
    script = Path(__file__).with_name("points_corruption.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), "30"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="sans /proc : les fichiers ouverts ne se comptent pas")
def test_however_many_files_there_are_a_thread_holds_one_open(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [652_000.0], "y": [6_862_000.0]}), tmp_path / "p.parquet")
    sources = [reading.ParquetSource(tmp_path / "p.parquet") for _ in range(60)]
    before = len(list(Path("/proc/self/fd").iterdir()))
    rows = sum(batch.num_rows for source in sources for unit in source.units(None) for batch in unit())
    assert rows == 60
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1
