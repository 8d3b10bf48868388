"""`--zones FILE --code COLUMN`: any file of polygons, read as it is, repaired aloud, and refused in words."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import geopandas
import pandas as pd
import pytest
import shapely
from points_made import XY, X, Y, balance, locate, refused, square, written

from qpv_data.problems import FeedError, Problem
from qpv_data.zonages.files import read_zones_file

BOW = shapely.Polygon([(X, Y), (X + 900, Y + 900), (X + 900, Y), (X, Y + 900)])


def frame(codes: Any = ("01", "02"), shapes: Any = None, crs: Any = 2154) -> geopandas.GeoDataFrame:
    drawn = [square(X, Y), square(X + 500, Y + 500)] if shapes is None else shapes
    return geopandas.GeoDataFrame({"code_zone": codes, "autre": range(len(drawn))}, geometry=drawn, crs=crs)


def geojson(folder: Path) -> Path:
    frame().to_crs(4326).to_file(folder / "z.geojson")
    return folder / "z.geojson"


def shapefile(folder: Path) -> Path:
    frame().rename(columns={"code_zone": "code_zone"}).to_file(folder / "z.shp")
    return folder / "z.shp"


def geopackage(folder: Path) -> Path:
    frame().to_file(folder / "z.gpkg")
    return folder / "z.gpkg"


def flatgeobuf(folder: Path) -> Path:
    frame().to_file(folder / "z.fgb", driver="FlatGeobuf")
    return folder / "z.fgb"


def geoparquet(folder: Path) -> Path:
    frame().to_parquet(folder / "z.parquet")
    return folder / "z.parquet"


def native(folder: Path) -> Path:
    frame().to_parquet(folder / "z.parquet", geometry_encoding="geoarrow")
    return folder / "z.parquet"


def zipped_shapefile(folder: Path) -> Path:
    shapefile(folder)
    with zipfile.ZipFile(folder / "z.zip", "w") as archive:
        for path in sorted(folder.glob("z.???")):
            if path.suffix != ".zip":
                archive.write(path, f"dossier/{path.name}")
    return folder / "z.zip"


def zipped_geojson(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "z.geojson.zip", "w") as archive:
        archive.write(geojson(folder), "z.geojson")
    return folder / "z.geojson.zip"


def folder_of_a_shapefile(folder: Path) -> Path:
    inner = folder / "dossier"
    inner.mkdir()
    shapefile(inner)
    return inner


def false_name(folder: Path) -> Path:
    return geopackage(folder).rename(folder / "z.geojson")


FORMATS = [
    geojson, shapefile, geopackage, flatgeobuf, geoparquet, native, zipped_shapefile, zipped_geojson,
    folder_of_a_shapefile, false_name,
]  # fmt: skip


@pytest.mark.parametrize("make", FORMATS, ids=lambda f: f.__name__)
def test_any_format_of_polygons_gives_the_same_answers(make: Any, tmp_path: Path) -> None:
    folder = tmp_path / "zones"
    folder.mkdir()
    path = make(folder)
    written(tmp_path / "p.parquet", x=[X + 1, X + 1400, X - 9], y=[Y + 1, Y + 1400, Y])
    ask = [tmp_path / "p.parquet", *XY, "--zones", path, "--code", "code_zone", "--compte", "-q"]
    for _ in range(2):
        assert locate(*ask).out == '"code","nombre"\n"01",1\n"02",1\n'


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([1, 10], ("1", "10")),
        ([1.0, 2.5], ("1", "2.5")),
        (pd.array([7, 8], "Int64"), ("7", "8")),
        ([" 01053 ", "2A"], ("01053", "2A")),
        (pd.Categorical(["b", "a"]), ("a", "b")),
        ([True, False], ("False", "True")),
    ],
)
def test_codes_of_any_type_become_texts(codes: Any, expected: tuple[str, ...], tmp_path: Path) -> None:
    frame(codes).to_parquet(tmp_path / "z.parquet")
    assert read_zones_file(tmp_path / "z.parquet", "code_zone").codes == expected


@pytest.mark.parametrize("codes", [["a", None], ["a", " "], [1.0, None], pd.array([1, None], "Int64")])
def test_a_zone_without_a_code_is_refused_by_its_line(codes: Any, tmp_path: Path) -> None:
    frame(codes).to_parquet(tmp_path / "z.parquet")
    with pytest.raises(FeedError, match="1 zones sans code : lignes 2") as refusal:
        read_zones_file(tmp_path / "z.parquet", "code_zone")
    assert refusal.value.probleme is Problem.PERIMETRES_INVALIDES


def test_rows_of_one_code_are_parts_of_one_zone(tmp_path: Path) -> None:
    apart = [square(X, Y), square(X + 500, Y + 500), square(X + 5000, Y)]
    frame(["a", "a", "a"], apart).to_parquet(tmp_path / "z.parquet")
    found = read_zones_file(tmp_path / "z.parquet", "code_zone")
    assert found.codes == ("a",)
    assert found.geometries[0].is_valid
    assert found.geometries[0].equals(shapely.union_all(apart))


def test_what_is_repaired_and_what_has_no_area_are_said(tmp_path: Path) -> None:
    line = shapely.Polygon([(X, Y), (X + 9, Y), (X + 5, Y), (X, Y)])
    shapes = [BOW, square(X, Y), line, None, shapely.Polygon()]
    frame(["noeud", "bon", "plat", "rien", "vide"], shapes).to_parquet(tmp_path / "z.parquet")
    written(tmp_path / "p.parquet", x=[X + 450], y=[Y + 100])
    ask = [tmp_path / "p.parquet", *XY, "--zones", tmp_path / "z.parquet", "--code", "code_zone", "--compte"]
    for widths, times in (([], 1), (["--tampon", 10], 2)):
        said = balance(*ask, *widths)
        for one in said if times == 2 else [said]:
            assert set(one["zones_reparees"]) == {"noeud", "plat"}
            assert one["zones_sans_aire"] == ["plat", "rien", "vide"]
            assert one["zones"] == 2
    err = locate(*ask).err
    assert "  contours réparés : 2 (noeud, plat)\n" in err
    assert "  zones sans aire, jamais répondues : 3 (plat, rien, vide)\n" in err
    # The second run, from the cache, says the same.
    assert locate(*ask).err == err


def ask(folder: Path, zones: Path, *more: object) -> list[object]:
    written(folder / "p.parquet", x=[X], y=[Y])
    return [folder / "p.parquet", *XY, "--zones", zones, "-o", folder / "o.parquet", *more]


def test_a_column_that_is_not_there_suggests_the_one_that_is_close(tmp_path: Path) -> None:
    said = refused(*ask(tmp_path, geopackage(tmp_path), "--code", "code_zones"))
    assert "colonne_inconnue: colonne 'code_zones' absente" in said
    assert "vouliez-vous « code_zone » ?" in said


def test_a_file_without_a_system_needs_one_and_one_that_has_keeps_its_own(tmp_path: Path) -> None:
    frame(crs=None).to_parquet(tmp_path / "z.parquet")
    bare = ask(tmp_path, tmp_path / "z.parquet", "--code", "code_zone")
    said = refused(*bare)
    assert said.startswith("z.parquet: crs_inattendu")
    assert "--zones-crs" in said
    for crs in ("EPSG:2154", "epsg:2154", "IGNF:LAMB93"):
        assert balance(*bare, "--zones-crs", crs)["dedans"] == 1
    for wrong in ("Lambert", "EPSG:999999", "EPSG:4978", "EPSG:5720", ""):
        assert "crs_inattendu" in refused(*bare, "--zones-crs", wrong)
    own = ask(tmp_path, geopackage(tmp_path), "--code", "code_zone", "--zones-crs")
    assert "et non en EPSG:4326" in refused(*own, "EPSG:4326")
    assert balance(*own, "EPSG:2154")["dedans"] == 1


@pytest.mark.parametrize("far", [1.1e9, 1e15, 1e300])
def test_coordinates_beyond_what_is_proven_are_refused_in_words(far: float, tmp_path: Path) -> None:
    frame(shapes=[square(X, Y), square(far, 0, far / 10)]).to_parquet(tmp_path / "z.parquet")
    said = refused(*ask(tmp_path, tmp_path / "z.parquet", "--code", "code_zone"))
    assert "perimetres_invalides: coordonnées au-delà de 1e+09 : 02" in said


def test_a_buffer_that_leads_beyond_what_is_proven_is_refused_in_words(tmp_path: Path) -> None:
    edge = [square(1e9 - 5000, 0), square(0, 0)]
    frame(shapes=edge).to_parquet(tmp_path / "z.parquet")
    said = refused(*ask(tmp_path, tmp_path / "z.parquet", "--code", "code_zone", "--tampon", 9000))
    assert "zones élargies au-delà de 1e+09 : ['01']" in said
    for wrong in (0, -5, "nan", "inf", 1e7):
        assert locate(*ask(tmp_path, tmp_path / "z.parquet", "--code", "code_zone", "--tampon", wrong)).code == 2


def test_coordinates_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    infinite = shapely.Polygon([(X, Y), (float("inf"), Y), (X, Y + 9)])
    frame(shapes=[square(X, Y), infinite]).to_parquet(tmp_path / "z.parquet")
    said = refused(*ask(tmp_path, tmp_path / "z.parquet", "--code", "code_zone"))
    assert "coordonnées infinies ou absentes : 02" in said


def test_files_that_hold_no_polygon_are_refused(tmp_path: Path) -> None:
    frame(["a"], [shapely.Point(X, Y)]).to_parquet(tmp_path / "points.parquet")
    pd.DataFrame({"code_zone": ["a"]}).to_parquet(tmp_path / "table.parquet")
    (tmp_path / "vide.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    (tmp_path / "texte.csv").write_text("code_zone\na\n")
    (tmp_path / "rien.gpkg").write_bytes(b"")
    whole = geopackage(tmp_path).read_bytes()
    (tmp_path / "coupe.gpkg").write_bytes(whole[: len(whole) // 3])
    whole = geoparquet(tmp_path).read_bytes()
    (tmp_path / "coupe.parquet").write_bytes(whole[: len(whole) // 2])
    geojson(tmp_path)
    text = (tmp_path / "z.geojson").read_text()
    (tmp_path / "coupe.geojson").write_text(text[: len(text) // 2])
    names = ["points.parquet", "table.parquet", "vide.geojson", "texte.csv", "rien.gpkg"]
    for name in [*names, "coupe.gpkg", "coupe.parquet", "coupe.geojson", "absent.geojson"]:
        said = refused(*ask(tmp_path, tmp_path / name, "--code", "code_zone"))
        assert said.startswith(f"{name}: "), said
        assert not (tmp_path / "o.parquet").exists()


def test_a_geojson_with_heights_and_holes_is_drawn_flat(tmp_path: Path) -> None:
    outer = [[2.0, 48.0, 5.0], [3.0, 48.0, 5.0], [3.0, 49.0, 5.0], [2.0, 49.0, 5.0], [2.0, 48.0, 5.0]]
    hole = [[2.4, 48.4, 0], [2.6, 48.4, 0], [2.6, 48.6, 0], [2.4, 48.6, 0], [2.4, 48.4, 0]]
    feature = {"type": "Feature", "properties": {"c": 1}, "geometry": {"type": "Polygon", "coordinates": [outer, hole]}}
    (tmp_path / "z.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    written(tmp_path / "p.parquet", x=[2.1, 2.5, 2.4], y=[48.1, 48.5, 48.5])
    where = ["--x", "x", "--y", "y", "--crs", "EPSG:4326", "--zones", tmp_path / "z.geojson", "--code", "c"]
    said = balance(tmp_path / "p.parquet", *where, "--compte")
    assert (said["dedans"], said["dehors"]) == (2, 1)
