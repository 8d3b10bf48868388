"""Landing: raw bytes for ever, and a receipt."""

from __future__ import annotations

import hashlib
import json
import stat
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qpv_data.fetch import Fetched, FetchPolicy, fetch
from qpv_data.land import Delivery, land, last_delivery
from qpv_data.problems import FeedError, Problem
from qpv_data.sources.serve import serve

NOON = datetime(2024, 10, 1, 12, tzinfo=UTC)


def received(folder: Path, body: bytes, **changes: object) -> Fetched:
    folder.mkdir(exist_ok=True)
    digest = hashlib.sha256(body).hexdigest()
    path = folder / digest
    path.write_bytes(body)
    fields: dict[str, object] = {
        "path": path,
        "sha256": digest,
        "taille": len(body),
        "nom_fichier": "a.csv",
        "url": "https://donnees.example/a.csv",
        "etag": '"1"',
        "last_modified": None,
    }
    return Fetched(**(fields | changes))  # type: ignore[arg-type]


def put(tmp: Path, body: bytes, when: datetime = NOON, **changes: object) -> Delivery:
    options: dict[str, object] = {"periode": "2024-T3", "diffusion": "ouvert", "clause_version": "1.0"}
    fetched = received(tmp / "arrivee", body, **{k: v for k, v in changes.items() if k not in options})
    options |= {k: v for k, v in changes.items() if k in options}
    return land(fetched, clause_id="jeu", raw=tmp / "raw", recue_le=when, **options)  # type: ignore[arg-type]


def tree(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_bytes_are_kept_as_received_under_their_hash_with_a_receipt(tmp_path: Path) -> None:
    got = put(tmp_path, b"a;b\r\n")
    assert got.fichier.read_bytes() == b"a;b\r\n"
    assert tree(tmp_path / "raw") == [f"jeu/{got.sha256}/a.csv", "jeu/livraisons/jeu-2024-T3-v1.json"]
    receipt = json.loads((tmp_path / "raw/jeu/livraisons/jeu-2024-T3-v1.json").read_text("utf-8"))
    assert receipt == {
        "id": "jeu-2024-T3-v1",
        "jeu": "jeu",
        "periode": "2024-T3",
        "sha256": got.sha256,
        "taille": 5,
        "nom_fichier": "a.csv",
        "url": "https://donnees.example/a.csv",
        "etag": '"1"',
        "last_modified": None,
        "recue_le": "2024-10-01T12:00:00+00:00",
        "clause_version": "1.0",
        "diffusion": "ouvert",
    }
    assert str(tmp_path) not in json.dumps(receipt)


def test_landing_twice_is_landing_once_and_keeps_the_first_reception(tmp_path: Path) -> None:
    first = put(tmp_path, b"x")
    before = tree(tmp_path / "raw")
    again = put(tmp_path, b"x", NOON + timedelta(days=90), nom_fichier="b.csv", etag='"2"', clause_version="2.0")
    assert again == first
    assert tree(tmp_path / "raw") == before


def test_new_bytes_make_a_new_version_and_old_ones_that_come_back_too(tmp_path: Path) -> None:
    ids = [put(tmp_path, body).id for body in (b"a", b"b", b"b", b"a")]
    assert ids == ["jeu-2024-T3-v1", "jeu-2024-T3-v2", "jeu-2024-T3-v2", "jeu-2024-T3-v3"]
    last = last_delivery(tmp_path / "raw", "jeu", "2024-T3")
    assert last is not None
    assert (last.id, last.fichier.read_bytes()) == ("jeu-2024-T3-v3", b"a")


def test_versions_are_numbers_not_text(tmp_path: Path) -> None:
    for n in range(12):
        put(tmp_path, b"%d" % n)
    last = last_delivery(tmp_path / "raw", "jeu", "2024-T3")
    assert last is not None
    assert last.id == "jeu-2024-T3-v12"


def test_each_period_has_its_own_versions_and_one_file_for_one_content(tmp_path: Path) -> None:
    assert put(tmp_path, b"x", periode="2024-T3").id == "jeu-2024-T3-v1"
    assert put(tmp_path, b"x", periode="2024-T4").id == "jeu-2024-T4-v1"
    assert put(tmp_path, b"x", periode=None).id == "jeu-unique-v1"
    assert len(list((tmp_path / "raw/jeu").glob("*/a.csv"))) == 1


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies=st.lists(st.binary(max_size=20), min_size=1, max_size=6), rank=st.integers(0, 10**9))
def test_the_last_landed_is_the_last_delivery_whatever_the_history(
    tmp_path: Path, bodies: list[bytes], rank: int
) -> None:
    periode = f"{rank:d}-{hashlib.sha256(repr(bodies).encode()).hexdigest()[:8]}"
    for body in bodies:
        landed = put(tmp_path, body, periode=periode)
        assert last_delivery(tmp_path / "raw", "jeu", periode) == landed
        assert landed.fichier.read_bytes() == body
    changes = sum(a != b for a, b in pairwise(bodies))
    assert landed.id.endswith(f"-v{changes + 1}")


