"""Fetching over real sockets: complete or nothing."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qpv_data.fetch import Fetched, FetchPolicy, fetch
from qpv_data.problems import FeedError, Problem
from qpv_data.sources.container import Limits
from qpv_data.sources.serve import serve

BODY = bytes(range(256)) * 400
POLICY = FetchPolicy(connexion=2, lecture=2, duree_max=20, essais=4)
Script = Callable[[socket.socket, str, int], None]


class RawServer:
    """Speaks bytes: each connection is given to the script, with the request's text and its rank from 0."""

    def __init__(self, script: Script) -> None:
        self._script, self.requests = script, list[str]()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/jeu.csv"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                conn, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(conn,), daemon=True).start()

    def _one(self, conn: socket.socket) -> None:
        with conn:
            text = b""
            while b"\r\n\r\n" not in text:
                if not (data := conn.recv(4096)):
                    return
                text += data
            self.requests.append(text.decode("latin-1"))
            try:
                self._script(conn, self.requests[-1], len(self.requests) - 1)
            except OSError:
                return

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextmanager
def raw(script: Script) -> Iterator[RawServer]:
    server = RawServer(script)
    try:
        yield server
    finally:
        server.close()


def head(status: str = "200 OK", **headers: object) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items()), "Connection: close"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in members.items():
            z.writestr(name, data)
    return out.getvalue()


