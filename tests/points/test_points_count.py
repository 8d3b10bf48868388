"""`--compte`: what it says is what grouping the written rows would say, and sums are exact to the last bit."""

from __future__ import annotations

import datetime
import math
import random
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from points_made import XY, X, Y, balance, locate, read, refused, written

from qpv_data.points import tally as tally_module
from qpv_data.points.exact_sums import ExactSums
from qpv_data.points.tally import Tally, table_of

extreme = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        [1e308, -1e308, 1.7976931348623157e308, 5e-324, -5e-324, 2.0**53, 2.0**-1022, 0.1, 1e16, 1.0, -0.0]
    ),
)


def exact(values: list[float]) -> float:
    """The sum of finite floats, rounded once."""
    total = sum(map(Fraction, values), Fraction(0))
    try:
        return float(total)
    except OverflowError:
        return math.inf if total > 0 else -math.inf


@given(rows=st.lists(st.tuples(st.integers(0, 3), extreme), max_size=60), cut=st.integers(1, 60), seed=st.integers())
@settings(max_examples=50, deadline=None)
def test_a_sum_is_the_exact_one_rounded_once_in_any_order_and_any_pieces(
    rows: list[tuple[int, float]], cut: int, seed: int
) -> None:
    expected = [exact([v for g, v in rows if g == group]) for group in range(4)]
    random.Random(seed).shuffle(rows)
    total = ExactSums(4)
    for start in range(0, len(rows), cut):
        part = ExactSums(4)
        piece = rows[start : start + cut]
        part.add(np.array([g for g, _ in piece], np.int64), np.array([v for _, v in piece], np.float64))
        total.merge(part)
    assert total.totals(np.arange(4)) == expected
    together = total.regrouped(np.array([1, 0, 1, 0]), 2)
    assert together.totals(np.arange(2)) == [
        exact([v for g, v in rows if g in (1, 3)]),
        exact([v for g, v in rows if g in (0, 2)]),
    ]


@given(values=st.lists(st.sampled_from([math.inf, -math.inf, 1.0, -1e308, 1e308]), max_size=6))
def test_infinities_add_up_as_floats_do(values: list[float]) -> None:
    sums = ExactSums(1)
    sums.add(np.zeros(len(values), np.int64), np.array(values, np.float64))
    (found,) = sums.totals(np.array([0]))
    infinite = {v for v in values if math.isinf(v)}
    if len(infinite) == 2:
        assert math.isnan(found)
    else:
        assert found == (infinite.pop() if infinite else exact(values))


def count(folder: Path, zones: Path, column: Any, *options: object, **more: Any) -> list[dict[str, Any]]:
    """Rows of the count of one column `v`, all its rows being in A."""
    n = len(column)
    written(folder / "p.parquet", x=[X] * n, y=[Y] * n, v=column, **more)
    ask = [folder / "p.parquet", *XY, "--zones", zones, "--code", "code", "--compte", "-o", folder / "c.parquet", "-q"]
    done = locate(*ask, *options)
    assert (done.code, done.out, done.err) == (0, "", ""), done
    return read(folder / "c.parquet")


