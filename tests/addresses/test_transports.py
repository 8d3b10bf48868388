"""The two transports, each against a server that checks what it is asked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from geocodeurs import COLUMNS, SECRET, VITE, FausseGeoplateforme, FauxAddok, Known, Lieu
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from qpv_data.addresses.addok import Addok, read_reply
from qpv_data.addresses.geoplateforme import Geoplateforme
from qpv_data.addresses.model import OutageError, Question, Service, Unanswered

NOWAIT = {"patience": VITE, "pause": lambda _: None}
KNOWN: Known = {
    "1 rue A": (Lieu(1.25, 46.5),),
    "rue A": (Lieu(1.3, 46.5, type="street"),),
    "2 rue B": (Lieu(1.5, 46.5, score=0.91), Lieu(2.5, 46.5, score=0.85, commune="99002")),
    "3 rue C": (Lieu(1.5, 46.5, score=0.95), Lieu(2.5, 46.5, score=0.81, commune="99002")),
    "4 rue D": (Lieu(1.5, 46.5, more={"ambigu": "toujours"}),),
    "5 rue E": (Lieu(1.5, 46.5, more={"ambigu": "sans_code_postal"}),),
}


def addok(server: HTTPServer) -> tuple[FauxAddok, Addok]:
    fake = FauxAddok(server, KNOWN)
    return fake, Addok(fake.service, **NOWAIT)  # type: ignore[arg-type]


def geoplateforme(server: HTTPServer, alter: Any = None) -> tuple[FausseGeoplateforme, Geoplateforme]:
    fake = FausseGeoplateforme(server, KNOWN, alter)
    return fake, Geoplateforme(fake.service, **NOWAIT)  # type: ignore[arg-type]


# Both


@pytest.mark.parametrize("make", [addok, geoplateforme])
def test_replies_come_in_the_order_of_the_questions(make: Any, httpserver: HTTPServer) -> None:
    _, client = make(httpserver)
    questions = [Question(t, "99001") for t in ("1 rue A", "inconnue", "rue A", "1 rue A")] * 25
    replies = client.ask(questions)
    assert [None if r is None else (r.lon, r.lat, r.type) for r in replies] == [
        (1.25, 46.5, "housenumber"), None, (1.3, 46.5, "street"), (1.25, 46.5, "housenumber")
    ] * 25  # fmt: skip
    assert replies[0].communes == ("99001",)
    assert replies[0].score == 0.95


@pytest.mark.parametrize("make", [addok, geoplateforme])
def test_no_question_is_no_request(make: Any, httpserver: HTTPServer) -> None:
    _, client = make(httpserver)
    assert client.ask([]) == []
    assert httpserver.log == []


# Addok


def test_addok_is_asked_in_the_commune_or_the_postcode_or_everywhere(httpserver: HTTPServer) -> None:
    fake, client = addok(httpserver)
    client.ask([Question("1 rue A", "99001", "99000"), Question("1 rue A", None, "99000"), Question("1 rue A")])
    base = {"q": "1 rue A", "autocomplete": "0"}
    asked = sorted(fake.asked, key=len, reverse=True)
    assert {**base, "citycode": "99001", "limit": "1"} in asked
    assert {**base, "postcode": "99000", "limit": "3"} in asked
    assert {**base, "limit": "3"} in asked


def test_without_a_commune_a_namesake_elsewhere_nearly_as_good_makes_a_rival(httpserver: HTTPServer) -> None:
    _, client = addok(httpserver)
    b, c, alone = client.ask([Question("2 rue B"), Question("3 rue C"), Question("1 rue A")])
    assert (b.rivale, c.rivale, alone.rivale) == (True, False, False)  # type: ignore[union-attr]


def test_the_index_says_that_a_street_is_twice_in_its_commune(httpserver: HTTPServer) -> None:
    _, client = addok(httpserver)
    asked = [Question("4 rue D", "99001", "99000"), Question("5 rue E", "99001"), Question("5 rue E", "99001", "99000")]
    assert [r.rivale for r in client.ask(asked)] == [True, True, False]  # type: ignore[union-attr]


def test_one_address_on_which_the_server_stumbles_does_not_lose_the_others(httpserver: HTTPServer) -> None:
    fake = FauxAddok(httpserver, KNOWN)
    httpserver.clear()

    def handler(request: Request) -> Response:
        return Response(SECRET, 500) if request.args["q"] == "pierre" else fake._answer(request)

    httpserver.expect_request("/search/").respond_with_handler(handler)
    client = Addok(fake.service, **NOWAIT)  # type: ignore[arg-type]
    replies = client.ask([Question(t, "99001") for t in ("1 rue A", "pierre", "1 rue A", "pierre", "1 rue A", "rue A")])
    assert [isinstance(r, Unanswered) for r in replies] == [False, True, False, True, False, False]
    assert isinstance(client.ask([Question("pierre", "99001")])[0], Unanswered), "even alone"


def test_a_server_that_stumbles_on_everything_is_down(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/search/").respond_with_data("", 500)
    service = Service("addok", httpserver.url_for("").rstrip("/"), True)
    with pytest.raises(OutageError, match="réponse 500"):
        Addok(service, **NOWAIT).ask([Question(f"{n} rue A", "99001") for n in range(500)])  # type: ignore[arg-type]
    assert len(httpserver.log) <= 2 * 2 * VITE.essais


def feature(**more: Any) -> dict[str, Any]:
    made = Lieu().feature("1 rue A")
    made["properties"] |= more.pop("properties", {})
    return made | more


def body(**more: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": [feature()], "query": "1 rue A", **more}).encode()


@pytest.mark.parametrize(
    "garbage",
    [
        b"", b"null", b"[]", b"<html>", b"\xff\xfe", b"{}", b"[" * 100_000, body(type="autre"), body(features=None),
        body(features=[1]), body(query="13 autre rue"), body(features=[feature(geometry=None)]),
        body(features=[feature(geometry={"coordinates": [1]})]), body(features=[feature(geometry={"coordinates": "ab"})]),
        body(features=[feature(geometry={"coordinates": [181, 0]})]),
        body(features=[feature(geometry={"coordinates": [0, -91]})]),
        body(features=[feature(geometry={"coordinates": [True, 1]})]),
        body(features=[feature(properties={"score": "haut"})]), body(features=[feature(properties={"score": 7})]),
        body(features=[feature(properties={"score": None})]), body(features=[feature(properties={"score": float("nan")})]),
        body(features=[feature(properties={"type": 3})]), body(features=[feature(properties={"type": "x\ny"})]),
        body(features=[feature(properties={"label": ["a"]})]),
    ],
)  # fmt: skip
def test_what_is_no_answer_of_an_addok_is_an_outage_and_never_a_place(garbage: bytes) -> None:
    with pytest.raises(OutageError) as caught:
        read_reply(garbage, Question("1 rue A", "99001"))
    assert caught.value.__context__ is None
    assert "rue" not in str(caught.value)


def test_a_score_at_the_edge_is_read_as_it_is_written() -> None:
    for score in (0.8, 0.7999999999, 1.0, 0.0):
        found = read_reply(body(features=[feature(properties={"score": score})]), Question("1 rue A", "99001"))
        assert found is not None
        assert found.score == score


def test_an_answer_in_no_commune_agrees_with_none() -> None:
    found = read_reply(body(features=[feature(properties={"citycode": ["99001"]})]), Question("1 rue A", "99001"))
    assert found is not None
    assert found.communes == ()


# Géoplateforme


def test_the_batch_says_which_columns_to_use(httpserver: HTTPServer) -> None:
    fake, client = geoplateforme(httpserver)
    client.ask([Question("1 rue A", "99001", "99000"), Question("rue A", "99001")])
    client.ask([Question("1 rue A", "99001"), Question("rue A", None, "99000")])
    client.ask([Question("1 rue A")])
    assert fake.forms == [
        {"columns": ["adresse"], "citycode": ["code_commune"]},
        {"columns": ["adresse"], "citycode": ["code_commune"], "postcode": ["code_postal"]},
        {"columns": ["adresse"]},
    ]
    first = {"rang": "0", "adresse": "1 rue A", "code_commune": "99001", "code_postal": ""}
    assert fake.asked[0][0] == first, "the postcode (a CEDEX, often) serves where there is no commune, and only there"
    assert fake.asked[1][1] == {"rang": "1", "adresse": "rue A", "code_commune": "", "code_postal": "99000"}


@pytest.mark.parametrize(
    "nasty", ['12 rue "des" Ombres', "12 rue, des; Ombres", "=HYPERLINK(1)", "12 rue\\", "'; --", "é" * 150, '"', '""']
)
def test_whatever_an_address_holds_it_is_one_field_of_one_row(nasty: str, httpserver: HTTPServer) -> None:
    fake, client = geoplateforme(httpserver)
    replies = client.ask([Question("1 rue A", "99001"), Question(nasty, "99001"), Question("1 rue A", "99001")])
    assert [r is not None for r in replies] == [True, False, True]
    assert [r["adresse"] for r in fake.asked[0]] == ["1 rue A", nasty, "1 rue A"]


def test_a_batch_that_is_refused_for_haste_is_sent_again_after_the_wait_asked_for(httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/search/csv").respond_with_data("", 429, headers={"Retry-After": "2"})
    fake = FausseGeoplateforme(httpserver, KNOWN)
    httpserver.clear()
    httpserver.expect_ordered_request("/search/csv").respond_with_data("", 429, headers={"Retry-After": "2"})
    httpserver.expect_ordered_request("/search/csv").respond_with_handler(fake._answer)
    pauses: list[float] = []
    replies = Geoplateforme(fake.service, VITE, pauses.append).ask([Question("1 rue A", "99001")])
    assert pauses == [2.0]
    assert replies[0] is not None


def test_batches_follow_one_another_with_a_pause(httpserver: HTTPServer) -> None:
    fake = FausseGeoplateforme(httpserver, KNOWN)
    pauses: list[float] = []
    client = Geoplateforme(fake.service, VITE, pauses.append)
    for _ in range(3):
        client.ask([Question("1 rue A", "99001")])
    assert pauses == [0.05, 0.05]


def _without(name: str) -> Any:
    def alter(rows: list[list[str]]) -> list[list[str]]:
        k = rows[0].index(name)
        return [r[:k] + r[k + 1 :] for r in rows]

    return alter


def _cell(name: str, value: str) -> Any:
    def alter(rows: list[list[str]]) -> list[list[str]]:
        k = rows[0].index(name)
        return [rows[0], *([*r[:k], value, *r[k + 1 :]] for r in rows[1:])]

    return alter


SPOILED = {
    "a row less": lambda rows: rows[:-1],
    "a row more": lambda rows: [*rows, rows[-1]],
    "a row twice": lambda rows: [rows[0], rows[1], rows[1]],
    "another order": lambda rows: [rows[0], *rows[:0:-1]],
    "no header": lambda rows: rows[1:],
    "nothing": lambda rows: [],
    "a column twice": lambda rows: [[*r, r[4]] for r in rows],
    "a short row": lambda rows: [*rows[:-1], rows[-1][:-2]],
    "another address": _cell("adresse", "13 rue Z"),
    "a score in words": _cell("result_score", "haut"),
    "no score": _cell("result_score", ""),
    "an infinite score": _cell("result_score", "inf"),
    "nowhere on Earth": _cell("latitude", "1234"),
    "half a point": _cell("latitude", ""),
    **{
        f"without {name}": _without(name)
        for name in ("rang", "adresse", *COLUMNS[:4], "result_type", "result_citycode")
    },
}


@pytest.mark.parametrize("how", SPOILED)
def test_rows_that_are_not_those_sent_are_an_outage_and_never_places(how: str, httpserver: HTTPServer) -> None:
    _, client = geoplateforme(httpserver, SPOILED[how])
    if how == "without result_score_next":
        return
    with pytest.raises(OutageError) as caught:
        client.ask([Question("1 rue A", "99001"), Question("rue A", "99001")])
    assert caught.value.__context__ is None
    assert "rue" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'"jamais ferm', b"<html></html>", b'{"error": 1}'])
def test_what_is_no_csv_is_an_outage(content: bytes, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/search/csv").respond_with_data(content)
    service = Service("geoplateforme", httpserver.url_for("").rstrip("/"), False)
    with pytest.raises(OutageError):
        Geoplateforme(service, **NOWAIT).ask([Question("1 rue A", "99001")])  # type: ignore[arg-type]


def test_a_row_in_error_is_unanswered_and_the_others_are_not(httpserver: HTTPServer) -> None:
    def alter(rows: list[list[str]]) -> list[list[str]]:
        return [rows[0], [*rows[1][:4], *[""] * (len(COLUMNS) - 1), "error"], rows[2]]

    _, client = geoplateforme(httpserver, alter)
    replies = client.ask([Question("1 rue A", "99001"), Question("1 rue A", "99001")])
    assert isinstance(replies[0], Unanswered)
    assert replies[1] is not None


def test_a_byte_order_mark_and_more_columns_change_nothing(httpserver: HTTPServer) -> None:
    def alter(rows: list[list[str]]) -> list[list[str]]:
        return [["\ufeff" + rows[0][0], *rows[0][1:], "result_context"], *([*r, "99, Brume"] for r in rows[1:])]

    _, client = geoplateforme(httpserver, alter)
    assert client.ask([Question("1 rue A", "99001")])[0] is not None


def test_an_equal_next_score_makes_a_rival_and_without_a_commune_a_near_one_does(httpserver: HTTPServer) -> None:
    _, client = geoplateforme(httpserver, _cell("result_score_next", "0.90"))
    assert [r.rivale for r in client.ask([Question("1 rue A", "99001"), Question("1 rue A")])] == [False, True]  # type: ignore[union-attr]
    _, client = geoplateforme(httpserver, _cell("result_score_next", "0.95"))
    httpserver.clear()
    _, client = geoplateforme(httpserver, _cell("result_score_next", "0.95"))
    assert client.ask([Question("1 rue A", "99001")])[0].rivale  # type: ignore[union-attr]


def test_the_public_transport_cannot_even_be_made_for_personal_addresses() -> None:
    with pytest.raises(ValueError, match="jamais"):
        Geoplateforme(Service("geoplateforme", "https://data.geopf.fr/geocodage", personnelles=True))
