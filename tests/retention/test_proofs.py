"""A proof says what, when and under which clause, names nobody, and cannot be changed without showing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lac import ENVIRONMENT, LATER, SOWN, Lac, destruction, personal, rows

from qpv_data.problems import Problem
from qpv_data.retention.proof import public_key, public_text, signing_key, verify, write_proof
from qpv_data.runs import RunError, clause_digest

KEY = signing_key(ENVIRONMENT)
PUBLIC = public_key(public_text(KEY))


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chaine") / "preuves"
    for n in range(3):
        write_proof(folder, {"objet": "essai", "elements": [{"sha256": f"{n}" * 64}]}, KEY)
    return folder


def test_a_proof_says_what_was_destroyed_when_and_under_which_version_of_the_clause(lac: Lac) -> None:
    raw = {p.parent.name: p.stat().st_size for p in (lac.out / "raw/points").glob("*/*.csv")}
    lac.purge()
    told = lac.proof()
    found = {e["sha256"]: e["taille"] for e in told["elements"] if e["forme"] == "brut"}
    assert found == raw
    assert {e["forme"] for e in told["elements"]} == {"brut", "conforme", "localise", "rejets", "cle"}
    assert {e["clause_version"] for e in told["elements"]} == {"1.0"}
    assert {e["le"] for e in told["elements"]} == {LATER.isoformat(timespec="seconds")}
    (clause,) = told["clauses"]
    assert clause["destruction"] == destruction()
    loaded = lac.look().feeds[[f.jeu for f in lac.look().feeds].index("points")].versions[0]
    assert clause["empreinte"] == clause_digest(loaded)


def test_a_proof_holds_no_value_and_no_name_that_a_partner_gave_to_a_file(tmp_path: Path) -> None:
    lac = Lac(tmp_path)
    lac.sow()
    lac.mini.declare(personal(source={"url": f"https://donnees.mini.example/{SOWN}-{{periode}}.csv"}))
    lac.mini.deliver(f"{SOWN}-2024-T1.csv", rows())
    assert lac.receive("points", "2024-T1").statut == "recue"
    assert lac.purge().entiere
    for folder in ("preuves", "acces"):
        assert SOWN not in "".join(p.read_text("utf-8") for p in (lac.out / folder).rglob("*") if p.is_file())
    receipts = "".join(p.read_text("utf-8") for p in (lac.out / "raw/points/livraisons").iterdir())
    assert SOWN not in receipts


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for key, inner in items for leaf in _leaves(inner, (*path, key))]
    return [path]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 3), st.data())
def test_any_change_of_any_proof_shows(chain: Path, number: int, data: st.DataObject) -> None:
    path = chain / f"{number:06d}.json"
    whole = path.read_text("utf-8")
    told = json.loads(whole)
    leaf = data.draw(st.sampled_from(_leaves(told)))
    inner = told
    for key in leaf[:-1]:
        inner = inner[key]
    inner[leaf[-1]] = 7 if inner[leaf[-1]] != 7 else 8
    try:
        path.write_text(json.dumps(told), "utf-8")
        assert verify(chain, PUBLIC).fautes != ()
    finally:
        path.write_text(whole, "utf-8")
    assert verify(chain, PUBLIC).fautes == ()


@pytest.mark.parametrize("number", [1, 2])
def test_a_proof_that_is_taken_out_shows(chain: Path, number: int) -> None:
    path = chain / f"{number:06d}.json"
    whole = path.read_bytes()
    path.unlink()
    try:
        assert verify(chain, PUBLIC).fautes != ()
    finally:
        path.write_bytes(whole)


def test_proofs_signed_again_with_another_key_are_refused(tmp_path: Path) -> None:
    other = Ed25519PrivateKey.generate()
    for n in range(2):
        write_proof(tmp_path, {"objet": "essai", "n": n}, other)
    assert verify(tmp_path, public_key(public_text(other))).fautes == ()
    assert len(verify(tmp_path, PUBLIC).fautes) == 2


def test_the_same_key_gives_the_same_proof_whatever_the_order_of_its_content(tmp_path: Path) -> None:
    one = write_proof(tmp_path / "a", {"x": 1, "y": "é"}, KEY)
    two = write_proof(tmp_path / "b", {"y": "é", "x": 1}, KEY)
    assert json.loads(one.read_text("utf-8"))["signature"] == json.loads(two.read_text("utf-8"))["signature"]


@pytest.mark.parametrize("given_key", ["", "abc", "zz" * 32])
def test_without_a_key_nothing_is_destroyed_and_its_value_is_in_no_message(given_key: str) -> None:
    with pytest.raises(RunError) as caught:
        signing_key({"QPV_DATA_CLE_DE_SIGNATURE": given_key})
    assert caught.value.probleme is Problem.CLE_DE_SIGNATURE
    assert not given_key or given_key not in str(caught.value)