BIG = 2**62
SUMS: dict[str, tuple[Any, Any]] = {
    "integers beyond 2^53": (pa.array([2**53, 1, 2**53 + 1, -1, None]), 2**54 + 1),
    "negative integers": (pa.array([-(2**60), 2**60 - 1, -5]), -6),
    "the largest integers": (pa.array([2**63 - 1, -(2**63), 7]), 6),
    "integers whose sum needs all 64 bits": (pa.array([2**63 - 1, 2**62]), 2**63 - 1 + 2**62),
    "integers beyond 64 bits": (pa.array([BIG] * 5), 5.0 * BIG),
    "unsigned integers": (pa.array([2**64 - 1, None], pa.uint64()), 2**64 - 1),
    "bytes": (pa.array([127, 127, 127, -128], pa.int8()), 253),
    "unsigned bytes": (pa.array([255] * 300, pa.uint8()), 76_500),
    "booleans": (pa.array([True, False, None, True]), 2),
    "float32": (pa.array([0.1, 0.2], pa.float32()), float(np.float32(0.1)) + float(np.float32(0.2))),
    "float16": (pa.array(np.array([0.5, 1.5], np.float16)), 2.0),
    "decimals": (pa.array([Decimal("0.10"), Decimal("0.20"), None], pa.decimal128(10, 2)), exact([0.1, 0.2])),
    "texts": (pa.array([" 1.5", "2", "", None, "NaN"]), 3.5),
    "large texts": (pa.array(["1e3", "2"], pa.large_string()), 1002.0),
    "text views": (pa.array(["1e3", "2"], pa.string_view()), 1002.0),
    "a dictionary of texts": (pa.array(["1", "2", "1"]).dictionary_encode(), 4.0),
    "nulls": (pa.nulls(3), 0.0),
    "cancelling floats": (pa.array([1e308, 1.0, -1e308]), 1.0),
    "NaN": (pa.array([math.nan, 1.0, None]), 1.0),
    "infinite": (pa.array([math.inf, 1.0]), math.inf),
}


@pytest.mark.parametrize("kind", SUMS)
def test_a_column_of_any_number_sums_exactly(kind: str, zones: Path, tmp_path: Path) -> None:
    column, expected = SUMS[kind]
    (row,) = count(tmp_path, zones, column, "--somme", "v")
    assert (row["code"], row["nombre"]) == ("A", len(column))
    assert row["somme_v"] == expected
    assert type(row["somme_v"]) is type(expected)


