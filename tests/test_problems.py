"""What an error cites of a file is told, but never of a feed with personal data."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from qpv_data.problems import FeedError, Problem, cited

MARKS = "\x02\x03"


@given(st.text(), st.text())
def test_what_is_cited_is_told_and_left_out_of_the_discreet_error(one: str, two: str) -> None:
    error = FeedError("jeu", Problem.ENTETE_INATTENDU, f"absente (proche : {cited(one)}), {cited(two)}.", "corriger")
    plain = str.maketrans("", "", MARKS)
    for whole in (error, pickle.loads(pickle.dumps(error))):
        assert whole.message == f"absente (proche : {one.translate(plain)}), {two.translate(plain)}."
        assert whole.discreet().message == "absente (proche : …), …."
        assert str(whole.discreet()) == "jeu: entete_inattendu: absente (proche : …), …. → corriger"
        assert (whole.discreet().remede, whole.discreet().probleme) == ("corriger", Problem.ENTETE_INATTENDU)
