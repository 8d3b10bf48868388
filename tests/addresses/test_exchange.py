"""The conversation with a geocoder: patient, bounded, never led elsewhere, and silent about what it carries."""

from __future__ import annotations

import logging
import re
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
from geocodeurs import SECRET, VITE
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from qpv_data.addresses.exchange import Exchange, Patience, ServerFaultError
from qpv_data.addresses.model import OutageError, Service
from qpv_data.sources.download import retry_after


def service(server: HTTPServer, **more: object) -> Service:
    return replace(Service("addok", server.url_for("").rstrip("/"), personnelles=True), **more)


def ask(asked: Service, patience: Patience = VITE, pauses: list[float] | None = None, taille: int = 1000) -> bytes:
    pause = pauses.append if pauses is not None else lambda _: None
    with Exchange(asked, patience, pause) as exchange:
        return exchange.ask("GET", asked.url + "/search/", taille, params={"q": SECRET})


def refused(asked: Service, patience: Patience = VITE, **more: object) -> str:
    """The message of the outage, which holds nothing of the address, nor does anything it is chained to."""
    with pytest.raises(OutageError) as caught:
        ask(asked, patience, **more)  # type: ignore[arg-type]
    told = "".join(traceback.format_exception(caught.value))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "Secret" not in told
    return str(caught.value)


def test_a_stumble_is_cured_by_another_try_after_pauses_that_double(httpserver: HTTPServer) -> None:
    for status in (503, 502):
        httpserver.expect_ordered_request("/search/").respond_with_data("", status)
    httpserver.expect_ordered_request("/search/").respond_with_data("voilà")
    pauses: list[float] = []
    assert ask(service(httpserver), replace(VITE, attente=0.5), pauses).decode() == "voilà"
    assert pauses == [0.5, 1.0]


