"""Reading by blocks gives, on any bytes, the very rows of reading record by record."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from qpv_data.clause.model import Colonne, Format
from qpv_data.problems import FeedError
from qpv_data.sources import csv_blocks, csv_source, rows
from qpv_data.sources.csv_regular import records_of, regular_prefix
from qpv_data.sources.csv_rows import csv_batches

fuzz = settings(
    max_examples=int(os.environ.get("EXAMPLES", "200")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
PIECES = ["a", "1", ";", ";;", '"', '""', '";"', '"x;y"', '"x""y"', '"x\ny"', '"x\r\ny"', "\n", "\r\n", "\r", "\n\n", " ",
          "é", "\ufeff", "\0", ",", "\x1a", "\x0b", "\u2028", '5" ', "1;2\n", '1;"2"\r\n', "1;2;\n", "1;2;3\n", '"1";"2";""\n',
          "'"]  # fmt: skip
ENCODINGS = ["utf-8", "utf-8-sig", "latin-1", "cp1252", "ascii", "utf-16", "utf-16-le", "utf-32", "shift_jis", "utf-7",
             "cp437"]  # fmt: skip
columns = [Colonne.model_validate({"nom": f"c{n}", "source": n, "type": "texte"}) for n in "ab"]
bodies = st.lists(st.sampled_from(PIECES) | st.text(max_size=2), max_size=30).map("".join)


@pytest.fixture
def sized(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Set the size of the blocks, so that a few bytes make many."""

    def resize(block: int, least: int) -> None:
        for module, name in ((csv_blocks, ""), (csv_source, "_")):
            monkeypatch.setattr(module, "BLOCK", block)
            monkeypatch.setattr(module, f"{name}LEAST", least)

    yield resize
    monkeypatch.undo()


def answer(path: Path, fmt: Format, *, exact: bool) -> object:
    """The rows, or the refusal."""
    try:
        found = list(csv_batches(path, "essai", fmt, columns, exact=exact))
    except FeedError as e:
        return (e.probleme, e.message)
    return pa.Table.from_batches(found, rows.raw_schema(columns, geometry=False)).to_pylist()


def same(folder: Path, data: bytes, **fmt: Any) -> object:
    path = folder / "livraison"
    path.write_bytes(data)
    said = Format(**({"type": "csv", "encodage": "utf-8", "separateur": ";"} | fmt))
    expected = answer(path, said, exact=True)
    assert answer(path, said, exact=False) == expected
    return expected


@fuzz
@given(
    header=st.sampled_from(["a;b", "a;b;", "a;b;c", "x;b;a", '"a";"b"', "\ufeffa;b", 'a;"b', "b;a;;"]),
    body=bodies,
    tail=st.binary(max_size=4),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(ENCODINGS),
    block=st.sampled_from([1, 3, 7, 16, 40, 200, 1 << 21]),
    least=st.sampled_from([1, 5, 4096]),
)
@example(header="a;b", body='1;2\n3;"4', tail=b"\n5;6", end="\n", encoding="utf-8", block=1 << 21, least=1)
@example(header="a;b", body='""\n"";""\n"";"""";\n', tail=b"", end="\n", encoding="utf-8", block=7, least=1)
def test_by_blocks_or_record_by_record_the_rows_are_the_same(
    tmp_path: Path, sized: Any, header: str, body: str, tail: bytes, end: str, encoding: str, block: int, least: int
) -> None:
    sized(block, least)
    data = (header + end + body).encode(encoding, "replace") + tail
    same(tmp_path, data, encodage=encoding)


@fuzz
@given(
    data=st.binary(max_size=80),
    separator=st.sampled_from(";,\t| "),
    quote=st.sampled_from("\"'x"),
    skip=st.integers(0, 2),
)
def test_so_it_is_on_bytes_drawn_at_random(
    tmp_path: Path, sized: Any, data: bytes, separator: str, quote: str, skip: int
) -> None:
    sized(11, 2)
    head = f"a{separator}b\n".encode()
    same(tmp_path, head + data, separateur=separator, guillemet=quote, lignes_a_sauter=0)
    same(tmp_path, data + b"\n" + head, separateur=separator, guillemet=quote, lignes_a_sauter=skip)


rows_of_cells = st.lists(
    st.lists(st.sampled_from(["", "x", "12,5", '"a;b"', '"dit ""oui"""', '"deux\nlignes"', '"', 'a"b', "é"]), min_size=1, max_size=4),
    max_size=60,
)  # fmt: skip


@fuzz
@given(table=rows_of_cells, end=st.sampled_from(["\n", "\r\n"]), block=st.sampled_from([20, 64, 300, 1 << 21]))
def test_so_it_is_on_long_tables_with_a_fault_here_and_there(
    tmp_path: Path, sized: Any, table: list[list[str]], end: str, block: int
) -> None:
    sized(block, 4)
    same(tmp_path, ("a;b" + end + end.join(";".join(r) for r in table)).encode())


def test_a_regular_file_is_parsed_by_blocks_and_a_fault_costs_a_few_lines(
    tmp_path: Path, sized: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sized(4096, 64)
    lines = [f'{i};"texte ; {i}"' for i in range(5000)]
    lines[2500] = '2500;5" de trop'
    read, cut = csv_blocks.CsvRecords.read, 0

    def counted(self: Any, lines: Any, number: int) -> Any:
        nonlocal cut
        for record in read(self, lines, number):
            cut += 1
            yield record

    monkeypatch.setattr(csv_blocks.CsvRecords, "read", counted)
    path = tmp_path / "livraison"
    path.write_text("a;b\n" + "\n".join(lines), "utf-8")
    fmt = Format(type="csv", encodage="utf-8", separateur=";")
    found = pa.Table.from_batches(csv_batches(path, "essai", fmt, columns)).to_pylist()
    assert [r["_ligne"] for r in found] == list(range(2, 5002))
    assert found[2500]["cb"] == '5" de trop'
    assert cut < 250


@pytest.mark.parametrize(
    ("block", "last", "expected"),
    [
        (b"1;2\n3;4\n5", False, (8, None)),
        (b"1;2\n3;4\n5", True, (9, None)),
        (b'1;"2\n3";4\n5;"6', False, (10, None)),
        (b'1;"2\n3";4\n5;"6', True, (10, 12)),
        (b'1;2\n3;a"b\n', False, (4, 7)),
        (b"1;2\n3\r4\n", False, (4, 5)),
        (b"1;2\n3;\xe9\n", False, (4, 6)),
        (b"1;2\n3;\xc3", False, (4, None)),
        (b"1;2\n3;\xc3", True, (4, 6)),
        (b'"a""b";\n', False, (8, None)),
        (b'"a"b;\n', False, (0, 2)),
        (b"\xef\xbb\xbf1;2\n", False, (0, 0)),
    ],
)
def test_the_regular_prefix_stops_before_the_record_of_the_first_fault(
    block: bytes, last: bool, expected: tuple[int, int | None]
) -> None:
    found = regular_prefix(block, b";", b'"', last=last)
    assert (found.taille, found.faute) == expected


def test_records_know_their_lines_and_blank_ones_are_none() -> None:
    block = b'1;2\r\n\r\n"a\nb";3\n\n4;5'
    found = records_of(block, regular_prefix(block, b";", b'"', last=True), 10)
    assert found.lignes.tolist() == [10, 12, 15]
    assert found.following == 15
