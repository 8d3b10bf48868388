"""WFS: every page, one order, the right axes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from protocols import ask, local, refused
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from qpv_data.problems import Problem
from qpv_data.sources.vector import read_vector

BBOX = [-5.5, 41.0, 10.0, 51.5]


class Service:
    """A layer of `features`; a page never holds more than `cap`. `lie` amends each answer."""

    def __init__(self, features: list[dict[str, Any]], cap: int = 1000, lie: Any = None, told: bool = True) -> None:
        self.features, self.cap, self.lie, self.told = features, cap, lie, told
        self.asked: list[dict[str, str]] = []

    def __call__(self, request: Request) -> Response:
        asked = dict(request.args)
        self.asked.append(asked)
        if asked.get("RESULTTYPE") == "hits":
            count = len(self.features)
            return Response(f'<wfs:FeatureCollection xmlns:wfs="w" numberMatched="{count}" numberReturned="0"/>')
        start, count = int(asked["STARTINDEX"]), min(int(asked["COUNT"]), self.cap)
        page = self.features[start : start + count]
        answer: dict[str, Any] = {"type": "FeatureCollection", "features": page, "timeStamp": str(len(self.asked))}
        if self.told:
            answer |= {"numberMatched": len(self.features), "numberReturned": len(page)}
        body = self.lie(answer, start) if self.lie else answer
        return body if isinstance(body, Response) else Response(json.dumps(body))


def feature(n: int, x: float = 2.0, y: float = 48.0) -> dict[str, Any]:
    geometry = {"type": "Point", "coordinates": [x, y]}
    return {"type": "Feature", "id": f"q.{n}", "properties": {"code": f"QN{n:05d}M"}, "geometry": geometry}


def layer(server: HTTPServer, service: Service, **more: Any) -> Any:
    server.clear()
    server.expect_request("/wfs").respond_with_handler(service)
    keys = {"emprise": BBOX, "crs": "EPSG:4326", "tri": "code", "page": 2, **more}
    return local(type="wfs", url=f"http://127.0.0.1:{server.port}/wfs", couche="ns:qpv", **keys)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(total=st.integers(0, 11), page=st.integers(1, 5), cap=st.integers(1, 5), told=st.booleans())
def test_whatever_the_pages_every_feature_comes_once_in_order(
    httpserver: HTTPServer, tmp_path: Path, total: int, page: int, cap: int, told: bool
) -> None:
    service = Service([feature(n) for n in range(total)], cap, told=told)
    got = ask(layer(httpserver, service, page=page), tmp_path)
    content = json.loads(got.path.read_text())
    assert [f["id"] for f in content["features"]] == [f"q.{n}" for n in range(total)]
    assert all(a["SORTBY"] == "code" for a in service.asked if "STARTINDEX" in a)
    again = ask(layer(httpserver, service, page=page), tmp_path / "b")
    assert again.sha256 == got.sha256, "the time of the answer is no part of the layer"
    if total:
        read = read_vector(got.path, jeu="essai", couche=None, encodage=None)
        assert read.crs == "EPSG:4326"
        assert read.table["geometrie.x"].to_pylist() == ["2"] * total


def test_a_number_that_changes_between_pages_is_refused(httpserver: HTTPServer, tmp_path: Path) -> None:
    service = Service([feature(n) for n in range(5)], lie=lambda a, s: {**a, "numberMatched": 5 + s})
    with refused(Problem.SOURCE_INSTABLE, "7 objets annoncés, 5", into=tmp_path / "in"):
        ask(layer(httpserver, service), tmp_path / "in")


@pytest.mark.parametrize("lie", [
    lambda a, s: {**a, "features": a["features"][:1] if s else a["features"]},
    lambda a, s: {**a, "features": [], "numberReturned": 0} if s else a,
])  # fmt: skip
def test_a_truncated_page_and_an_empty_one_before_the_end_are_refused(
    httpserver: HTTPServer, tmp_path: Path, lie: Any
) -> None:
    with refused(Problem.SOURCE_TRONQUEE, into=tmp_path / "in"):
        ask(layer(httpserver, Service([feature(n) for n in range(4)], lie=lie)), tmp_path / "in")


def test_a_feature_on_two_pages_is_refused(httpserver: HTTPServer, tmp_path: Path) -> None:
    with refused(Problem.SOURCE_INSTABLE, "deux pages"):
        ask(layer(httpserver, Service([feature(n) for n in (0, 1, 1, 2)])), tmp_path)


@pytest.mark.parametrize("known", [
    {"emprise": BBOX},
    {"emprise": None, "point_connu": {"propriete": "code", "valeur": "QN00001M", "x": 2, "y": 48, "tolerance": 1e-6}},
])  # fmt: skip
def test_swapped_axes_are_told_apart_from_a_wrong_place(httpserver: HTTPServer, tmp_path: Path, known: Any) -> None:
    right = Service([feature(0), feature(1)])
    assert ask(layer(httpserver, right, **known), tmp_path / "a").taille
    swapped = Service([feature(0, 48.0, 2.0), feature(1, 48.0, 2.0)])
    with refused(Problem.CRS_INATTENDU, "axes échangés", into=tmp_path / "b"):
        ask(layer(httpserver, swapped, **known), tmp_path / "b")
    metres = Service([feature(0, 652_000, 6_862_000), feature(1, 652_000, 6_862_000)])
    with refused(Problem.CRS_INATTENDU, into=tmp_path / "c"):
        ask(layer(httpserver, metres, **known), tmp_path / "c")


def test_the_known_feature_must_come(httpserver: HTTPServer, tmp_path: Path) -> None:
    point = {"propriete": "code", "valeur": "QP006005", "x": 2, "y": 48}
    with refused(Problem.CRS_INATTENDU, "point_connu", into=tmp_path / "in"):
        ask(layer(httpserver, Service([feature(0)]), point_connu=point), tmp_path / "in")


@pytest.mark.parametrize(
    "name", ["urn:ogc:def:crs:EPSG::3857", "EPSG:3857", "http://www.opengis.net/def/crs/EPSG/0/3857"]
)
def test_another_system_than_asked_is_refused(httpserver: HTTPServer, tmp_path: Path, name: str) -> None:
    crs = {"type": "name", "properties": {"name": name}}
    with refused(Problem.CRS_INATTENDU, "EPSG:3857"):
        ask(layer(httpserver, Service([feature(0)], lie=lambda a, s: {**a, "crs": crs})), tmp_path)


EXCEPTION = (
    '<?xml version="1.0"?><ows:ExceptionReport xmlns:ows="o"><ows:Exception exceptionCode="InvalidParameterValue">'
    "<ows:ExceptionText>Feature type\n ns:qpv unknown</ows:ExceptionText></ows:Exception></ows:ExceptionReport>"
)
BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'


@pytest.mark.parametrize(("body", "problem", "word"), [
    (EXCEPTION, Problem.SERVICE_EN_ERREUR, "InvalidParameterValue Feature type ns:qpv unknown"),
    ("<wfs:FeatureCollection xmlns:wfs='w'/>", Problem.SERVICE_EN_ERREUR, "à la place de GeoJSON"),
    (BOMB, Problem.CONTENEUR_HOSTILE, "DOCTYPE"),
    ("<a", Problem.SERVICE_EN_ERREUR, "illisible"),
    ("<html><body>Maintenance</body></html>", Problem.FORMAT_INATTENDU, "HTML"),
    ('{"type": "FeatureCollection"}', Problem.FORMAT_INATTENDU, "collection"),
])  # fmt: skip
def test_what_is_no_page_is_an_error_with_the_words_of_the_service(
    httpserver: HTTPServer, tmp_path: Path, body: str, problem: Problem, word: str
) -> None:
    service = Service([feature(0)], lie=lambda a, s: Response(body))
    with refused(problem, word, into=tmp_path / "in"):
        ask(layer(httpserver, service), tmp_path / "in")


def test_a_layer_that_says_no_number_is_counted_apart(httpserver: HTTPServer, tmp_path: Path) -> None:
    service = Service([feature(n) for n in range(3)], told=False)
    ask(layer(httpserver, service), tmp_path)
    assert sum("RESULTTYPE" in a for a in service.asked) == 2, "before and after: once a page"