class Pauses(list[float]):
    """The waits asked for, none of them spent."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def get(url: str, into: Path, policy: FetchPolicy = POLICY, **kwargs: object) -> Fetched:
    options: dict[str, object] = {"pause": Pauses(), "hasard": lambda: 0.5} | kwargs
    return fetch(url, jeu="jeu_test", into=into, policy=policy, **options)  # type: ignore[arg-type]


def refused(url: str, into: Path, policy: FetchPolicy = POLICY, **kwargs: object) -> FeedError:
    with pytest.raises(FeedError) as caught:
        get(url, into, policy, **kwargs)
    assert caught.value.jeu == "jeu_test"
    assert caught.value.remede
    assert list(into.iterdir()) == [], "nothing is left of a failed fetch"
    return caught.value


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "arrivee"


# --- complete ---------------------------------------------------------------------------------------------


def test_a_resource_is_named_hashed_and_measured(into: Path) -> None:
    with raw(lambda c, r, n: c.sendall(head(Content_Length=len(BODY), ETag='"a"', Last_Modified="hier") + BODY)) as s:
        got = get(s.url, into)
    assert got.path.read_bytes() == BODY
    assert (got.taille, got.sha256) == (len(BODY), hashlib.sha256(BODY).hexdigest())
    assert (got.nom_fichier, got.etag, got.last_modified, got.url) == ("jeu.csv", '"a"', "hier", s.url)
    assert "Accept-Encoding: identity" in s.requests[0]
    assert [p.name for p in into.iterdir()] == [f"{got.sha256[:16]}-jeu.csv"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.binary(max_size=3000), max_size=6), chunked=st.booleans(), cut=st.integers(0, 20_000))
def test_any_bytes_in_any_chunking_and_cut_anywhere_arrive_as_served(
    into: Path, pieces: list[bytes], chunked: bool, cut: int
) -> None:
    body = b"x;" + b"".join(pieces)  # starts as text, so that no container check applies
    etag = f'"{hashlib.sha256(body).hexdigest()}"'

    def script(conn: socket.socket, request: str, rank: int) -> None:
        first = int(m[1]) if (m := re.search(r"Range: bytes=(\d+)-", request)) else 0
        extra = {"Content_Range": f"bytes {first}-{len(body) - 1}/{len(body)}"} if m else {}
        status = "206 Partial Content" if m else "200 OK"
        rest = [b"x;", *pieces] if not m else [body[first:]]
        if chunked:
            text = head(status, ETag=etag, Transfer_Encoding="chunked", **extra)
            text += b"".join(chunk(p) for p in rest if p) + b"0\r\n\r\n"
        else:
            text = head(status, ETag=etag, Content_Length=len(body) - first, **extra) + b"".join(rest)
        conn.sendall(text[: cut + 120] if rank == 0 else text)

    with raw(script) as server:
        assert get(server.url, into).path.read_bytes() == body


def test_a_content_encoding_that_was_not_asked_for_is_undone_and_its_length_is_the_compressed_one(into: Path) -> None:
    packed = gzip.compress(BODY)
    with raw(lambda c, r, n: c.sendall(head(Content_Length=len(packed), Content_Encoding="gzip") + packed)) as s:
        got = get(s.url, into)
    assert (got.path.read_bytes(), got.taille) == (BODY, len(BODY))


def test_a_cut_content_encoding_is_truncated_and_not_data(into: Path) -> None:
    packed = gzip.compress(BODY)[:-20]
    with raw(lambda c, r, n: c.sendall(head(Content_Encoding="gzip") + packed)) as s:
        assert refused(s.url, into).probleme is Problem.SOURCE_TRONQUEE


def test_an_unknown_content_encoding_is_refused(into: Path) -> None:
    with raw(lambda c, r, n: c.sendall(head(Content_Encoding="br", Content_Length=3) + b"abc")) as s:
        assert refused(s.url, into).probleme is Problem.FORMAT_INATTENDU


def test_the_server_may_propose_a_name_and_never_a_path(into: Path) -> None:
    proposed = 'attachment; filename="../../etc/.pass wd.csv"'
    with raw(lambda c, r, n: c.sendall(head(Content_Disposition=proposed, Content_Length=1) + b"x")) as s:
        got = get(s.url, into)
    assert got.nom_fichier == "etc_.pass_wd.csv"
    assert got.path.parent == into


# --- cut --------------------------------------------------------------------------------------------------


def test_a_cut_body_is_resumed_by_range_when_its_etag_is_strong(into: Path) -> None:
    def script(conn: socket.socket, request: str, rank: int) -> None:
        if rank == 0:
            conn.sendall(head(Content_Length=len(BODY), ETag='"v1"') + BODY[:50_000])
            return
        assert "Range: bytes=50000-" in request
        assert 'If-Range: "v1"' in request
        span = f"bytes 50000-{len(BODY) - 1}/{len(BODY)}"
        conn.sendall(
            head("206 Partial Content", Content_Length=len(BODY) - 50_000, Content_Range=span, ETag='"v1"')
            + BODY[50_000:]
        )

    with raw(script) as server:
        assert get(server.url, into).path.read_bytes() == BODY
        assert len(server.requests) == 2


def test_a_source_that_changed_between_two_tries_is_read_anew(into: Path) -> None:
    def script(conn: socket.socket, request: str, rank: int) -> None:
        if rank == 0:
            conn.sendall(head(Content_Length=len(BODY), ETag='"v1"') + BODY[:50_000])
        else:
            conn.sendall(head(Content_Length=5, ETag='"v2"') + b"autre")

    with raw(script) as server:
        got = get(server.url, into)
    assert (got.path.read_bytes(), got.etag) == (b"autre", '"v2"')


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Range": "bytes 0-9/10", "ETag": '"v1"'},
        {"Content_Range": f"bytes 50000-{len(BODY)}/{len(BODY) + 1}", "ETag": '"v1"'},
        {"Content_Range": f"bytes 50000-{len(BODY) - 1}/{len(BODY)}", "ETag": '"v2"'},
        {"ETag": '"v1"'},
    ],
)
def test_a_part_that_is_not_the_rest_of_the_same_resource_is_never_glued(into: Path, headers: dict[str, str]) -> None:
    def script(conn: socket.socket, request: str, rank: int) -> None:
        if rank == 0:
            conn.sendall(head(Content_Length=len(BODY), ETag='"v1"') + BODY[:50_000])
        elif rank == 1:
            conn.sendall(head("206 Partial Content", Content_Length=5, **headers) + b"faux!")
        else:
            assert "Range:" not in request
            conn.sendall(head(Content_Length=len(BODY)) + BODY)

    with raw(script) as server:
        assert get(server.url, into).path.read_bytes() == BODY
        assert len(server.requests) == 3


@pytest.mark.parametrize("etag", ['W/"faible"', None])
def test_without_a_strong_etag_a_cut_body_is_read_from_the_start(into: Path, etag: str | None) -> None:
    extra = {"ETag": etag} if etag else {}

    def script(conn: socket.socket, request: str, rank: int) -> None:
        assert "Range:" not in request
        conn.sendall(head(Content_Length=len(BODY), **extra) + (BODY if rank else BODY[:70_000]))

    with raw(script) as server:
        assert get(server.url, into).path.read_bytes() == BODY


@pytest.mark.parametrize(
    "text",
    [
        head(Content_Length=len(BODY)) + BODY[:1000],
        head(Transfer_Encoding="chunked") + chunk(BODY[:1000]),
        head(Transfer_Encoding="chunked") + chunk(BODY)[:1000],
        head(Transfer_Encoding="chunked") + chunk(BODY[:1000]) + b"zz\r\n",
    ],
)
def test_a_body_always_cut_is_truncated_after_a_bounded_number_of_tries(into: Path, text: bytes) -> None:
    pauses = Pauses()
    with raw(lambda c, r, n: c.sendall(text)) as server:
        error = refused(server.url, into, pause=pauses)
        assert len(server.requests) == POLICY.essais
    assert error.probleme is Problem.SOURCE_TRONQUEE
    assert "4 essais" in error.message
    assert pauses == [1, 2, 4]


def test_a_zip_cut_without_a_length_is_tried_again_then_refused(into: Path) -> None:
    body = zipped(**{"a.csv": b"a;b\n" * 5000})

    def script(conn: socket.socket, request: str, rank: int) -> None:
        conn.sendall(head() + (body if rank == 2 else body[:-30]))

    with raw(script) as server:
        assert get(server.url, into).path.read_bytes() == body
    (into / next(into.iterdir()).name).unlink()
    with raw(lambda c, r, n: c.sendall(head() + body[:-30])) as server:
        assert refused(server.url, into).probleme is Problem.CONTENEUR_INVALIDE


@pytest.mark.parametrize("pack", [lambda b: zipped(**{"a.csv": b}), gzip.compress])
def test_a_container_whose_crc_is_wrong_is_refused_at_once(into: Path, pack: Callable[[bytes], bytes]) -> None:
    body = bytearray(pack(BODY))
    body[len(body) // 2] ^= 0xFF
    with raw(lambda c, r, n: c.sendall(head(Content_Length=len(body)) + bytes(body))) as server:
        assert refused(server.url, into).probleme is Problem.CONTENEUR_INVALIDE
        assert len(server.requests) == 1


def test_a_bomb_is_refused_while_it_is_checked(into: Path) -> None:
    body = zipped(**{"a.csv": b"0" * 3_000_000})
    policy = FetchPolicy(limites=Limits(taille_max=1_000_000))
    with raw(lambda c, r, n: c.sendall(head(Content_Length=len(body)) + body)) as server:
        assert refused(server.url, into, policy).probleme is Problem.CONTENEUR_HOSTILE


# --- slow, big --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [head(Content_Length=10_000), b"HTTP/1.1 200 OK\r\nX-Lent: ", b"HTTP/1.1 2"])
def test_an_answer_fed_drop_by_drop_is_cut_at_the_overall_deadline(into: Path, start: bytes) -> None:
    stop = threading.Event()

    def script(conn: socket.socket, request: str, rank: int) -> None:
        conn.sendall(start)
        while not stop.wait(0.05):
            conn.sendall(b"0")

    policy = FetchPolicy(lecture=2, duree_max=0.4)
    with raw(script) as server:
        error = refused(server.url, into, policy)
        stop.set()
    assert error.probleme is Problem.SOURCE_TROP_LENTE


def test_a_silent_server_is_unreachable_after_its_read_timeout(into: Path) -> None:
    stop = threading.Event()

    def script(conn: socket.socket, request: str, rank: int) -> None:
        stop.wait(5)

    with raw(script) as server:
        error = refused(server.url, into, FetchPolicy(lecture=0.05, essais=2))
        stop.set()
    assert error.probleme is Problem.SOURCE_INJOIGNABLE


@pytest.mark.parametrize("text", [head(Content_Length=len(BODY)), head(), head(Transfer_Encoding="chunked")])
def test_a_body_beyond_the_limit_is_refused_announced_or_not(into: Path, text: bytes) -> None:
    body = chunk(BODY) if b"chunked" in text else BODY
    with raw(lambda c, r, n: c.sendall(text + body)) as server:
        error = refused(server.url, into, FetchPolicy(taille_max=len(BODY) - 1))
        assert len(server.requests) == 1
    assert error.probleme is Problem.SOURCE_TROP_GRANDE


# --- statuses ---------------------------------------------------------------------------------------------


def test_bursts_of_errors_are_waited_out_with_growing_pauses(into: Path) -> None:
    statuses = ["500 X", "503 X", "502 X"]

    def script(conn: socket.socket, request: str, rank: int) -> None:
        conn.sendall(head(statuses[rank], Content_Length=0) if rank < 3 else head(Content_Length=2) + b"ok")

    pauses = Pauses()
    with raw(script) as server:
        assert get(server.url, into, pause=pauses).path.read_bytes() == b"ok"
    assert pauses == [1, 2, 4]


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ({"Retry_After": "7"}, 7),
        ({"Retry_After": "86400"}, 120),
        ({"Retry_After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30),
        ({"Retry_After": "bientôt"}, 1),
        ({"Retry_After": "-5"}, 1),
    ],
)
def test_retry_after_is_honoured_up_to_a_cap(into: Path, headers: dict[str, str], waited: float) -> None:
    def script(conn: socket.socket, request: str, rank: int) -> None:
        first = head("429 Too Many Requests", Content_Length=0, **headers)
        conn.sendall(first if rank == 0 else head(Content_Length=2) + b"ok")

    pauses = Pauses()
    with raw(script) as server:
        get(server.url, into, FetchPolicy(duree_max=600), pause=pauses)
    assert pauses == [waited]


def test_no_pause_goes_beyond_the_overall_deadline(into: Path) -> None:
    pauses = Pauses()
    with raw(lambda c, r, n: c.sendall(head("503 X", Retry_After=100, Content_Length=0))) as server:
        error = refused(server.url, into, FetchPolicy(duree_max=60), pause=pauses)
    assert (error.probleme, pauses) == (Problem.SOURCE_INJOIGNABLE, [])


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ("404 X", Problem.SOURCE_ABSENTE),
        ("410 X", Problem.SOURCE_ABSENTE),
        ("401 X", Problem.SOURCE_INJOIGNABLE),
        ("403 X", Problem.SOURCE_INJOIGNABLE),
        ("501 X", Problem.SOURCE_INJOIGNABLE),
        ("204 X", Problem.SOURCE_INJOIGNABLE),
        ("206 X", Problem.SOURCE_INJOIGNABLE),
        ("304 X", Problem.SOURCE_INJOIGNABLE),
    ],
)
def test_a_final_status_is_an_error_at_once(into: Path, status: str, problem: Problem) -> None:
    with raw(lambda c, r, n: c.sendall(head(status, Content_Length=0))) as server:
        assert refused(server.url, into).probleme is problem
        assert len(server.requests) == 1


def test_a_closed_port_is_unreachable(into: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/x"
    assert refused(url, into).probleme is Problem.SOURCE_INJOIGNABLE


@pytest.mark.parametrize("page", ["<!DOCTYPE html><p>maintenance", "\ufeff\n <HTML lang=fr>", "<html>"])
def test_a_web_page_with_status_200_is_no_data(into: Path, page: str) -> None:
    body = page.encode()
    with raw(lambda c, r, n: c.sendall(head(Content_Length=len(body)) + body)) as server:
        assert refused(server.url, into).probleme is Problem.FORMAT_INATTENDU


def test_a_declared_checksum_is_held(into: Path) -> None:
    with serve(lambda target: BODY) as base:
        assert get(f"{base}/a", into, sha256=hashlib.sha256(BODY).hexdigest()).taille == len(BODY)
        for path in into.iterdir():
            path.unlink()
        assert refused(f"{base}/a", into, sha256="0" * 64).probleme is Problem.SOURCE_ALTEREE


# --- unchanged --------------------------------------------------------------------------------------------


def known(got: Fetched, **changes: object) -> SimpleNamespace:
    fields = ("sha256", "taille", "nom_fichier", "url", "etag", "last_modified")
    return SimpleNamespace(fichier=got.path, **({f: getattr(got, f) for f in fields} | changes))


def test_an_unchanged_source_is_not_downloaded_again(into: Path) -> None:
    with serve(lambda target: BODY) as base:
        first = get(f"{base}/a", into)
        again = get(f"{base}/a", into, previous=known(first))
        assert again.inchangee
        assert (again.path, again.sha256, again.etag) == (first.path, first.sha256, first.etag)
        other = known(first, url="http://ailleurs.example/a")
        assert not get(f"{base}/a", into, previous=other).inchangee, "an ETag only speaks of its own address"


def test_a_previous_delivery_that_is_not_the_declared_one_is_downloaded_again(into: Path) -> None:
    with serve(lambda target: BODY) as base:
        first = get(f"{base}/a", into)
        stale = known(first, sha256="0" * 64)
        assert not get(f"{base}/a", into, previous=stale, sha256=first.sha256).inchangee


# --- addresses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "gopher://x",
        "http://10.0.0.1/x",
        "http://169.254.169.254/x",
        "http://[fd00::1]/x",
        "http://[mal/",
    ],
)
def test_a_redirection_to_a_file_or_a_private_address_is_refused(into: Path, target: str) -> None:
    with raw(lambda c, r, n: c.sendall(head("302 Found", Location=target, Content_Length=0))) as server:
        assert refused(server.url, into).probleme is Problem.URL_REFUSEE
        assert len(server.requests) == 1


class Elsewhere(socket.socket):
    """A socket to the loopback server that says it is connected to a public address."""

    def getpeername(self) -> tuple[str, int]:
        return "1.1.1.1", 80


@pytest.mark.parametrize("target", ["http://127.0.0.1:9/x", "http://192.168.1.1/x", "http://169.254.169.254/x"])
def test_a_public_source_never_leads_inside(into: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with raw(lambda c, r, n: c.sendall(head("302 Found", Location=target, Content_Length=0))) as server:
        here = ("127.0.0.1", int(server.url.split(":")[2].split("/")[0]))

        def connect(address: tuple[str, int], *args: object, **kwargs: object) -> socket.socket:
            assert address == ("1.1.1.1", 80), "nothing is tried inside"
            return Elsewhere(fileno=socket.create_connection(here).detach())

        monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
        assert refused("http://1.1.1.1/jeu.csv", into).probleme is Problem.URL_REFUSEE
        assert len(server.requests) == 1


def test_redirections_are_followed_five_times_and_no_more(into: Path) -> None:
    def script(conn: socket.socket, request: str, rank: int) -> None:
        left = int(request.split()[1].rpartition("/")[2].removesuffix(".csv"))
        conn.sendall(head("301 X", Location=f"{left - 1}.csv", Content_Length=0) if left else head() + b"ok")

    with raw(script) as server:
        got = get(server.url.replace("jeu", "5"), into)
        assert (got.path.read_bytes(), got.nom_fichier) == (b"ok", "0.csv")
        assert got.url.endswith("/5.csv"), "the clause's address, not where it led"
        got.path.unlink()
        assert refused(server.url.replace("jeu", "6"), into).probleme is Problem.URL_REFUSEE


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://[mal/x", "http://", "http://a:b/x"])
def test_a_malformed_address_is_refused_by_name(into: Path, url: str) -> None:
    assert refused(url, into).probleme is Problem.URL_REFUSEE


def test_no_secret_of_an_address_reaches_a_message_or_a_receipt(into: Path) -> None:
    with raw(lambda c, r, n: c.sendall(head("403 X", Content_Length=0))) as server:
        url = server.url.replace("://", "://moi:motdepasse@") + "?apiKey=s3cret&a=1&TOKEN=s3cret"
        text = str(refused(url, into))
        assert "bW9pOm1vdGRlcGFzc2U=" in server.requests[0], "yet the server is told"
    assert not re.search("s3cret|motdepasse|moi", text)
    with raw(lambda c, r, n: c.sendall(head(Content_Length=2) + b"ok")) as server:
        assert get(server.url + "?key=s3cret&a=1", into).url == server.url + "?key=***&a=1"


def test_a_transport_is_read_in_place_of_the_address_and_leaves_no_trace(into: Path) -> None:
    with serve(lambda target: BODY if target == "/ici" else None) as base:
        got = get("https://donnees.example/jeu.csv?x=1", into, transport=lambda url: f"{base}/ici")
        assert (got.url, got.nom_fichier) == ("https://donnees.example/jeu.csv?x=1", "jeu.csv")
        got.path.unlink()
        error = refused("https://donnees.example/jeu.csv", into, transport=lambda url: f"{base}/rien")
    assert "127.0.0.1" not in str(error)
    assert "miroir" in error.remede


def test_a_proxy_of_the_environment_never_stands_before_a_mirror(into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with serve(lambda target: BODY) as base:
        assert get(f"{base}/a", into).taille == len(BODY)


def test_a_proxy_of_the_environment_is_used_for_the_outside(into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with raw(lambda c, r, n: c.sendall(head(Content_Length=2) + b"ok")) as proxy:
        for name in ("NO_PROXY", "no_proxy", "HTTP_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/jeu.csv"))
        assert get("http://donnees.example/jeu.csv", into).path.read_bytes() == b"ok"
        assert proxy.requests[0].startswith("GET http://donnees.example/jeu.csv HTTP/1.1")


def test_a_folder_that_cannot_be_written_is_said_so(into: Path) -> None:
    with serve(lambda target: BODY) as base:
        into.parent.joinpath("fichier").write_text("")
        with pytest.raises(FeedError) as caught:
            get(f"{base}/a", into.parent / "fichier" / "dossier")
    assert caught.value.probleme is Problem.ECRITURE_IMPOSSIBLE


def test_a_policy_allows_at_least_one_try() -> None:
    with pytest.raises(ValueError, match="at least one try"):
        FetchPolicy(essais=0)
