"""A direct identifier goes no further than its reading: dropped, or replaced by an HMAC whose key can be destroyed."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from pathlib import Path

import pyarrow as pa
import pytest
from factory import IN_A, Mini, point, small_run, text_column
from feeds import clause, column, conformed, refused
from hypothesis import given
from hypothesis import strategies as st
from promises import PERSONAL as TOLD_PERSONAL

from qpv_data.problems import FeedError, Problem
from qpv_data.pseudonyms import create_key, destroy_key, feed_key, fingerprint, normalised, pseudonymised, read_key

KEY = bytes(range(32))
STEPS = ("espaces", "casse", "accents", "alphanumerique", "zeros")
steps = st.lists(st.sampled_from(STEPS), unique=True)


def one(text: str, *said: str) -> str | None:
    made: str | None = pseudonymised(pa.array([text]), KEY, said, frozenset()).to_pylist()[0]  # type: ignore[arg-type]
    return made


def test_a_pseudonym_is_the_hmac_of_the_normalised_text() -> None:
    expected = hmac.new(KEY, "durand élise".encode(), hashlib.sha256).hexdigest()[:32]
    assert one("DURAND   Élise", "casse", "espaces") == expected


@pytest.mark.parametrize(
    ("one_way", "other", "said"),
    [
        ("Durand  Élise", "Durand Élise", ["espaces"]),
        ("DURAND Straße", "durand STRASSE", ["casse"]),
        ("Élise", "Elise", ["accents"]),
        ("E\u0301lise", "Élise", []),
        ("1 85 05-78.006", "1850578006", ["alphanumerique"]),
        ("000123", "123", ["zeros"]),
    ],
)
def test_what_does_not_count_makes_one_person_and_counts_when_it_is_not_declared(
    one_way: str, other: str, said: list[str]
) -> None:
    assert one(one_way, *said) == one(other, *said)
    if said:
        assert one(one_way) != one(other)


@given(text=st.text(max_size=12), said=steps)
def test_normalising_twice_or_in_another_order_changes_nothing(text: str, said: list[str]) -> None:
    once = normalised(text, said)  # type: ignore[arg-type]
    assert normalised(text, said[::-1]) == once  # type: ignore[arg-type]
    assert normalised(once, said) == once  # type: ignore[arg-type]


def test_absences_and_masks_are_no_persons() -> None:
    made = pseudonymised(pa.array(["nd", None, "--"]), KEY, ("alphanumerique",), frozenset({"nd"}))
    assert made.to_pylist() == ["nd", None, None]


# --- keys --------------------------------------------------------------------------------------------------


def test_a_key_is_drawn_once_a_feed_for_its_owner_alone(tmp_path: Path) -> None:
    keys = tmp_path / "cles"
    key = feed_key(keys, "a")
    assert feed_key(keys, "a") == key == create_key(keys, "a")
    assert feed_key(keys, "b") != key
    assert (keys / "a.cle").stat().st_mode & 0o777 == 0o600
    assert keys.stat().st_mode & 0o777 == 0o700
    assert fingerprint(key) not in key.hex()
    assert sorted(p.name for p in keys.iterdir()) == ["a.cle", "b.cle"]


def test_a_destroyed_key_is_gone(tmp_path: Path) -> None:
    key = create_key(tmp_path, "a")
    held = os.open(tmp_path / "a.cle", os.O_RDONLY)
    try:
        assert destroy_key(tmp_path, "a")
        assert key.hex().encode() not in os.read(held, 1000), "the file was overwritten"
    finally:
        os.close(held)
    assert read_key(tmp_path, "a") is None
    assert not destroy_key(tmp_path, "a")
    assert create_key(tmp_path, "a") != key


def test_the_environment_may_hold_the_key_and_nothing_is_then_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QPV_DATA_CLE_A", KEY.hex())
    assert feed_key(tmp_path / "cles", "a") == KEY
    assert not (tmp_path / "cles").exists()
    monkeypatch.setenv("QPV_DATA_CLE_A", "motdepasse")
    with pytest.raises(FeedError) as caught:
        feed_key(tmp_path, "a")
    assert caught.value.probleme is Problem.CLE_DE_PSEUDONYMES
    assert "motdepasse" not in str(caught.value)


@pytest.mark.parametrize(("text", "mode"), [("00" * 32, 0o644), ("00" * 31, 0o600), ("", 0o600)])
def test_a_key_that_others_may_read_or_that_is_cut_is_refused(tmp_path: Path, text: str, mode: int) -> None:
    path = tmp_path / "a.cle"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(FeedError) as caught:
        feed_key(tmp_path, "a")
    assert caught.value.probleme is Problem.CLE_DE_PSEUDONYMES


# --- feeds -------------------------------------------------------------------------------------------------

PERSON = {"identifiant_direct": "pseudonymiser", "normalisation": ["espaces", "casse", "accents"]}
PERSONAL = {"donnees_personnelles": TOLD_PERSONAL}


def test_a_pseudonym_is_a_key_and_the_same_in_every_delivery(tmp_path: Path) -> None:
    feed = clause([column("a", **PERSON), column("b")], **PERSONAL)
    one, two = (conformed(feed, f"a;b\n{text}\nZorglub;2\n".encode(), tmp_path) for text in ("ZORGLUB ;1", "Élise;1"))
    assert one.report.rejetees == {"cle_en_double": 1}
    assert one.values("a")[0] == two.values("a")[1]
    assert re.fullmatch("[0-9a-f]{32}", one.values("a")[0])
    assert one.report.empreinte_cle == two.report.empreinte_cle is not None


def test_a_feed_with_pseudonyms_asks_for_a_folder_of_keys(tmp_path: Path) -> None:
    from qpv_data.conform import conform

    (tmp_path / "f").write_text("a\nx\n")
    with refused(Problem.CLE_DE_PSEUDONYMES):
        conform(
            clause([column("a", **PERSON)], **PERSONAL), tmp_path / "f", periode=None, conformed=tmp_path / "c",
            rejets=tmp_path / "r", travail=tmp_path / "t",
        )  # fmt: skip


def tenants(mini: Mini) -> None:
    """The feed `points` counts tenants by their pseudonyms, three of whom are written in several ways."""
    columns = [c for c in mini.declared["points"]["colonnes"] if c["nom"] != "menage"]
    secret = {
        "regime": "seuil",
        "famille": "donnees_ouvertes",
        "unite_famille": "enregistrement",
        "unite": "personne",
        "seuil": 3,
        "colonne_unite": "menage",
    }
    mini.declare(
        {**mini.declared["points"], **PERSONAL, "secret": secret, "diffusion": "partenaires",
         "colonnes": [*columns, text_column("menage", **PERSON)]}
    )  # fmt: skip


def test_pseudonyms_count_persons_and_a_new_key_conforms_every_delivery_again(tmp_path: Path) -> None:
    mini = small_run(tmp_path)
    names = ["DURAND Élise", "durand  elise", "Zorglub", "Zorglub", "zorglub ", "Durand Elise"]
    rows = [point(f"i{n}", IN_A, menage=name) for n, name in enumerate(names)]
    mini.points(dict.fromkeys(("2024-T1", "2024-T2", "2024-T3", "2024-T4"), rows))
    tenants(mini)
    assert {r.statut for r in mini.run().receptions if r.jeu == "points"} == {"recue"}
    # Two persons are under the threshold of three, six rows would not be.
    assert mini.value("points_n", "QN09901A", "2024-T4")[2] != "publie"
    assert mini.value("points_n", "QN09901A", "2024-T4")[0] is None
    before = (mini.out / "conformed/points/2024-T4.parquet").read_bytes()
    mini.run()
    assert (mini.out / "conformed/points/2024-T4.parquet").read_bytes() == before
    assert destroy_key(mini.out / "cles", "points")
    mini.run()
    assert (mini.out / "conformed/points/2024-T4.parquet").read_bytes() != before