def test_values_that_are_absent_are_counted_and_said_not_to_be_summed(zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "p.parquet", x=[X, X, X, 0.0], y=[Y, Y, Y, 0.0], v=[1.0, math.nan, None, None])
    ask = [tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code", "--compte", "--somme", "v"]
    said = balance(*ask)
    assert said["valeurs_absentes"] == {"v": 2}
    done = locate(*ask)
    assert done.out == '"code","nombre","somme_v"\n"A",3,1\n'
    assert "  v : 2 valeurs absentes, comptées et non sommées\n" in done.err
    assert locate(*ask, "-q").err == ""


def test_a_column_that_is_no_number_is_refused_and_none_of_its_values_is_shown(zones: Path, tmp_path: Path) -> None:
    ask = ["--zones", zones, "--code", "code", "--compte", "--somme", "v"]
    for column in (pa.array(["dupont@exemple.fr"]), pa.array([[1.0]]), pa.array([datetime.date(2024, 1, 1)])):
        written(tmp_path / "p.parquet", x=[X], y=[Y], v=column)
        said = refused(tmp_path / "p.parquet", *XY, *ask)
        assert "la colonne 'v' n'est pas faite de nombres" in said
        assert "dupont" not in said


def test_files_of_whole_and_of_decimal_numbers_sum_together(zones: Path, tmp_path: Path) -> None:
    for name, column in (("a", [1, 2]), ("b", [1.5, 2.25]), ("c", ["0.5", "x"][:1] * 2)):
        written(tmp_path / f"{name}.parquet", x=[X, X], y=[Y, Y], v=column)
    ask = [*XY, "--zones", zones, "--code", "code", "--compte", "--somme", "v", "-q"]
    for names in ("abc", "cba", "bac"):
        files = [tmp_path / f"{name}.parquet" for name in names]
        assert locate(*files, *ask).out == '"code","nombre","somme_v"\n"A",6,7.75\n'


UTC = datetime.UTC
KINDS: dict[str, list[Any]] = {
    "text": ["b", "a", None, "b", ""],
    "integers": [3, -1, None, 3],
    "dates": [datetime.date(2024, 2, 29), None, datetime.date(1, 1, 1)],
    "booleans": [True, False, None, True],
    "bytes": [b"\xff", b"a", None, b"a"],
    "decimals": [Decimal("1.10"), Decimal("1.1"), None],
    "instants": [
        datetime.datetime(2024, 10, 27, 0, 30, tzinfo=UTC),
        datetime.datetime(2024, 10, 27, 1, 30, tzinfo=UTC),
    ],
    "nothing": [None, None],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dense", [1 << 22, 1])
def test_categories_of_any_type_are_counted_as_they_are(
    kind: str, dense: int, zones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally_module, "_DENSE", dense)
    values = KINDS[kind]
    column = pa.array(values)
    rows = count(tmp_path, zones, column, "--par", "v", _row_group_size=2)
    assert Counter({r["v"]: r["nombre"] for r in rows}) == Counter(values)
    assert pq.read_schema(tmp_path / "c.parquet").field("v").type == column.type
    present = [r["v"] for r in rows if r["v"] is not None]
    assert present == sorted(present)
    assert None not in values or rows[-1]["v"] is None


TIMES = [pa.timestamp("ns"), pa.timestamp("us", "Europe/Paris"), pa.time64("ns"), pa.time32("ms"), pa.duration("ns")]


@pytest.mark.parametrize("kind", TIMES, ids=str)
def test_two_instants_are_two_categories_even_when_they_read_the_same(
    kind: pa.DataType, zones: Path, tmp_path: Path
) -> None:
    # 1,729,989,000 s and an hour later are both 02:30 in Paris: clocks go back that night.
    whole = pa.int32() if kind.bit_width == 32 else pa.int64()
    values = [1, 2, 2] if "timestamp[us" not in str(kind) else [n * 10**6 for n in (1729989000, 1729992600, 1729992600)]
    column = pa.array(values, whole).view(kind)
    count(tmp_path, zones, column, "--par", "v", _row_group_size=1)
    table = pq.read_table(tmp_path / "c.parquet")
    assert table["v"].type == kind
    assert table["v"].combine_chunks().view(whole).to_pylist() == values[:2]
    assert table["nombre"].to_pylist() == [1, 2]


def test_not_a_number_is_one_category_and_zero_has_no_sign(zones: Path, tmp_path: Path) -> None:
    rows = count(tmp_path, zones, [math.nan, 0.0, math.nan, -0.0, 1.5, None], "--par", "v", _row_group_size=1)
    assert str([(r["v"], r["nombre"]) for r in rows]) == "[(0.0, 2), (1.5, 1), (nan, 2), (None, 1)]"


def test_a_dictionary_that_differs_from_one_batch_to_the_next_is_one_column(zones: Path, tmp_path: Path) -> None:
    chunks = [pa.array(list(c)).dictionary_encode() for c in ("ab", "ba", "ca")]
    odd = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None], pa.int32()), pa.array(["a", "a", None]))
    table = pa.table({"x": [X] * 6, "y": [Y] * 6, "v": pa.chunked_array(chunks)})
    options = pa.ipc.IpcWriteOptions(unify_dictionaries=True)
    with pa.ipc.new_file(str(tmp_path / "p.arrow"), table.schema, options=options) as sink:
        sink.write_table(table)
    ask = [tmp_path / "p.arrow", *XY, "--zones", zones, "--code", "code", "--compte", "--par", "v", "-q"]
    assert locate(*ask).out == '"code","v","nombre"\n"A","a",3\n"A","b",2\n"A","c",1\n'
    # The same, in memory, where nothing unifies dictionaries.
    counted = Tally(1, "v", ())
    for chunk in [*chunks, odd]:
        n = len(chunk)
        counted.add(pa.record_batch({"v": chunk}), np.arange(n), np.zeros(n, np.int32))
    rows = table_of(counted, ["A"]).to_pylist()
    assert {r["v"]: r["nombre"] for r in rows} == {"a": 5, "b": 2, "c": 1, None: 2}


@pytest.mark.parametrize("column", [pa.array([[1]]), pa.array([{"a": 1}]), pa.array([(1, 2)], pa.list_(pa.int8(), 2))])
def test_a_column_of_lists_or_structures_is_no_category(column: pa.Array, zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "p.parquet", x=[X], y=[Y], v=column)
    ask = ["--zones", zones, "--code", "code", "--compte", "--par", "v"]
    assert "n'est pas faite de catégories" in refused(tmp_path / "p.parquet", *XY, *ask)


