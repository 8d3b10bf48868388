"""Reading rows: every row of a file comes out once, as text or with the reason why it is not one."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feeds import clause, column, conformed, refused
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from promises import PERSONAL

from qpv_data.clause.model import Colonne, Format
from qpv_data.problems import FeedError, Problem, Rejet
from qpv_data.sources import members, rows
from qpv_data.sources.rows import read_rows

fuzz = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def columns_of(*names: str | tuple[str, ...]) -> list[Colonne]:
    return [Colonne.model_validate({"nom": f"c{i}", "source": n, "type": "texte"}) for i, n in enumerate(names)]


Row = tuple[int, tuple[str | None, ...] | Rejet]


def read(folder: Path, data: bytes, *names: str | tuple[str, ...], **fmt: Any) -> list[Row]:
    """Each row: its line, and its texts or why it is rejected."""
    path = folder / "livraison"
    path.write_bytes(data)
    said = Format(**({"type": "csv", "encodage": "utf-8", "separateur": ";"} | fmt))
    table = pa.Table.from_batches(
        batches := list(read_rows(path, "essai", said, columns_of(*names))),
        None if batches else rows.raw_schema(columns_of(*names), geometry=False),
    )
    found: list[Row] = []
    for record in table.to_pylist():
        line, reason, *texts = record.values()
        assert reason is None or set(texts) <= {None}
        found.append((line, Rejet(reason) if reason else tuple(texts)))
    return found


def numbered(*texts: tuple[str, ...], start: int = 2) -> list[Row]:
    return list(enumerate(texts, start=start))


# --- csv, property by property -----------------------------------------------------------------------------

PIECES = ["a", "b", "1", ";", ";;", '"', '""', '";"', "\n", "\r\n", "\r", " ", "\t", "é", "\0", "\ufeff", "'", ",",
          "a;b\n", '"x\ny"', '5" ', "\x0b", "\u2028", "\x1a"]  # fmt: skip
pieces = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=25).map("".join)
encodings = st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "latin-1", "iso-8859-15", "utf-16", "utf-16-le", "ascii",
                             "utf-7", "cp437", "utf-32", "shift_jis", "mac-roman"])  # fmt: skip


def accounted(data: bytes, encoding: str, separator: str, found: list[Row], header: int) -> None:
    """Every line that is not blank has its own row, or is part of the accepted record that starts before it."""
    lines = re.split("\r\n|\r|\n", data.decode(encoding, "surrogateescape").removeprefix("\ufeff"))
    starts = [line for line, _ in found]
    assert all(a < b for a, b in pairwise(starts))
    ends = [*starts[1:], len(lines) + 1] if starts else []
    blank_until = starts[0] if starts else len(lines) + 1
    for n in range(header + 1, blank_until):
        assert lines[n - 1] == "", f"line {n} is lost"
    for (start, row), end in zip(found, ends, strict=True):
        rest = [text for text in lines[start : end - 1] if text]
        if isinstance(row, Rejet):  # a record of several lines with a byte that cannot be read is one row
            assert rest == [] or row is Rejet.ENCODAGE_INVALIDE, "a rejected row is one line"
            continue
        text = "".join(t or "" for t in row)
        for line in rest:
            for piece in re.split(f'["{re.escape(separator)}]', line):
                assert piece in text, f"{line!r} is lost"


@fuzz
@given(body=pieces, tail=st.binary(max_size=6), encoding=encodings, separator=st.sampled_from(";,\t|"))
@example(body='1;"x\n2;y\n3;"z";4\n', tail=b"", encoding="utf-8", separator=";")
@example(body='"1;x\n\n2;y', tail=b"", encoding="utf-8", separator=";")
@example(body='1;"x\n2;"y"\n', tail=b"\xff", encoding="utf-8", separator=";")
def test_any_bytes_as_csv_are_rows_or_a_refusal_and_no_line_is_lost(
    tmp_path: Path, body: str, tail: bytes, encoding: str, separator: str
) -> None:
    header = f"a{separator}b\n"
    data = (header + body).encode(encoding, "replace") + tail
    try:
        found = read(tmp_path, data, "a", "b", encodage=encoding, separateur=separator)
    except FeedError as e:
        assert e.probleme is Problem.FORMAT_INATTENDU
        with pytest.raises(UnicodeError):
            data.decode(encoding, "surrogateescape")
        return
    accounted(data, encoding, separator, found, header=1)


@fuzz
@given(data=st.binary(max_size=60), encoding=encodings, separator=st.sampled_from(";,\t|"), skip=st.integers(0, 3))
def test_any_bytes_at_all_never_crash(tmp_path: Path, data: bytes, encoding: str, separator: str, skip: int) -> None:
    try:
        read(tmp_path, data, "a", encodage=encoding, separateur=separator, lignes_a_sauter=skip)
    except FeedError as e:
        assert e.probleme in (Problem.ENTETE_INATTENDU, Problem.FORMAT_INATTENDU)
        e.message.encode("utf-8")


cells = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"), max_size=6)


@few
@given(
    table=st.lists(st.tuples(cells, cells, cells), max_size=8),
    separator=st.sampled_from(";,\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    last=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_well_written_csv_is_read_exactly_with_the_line_of_each_record(
    tmp_path: Path, table: list[tuple[str, ...]], separator: str, end: str, last: bool, encoding: str
) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    lines = [separator.join(map(quoted, row)) for row in [("a", "b", "c"), *table]]
    text = end.join(lines) + (end if last else "")
    found = read(tmp_path, text.encode(encoding), "a", "b", "c", encodage=encoding, separateur=separator)
    starts = [1]
    for line in lines[:-1]:
        starts.append(starts[-1] + 1 + len(re.findall("\r\n|\r|\n", line)))
    assert found == list(zip(starts[1:], table, strict=True))


@few
@given(at=st.integers(0, 9), where=st.integers(0, 2))
def test_a_stray_quote_costs_its_own_row_at_most(tmp_path: Path, at: int, where: int) -> None:
    table = [[str(i), f"nom {i}", f'"quartier ; {i}"' if i % 3 else f"q{i}"] for i in range(10)]
    clean = read(tmp_path, ("a;b;c\n" + "\n".join(map(";".join, table))).encode(), "a", "b", "c")
    table[at][where] = '"' + table[at][where].strip('"')
    found = read(tmp_path, ("a;b;c\n" + "\n".join(map(";".join, table))).encode(), "a", "b", "c")
    assert [line for line, _ in found] == list(range(2, 12))
    assert [r for r in found if r[0] != at + 2] == [r for r in clean if r[0] != at + 2]


def test_a_quote_that_never_closes_does_not_take_a_long_file_with_it(tmp_path: Path) -> None:
    wide = "x" * 4_000_000
    body = ['0;"ouvert', *(f"{i};{wide}" for i in range(1, 6)), "6;fin"]
    found = read(tmp_path, ("a;b\n" + "\n".join(body)).encode(), "a", "b")
    assert [line for line, _ in found] == list(range(2, 9))
    assert found[0] == (2, ("0", '"ouvert'))
    assert found[-1] == (8, ("6", "fin"))


# --- csv, example by example -------------------------------------------------------------------------------


def test_blank_lines_are_no_rows_and_keep_the_count_of_lines(tmp_path: Path) -> None:
    assert read(tmp_path, b"a;b\n\n1;2\r\n\r\n\n3;4\n\n", "a", "b") == [(3, ("1", "2")), (6, ("3", "4"))]


def test_short_and_long_rows_are_rejected_and_empty_overflow_is_not(tmp_path: Path) -> None:
    found = read(tmp_path, b"a;b\n1\n1;2\n1;2;\n1;2;;;\n1;2;3\n1;2;;3\n", "a", "b")
    wrong = Rejet.NOMBRE_DE_CHAMPS
    assert [r for _, r in found] == [wrong, ("1", "2"), ("1", "2"), ("1", "2"), wrong, wrong]


def test_a_trailing_separator_in_the_header_alone_rejects_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, b"a;b;;\n1;2\n3;4;\n5;6;;\n7;8;x;\n", "a", "b") == numbered(
        ("1", "2"), ("3", "4"), ("5", "6"), ("7", "8")
    )


def test_a_quoted_line_break_is_inside_its_value(tmp_path: Path) -> None:
    assert read(tmp_path, b'a;b\n1;"x\ny"\n2;z\n', "a", "b") == [(2, ("1", "x\ny")), (4, ("2", "z"))]


def test_a_broken_record_of_several_lines_gives_each_line_its_own_fate(tmp_path: Path) -> None:
    found = read(tmp_path, b'a;b;c\n1;"x;3\n2;y;4\n5;"z";6\n', "a", "b", "c")
    assert found == numbered(("1", '"x', "3"), ("2", "y", "4"), ("5", "z", "6"))


def test_a_stray_quote_in_the_header_keeps_the_rows(tmp_path: Path) -> None:
    assert read(tmp_path, b'a;"b\n1;2\n3;4\n', "a", ("b", '"b')) == numbered(("1", "2"), ("3", "4"))


def test_bytes_that_cannot_be_read_reject_their_row_where_they_are_in_a_column_that_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, b"a;b;c\n1;\xe9;x\n2;\xc3\xa9;y\n3;z;\xff\n\xed\xb2\x80;z;z", "a", "b")
    bad = Rejet.ENCODAGE_INVALIDE
    assert [r for _, r in found] == [bad, ("2", "é"), ("3", "z"), bad]


def test_nul_characters_are_text(tmp_path: Path) -> None:
    assert read(tmp_path, b"a;b\n1\x00;2\n", "a", "b") == numbered(("1\0", "2"))


@pytest.mark.parametrize("head", [b"\xef\xbb\xbfa;b", b'\xef\xbb\xbf"a";"b"', b'\xef\xbb\xbf a ;"b "'])
def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path, head: bytes) -> None:
    assert read(tmp_path, head + b"\n1;2\n", "a", "b") == numbered(("1", "2"))


def test_lines_to_skip_are_counted(tmp_path: Path) -> None:
    assert read(tmp_path, b'Titre "\n\na;b\n1;2\n', "a", "b", lignes_a_sauter=2) == [(4, ("1", "2"))]


def test_blank_lines_before_the_header_are_no_header(tmp_path: Path) -> None:
    assert read(tmp_path, b"\n\na;b\n1;2\n", "a", "b") == [(4, ("1", "2"))]


def test_columns_come_in_the_order_of_the_clause_under_any_of_their_names(tmp_path: Path) -> None:
    data = b"code_qp;LIB;x\nQP;Nom;1\n"
    assert read(tmp_path, data, ("lib", "LIB"), ("CODE", "code_qp")) == numbered(("Nom", "QP"))


def test_every_absent_header_is_listed_with_the_likely_one(tmp_path: Path) -> None:
    with refused(Problem.ENTETE_INATTENDU, "siret (proche : Siret)", "loyer / montant", "zone"):
        read(tmp_path, b"Siret;b\n1;2\n", "siret", ("loyer", "montant"), "zone", "b")


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b"\r\n"])
def test_an_empty_file_has_an_unexpected_header(tmp_path: Path, data: bytes) -> None:
    with refused(Problem.ENTETE_INATTENDU):
        read(tmp_path, data, "a")


def test_a_wrong_encoding_is_refused_by_name(tmp_path: Path) -> None:
    with refused(Problem.FORMAT_INATTENDU, "utf-16"):
        read(tmp_path, b"a;b\n1;2\n3", "a", "b", encodage="utf-16")


def test_batches_cut_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = ("a;b\n" + "".join(f"{i};x\n" for i in range(10))).encode()
    whole = read(tmp_path, data, "a", "b")
    for size in (1, 3, 5, 10, 11):
        monkeypatch.setattr(rows, "BATCH", size)
        assert read(tmp_path, data, "a", "b") == whole


# --- json --------------------------------------------------------------------------------------------------


def json_rows(folder: Path, value: Any, *names: str | tuple[str, ...], **fmt: Any) -> list[Row]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return read(folder, data, *names, type="json", encodage=None, separateur=None, **fmt)


def test_paths_reach_into_objects_arrays_and_keys_with_dots(tmp_path: Path) -> None:
    data = [{"a": {"b": [{"c": 1}, {"c": 2}]}, "x.y": 3, "u": {"v.w": 4}}, {"a": {"b": []}, "x": {"y": 5}}]
    assert json_rows(tmp_path, data, "a.b.1.c", "x.y", "u.v.w") == numbered(("2", "3", "4"), (None, "5", None), start=1)


def test_the_array_is_found_under_its_root(tmp_path: Path) -> None:
    data = {"meta": [1], "reponse": {"lignes": [{"a": 1}, {"a": 2}]}}
    assert json_rows(tmp_path, data, "a", racine="reponse.lignes") == numbered(("1",), ("2",), start=1)
    assert json_rows(tmp_path, data, "a", racine="reponse.absente") == []


@pytest.mark.parametrize("inner", ["p", "p.q"])
def test_an_inner_array_makes_one_row_an_element_that_keeps_its_outer_values(tmp_path: Path, inner: str) -> None:
    def nested(items: Any) -> Any:
        return {"p": {"q": items}} if inner == "p.q" else {"p": items}

    data = [{"id": 1, **nested([{"v": 10}, {"v": 11}])}, {"id": 2, **nested([])}, {"id": 3, **nested([{"v": 30}])}]
    found = json_rows(tmp_path, data, "id", f"{inner}.v", eclater=inner)
    assert found == numbered(("1", "10"), ("1", "11"), ("3", "30"), start=1)


def test_an_inner_array_of_plain_values_is_read_under_its_own_name(tmp_path: Path) -> None:
    assert json_rows(tmp_path, [{"p": ["x", "y"]}], "p", eclater="p") == numbered(("x",), ("y",), start=1)


@pytest.mark.parametrize("element", [{"id": 2}, {"id": 2, "p": "texte"}, {"id": 2, "p": {"v": 1}}, [1], 3, "x"])
def test_an_element_without_its_inner_array_is_rejected_and_not_forgotten(tmp_path: Path, element: Any) -> None:
    found = json_rows(tmp_path, [{"id": 1, "p": [{"v": 1}]}, element], "id", "p.v", eclater="p")
    assert found == [(1, ("1", "1")), (2, Rejet.NOMBRE_DE_CHAMPS)]


def test_numbers_are_written_as_they_are_and_never_rounded(tmp_path: Path) -> None:
    text = b'[{"a": 12.70}, {"a": 1e3}, {"a": 0.1}, {"a": 123456789012345678901234567890}, {"a": true}, {"a": null},' \
           b' {"a": 1e999999999}, {"a": -0.000001}, {"a": [1, 2.5]}]'  # fmt: skip
    values = [r[0] for _, r in json_rows(tmp_path, text, "a") if not isinstance(r, Rejet)]
    assert values == ["12.70", "1000", "0.1", "123456789012345678901234567890", "true", None,
                      "1E+999999999", "-0.000001", '[1, "2.5"]']  # fmt: skip


def test_fields_absent_everywhere_are_listed_and_absent_here_and_there_are_null(tmp_path: Path) -> None:
    assert json_rows(tmp_path, [{"a": 1}, {"b": 2}], "a", "b") == numbered(("1", None), (None, "2"), start=1)
    with refused(Problem.ENTETE_INATTENDU, "c / d", "e.f"):
        json_rows(tmp_path, [{"a": 1}], "a", ("c", "d"), "e.f")


@few
@given(cut=st.integers(1, 80))
def test_a_json_cut_anywhere_is_refused(tmp_path: Path, cut: int) -> None:
    whole = json.dumps({"lignes": [{"a": i, "b": "é" * i} for i in range(8)]}).encode()
    with refused(Problem.FORMAT_INATTENDU, "JSON"):
        json_rows(tmp_path, whole[:-cut], "a", racine="lignes")


@fuzz
@given(data=st.binary(max_size=40) | st.text(alphabet='[]{}":,\\u0dae19.-tnf \ud83dé', max_size=40).map(
    lambda t: t.encode("utf-8", "surrogatepass")), inner=st.none() | st.just("a"))  # fmt: skip
@example(data=b'[{"a": "\\ud800"}]', inner=None)
@example(data=b'[{"a": ' + b"9" * 5000 + b"}]", inner=None)
@example(data=b'[{"a":' * 3000 + b"1" + b"}]" * 3000, inner=None)
@example(data=b'[[{"a": 1}]]', inner="a")
@example(data=b"[" * 100_000, inner=None)
@example(data=b"\xef\xbb\xbf", inner=None)
def test_any_bytes_as_json_are_rows_or_a_refusal(tmp_path: Path, data: bytes, inner: str | None) -> None:
    try:
        json_rows(tmp_path, data, "a", eclater=inner)
    except FeedError as e:
        assert e.probleme in (Problem.ENTETE_INATTENDU, Problem.FORMAT_INATTENDU)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
def test_json_is_read_in_its_declared_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "livraison"
    path.write_bytes(
        json.dumps([{"é": "œuvre" if encoding != "latin-1" else "été"}], ensure_ascii=False).encode(encoding)
    )
    fmt = Format(type="json", encodage=encoding)
    (batch,) = read_rows(path, "essai", fmt, columns_of("é"))
    assert batch.column("c0").to_pylist()[0] in ("œuvre", "été")


# --- parquet -----------------------------------------------------------------------------------------------


def parquet_rows(folder: Path, table: pa.Table, *names: str) -> list[Row]:
    path = folder / "source.parquet"
    pq.write_table(table, path)
    return read(folder, path.read_bytes(), *names, type="parquet", encodage=None, separateur=None)


def test_parquet_values_are_written_in_full(tmp_path: Path) -> None:
    table = pa.table(
        {"n": [123456789012.0, 12.5, None], "e": [1, None, 3], "l": [[1, 2], [], None], "t": ["é", "", None]}
    )
    assert parquet_rows(tmp_path, table, "t", "n", "e", "l") == numbered(
        ("é", "123456789012.0", "1", "[1, 2]"), ("", "12.5", None, "[]"), (None, None, "3", None), start=1
    )  # fmt: skip


def test_a_parquet_without_its_columns_or_that_is_none_is_refused(tmp_path: Path) -> None:
    with refused(Problem.ENTETE_INATTENDU, "b"):
        parquet_rows(tmp_path, pa.table({"a": [1]}), "a", "b")
    for data in (b"", b"PAR1", b"PAR1" + b"x" * 40 + b"PAR1"):
        with refused(Problem.FORMAT_INATTENDU):
            read(tmp_path, data, "a", type="parquet", encodage=None, separateur=None)


def test_a_parquet_damaged_inside_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "source.parquet"
    pq.write_table(pa.table({"a": [f"texte {i}" * 5 for i in range(5000)]}), path, compression="zstd")
    data = bytearray(path.read_bytes())
    data[100:1100] = b"\xaa" * 1000
    with refused(Problem.FORMAT_INATTENDU):
        read(tmp_path, bytes(data), "a", type="parquet", encodage=None, separateur=None)


# --- several files in one archive --------------------------------------------------------------------------

STOPS = 'stop_id,stop_name,stop_lat,stop_lon\nS1,Halte É,46.80,1.85\nS2,"Place, dite\nhaute",46.81,1.86\nS3,Seule,,\n'
TIMES = "trip_id,stop_id\nT1,S1\nT2,S1\nT2,S2\n"
QUERY = """-- une ligne par arrêt
SELECT s.stop_id, s.stop_name, s.stop_lat, count(t.trip_id) AS passages
FROM stops s LEFT JOIN stop_times t USING (stop_id) GROUP BY ALL
"""


@pytest.fixture
def gtfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder sql/ of the test's own, with the SELECT over the members."""
    (tmp_path / "sql/conformer").mkdir(parents=True)
    (tmp_path / "sql/conformer/arrets.sql").write_text(QUERY, "utf-8")
    monkeypatch.setattr(members, "sql_dir", lambda: tmp_path / "sql")
    return tmp_path


