"""Vector files: attributes arrive as the text that they were, geometries as they were drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyogrio.raw import write

from qpv_data.problems import FeedError, Problem
from qpv_data.sources.vector import VectorTable, read_vector

SQUARE = shapely.box(650000, 6860000, 650100, 6860100)


def lire(path: Path, couche: str | None = None, encodage: str | None = None) -> VectorTable:
    return read_vector(path, jeu="essai", couche=couche, encodage=encodage)


def geojson(path: Path, rows: Sequence[Mapping[str, Any]], geometry: Any = None, **top: Any) -> Path:
    point = {"type": "Point", "coordinates": [1.5, 43.5]} if geometry is None else geometry
    features = [{"type": "Feature", "properties": dict(row), "geometry": point} for row in rows]
    path.write_text(
        json.dumps({"type": "FeatureCollection", **top, "features": features}, ensure_ascii=False), encoding="utf-8"
    )
    return path


def couche_ogr(path: Path, noms: Sequence[str], crs: str = "EPSG:2154", **options: Any) -> Path:
    shapes = shapely.to_wkb(np.array([SQUARE] * len(noms), dtype=object))
    values = [np.array(noms, dtype=object), np.arange(1, len(noms) + 1)]
    write(path, shapes, values, ["NOM", "N"], geometry_type="Polygon", crs=crs, **options)
    return path


def shapefile(path: Path, noms: Sequence[str], encoding: str, *, cpg: bool) -> Path:
    couche_ogr(path, noms, encoding=encoding)
    if not cpg:
        path.with_suffix(".cpg").unlink()
        with path.with_suffix(".dbf").open("r+b") as f:
            f.seek(29)
            f.write(b"\x00")
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False, width=64)), min_size=1))
def test_a_float_read_as_text_gives_the_same_float_back(tmp_path: Path, values: list[float | None]) -> None:
    # 0.5 makes the column a column of floats whatever the others are
    rows = [{"v": v} for v in [0.5, *values]]
    texts = lire(geojson(tmp_path / "f.geojson", rows)).table["v"].to_pylist()[1:]
    for value, text in zip(values, texts, strict=True):
        assert text is None if value is None else float(text) == value
        assert text is None or not text.endswith(".0")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.integers(1 - 10**18, 2**63 - 1)), min_size=1),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1),
)
def test_integers_and_texts_are_exact_and_null_stays_null(tmp_path: Path, values: list[int | None], text: str) -> None:
    # GDAL reads -10^18 and below as floats
    rows = [{"v": 7, "t": text}, *({"v": v, "t": None} for v in values)]
    table = lire(geojson(tmp_path / "f.geojson", rows)).table
    assert table["v"].to_pylist() == ["7", *(None if v is None else str(v) for v in values)]
    assert table["t"].to_pylist() == [text, *(None for _ in values)]


def test_dates_lists_booleans_and_mixed_columns_are_the_text_that_they_were(tmp_path: Path) -> None:
    rows = [
        {"jour": "2024/01/02", "b": True, "l": ["é", "b"], "code": 1053},
        {"jour": "2024/01/03", "b": False, "l": None, "code": "02A"},
    ]
    table = lire(geojson(tmp_path / "f.geojson", rows)).table.to_pydict()
    assert table["jour"] == ["2024/01/02", "2024/01/03"]
    assert table["b"] == ["true", "false"]
    assert table["l"] == ['["é", "b"]', None]
    assert table["code"] == ["1053", "02A"]


def test_points_have_their_coordinates_as_texts_and_other_shapes_have_none(tmp_path: Path) -> None:
    points = lire(geojson(tmp_path / "p.geojson", [{"a": 1}], {"type": "Point", "coordinates": [1.1, 43.0, 150.0]}))
    assert points.table["geometrie.x"].to_pylist() == ["1.1"]
    assert points.table["geometrie.y"].to_pylist() == ["43"]
    assert shapely.from_wkb(points.table["geometrie"][0].as_py()).wkt == "POINT (1.1 43)"
    assert points.crs == "EPSG:4326"
    ring = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    polygons = lire(geojson(tmp_path / "s.geojson", [{"a": 1}], ring)).table
    assert polygons["geometrie.x"].to_pylist() == polygons["geometrie.y"].to_pylist() == [None]


def test_a_null_geometry_stays_null(tmp_path: Path) -> None:
    path = geojson(tmp_path / "p.geojson", [{"a": 1}])
    content = json.loads(path.read_text())
    content["features"][0]["geometry"] = None
    path.write_text(json.dumps(content))
    table = lire(path).table
    assert table["geometrie"].to_pylist() == table["geometrie.x"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("said", "crs"),
    [
        ({}, "EPSG:4326"),
        ({"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}}, "EPSG:4326"),
        ({"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2154"}}}, "EPSG:2154"),
    ],
)
def test_a_geojson_is_in_degrees_unless_it_says_otherwise(tmp_path: Path, said: dict[str, Any], crs: str) -> None:
    path = geojson(tmp_path / "p", [{"a": 1}], **said)
    assert lire(path).crs == crs
    assert lire(path).table["geometrie.x"].to_pylist() == ["1.5"]


@pytest.mark.parametrize("suffix", [".shp", ".gpkg", ".fgb"])
def test_every_format_keeps_accents_order_and_coordinates_bit_for_bit(tmp_path: Path, suffix: str) -> None:
    noms = ["Les Noës-près-Troyes", "Œuvre", "L'Haÿ-les-Roses"]
    read = lire(couche_ogr(tmp_path / f"couche{suffix}", noms))
    assert read.crs == "EPSG:2154"
    assert read.table["N"].to_pylist() == ["1", "2", "3"]
    assert read.table["NOM"].to_pylist() == noms
    shapes = shapely.from_wkb(np.array(read.table["geometrie"].to_pylist(), dtype=object))
    assert all(shapely.normalize(s).equals_exact(shapely.normalize(SQUARE), 0) for s in shapely.get_geometry(shapes, 0))


@pytest.mark.parametrize("encoding", ["UTF-8", "CP1252"])
def test_accents_are_right_without_a_cpg(tmp_path: Path, encoding: str) -> None:
    path = shapefile(tmp_path / "c.shp", ["Les Noës-près-Troyes", "Œuvre"], encoding, cpg=False)
    assert lire(path).table["NOM"].to_pylist() == ["Les Noës-près-Troyes", "Œuvre"]
    assert lire(tmp_path).table["NOM"].to_pylist() == ["Les Noës-près-Troyes", "Œuvre"]


def test_the_declared_encoding_wins_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    path = shapefile(tmp_path / "c.shp", ["10 € é"], "CP1252", cpg=False)
    assert lire(path, encodage="cp1252").table["NOM"].to_pylist() == ["10 € é"]
    with pytest.raises(FeedError) as refused:
        lire(path, encodage="utf-8")
    assert refused.value.probleme is Problem.FORMAT_INATTENDU
    path.with_suffix(".cpg").write_text("UTF-8")
    with pytest.raises(FeedError, match="encodage"):
        lire(path)
    assert lire(path, encodage="windows-1252").table["NOM"].to_pylist() == ["10 € é"]


def test_the_layer_is_the_only_one_with_geometries_or_the_declared_one(tmp_path: Path) -> None:
    path = couche_ogr(tmp_path / "c.gpkg", ["a"], layer="un")
    assert lire(path).table.num_rows == 1
    couche_ogr(path, ["a", "b"], layer="deux")
    with pytest.raises(FeedError, match="un, deux"):
        lire(path)
    assert lire(path, couche="deux").table.num_rows == 2
    with pytest.raises(FeedError, match="trois"):
        lire(path, couche="trois")


def test_a_file_is_known_by_its_content_whatever_its_name(tmp_path: Path) -> None:
    path = couche_ogr(tmp_path / "c.gpkg", ["a"]).rename(tmp_path / "942d4ee8")
    assert lire(path).table["NOM"].to_pylist() == ["a"]


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE html><html><body>503</body></html>",
        b"\x00\x01\x02garbage",
        b"",
        b'{"message": "not found"}',
        b'{"type": "FeatureCollection", "features": [{"type": "Feature", "prop',
        b"a;b\n1;2\n",
        b"<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>a</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>",
        b"SQLite format 3\x00" + bytes(200),
    ],
)
def test_html_and_garbage_are_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "perimetres.geojson"
    path.write_bytes(content)
    with pytest.raises(FeedError) as refused:
        lire(path)
    assert refused.value.probleme is Problem.FORMAT_INATTENDU
    assert refused.value.jeu == "essai"
    assert str(tmp_path) not in refused.value.message


def test_a_json_that_asks_gdal_to_run_a_command_is_not_run(tmp_path: Path) -> None:
    other = geojson(tmp_path / "autre.geojson", [{"a": 1}])
    command = {"type": "gdal_streamed_alg", "command_line": f"gdal vector pipeline ! read {other}"}
    path = tmp_path / "p.geojson"
    path.write_text(json.dumps(command))
    with pytest.raises(FeedError):
        lire(path)


@pytest.mark.parametrize("suffix", [".shp", ".shx", ".dbf"])
def test_a_cut_or_incomplete_shapefile_is_refused(tmp_path: Path, suffix: str) -> None:
    path = couche_ogr(tmp_path / "c.shp", ["a", "b", "c"])
    member = path.with_suffix(suffix)
    member.write_bytes(member.read_bytes()[:-40])
    with pytest.raises(FeedError) as cut:
        lire(path)
    assert cut.value.probleme is Problem.SOURCE_TRONQUEE
    member.unlink()
    with pytest.raises(FeedError) as incomplete:
        lire(tmp_path)
    assert incomplete.value.probleme is Problem.FORMAT_INATTENDU


def test_a_directory_with_two_shapefiles_needs_a_name(tmp_path: Path) -> None:
    couche_ogr(tmp_path / "un.shp", ["a"])
    couche_ogr(tmp_path / "deux.shp", ["a", "b"])
    with pytest.raises(FeedError, match="deux, un"):
        lire(tmp_path)
    assert lire(tmp_path, couche="deux").table.num_rows == 2


def test_a_latin1_geojson_is_refused_and_says_what_to_check(tmp_path: Path) -> None:
    path = geojson(tmp_path / "p.geojson", [{"nom": "X"}])
    path.write_bytes(path.read_bytes().replace(b'"X"', '"Noës"'.encode("latin-1")))
    with pytest.raises(FeedError, match="encodage"):
        lire(path)
    with pytest.raises(FeedError, match="shapefile"):
        lire(path, encodage="latin-1")


def test_an_attribute_named_like_the_geometry_is_kept_under_another_name(tmp_path: Path) -> None:
    table = lire(geojson(tmp_path / "p.geojson", [{"geometrie": "POINT"}])).table
    assert table["attribut.geometrie"].to_pylist() == ["POINT"]
    assert isinstance(table["geometrie"][0].as_py(), bytes)


@pytest.mark.reel
@pytest.mark.parametrize(
    ("fichier", "lignes", "crs"),
    [
        ("qpv2015/QP_METROPOLE_LB93.shp", 1296, "EPSG:2154"),
        ("qpv2015/QP_METROPOLEOUTREMER_WGS84_EPSG4326.shp", 1514, "EPSG:4326"),
        ("qpv2015/QP_MAYOTTE_RGM04_UTM38S.shp", 36, "EPSG:4470"),
        ("qpv2024/qpv2024_simplified.geojson", 1609, "EPSG:4326"),
        ("toulouse/toulouse_iris_heat_vulnerability.geojson", 153, "EPSG:2154"),
        ("national/france_services_2021.geojson", 908, "EPSG:4326"),
    ],
)
def test_real_files_are_read(donnees_reelles: Path, fichier: str, lignes: int, crs: str) -> None:
    read = lire(donnees_reelles / fichier)
    assert (read.table.num_rows, read.crs) == (lignes, crs)


@pytest.mark.reel
@pytest.mark.parametrize(
    ("fichier", "colonne"),
    [("qpv2015/QP_METROPOLE_LB93.shp", "COMMUNE_QP"), ("qpv2024/qpv2024_simplified.geojson", "lib_com")],
)
def test_accents_of_real_names_are_right(donnees_reelles: Path, fichier: str, colonne: str) -> None:
    names = set(lire(donnees_reelles / fichier).table[colonne].to_pylist())
    assert "La Chapelle-Saint-Luc, Les Noës-près-Troyes, Troyes" in names


@pytest.mark.parametrize("driver", ["GPKG", "GeoJSON"])
def test_an_empty_point_has_no_coordinates_and_loses_no_row(tmp_path: Path, driver: str) -> None:
    path = tmp_path / f"p.{driver.lower()}"
    points = np.array([shapely.Point(), shapely.Point(1.5, 43.5), None], dtype=object)
    write(path, shapely.to_wkb(points), [np.array(["a", "b", "c"], dtype=object)], ["NOM"], geometry_type="Point",
          crs="EPSG:4326", driver=driver)  # fmt: skip
    table = lire(path).table
    assert table["NOM"].to_pylist() == ["a", "b", "c"]
    assert table["geometrie.x"].to_pylist() == [None, "1.5", None]
    assert table["geometrie.y"].to_pylist() == [None, "43.5", None]