@pytest.mark.parametrize(("diffusion", "mode"), [("ouvert", 0o444), ("partenaires", 0o400), ("interne", 0o400)])
def test_raw_files_are_read_only_and_closed_ones_are_for_their_owner(tmp_path: Path, diffusion: str, mode: int) -> None:
    assert stat.S_IMODE(put(tmp_path, b"x", diffusion=diffusion).fichier.stat().st_mode) == mode


def test_a_raw_file_that_went_missing_is_no_delivery_and_is_mended_by_landing_again(tmp_path: Path) -> None:
    old, new = put(tmp_path, b"old"), put(tmp_path, b"new")
    new.fichier.unlink()
    assert last_delivery(tmp_path / "raw", "jeu", "2024-T3") == old, "the last good one is kept"
    assert put(tmp_path, b"new", NOON + timedelta(days=1)) == new
    assert new.fichier.read_bytes() == b"new"


def test_a_raw_file_cut_by_a_crash_is_no_delivery(tmp_path: Path) -> None:
    got = put(tmp_path, b"complet")
    got.fichier.unlink()
    got.fichier.write_bytes(b"compl")
    assert last_delivery(tmp_path / "raw", "jeu", "2024-T3") is None
    put(tmp_path, b"complet")
    assert got.fichier.read_bytes() == b"complet"


def test_an_unreadable_receipt_never_has_its_number_taken(tmp_path: Path) -> None:
    put(tmp_path, b"a")
    receipt = tmp_path / "raw/jeu/livraisons/jeu-2024-T3-v1.json"
    receipt.unlink()
    receipt.write_text("{", "utf-8")
    assert last_delivery(tmp_path / "raw", "jeu", "2024-T3") is None
    assert put(tmp_path, b"a").id == "jeu-2024-T3-v2"


def test_bytes_that_changed_since_they_were_fetched_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    fetched = received(tmp_path / "arrivee", b"vrai")
    fetched.path.write_bytes(b"faux")
    with pytest.raises(FeedError) as caught:
        land(
            fetched, clause_id="jeu", clause_version="1", periode=None, diffusion="ouvert",
            raw=tmp_path / "raw", recue_le=NOON,
        )  # fmt: skip
    assert caught.value.probleme is Problem.SOURCE_ALTEREE
    assert tree(tmp_path / "raw") == []


def test_reception_is_written_in_utc_and_needs_a_time_zone(tmp_path: Path) -> None:
    paris = timezone(timedelta(hours=2))
    assert put(tmp_path, b"x", datetime(2024, 10, 1, 1, tzinfo=paris)).recue_le == "2024-09-30T23:00:00+00:00"
    with pytest.raises(ValueError, match="time zone"):
        put(tmp_path, b"x", datetime(2024, 10, 1, 1))


def test_a_raw_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "raw").write_text("")
    with pytest.raises(FeedError) as caught:
        put(tmp_path, b"x")
    assert caught.value.probleme is Problem.ECRITURE_IMPOSSIBLE


def test_an_unchanged_source_lands_as_the_delivery_that_it_is(tmp_path: Path) -> None:
    raw, bodies = tmp_path / "raw", {"/a": b"un"}

    def run(when: datetime) -> tuple[bool, Delivery]:
        previous = last_delivery(raw, "jeu", None)
        got = fetch(f"{base}/a", jeu="jeu", into=tmp_path / "w", policy=FetchPolicy(), previous=previous)
        landed = land(
            got, clause_id="jeu", clause_version="1", periode=None, diffusion="interne", raw=raw, recue_le=when
        )
        return got.inchangee, landed

    with serve(bodies.get) as base:
        new, first = run(NOON)
        same, second = run(NOON + timedelta(days=1))
        bodies["/a"] = b"deux"
        changed, third = run(NOON + timedelta(days=2))
    assert (new, same, changed) == (False, True, False)
    assert second == first
    assert (third.id, third.fichier.read_bytes()) == ("jeu-unique-v2", b"deux")