def zipped(folder: Path, **files: bytes) -> bytes:
    path = folder / "gtfs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"{name}.txt", data)
    return path.read_bytes()


def stops(**more: Any) -> Any:
    columns = [column("a", source="stop_id"), column("nom", source="stop_name"), column("passages", "entier")]
    return clause(columns, conformation="arrets.sql", format={"separateur": ","}, **more)


def test_the_members_of_an_archive_are_joined_by_the_select(gtfs: Path) -> None:
    data = zipped(gtfs, stops=STOPS.encode(), stop_times=TIMES.encode(), vide=b"", agency=b"a,b\n1\n")
    found = conformed(stops(), data, gtfs)
    assert {(r["a"], r["nom"], r["passages"]) for r in found.records} == {
        ("S1", "Halte É", 2), ("S2", "Place, dite\nhaute", 1), ("S3", "Seule", 0),
    }  # fmt: skip
    assert found.values("_ligne") == [1, 2, 3]


def test_joining_twice_gives_the_same_rows_in_the_same_order(gtfs: Path) -> None:
    many = "stop_id,stop_name,stop_lat,stop_lon\n" + "".join(f"S{i % 700},n{i},1,2\n" for i in range(5000))
    times = "trip_id,stop_id\n" + "".join(f"T{i},S{i % 800}\n" for i in range(5000))
    data = zipped(gtfs, stops=many.encode(), stop_times=times.encode())
    one, two = (conformed(stops(), data, gtfs / name) for name in ("un", "deux"))
    assert one.report == two.report
    assert one.records == two.records


