"""data.gouv.fr: the resource follows its title, wherever its link goes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from protocols import ask, local, refused
from pytest_httpserver import HTTPServer

from qpv_data.problems import Problem

API = "/api/1/datasets/les-bornes/"
BODY = b"id;x\n1;2\n"


def resource(server: HTTPServer, title: str, path: str, **more: Any) -> dict[str, Any]:
    return {"title": title, "url": f"http://127.0.0.1:{server.port}{path}", "format": "csv", **more}


def declared(server: HTTPServer, title: str, **more: Any) -> Any:
    host = f"http://127.0.0.1:{server.port}"
    return local(type="datagouv", hote=host, jeu_de_donnees="les-bornes", ressource=title, **more)


def listing(server: HTTPServer, *resources: dict[str, Any]) -> None:
    server.expect_request(API).respond_with_json({"resources": list(resources)})


def test_a_link_that_moves_is_followed_by_its_title(httpserver: HTTPServer, tmp_path: Path) -> None:
    for n, path in enumerate(("/2024/ancien.csv", "/2025/nouveau.csv")):
        server = httpserver
        server.clear()
        listing(server, resource(server, "Bornes  de recharge", path), resource(server, "Notice", "/notice.csv"))
        server.expect_request(path).respond_with_data(BODY + str(n).encode())
        got = ask(declared(server, "bornes de Recharge"), tmp_path)
        assert got.path.read_bytes() == BODY + str(n).encode()
        assert got.url.endswith(path)


def test_none_and_several_are_refused_with_the_titles(httpserver: HTTPServer, tmp_path: Path) -> None:
    listing(httpserver, resource(httpserver, "QPV 2024", "/a"), resource(httpserver, "QPV 2015", "/b"))
    with refused(Problem.RESSOURCE_INTROUVABLE, "'QPV 2024' (csv)", "'QPV 2015' (csv)", into=tmp_path / "a"):
        ask(declared(httpserver, "QPV 2030"), tmp_path / "a")
    with refused(Problem.RESSOURCE_AMBIGUE, "2 ressources", "'QPV 2024' (csv)", into=tmp_path / "b"):
        ask(declared(httpserver, "QPV 20*"), tmp_path / "b")


def test_namesakes_are_told_apart_by_their_format(httpserver: HTTPServer, tmp_path: Path) -> None:
    listing(httpserver, resource(httpserver, "QPV", "/a", format="SHP"), resource(httpserver, "QPV", "/b"))
    httpserver.expect_request("/b").respond_with_data(BODY)
    assert ask(declared(httpserver, "QPV", format_ressource="csv"), tmp_path).path.read_bytes() == BODY


def test_an_exact_title_wins_over_those_that_a_pattern_would_match(httpserver: HTTPServer, tmp_path: Path) -> None:
    listing(httpserver, resource(httpserver, "a*", "/a"), resource(httpserver, "abc", "/b"))
    httpserver.expect_request("/a").respond_with_data(BODY)
    assert ask(declared(httpserver, "a*"), tmp_path).path.read_bytes() == BODY


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_the_checksum_of_the_catalogue_is_held(httpserver: HTTPServer, tmp_path: Path, algorithm: str) -> None:
    right = {"type": algorithm, "value": hashlib.new(algorithm, BODY).hexdigest()}
    wrong = {"type": algorithm, "value": "0" * len(right["value"])}
    for n, checksum in enumerate((right, wrong)):
        httpserver.clear()
        listing(httpserver, resource(httpserver, "a", "/a", checksum=checksum))
        httpserver.expect_request("/a").respond_with_data(BODY)
        if checksum is right:
            assert ask(declared(httpserver, "a"), tmp_path / str(n)).taille == len(BODY)
        else:
            with refused(Problem.SOURCE_ALTEREE, algorithm, into=tmp_path / str(n)):
                ask(declared(httpserver, "a"), tmp_path / str(n))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", None, "gopher://x"])
def test_a_resource_leads_to_nothing_but_http(httpserver: HTTPServer, tmp_path: Path, url: str | None) -> None:
    listing(httpserver, {"title": "a", "url": url})
    with refused(Problem.RESSOURCE_INTROUVABLE, "http"):
        ask(declared(httpserver, "a"), tmp_path)


@pytest.mark.parametrize("host", ["10.0.0.7", "169.254.169.254", "[::1]", "localhost"])
def test_a_catalogue_does_not_lead_into_private_networks(httpserver: HTTPServer, tmp_path: Path, host: str) -> None:
    listing(httpserver, {"title": "a", "url": f"http://{host}:{httpserver.port}/secret"})
    with refused(Problem.URL_REFUSEE, "hote_interne", into=tmp_path / "in"):
        ask(declared(httpserver, "a"), tmp_path / "in")


@pytest.mark.parametrize(
    "body", [b"[1]", b'{"resources": 3}', b"{", b"[" * 100_000, b'{"resources": [1, {"title": 2}]}']
)
def test_an_answer_of_another_shape_is_a_fault_and_no_crash(
    httpserver: HTTPServer, tmp_path: Path, body: bytes
) -> None:
    httpserver.expect_request(API).respond_with_data(body)
    with pytest.raises(Exception, match=r"format_inattendu|ressource_introuvable"):
        ask(declared(httpserver, "a"), tmp_path)
