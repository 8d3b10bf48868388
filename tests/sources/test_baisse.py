"""A delivery is held to the one before it: how many rows it may lose, and that it is not an earlier one again."""

from __future__ import annotations

from pathlib import Path

import pytest
from factory import IN_A, POINT_HEADER, Mini, csv_of, point, points_clause

from qpv_data.clause.check import checked_clauses
from qpv_data.pipeline import transport
from qpv_data.receive import Reception, receive
from qpv_data.runs import Expected, exclusive


def rows(count: int) -> bytes:
    return csv_of([point(f"p{n}", IN_A) for n in range(count)], POINT_HEADER)


@pytest.fixture
def mini(tmp_path: Path) -> Mini:
    made = Mini(tmp_path)
    made.referentials()
    made.declare(points_clause(controles={"lignes_min": 1, "rejets_max": 1, "baisse_max": 0.2}))
    return made


def received(mini: Mini, count: int, periode: str = "2024-T1") -> Reception:
    mini.deliver(f"points-{periode}.csv", rows(count))
    return asked(mini, periode)


def test_a_delivery_may_lose_the_declared_share_of_rows_and_not_one_more(mini: Mini) -> None:
    assert received(mini, 10).statut == "recue"
    assert received(mini, 8).statut == "recue"
    refused = received(mini, 6)
    assert (refused.statut, refused.probleme, refused.livraison) == ("perimee", "lignes_en_baisse", "points-2024-T1-v2")
    assert "8 lignes puis 6" in str(refused.message)
    assert received(mini, 7).statut == "recue", "of the 8 that are in use, not of the 6 that were refused"


def test_a_quarter_is_held_to_the_quarter_before_it(mini: Mini) -> None:
    received(mini, 10)
    refused = received(mini, 5, "2024-T2")
    assert (refused.statut, refused.probleme, refused.conformed) == ("refusee", "lignes_en_baisse", None)
    assert received(mini, 9, "2024-T2").statut == "recue"
    assert received(mini, 10, "2024-T1").statut == "inchangee", "the later quarter says nothing of an earlier one"


def test_an_earlier_version_is_not_taken_again_unless_the_clause_declares_it(mini: Mini) -> None:
    received(mini, 10)
    received(mini, 11)
    back = received(mini, 10)
    assert (back.statut, back.probleme, back.livraison) == ("perimee", "version_anterieure", "points-2024-T1-v2")
    digest = str(back.remede).rpartition("sha256: ")[2].strip("`")
    clause = mini.declared["points"]
    mini.declare({**clause, "source": {**clause["source"], "sha256": digest}})
    meant = received(mini, 10)
    assert (meant.statut, meant.livraison, meant.recues) == ("recue", "points-2024-T1-v3", 10)


def test_the_last_good_version_may_come_again_after_one_that_was_refused(mini: Mini) -> None:
    """What was refused has replaced nothing: a partner who takes it back gives what is in use."""
    good = rows(10)
    assert given(mini, good) == ("recue", None)
    for bad in (b"%PDF-1.7\n", good.replace(b"montant", b"somme", 1)):
        assert given(mini, bad)[0] == "perimee"
        assert given(mini, good) in (("recue", None), ("inchangee", None))
    assert given(mini, rows(11)) == ("recue", None)
    assert given(mini, good) == ("perimee", "version_anterieure")
    assert given(mini, b"%PDF-1.7\n")[0] == "perimee"
    assert given(mini, good) == ("perimee", "version_anterieure"), "what was refused since changes nothing to it"


def given(mini: Mini, content: bytes) -> tuple[str, str | None]:
    mini.deliver("points-2024-T1.csv", content)
    answer = asked(mini, "2024-T1")
    return answer.statut, answer.probleme


def asked(mini: Mini, periode: str) -> Reception:
    cfg = mini.configuration()
    [clause] = checked_clauses(mini.clauses).jeux
    with transport(cfg) as reach, exclusive(cfg):
        return receive(cfg, clause, Expected("points", periode), reach)