def test_members_are_read_in_the_declared_encoding_and_unreadable_rows_rejected(gtfs: Path) -> None:
    latin = zipped(gtfs, stops=STOPS.encode("cp1252"), stop_times=TIMES.encode())
    feed = stops()
    cp1252 = feed.model_copy(update={"format": feed.format.model_copy(update={"encodage": "cp1252"})})
    assert "Halte É" in conformed(cp1252, latin, gtfs / "a").values("nom")
    bad = conformed(feed, latin, gtfs / "b")
    assert bad.report.rejetees == {"encodage_invalide": 1}
    assert bad.report.conformes == 2


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"stops": STOPS.encode()}, Problem.SQL_INVALIDE),
        ({"stops": b"stop_id\nS1\n", "stop_times": TIMES.encode()}, Problem.SQL_INVALIDE),
        ({"stops": STOPS.encode(), "stop_times": b""}, Problem.SQL_INVALIDE),
        ({"stops": STOPS.encode() + b"S4,a,b,c,d,e,f\n", "stop_times": TIMES.encode()}, Problem.SQL_INVALIDE),
        ({"stops": b"stop_id,stop_id,stop_name,stop_lat\n", "stop_times": TIMES.encode()}, Problem.SQL_INVALIDE),
    ],
)
def test_members_that_are_not_as_expected_refuse_the_feed(
    gtfs: Path, files: dict[str, bytes], problem: Problem
) -> None:
    with refused(problem, "arrets.sql"):
        conformed(stops(), zipped(gtfs, **files), gtfs)


def test_a_fault_in_a_personal_archive_quotes_nothing(gtfs: Path) -> None:
    (gtfs / "sql/conformer/arrets.sql").write_text(
        "SELECT stop_id, CAST(stop_name AS INT) AS stop_name, 1 AS passages FROM stops"
    )
    personal = stops(donnees_personnelles=PERSONAL)
    with pytest.raises(FeedError) as caught:
        conformed(personal, zipped(gtfs, stops=STOPS.encode()), gtfs)
    assert caught.value.probleme is Problem.SQL_INVALIDE
    assert "Halte" not in str(caught.value)


def test_a_missing_select_and_missing_columns_are_said(gtfs: Path) -> None:
    data = zipped(gtfs, stops=STOPS.encode(), stop_times=TIMES.encode())
    with refused(Problem.REFERENCE_INCONNUE, "absent.sql"):
        conformed(stops().model_copy(update={"conformation": "absent.sql"}), data, gtfs)
    (gtfs / "sql/conformer/arrets.sql").write_text("SELECT stop_id FROM stops")
    with refused(Problem.ENTETE_INATTENDU, "stop_name", "passages"):
        conformed(stops(), data, gtfs)