def test_files_whose_categories_differ_in_type_are_not_counted_as_one(zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "a.parquet", x=[X], y=[Y], v=["1"])
    written(tmp_path / "b.parquet", x=[X], y=[Y], v=[1])
    written(tmp_path / "c.parquet", x=[X], y=[Y], v=pa.array(["1"]).dictionary_encode())
    ask = [*XY, "--zones", zones, "--code", "code", "--compte", "--par", "v", "-q"]
    assert "est de type int64, et string" in refused(tmp_path / "a.parquet", tmp_path / "b.parquet", *ask)
    done = locate(tmp_path / "a.parquet", tmp_path / "c.parquet", *ask)
    assert done.out == '"code","v","nombre"\n"A","1",2\n'


@pytest.mark.parametrize("name", ["code", "nombre", "somme_v"])
def test_a_category_whose_name_is_taken_by_the_result_is_refused(name: str, zones: Path, tmp_path: Path) -> None:
    written(tmp_path / "p.parquet", x=[X], y=[Y], v=[1], **{name: ["a"]})
    ask = [tmp_path / "p.parquet", *XY, "--zones", zones, "--code", "code", "--compte", "--somme", "v"]
    assert "doublon" in refused(*ask, "--par", name)


values = st.one_of(st.none(), st.floats(allow_nan=True), st.integers(-(10**6), 10**6).map(float))
rows = st.lists(st.tuples(st.integers(-1, 3), st.sampled_from(["a", "b", "", None]), values), max_size=40)


@given(rows=rows, size=st.integers(1, 50), dense=st.sampled_from([1, 1 << 22]), every=st.booleans())
@settings(max_examples=10, deadline=None)
def test_a_count_is_the_grouping_of_the_written_rows(
    rows: list[Any], size: int, dense: int, every: bool, zones: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("compte")
    # −1: of unknown place; 0: outside; 1: in A; 2: in A and B; 3: in B.
    x = [(0.0, X - 9, X + 1, X + 600, X + 1400)[k + 1] for k, _, _ in rows]
    y = [(0.0, Y - 9, Y + 1, Y + 600, Y + 1400)[k + 1] for k, _, _ in rows]
    columns = {"x": pa.array(x, pa.float64()), "y": pa.array(y, pa.float64())}
    columns["g"] = pa.array([g for _, g, _ in rows], pa.string())
    columns["v"] = pa.array([v for *_, v in rows], pa.float64())
    written(folder / "p.parquet", **columns, _row_group_size=size)
    ask = [folder / "p.parquet", *XY, "--zones", zones, "--code", "code", *(["--tous"] if every else [])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tally_module, "_DENSE", dense)
        assert locate(*ask, "-o", folder / "o.parquet").code == 0
        said = balance(*ask, "--compte", "--par", "g", "--somme", "v", "-o", folder / "c.parquet")
    written_rows = read(folder / "o.parquet")
    states = Counter(r["localisation"] for r in written_rows)
    assert (said["lus"], said["dedans"], said["dehors"], said["inconnu"]) == (
        len(rows),
        states["dedans"],
        states["dehors"],
        states["inconnu"],
    )
    grouped: dict[tuple[str, Any], list[float]] = {}
    for r in written_rows:
        for code in r["codes"] if every else [c for c in (r["code"],) if c is not None]:
            grouped.setdefault((code, r["g"]), []).append(math.nan if r["v"] is None else r["v"])
    found = {(r["code"], r["g"]): (r["nombre"], str(r["somme_v"])) for r in read(folder / "c.parquet")}
    assert found == {key: (len(vs), str(summed([v for v in vs if v == v]))) for key, vs in grouped.items()}


def summed(values: list[float]) -> float:
    infinite = [v for v in values if math.isinf(v)]
    return sum(infinite) if infinite else exact(values)
