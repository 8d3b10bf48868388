"""CSV of points: every field stays the text that it was, and a line that is not one of the file refuses it."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from points_made import XY, X, Y, locate, refused

from qpv_data.inert import inert_text
from qpv_data.points.delimited import CsvSource
from qpv_data.problems import FeedError, Problem

ADDED = ["code", "localisation", "localisation_motif"]


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def answers(content: bytes, zones: Path, folder: Path, *options: object) -> list[list[str]]:
    """What the command writes, as CSV, for a CSV of these bytes."""
    (folder / "p.csv").write_bytes(content)
    out = folder / "o.csv"
    done = locate(folder / "p.csv", *XY, "--zones", zones, "--code", "code", "-o", out, "-q", *options)
    assert (done.code, done.out, done.err) == (0, "", ""), done
    return rows_of(out)


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_any_separator_and_encoding_keep_the_text(separator: str, encoding: str, zones: Path, tmp_path: Path) -> None:
    text = f"id;été;x;y\r\n01053;Évreux;{X + 100};{Y + 100}\r\n0002;;{X + 2000};{Y}\r\n".replace(";", separator)
    options = [] if encoding.startswith("utf-8") else ["--encodage", encoding]
    assert answers(text.encode(encoding), zones, tmp_path, *options) == [
        ["id", "été", "x", "y", *ADDED],
        ["01053", "Évreux", str(X + 100), str(Y + 100), "A", "dedans", ""],
        ["0002", "", str(X + 2000), str(Y), "", "dehors", ""],
    ]


fields = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8).filter(
    lambda s: inert_text(s) == s  # a formula comes back inert: see test_inert
)


@given(rows=st.lists(st.tuples(fields, fields), max_size=8))
@settings(max_examples=15, deadline=None)
def test_fields_with_quotes_newlines_and_separators_come_back_as_they_were(
    rows: list[tuple[str, str]], zones: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stream = io.StringIO()
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([["a", "x", "y", "b"], *((a, X, Y, b) for a, b in rows)])
    folder = tmp_path_factory.mktemp("csv")
    found = answers(stream.getvalue().encode(), zones, folder)[1:]
    assert [(r[0], r[3], r[4]) for r in found] == [(a, b, "A") for a, b in rows]


def test_a_decimal_comma_is_read_when_it_is_said_and_then_a_point_is_no_mark(zones: Path, tmp_path: Path) -> None:
    content = f"x;y\n{int(X)},5;{int(Y)},5\n{X};{Y}\n".encode()
    comma = answers(content, zones, tmp_path, "--decimale", ",")
    assert [r[2:] for r in comma[1:]] == [["A", "dedans", ""], ["", "inconnu", "coordonnees_illisibles"]]
    point = answers(content, zones, tmp_path)
    assert [r[2:] for r in point[1:]] == [["", "inconnu", "coordonnees_illisibles"], ["A", "dedans", ""]]


@pytest.mark.parametrize("absent", ["", " ", "NA", "n/a", "NaN", "null", "None", '""'])
def test_the_usual_marks_of_an_absence_are_one(absent: str, zones: Path, tmp_path: Path) -> None:
    rows = answers(f"x;y\n{absent};{Y}\n".encode(), zones, tmp_path)
    assert rows[1][3:] == ["inconnu", "coordonnees_absentes"]


@pytest.mark.parametrize("text", ["abc", "1,5", "12 345", "0x10", "1e", "--1", "1.2.3", "inf", "1_000", "٣"])
def test_a_text_that_is_no_number_is_unreadable(text: str, zones: Path, tmp_path: Path) -> None:
    rows = answers(f"x;y\n{text};{Y}\n".encode(), zones, tmp_path)
    assert rows[1][3:] == ["inconnu", "coordonnees_illisibles"]


@pytest.mark.parametrize("text", ["650000", "+650000", " 650000.000 ", "6.5e5", "650000.", "65E+4"])
def test_a_number_may_be_written_in_several_ways(text: str, zones: Path, tmp_path: Path) -> None:
    assert answers(f"x;y\n{text};{Y}\n".encode(), zones, tmp_path)[1][2:4] == ["A", "dedans"]


def test_ragged_lines_refuse_the_file_and_all_of_them_are_numbered(zones: Path, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(f'x,y,n\n{X},{Y},"a\nb"\n1\n{X},{Y},3\n1,2,3,secret@exemple.fr\n', "utf-8")
    for asked in (["-o", tmp_path / "o.csv"], ["--compte"]):
        said = refused(tmp_path / "p.csv", *XY, "--zones", zones, "--code", "code", *asked)
        assert "2 lignes n'ont pas les 3 champs de l'en-tête : lignes 3 (1 champs), 5 (4 champs)" in said
        assert "secret" not in said
    assert [p.name for p in tmp_path.iterdir()] == ["p.csv"]


def test_ragged_lines_beyond_the_first_block_are_found_as_well(
    zones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qpv_data.points import delimited

    monkeypatch.setattr(delimited, "_BLOCK", 1 << 10)
    (tmp_path / "p.csv").write_text("x,y\n" + f"{X},{Y}\n" * 500 + "1\n" + f"{X},{Y}\n" * 500, "utf-8")
    ask = ["--zones", zones, "--code", "code", "-o", tmp_path / "o.csv"]
    assert "1 lignes" in refused(tmp_path / "p.csv", *XY, *ask)
    (tmp_path / "q.csv").write_text("x,y\n" + f"{X},{Y}\n" * 1000, "utf-8")
    assert locate(tmp_path / "q.csv", *XY, *ask, "-q").code == 0
    assert len(rows_of(tmp_path / "o.csv")) == 1001


@pytest.mark.parametrize(
    ("content", "problem", "words"),
    [
        (b"", Problem.FORMAT_INATTENDU, "fichier vide"),
        (b"\n\n\n", Problem.FORMAT_INATTENDU, "fichier vide"),
        (b"\xef\xbb\xbf", Problem.FORMAT_INATTENDU, "fichier vide"),
        (b"x,y,x\n1,2,3\n", Problem.ENTETE_INATTENDU, "colonnes en double : x"),
        (b"x,y,x\n", Problem.ENTETE_INATTENDU, "colonnes en double : x"),
        (b'x,"y\n' + b"1,2\n" * 60_000, Problem.FORMAT_INATTENDU, "en-tête illisible"),
        (b"x,y\n1,2\n3,\xe9\n", Problem.FORMAT_INATTENDU, "octets qui n'existent pas en utf-8"),
        (b"x,y\n1,2\n3,\xe9,5\n", Problem.FORMAT_INATTENDU, "illisibles (ligne 3)"),
    ],
)
def test_what_is_no_csv_is_refused_in_words(content: bytes, problem: Problem, words: str, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(content)

    def whole() -> list[object]:
        return [unit() for unit in CsvSource(tmp_path / "p.csv", None, "utf-8").units(None)]

    with pytest.raises(FeedError) as refusal:
        whole()
    assert refusal.value.probleme is problem
    assert words in refusal.value.message


def test_a_line_that_no_encoding_reads_is_never_shown(zones: Path, tmp_path: Path) -> None:
    # Real streams: pyarrow prints what it cannot decode by itself, past Python's own standard error.
    (tmp_path / "p.csv").write_bytes(b"x,y\n1,2\n" + "Mme Éve Secrète,1,2,3\n".encode("cp1252"))
    command = [sys.executable, "-m", "qpv_data", "locate", tmp_path / "p.csv", *XY]
    command += ["--zones", zones, "--code", "code", "-o", tmp_path / "o.csv"]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Secr" not in done.stderr
    assert not (tmp_path / "o.csv").exists()


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\n\n"])
def test_a_header_alone_gives_a_header_alone(ending: str, zones: Path, tmp_path: Path) -> None:
    assert answers(f"x;y{ending}".encode(), zones, tmp_path) == [["x", "y", *ADDED]]


def test_an_unknown_encoding_and_a_wrong_separator_are_said(zones: Path, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(f"x;y\n{X};{Y}\n", "utf-8")
    ask = [tmp_path / "p.csv", *XY, "--zones", zones, "--code", "code", "-o", tmp_path / "o.csv"]
    assert "encodage inconnu : latin-99" in refused(*ask, "--encodage", "latin-99")
    assert "le fichier a : 'x;y'" in refused(*ask, "--separateur", ",")
    for wrong in ("ab", '"', "\n", "é"):
        assert locate(*ask, "--separateur", wrong).code == 2
    (tmp_path / "p.csv").write_text(f"x\ty\n{X}\t{Y}\n", "utf-8")
    assert locate(*ask, "--separateur", "\\t").code == 0


def test_a_header_without_end_is_refused_whatever_the_limit_that_others_set_on_csv(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(b'x,"y\n' + b"1,2\n" * 60_000)
    before = csv.field_size_limit(16_000_000)  # what conforming does to the whole process
    try:
        with pytest.raises(FeedError, match="en-tête illisible"):
            CsvSource(tmp_path / "p.csv", None, "utf-8")
    finally:
        csv.field_size_limit(before)
