"""Rows keep the order in which they were received: neither the engine's threads nor its batches decide a line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feeds import clause, column, conformed, refused
from hypothesis import given
from hypothesis import strategies as st

from qpv_data import conform
from qpv_data.conforming_stream import by_rank, slices
from qpv_data.problems import Problem

ROWS, KEYS = 150_000, 60_000  # more than a row group of the engine (122,880), and several blocks of text


def delivery() -> bytes:
    """Rows `key;rank`, whose keys come back far from where they were, and a row in a thousand that cannot be read."""
    cells = (f"{n * 7_919 % KEYS};{n if n % 1_000 else 'x'};{'é' * (n % 40)}" for n in range(ROWS))
    return ("a;b;c\n" + "\n".join(cells) + "\n").encode()


def expected(doubles: str) -> tuple[list[int], list[tuple[int, str]]]:
    """(ranks of the records, (line, reason) of the rejected rows), by hand."""
    good = [n for n in range(ROWS) if n % 1_000]
    seen: dict[int, list[int]] = {}
    for n in good:
        seen.setdefault(n * 7_919 % KEYS, []).append(n)
    alone = (ns[:1] if doubles == "premier" else ns if len(ns) == 1 else [] for ns in seen.values())
    kept = {n for ns in alone for n in ns}
    reasons = ((n, "cle_en_double" if n % 1_000 else "valeur_illisible") for n in range(ROWS) if n not in kept)
    return sorted(kept), [(n + 2, reason) for n, reason in reasons]


@contextmanager
def careless(monkeypatch: pytest.MonkeyPatch, threads: int, *, ordered: bool) -> Iterator[None]:
    """An engine of so many threads, that is free to give rows in any order when not `ordered`."""
    opened = conform.engine

    @contextmanager
    def engine(work: Path) -> Iterator[duckdb.DuckDBPyConnection]:
        with opened(work) as con:
            con.execute(f"SET threads = {threads}")
            con.execute(f"SET preserve_insertion_order = {str(ordered).lower()}")
            yield con

    with monkeypatch.context() as patch:
        patch.setattr(conform, "engine", engine)
        yield


@pytest.mark.parametrize("doubles", ["premier", "refuser"])
def test_lines_and_first_keys_are_those_of_the_file_whatever_the_threads_and_the_order_they_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doubles: str
) -> None:
    columns = [column("a", "entier"), column("b", "entier"), column("c")]
    feed, data = clause(columns, doubles=doubles), delivery()
    kept, rejected = expected(doubles)
    found = set()
    for threads, ordered in ((1, True), (4, False)):
        folder = tmp_path / f"{threads}-{ordered}"
        with careless(monkeypatch, threads, ordered=ordered):
            made = conformed(feed, data, folder)
        records = pq.read_table(folder / "conformed/e.parquet")
        assert records["b"].to_pylist() == kept
        assert np.array_equal(np.asarray(records["_ligne"]), np.array(kept) + 2)
        assert [(line, reason) for line, reason, _, _ in made.reasons()] == rejected
        found.add(tuple((folder / part / "e.parquet").read_bytes() for part in ("conformed", "rejets")))
    assert len(found) == 1, "the bytes are the same as well"


def table(ranks: list[int]) -> pa.Table:
    return pa.table({"_rang": pa.array(ranks, pa.int64()), "t": pa.array([f"{r}" for r in ranks], pa.string())})


@given(ranks=st.lists(st.integers(0, 99), unique=True))
def test_rows_in_any_order_come_out_in_the_order_asked_for(ranks: list[int]) -> None:
    wanted = sorted(ranks)
    made = by_rank(table(ranks), np.array(wanted, np.int64))
    assert made.to_pydict() == {"_rang": wanted, "t": [f"{r}" for r in wanted]}


@pytest.mark.parametrize("ranks", [[0, 2], [], [0, 1, 1], [0, 1, 2]])
def test_a_rank_that_is_missing_or_repeated_is_no_silence(ranks: list[int]) -> None:
    with pytest.raises(AssertionError):
        by_rank(table(ranks), np.arange(2))


@given(sizes=st.lists(st.integers(0, 30_000), max_size=8))
def test_slices_lose_no_row_and_are_of_bounded_size(sizes: list[int]) -> None:
    starts = np.cumsum([0, *sizes])
    batches = [
        pa.record_batch({"_rang": pa.array(range(s, s + n), pa.int64())}) for s, n in zip(starts, sizes, strict=False)
    ]
    made = list(slices(batches))
    assert [r for t in made for r in t["_rang"].to_pylist()] == list(range(sum(sizes)))
    assert all(t.num_rows < 70_000 for t in made)


@pytest.mark.parametrize("threads", [1, 4])
def test_a_total_is_compared_exactly_whatever_the_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    """Tenths summed as floats depend on the order of the sum, and miss their total."""
    totals = {"lignes": "a = 'T'", "sommes": ["b"], "tolerance": 0}
    feed = clause(
        [column("a"), column("b", "nombre")], cle={"colonnes": ["a"], "doublons": "premier", "totaux": totals}
    )
    rows = "".join(f"{n};0.1\n" for n in range(9_999))
    with careless(monkeypatch, threads, ordered=True):
        assert conformed(feed, f"a;b\n{rows}T;999.9\n".encode(), tmp_path / "a").report.conformes == 9_999
        with refused(Problem.CONTROLE_NON_TENU, "b"):
            conformed(feed, f"a;b\n{rows}T;999.8\n".encode(), tmp_path / "b")
