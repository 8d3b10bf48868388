"""The journal of receptions: nothing is lost of it, whatever is cut and whoever writes."""

from __future__ import annotations

import multiprocessing
import stat
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpv_data.compliance.journal import Attempt, Placement, available_day, read_journal, record

texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)
attempts = st.builds(
    Attempt,
    quand=st.just("2024-12-31T22:30:00+00:00"),
    jeu=st.just("essai"),
    url=texts,
    clause_version=texts,
    statut=st.sampled_from(["recue", "refusee"]),
    periode=st.none() | st.just("2024-T1"),
    message=st.none() | texts,
    recues=st.integers(0, 10**9),
    rejetees=st.dictionaries(texts, st.integers(1, 9), max_size=3),
    entete=st.lists(texts, max_size=3).map(tuple),
    renseignes=st.dictionaries(texts, st.floats(0, 1), max_size=3),
)


@given(st.lists(attempts | st.builds(Placement, texts, st.just("essai"), texts, st.integers(0, 99)), max_size=5))
def test_what_is_recorded_is_read_back_in_order(lines: list[Attempt | Placement]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for line in lines:
            record(Path(folder), line)
        told = read_journal(Path(folder), "essai")
    assert list(told.receptions) == [a for a in lines if isinstance(a, Attempt)]
    assert list(told.localisations) == [p for p in lines if isinstance(p, Placement)]


def attempt(n: int = 0) -> Attempt:
    return Attempt("2024-12-31T22:30:00+00:00", "essai", "https://x.example", "1", "recue", recues=n)


def test_a_line_cut_by_a_kill_hides_no_other(tmp_path: Path) -> None:
    record(tmp_path, attempt(1))
    path = tmp_path / "essai.jsonl"
    path.write_bytes(path.read_bytes() + b'{"type": "recep')
    record(tmp_path, attempt(2))
    assert [a.recues for a in read_journal(tmp_path, "essai").receptions] == [1, 2]


def _write(folder: Path, first: int) -> None:
    for n in range(first, first + 50):
        record(folder, attempt(n))


def test_several_processes_write_without_losing_a_line(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write, args=(tmp_path, 50 * k)) for k in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert sorted(a.recues for a in read_journal(tmp_path, "essai").receptions) == list(range(150))


def test_the_journal_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    record(folder, attempt())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "essai.jsonl").stat().st_mode) == 0o600


def test_a_feed_that_was_never_asked_for_has_an_empty_journal(tmp_path: Path) -> None:
    assert read_journal(tmp_path, "essai").receptions == ()


@pytest.mark.parametrize(
    ("said", "day"),
    [
        (None, date(2024, 12, 31)),
        ("Tue, 01 Oct 2024 12:00:00 GMT", date(2024, 10, 1)),
        ("Wed, 01 Jan 2025 12:00:00 GMT", date(2024, 12, 31)),  # a server whose clock is ahead
        ("hier", date(2024, 12, 31)),
    ],
)
def test_a_delivery_was_there_when_its_server_says_and_no_later_than_it_was_received(
    said: str | None, day: date
) -> None:
    assert available_day("2024-12-31T22:30:00+00:00", said) == day
