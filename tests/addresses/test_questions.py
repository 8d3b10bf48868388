"""From a row to a question, and from a reply to a place or its reason."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpv_data.addresses.geoplateforme import written
from qpv_data.addresses.model import Answer, Question, Unanswered
from qpv_data.addresses.questions import AddressColumns, judge, questions_of
from qpv_data.addresses.reading import one_line
from qpv_data.problems import MotifInconnu

COLUMNS = AddressColumns(("numero", "voie"), "insee", "cp")


def asked(columns: AddressColumns = COLUMNS, **row: object) -> Question | MotifInconnu:
    full = {"numero": None, "voie": None, "insee": "99001", "cp": None, **row}
    table = pa.table({k: pa.array([v], pa.string() if v is None else None) for k, v in full.items()})
    return questions_of(table, columns)[0]


def answer(**more: object) -> Answer:
    about = {"lon": 1.5, "lat": 46.5, "score": 0.9, "type": "housenumber", "communes": ("99001",),
             "code_postal": "99000", "libelle": ""}  # fmt: skip
    return Answer(**{**about, **more})  # type: ignore[arg-type]


def test_the_columns_of_an_address_are_joined_in_their_order() -> None:
    assert asked(numero=" 12 ", voie="rue  des\tOmbres") == Question("12 rue des Ombres", "99001")
    assert asked(numero=12, voie="rue des Ombres") == Question("12 rue des Ombres", "99001")
    assert asked(numero=12.0, voie="rue des Ombres") == Question("12 rue des Ombres", "99001")
    assert asked(voie="quai") == Question("quai", "99001")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("12 av. Foch", "12 avenue Foch"), ("12 BD Foch", "12 boulevard Foch"), ("3 bis, imp.Foch", "3 bis, impasse Foch"),
        ("3bis ch Foch", "3bis chemin Foch"), ("12 R DES LILAS", "12 rue DES LILAS"), ("1 rue de l’Eau", "1 rue de l'Eau"),
        ("12 avenue Foch", "12 avenue Foch"), ("av Foch", "av Foch"), ("12 b rue Foch", "12 b rue Foch"),
        ("12 av", "12 av"), ("2024 pl A", "2024 place A"), ("31000 pl A", "31000 pl A"), ("8 mai", "8 mai"),
    ],
)  # fmt: skip
def test_a_type_of_street_is_spelled_out_after_its_number_and_nowhere_else(written: str, meant: str) -> None:
    assert asked(voie=written) == Question(meant, "99001")


@pytest.mark.parametrize("nothing", [None, "", "   ", "\n\t"])
def test_a_row_without_an_address_is_not_asked(nothing: str | None) -> None:
    assert asked(voie=nothing) is MotifInconnu.ADRESSE_ABSENTE


@pytest.mark.parametrize("junk", ["???", "=+-@", "\x00\x01", "r" * 201])
def test_what_no_geocoder_reads_is_not_asked(junk: str) -> None:
    assert asked(voie=junk) is MotifInconnu.ADRESSE_ILLISIBLE


def test_an_address_of_two_hundred_characters_is_asked() -> None:
    assert asked(voie="r" * 200) == Question("r" * 200, "99001")


@pytest.mark.parametrize("code", [None, "", "1053", "99001;99002", "2C001", "９９００１"])
def test_without_a_readable_commune_the_postcode_serves_and_without_either_nothing_is_asked(code: str | None) -> None:
    assert asked(voie="1 rue A", insee=code, cp="99000") == Question("1 rue A", None, "99000")
    assert asked(voie="1 rue A", insee=code, cp="99 000") is MotifInconnu.COMMUNE_ABSENTE


def test_a_feed_that_has_no_such_columns_asks_everywhere() -> None:
    assert asked(AddressColumns(("voie",)), voie="1 rue A 99000 Valmorte") == Question("1 rue A 99000 Valmorte")


@given(st.text(max_size=80))
def test_a_question_is_one_printable_line_that_no_spreadsheet_obeys(text: str) -> None:
    line = one_line(text)
    assert line == one_line(line)
    assert "\n" not in line
    assert "\r" not in line
    assert not line.startswith(("=", "+", "-", "@", " ", "\t"))
    assert len(line.splitlines()) <= 1


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_the_csv_that_is_sent_has_one_line_an_address_and_every_field_quoted(texts: list[str]) -> None:
    import csv

    questions = [Question(one_line(t) or "x", "99001") for t in texts]
    lines = written(questions).decode().split("\n")
    assert len(lines) == len(questions) + 2
    assert lines[-1] == ""
    assert all(line.startswith('"') and line.endswith('"') for line in lines[:-1])
    assert [row[1] for row in csv.reader(lines[1:-1], strict=True)] == [q.texte for q in questions]


def test_a_house_number_with_a_score_of_eight_tenths_is_a_place_and_just_below_is_not() -> None:
    question = Question("1 rue A", "99001")
    assert judge(question, answer(score=0.8)) is None
    assert judge(question, answer(score=0.7999999999)) is MotifInconnu.SCORE_INSUFFISANT


@pytest.mark.parametrize("kind", ["street", "locality", "municipality", "poi", "housenumbers"])
def test_what_is_coarser_than_a_house_number_is_unknown(kind: str) -> None:
    assert judge(Question("rue A", "99001"), answer(score=1.0, type=kind)) is MotifInconnu.ADRESSE_IMPRECISE


def test_a_namesake_in_another_commune_is_unknown_whatever_its_score() -> None:
    question = Question("1 rue A", "99001")
    assert judge(question, answer(score=1.0, communes=("99002",))) is MotifInconnu.COMMUNE_DIFFERENTE
    assert judge(question, answer(score=1.0, communes=())) is MotifInconnu.COMMUNE_DIFFERENTE
    assert judge(question, answer(communes=("99002", "99001"))) is None, "a commune since merged"


def test_an_arrondissement_is_in_its_commune_and_not_the_reverse() -> None:
    assert judge(Question("1 rue A", "75056"), answer(communes=("75118",))) is None
    assert judge(Question("1 rue A", "13055"), answer(communes=("13201",))) is None
    assert judge(Question("1 rue A", "69123"), answer(communes=("69381",))) is None
    assert judge(Question("1 rue A", "75118"), answer(communes=("75056",))) is MotifInconnu.COMMUNE_DIFFERENTE
    assert judge(Question("1 rue A", "75118"), answer(communes=("75117",))) is MotifInconnu.COMMUNE_DIFFERENTE


def test_a_postcode_is_checked_too() -> None:
    question = Question("1 rue A", None, "99000")
    assert judge(question, answer()) is None
    assert judge(question, answer(code_postal="99100")) is MotifInconnu.COMMUNE_DIFFERENTE
    assert judge(question, answer(code_postal=None)) is MotifInconnu.COMMUNE_DIFFERENTE


def test_no_candidate_no_answer_and_two_as_good_have_each_their_reason() -> None:
    question = Question("1 rue A", "99001")
    assert judge(question, None) is MotifInconnu.ADRESSE_INTROUVABLE
    assert judge(question, Unanswered()) is MotifInconnu.GEOCODEUR_INDISPONIBLE
    assert judge(question, answer(rivale=True)) is MotifInconnu.ADRESSE_AMBIGUE


def test_what_holds_an_address_does_not_show_it() -> None:
    assert "rue" not in repr(Question("1 rue A", "99001"))
    assert "rue" not in repr(answer(libelle="1 rue A"))
