"""XLSX, DBF, MIF and GeoParquet: the same records whatever the file."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import geopandas
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from feeds import clause, column, conformed, refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qpv_data.problems import Problem
from qpv_data.sources.rows import headers_of

XLSX = {"type": "xlsx", "encodage": None, "separateur": None}
DBF = {"type": "dbf", "encodage": None, "separateur": None}
VECTOR = {"type": "vecteur", "encodage": None, "separateur": None}


def workbook(fill: Callable[[Any], None], *others: str) -> bytes:
    book = openpyxl.Workbook()
    book.active.title = "Données"
    fill(book.active)
    for name in others:
        book.create_sheet(name)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def sheet(*rows: list[Any]) -> bytes:
    return workbook(lambda s: [s.append(r) for r in rows] and None)


def test_cells_are_read_as_they_are_shown(tmp_path: Path) -> None:
    def fill(s: Any) -> None:
        s.append(["code", "somme", "jour", "heure", "durée", "oui", "grand", "texte", "erreur"])
        s.append(
            [1053, 0.1 + 0.2, date(2024, 1, 31), time(9, 30), timedelta(hours=25), True, 123456789012.0, " é ", "#N/A"]
        )
        s["A2"].number_format = "00000"
        s["E2"].number_format = "[h]:mm:ss"

    names = ["code", "somme", "jour", "heure", "durée", "oui", "grand", "texte", "erreur"]
    plain = ["code", "somme", "jour", "heure", "duree", "oui", "grand", "texte", "erreur"]
    columns = [{"nom": p, "source": n, "type": "texte"} for p, n in zip(plain, names, strict=True)]
    out = conformed(clause(columns, key="code", format=XLSX), workbook(fill), tmp_path)
    assert [out.values(p)[0] for p in plain] == [
        "01053", "0.3", "2024-01-31", "09:30:00", "25:00:00", "true", "123456789012", "é", "#N/A",
    ]  # fmt: skip


def test_an_instant_keeps_its_time(tmp_path: Path) -> None:
    out = conformed(clause([column("a")], format=XLSX), sheet(["a"], [datetime(2024, 1, 31, 9, 5)]), tmp_path)
    assert out.values("a") == ["2024-01-31 09:05:00"]


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(-1e12, 1e12, allow_nan=False).map(lambda v: float(f"{v:.12g}")), min_size=1, max_size=40))
def test_numbers_come_back_as_they_were_typed(tmp_path: Path, values: list[float]) -> None:
    rows = [["a", "n"], *([f"k{i}", v] for i, v in enumerate(values))]
    out = conformed(clause([column("a"), column("n", "nombre")], format=XLSX), sheet(*rows), tmp_path)
    assert out.values("n") == values


def test_blank_rows_are_no_rows_and_lines_are_those_of_the_sheet(tmp_path: Path) -> None:
    data = sheet(["Titre"], [], ["a", "n"], ["x", 1], [], ["y", "mal"], ["z", 2, "de trop"])
    feed = clause([column("a"), column("n", "entier")], format={**XLSX, "lignes_a_sauter": 2})
    out = conformed(feed, data, tmp_path)
    assert [(r["_ligne"], r["a"]) for r in out.records] == [(4, "x")]
    assert [r[:2] for r in out.reasons()] == [(6, "valeur_illisible"), (7, "nombre_de_champs")]


def test_the_sheet_is_the_declared_one_or_the_only_one_shown(tmp_path: Path) -> None:
    data = workbook(lambda s: s.append(["a"]) or s.append(["x"]), "Notice")
    with refused(Problem.FORMAT_INATTENDU, "'Données'", "'Notice'"):
        conformed(clause([column("a")], format=XLSX), data, tmp_path / "1")
    out = conformed(clause([column("a")], format={**XLSX, "feuille": "Données"}), data, tmp_path / "2")
    assert out.values("a") == ["x"]


def test_a_formula_gives_the_value_saved_with_it_and_is_not_run(tmp_path: Path) -> None:
    data = sheet(["a", "n"], ["x", "=1+1"])
    cached = _edited(
        data, "xl/worksheets/sheet1.xml", lambda x: re.sub(rb"<f>1\+1</f><v ?/?>(</v>)?", b"<f>1+1</f><v>7</v>", x)
    )
    feed = clause([column("a"), column("n", "entier")], format=XLSX)
    assert conformed(feed, cached, tmp_path / "1").values("n") == [7]
    assert conformed(feed, data, tmp_path / "2").values("n") == [None]


@pytest.mark.parametrize("choice", ["refuser", "remplir"])
def test_merged_cells_are_refused_or_filled_as_declared(tmp_path: Path, choice: str) -> None:
    def fill(s: Any) -> None:
        for row in (["Titre du tableau", None], ["a", "n"], ["x", 1], [None, 2], ["y", 3]):
            s.append(row)
        s.merge_cells("A1:B1")
        s.merge_cells("A3:A4")

    columns = [column("a"), column("n", "entier")]
    feed = clause(columns, key="a n", format={**XLSX, "lignes_a_sauter": 1, "cellules_fusionnees": choice})
    if choice == "refuser":
        with refused(Problem.FORMAT_INATTENDU, "ligne 3"):
            conformed(feed, workbook(fill), tmp_path)
        return
    assert conformed(feed, workbook(fill), tmp_path).values("a") == ["x", "x", "y"]


def _edited(data: bytes, name: str, edit: Callable[[bytes], bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            content = old.read(info)
            new.writestr(info.filename, edit(content) if info.filename == name else content)
    return out.getvalue()


def shared(data: bytes, texts: bytes, where: str = "sharedStrings.xml") -> bytes:
    """The workbook with its texts in a part of their own, as spreadsheets write them."""
    rank = iter(range(10_000))
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    rel = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    data = _edited(data, "xl/worksheets/sheet1.xml", lambda x: re.sub(
        rb't="inlineStr"><is><t>.*?</t></is>', lambda _: b't="s"><v>%d</v>' % next(rank), x))  # fmt: skip
    data = _edited(data, "[Content_Types].xml", lambda x: x.replace(
        b"</Types>", b'<Override PartName="/xl/%s" ContentType="%s"/></Types>' % (where.encode(), kind)))  # fmt: skip
    data = _edited(data, "xl/_rels/workbook.xml.rels", lambda x: x.replace(
        b"</Relationships>", b'<Relationship Id="rIdS" Type="%s" Target="%s"/></Relationships>' % (rel, where.encode())))  # fmt: skip
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a") as z:
        z.writestr(
            f"xl/{where}", b'<sst xmlns="%s">%s</sst>' % (main.encode(), texts) if texts.startswith(b"<si") else texts
        )
    return out.getvalue()


def test_shared_texts_are_read_and_may_be_rich(tmp_path: Path) -> None:
    texts = b"<si><t>a</t></si><si><r><t>QN0990</t></r><r><t>1A</t></r></si>"
    out = conformed(clause([column("a")], format=XLSX), shared(sheet(["a"], ["x"]), texts), tmp_path)
    assert out.values("a") == ["QN09901A"]


@pytest.mark.parametrize("where", ["sharedStrings.xml", "image.png"])
def test_entities_in_shared_texts_are_refused_whatever_their_name(tmp_path: Path, where: str) -> None:
    texts = BOMB + b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>&c;</t></si></sst>'
    with refused(Problem.CONTENEUR_HOSTILE, "DOCTYPE"):
        conformed(clause([column("a")], format=XLSX), shared(sheet(["a"], ["x"]), texts, where), tmp_path)


BOMB = b'<!DOCTYPE a [<!ENTITY b "lol"><!ENTITY c "&b;&b;&b;&b;">]>'


@pytest.mark.parametrize(
    "part", ["xl/worksheets/sheet1.xml", "xl/theme/theme1.xml", "xl/workbook.xml", "xl/styles.xml"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused_in_every_part_and_encoding(tmp_path: Path, part: str, encoding: str) -> None:
    def edit(content: bytes) -> bytes:
        text = re.sub(r"^<\?xml[^>]*\?>", "", content.decode()).strip()
        return f'<?xml version="1.0" encoding="{encoding}"?>{BOMB.decode()}{text}'.encode(encoding)

    with refused(Problem.CONTENEUR_HOSTILE, "DOCTYPE"):
        conformed(clause([column("a")], format=XLSX), _edited(sheet(["a"], ["x"]), part, edit), tmp_path)


def test_a_far_corner_and_a_broken_part_cost_neither_memory_nor_a_crash(tmp_path: Path) -> None:
    feed = clause([column("a")], format=XLSX)
    data = sheet(["a"], ["x"])
    far = _edited(data, "xl/worksheets/sheet1.xml", lambda x: x.replace(
        b"</sheetData>", b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>z</t></is></c></row></sheetData>'))  # fmt: skip
    out = conformed(feed, far, tmp_path / "1")
    assert (out.values("a"), out.reasons()) == (["x"], [(1_048_576, "nombre_de_champs", None, None)])
    for n, edit in enumerate([lambda x: x[:-30], lambda x: b"", lambda x: x.replace(b'r="A2"', b'r="ZZZZ9"')]):
        with refused(Problem.FORMAT_INATTENDU):
            conformed(feed, _edited(data, "xl/worksheets/sheet1.xml", edit), tmp_path / f"m{n}")


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    for n, data in enumerate([b"a;b\n1;2\n", b"\xd0\xcf\x11\xe0" + b"\0" * 600]):
        with refused(Problem.FORMAT_INATTENDU):
            conformed(clause([column("a")], format=XLSX), data, tmp_path / str(n))


@pytest.mark.parametrize("around", ["nu", "zip", "gz"])
def test_a_workbook_is_found_in_a_zip_and_in_a_gz(tmp_path: Path, around: str) -> None:
    data, out = sheet(["a"], ["x"]), io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("dossier/données.xlsx", data)
    packed = {"nu": data, "zip": out.getvalue(), "gz": gzip.compress(data)}[around]
    assert conformed(clause([column("a")], format=XLSX), packed, tmp_path).values("a") == ["x"]


def test_headers_of_1024_columns_are_read(tmp_path: Path) -> None:
    names = [f"c{i}" for i in range(1024)]
    data = sheet(names, list(range(1024)))
    feed = clause([column("c0"), column("c1023", "entier")], key="c0", format=XLSX)
    assert conformed(feed, data, tmp_path).values("c1023") == [1023]


WIDE = {"deplier": {"mesures": {"population": "POP(?P<age>[0-9]{4})_(?P<sexe>[FH])"}}}
LONG = [column("a"), column("age"), column("sexe"), column("n", "entier", source="population")]


@pytest.mark.parametrize("kind", ["xlsx", "dbf", "parquet"])
def test_a_wide_table_of_any_kind_is_unfolded(tmp_path: Path, kind: str) -> None:
    wide = {"a": ["z1", "z2"], "POP0014_F": [1, 3], "POP0014_H": [2, 4]}
    if kind == "xlsx":
        data = sheet(["a", *list(wide)[1:]], ["z1", 1, 2], ["z2", 3, 4])
    elif kind == "dbf":
        frame = geopandas.GeoDataFrame(wide, geometry=[shapely.Point(0, 0)] * 2, crs="EPSG:2154")
        pyogrio.write_dataframe(frame, tmp_path / "t.shp")
        data = (tmp_path / "t.dbf").read_bytes()
    else:
        pq.write_table(pa.table(wide), tmp_path / "t.parquet")
        data = (tmp_path / "t.parquet").read_bytes()
    feed = clause(LONG, key="a age sexe", format={"type": kind, "encodage": None, "separateur": None, **WIDE})
    made = conformed(feed, data, tmp_path / "c")
    assert [(r["a"], r["sexe"], r["n"]) for r in made.records] == [
        ("z1", "F", 1), ("z1", "H", 2), ("z2", "F", 3), ("z2", "H", 4),
    ]  # fmt: skip
    assert headers_of(tmp_path / "c/livraison", "essai", feed.format) == list(wide)


# --- DBF, MIF, GeoParquet --------------------------------------------------------------------------------------


def frame() -> geopandas.GeoDataFrame:
    points = [shapely.Point(600_000.5, 6_600_000), shapely.Point(600_001, 6_600_001), None]
    rows = {"code": ["01053", "2A004", "97411"], "nom": ["Écoles", None, "L'Étang"], "n": [0.3, 12.0, -1.5]}
    return geopandas.GeoDataFrame(rows, geometry=points, crs="EPSG:2154")


FIELDS = [column("code"), column("nom"), column("n", "nombre")]


def dbf(tmp_path: Path, encoding: str) -> bytes:
    folder = tmp_path / "shp"
    folder.mkdir(parents=True)
    pyogrio.write_dataframe(frame().iloc[:2], folder / "t.shp", encoding=encoding)
    return (folder / "t.dbf").read_bytes()


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_dbf_alone_is_a_table(tmp_path: Path, encoding: str) -> None:
    feed = clause(FIELDS, key="code", format={**DBF, "encodage": encoding})
    out = conformed(feed, dbf(tmp_path, encoding), tmp_path / "c")
    assert (out.values("code"), out.values("nom")) == (["01053", "2A004"], ["Écoles", None])
    assert out.values("n") == [0.3, 12.0]


def test_a_cut_dbf_and_what_is_none_are_refused(tmp_path: Path) -> None:
    data = dbf(tmp_path, "utf-8")
    with refused(Problem.SOURCE_TRONQUEE):
        conformed(clause(FIELDS, key="code", format=DBF), data[:-40], tmp_path / "1")
    with refused(Problem.FORMAT_INATTENDU):
        conformed(clause(FIELDS, key="code", format=DBF), b"code;nom\n", tmp_path / "2")


def test_a_mif_comes_with_its_mid(tmp_path: Path) -> None:
    pyogrio.write_dataframe(frame().iloc[:2], tmp_path / "t.mif", driver="MapInfo File")
    for names in (["t.mif", "t.mid"], ["t.mif"]):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as z:
            for name in names:
                z.write(tmp_path / name, f"dossier/{name.upper()}")
        feed = clause(
            [*FIELDS, column("geometrie.x".replace(".", "_"), "nombre") | {"source": "geometrie.x"}],
            key="code",
            format=VECTOR,
        )
        if len(names) == 1:
            with refused(Problem.CONTENEUR_INVALIDE, ".mid"):
                conformed(feed, out.getvalue(), tmp_path / "1")
        else:
            got = conformed(feed, out.getvalue(), tmp_path / "2")
            assert got.values("code") == ["01053", "2A004"]
            assert got.values("geometrie_x") == pytest.approx([600_000.5, 600_001], abs=0.01)


@pytest.mark.parametrize("encoding", ["WKB", "geoarrow"])
@pytest.mark.parametrize("around", ["nu", "zip"])
def test_geoparquet_gives_points_and_its_system(tmp_path: Path, encoding: Any, around: str) -> None:
    frame().to_parquet(tmp_path / "t.parquet", geometry_encoding=encoding)
    data = (tmp_path / "t.parquet").read_bytes()
    if around == "zip":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as z:
            z.writestr("t.parquet", data)
        data = out.getvalue()
    feed = clause([*FIELDS, {"nom": "x", "source": "geometrie.x", "type": "nombre"}], key="code", format=VECTOR)
    got = conformed(feed, data, tmp_path / "c")
    assert got.values("x") == [600_000.5, 600_001, None]
    assert (got.values("code"), got.values("n")) == (["01053", "2A004", "97411"], [0.3, 12.0, -1.5])
    import pyarrow.parquet as pq

    metadata = pq.read_schema(tmp_path / "c" / "conformed" / "e.parquet").metadata
    assert metadata[b"crs_source"] == b"EPSG:2154"


def test_a_parquet_without_geometry_is_no_perimeter(tmp_path: Path) -> None:
    frame().drop(columns="geometry").to_parquet(tmp_path / "t.parquet")
    with refused(Problem.FORMAT_INATTENDU, "GeoParquet"):
        conformed(clause(FIELDS, key="code", format=VECTOR), (tmp_path / "t.parquet").read_bytes(), tmp_path / "c")