def test_a_server_that_is_asked_too_much_is_given_the_seconds_that_it_asks_for(httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/search/").respond_with_data("", 429, headers={"Retry-After": "7"})
    httpserver.expect_ordered_request("/search/").respond_with_data("voilà")
    pauses: list[float] = []
    assert ask(service(httpserver), Patience(), pauses)
    assert pauses == [7.0]


def test_a_date_to_retry_after_counts_from_the_clock_of_the_server() -> None:
    date, later = "Mon, 06 Jan 2025 10:00:00 GMT", "Mon, 06 Jan 2025 10:00:30 GMT"
    assert retry_after({"Date": date, "Retry-After": later}) == 30
    assert retry_after({"Date": later, "Retry-After": date}) == 0
    assert [retry_after({"Retry-After": v}) for v in ("", "bientôt", "-3", later, "1.5", "7")] == [0, 0, 0, 0, 0, 7]


def test_two_minutes_are_waited_for_and_not_an_hour(httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/search/").respond_with_data("", 429, headers={"Retry-After": "120"})
    httpserver.expect_ordered_request("/search/").respond_with_data("", 429, headers={"Retry-After": "3600"})
    pauses: list[float] = []
    assert "demande d'attendre 3600 s" in refused(service(httpserver), Patience(), pauses=pauses)
    assert pauses == [120.0]


def test_a_service_that_never_recovers_is_an_outage_after_the_tries_allowed(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/search/").respond_with_data(SECRET, 503)
    assert refused(service(httpserver)) == "réponse 503 (3 essais)"
    assert len(httpserver.log) == 3


def test_an_internal_error_is_told_apart_since_another_request_may_pass(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/search/").respond_with_data("", 500)
    with pytest.raises(ServerFaultError, match="réponse 500"):
        ask(service(httpserver))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 204])
def test_a_refusal_is_not_asked_again(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request("/search/").respond_with_data("", status)
    assert refused(service(httpserver)) == f"réponse {status} (1 essai)"
    assert len(httpserver.log) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_is_refused_even_to_the_same_host(httpserver: HTTPServer, status: int) -> None:
    target = httpserver.url_for("/ailleurs")
    httpserver.expect_request("/search/").respond_with_data("", status, headers={"Location": target})
    httpserver.expect_request("/ailleurs").respond_with_data("piège")
    assert f"redirection refusée ({status})" in refused(service(httpserver))
    assert [r.path for r, _ in httpserver.log] == ["/search/"]


@contextmanager
def answering(content: bytes, *, drops: bool = False) -> Iterator[str]:
    """A server that sends these bytes to whoever connects and hangs up; or goes on, a byte at a time, for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                client, _ = server.accept()
                with client, suppress(OSError):
                    client.recv(4096)
                    client.sendall(content)
                    while drops and not stop.wait(0.05):
                        client.sendall(b"x")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        stop.set()
        socket.create_connection(server.getsockname()).close()
        thread.join(5)


@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    ],
)
def test_a_body_that_ends_before_its_end_is_cut_and_asked_again(content: bytes) -> None:
    with answering(content) as url:
        assert re.fullmatch(r"réponse coupée.*\(3 essais\)", refused(Service("addok", url, True)))


@pytest.mark.parametrize("content", [b"", b"bonjour\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b"\x16\x03\x01" * 20])
def test_what_is_no_http_is_an_outage(content: bytes) -> None:
    with answering(content) as url:
        assert "pas de réponse" in refused(Service("addok", url, True))


def test_a_body_without_end_is_bounded(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/search/").respond_with_data("a" * 2000)
    assert refused(service(httpserver)) == "réponse de plus de 1000 octets (1 essai)"


def test_a_body_compressed_unasked_is_refused(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/search/").respond_with_data(b"x", headers={"Content-Encoding": "gzip"})
    assert "compressée" in refused(service(httpserver))


def test_nobody_at_that_address_is_an_outage() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert "pas de réponse (ConnectionError) (3 essais)" in refused(Service("addok", f"http://127.0.0.1:{port}", True))


def test_a_body_fed_drop_by_drop_does_not_outlive_the_deadline() -> None:
    with answering(b"HTTP/1.1 200 OK\r\n\r\n", drops=True) as url:
        start = time.monotonic()
        assert "délai total dépassé" in refused(Service("addok", url, True), replace(VITE, duree_max=0.6, essais=1))
        assert time.monotonic() - start < 5


def test_pauses_do_not_outlive_the_deadline(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/search/").respond_with_data("", 429, headers={"Retry-After": "60"})
    pauses: list[float] = []
    refused(service(httpserver), replace(VITE, duree_max=30.0), pauses=pauses)
    assert pauses == []


def test_a_public_geocoder_that_resolves_to_the_machine_is_refused(httpserver: HTTPServer) -> None:
    fake = service(httpserver, geocodeur="geoplateforme", url=httpserver.url_for("").replace("localhost", "127.0.0.1"))
    with Exchange(fake, VITE) as exchange:
        exchange._guard._kinds = frozenset({"publique"})  # type: ignore[attr-defined]
        with pytest.raises(OutageError, match="adresse boucle locale"):
            exchange.ask("GET", fake.url, 10)
    assert httpserver.log == []


def test_a_declared_host_at_a_public_address_is_never_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket is judged once open: here to a public address, of which none is reached from a test."""
    from qpv_data.addresses.exchange import _Peers
    from qpv_data.addresses.hosts import allowed_peers
    from qpv_data.sources.http import RefusedUrlError

    inside = Service("addok", "http://geocodeur.interne", True, hote_interne="geocodeur.interne")
    guard = _Peers(1, allowed_peers(inside))
    try:
        guard._judge("192.168.1.4")
        guard._judge("127.0.0.1")
        with pytest.raises(RefusedUrlError, match="adresse publique"):
            guard._judge("8.8.8.8")
    finally:
        guard.close()


def test_no_proxy_sees_the_addresses_asked_of_our_own_geocoder(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    httpserver.expect_request("/search/").respond_with_data("voilà")
    assert ask(service(httpserver))


def test_no_log_holds_the_address_whatever_the_level(httpserver: HTTPServer, caplog: pytest.LogCaptureFixture) -> None:
    def handler(request: Request) -> Response:
        return Response("", 503)

    httpserver.expect_request("/search/").respond_with_handler(handler)
    for name in ("urllib3", "requests", "qpv_data", ""):
        caplog.set_level(logging.DEBUG, logger=name)
    refused(service(httpserver))
    ours = [r for r in caplog.records if r.name != "werkzeug"]  # the test's own server
    assert [r.getMessage() for r in ours if "Secret" in r.getMessage() or "secret" in r.getMessage().lower()] == []
