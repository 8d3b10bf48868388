"""The loopback server: HTTP as fetch expects it, and nothing but what the resolver gives."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from qpv_data.sources.serve import serve

BODY = bytes(range(256)) * 10


@pytest.fixture
def base(tmp_path: Path) -> Iterator[str]:
    file = tmp_path / "été.csv"
    file.write_bytes(BODY)
    known: dict[str, Path | bytes] = {"/octets": BODY, "/fichier": file, "/vide": b"", "/a?b=1": b"requete"}
    with serve(lambda target: known.get(target)) as address:
        yield address


@pytest.mark.parametrize("path", ["/octets", "/fichier"])
def test_a_resource_has_its_length_and_a_strong_etag_of_its_content(base: str, path: str) -> None:
    got = requests.get(base + path, timeout=5)
    assert (got.status_code, got.content) == (200, BODY)
    assert got.headers["Content-Length"] == str(len(BODY))
    assert got.headers["ETag"] == f'"{hashlib.sha256(BODY).hexdigest()}"'
    assert "Last-Modified" not in got.headers, "the time of a copy says nothing of the source"


def test_head_is_get_without_the_body(base: str) -> None:
    got = requests.head(base + "/fichier", timeout=5)
    assert (got.status_code, got.headers["Content-Length"], got.content) == (200, str(len(BODY)), b"")
    assert got.headers["Content-Disposition"].endswith("filename*=UTF-8''%C3%A9t%C3%A9.csv")


def test_what_the_resolver_does_not_know_is_absent(base: str) -> None:
    for path in ("/", "/rien", "/../../etc/passwd", "//etc/passwd", "/%2e%2e/%2e%2e/etc/passwd"):
        with socket.create_connection(("127.0.0.1", int(base.rpartition(":")[2]))) as conn:
            conn.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            assert b" 404 " in conn.recv(100)


def test_the_query_is_part_of_what_is_asked(base: str) -> None:
    assert requests.get(base + "/a?b=1", timeout=5).content == b"requete"
    assert requests.get(base + "/a", timeout=5).status_code == 404


def test_an_unchanged_resource_answers_304(base: str) -> None:
    etag = requests.get(base + "/octets", timeout=5).headers["ETag"]
    for value in (etag, f'"x", {etag}', f"W/{etag}", "*"):
        got = requests.get(base + "/octets", headers={"If-None-Match": value}, timeout=5)
        assert (got.status_code, got.content) == (304, b"")
    assert requests.get(base + "/octets", headers={"If-None-Match": '"x"'}, timeout=5).status_code == 200


@pytest.mark.parametrize(
    ("asked", "status", "expected"),
    [
        ("bytes=0-0", 206, BODY[:1]),
        ("bytes=100-", 206, BODY[100:]),
        ("bytes=100-199", 206, BODY[100:200]),
        ("bytes=2500-99999", 206, BODY[2500:]),
        ("bytes=-10", 206, BODY[-10:]),
        ("bytes=2560-", 416, b""),
        ("bytes=5-2", 200, BODY),
        ("bytes=0-1,3-4", 200, BODY),
        ("bytes=-", 200, BODY),
        ("lignes=1-2", 200, BODY),
    ],
)
@pytest.mark.parametrize("path", ["/octets", "/fichier"])
def test_a_range_is_exactly_what_was_asked(base: str, path: str, asked: str, status: int, expected: bytes) -> None:
    got = requests.get(base + path, headers={"Range": asked}, timeout=5)
    assert (got.status_code, got.content) == (status, expected)
    assert got.headers["Content-Length"] == str(len(expected))


def test_a_range_of_nothing_is_not_satisfiable(base: str) -> None:
    assert requests.get(base + "/vide", headers={"Range": "bytes=0-"}, timeout=5).status_code == 416


def test_a_range_of_another_version_gives_the_whole(base: str) -> None:
    headers = {"Range": "bytes=100-", "If-Range": '"autre"'}
    assert requests.get(base + "/octets", headers=headers, timeout=5).status_code == 200


def test_a_file_that_cannot_be_read_is_an_error_of_the_server(tmp_path: Path) -> None:
    with serve(lambda target: tmp_path / "absent") as base:
        assert requests.get(base, timeout=5).status_code == 500


def test_closing_leaves_no_thread_even_with_a_client_that_stalls() -> None:
    before = set(threading.enumerate())
    with serve(lambda target: b"x" * 50_000_000) as base:
        conn = socket.create_connection(("127.0.0.1", int(base.rpartition(":")[2])))
        conn.sendall(b"GET / HTTP/1.1\r\n\r\n")
        idle = socket.create_connection(("127.0.0.1", int(base.rpartition(":")[2])))
        assert conn.recv(10)
    assert set(threading.enumerate()) <= before
    conn.close()
    idle.close()


def test_only_loopback_is_listened_to(base: str) -> None:
    assert base.startswith("http://127.0.0.1:")
