"""A small static HTTP server on loopback, for mirrors and for the embedded territory.

It serves only what a resolver gives it, so no path of a request ever reaches the file system by itself.
"""

from __future__ import annotations

import hashlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

Resolver = Callable[[str], Path | bytes | None]
"""From the request's target, still percent-encoded and with its query, to what is served; None is a 404."""

Dated = Callable[[str], date | None]
"""From the request's target, as above, to the day when its producer had it there; None when nobody says it."""

_CHUNK = 1 << 18


@contextmanager
def serve(resolver: Resolver, dated: Dated = lambda _: None) -> Iterator[str]:
    """Serve on 127.0.0.1, at a free port, until the context ends. Gives `http://127.0.0.1:<port>`.

    `Last-Modified` is what `dated` says, never the time of the file: that of a copy says nothing of the source.
    """
    server = _Server(resolver, dated)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.hang_up()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, resolver: Resolver, dated: Dated) -> None:
        self.resolver, self.dated = resolver, dated
        self._open: set[Any] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End what clients left open, so that closing waits for no one."""
        for request in list(self._open):
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no event for the terminal."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "qpv-data", ""
    timeout = 60
    server: _Server

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def _answer(self, *, with_body: bool) -> None:
        try:
            found = self.server.resolver(self.path)
            size, digest = (0, "") if found is None else _measure(found)
        except OSError:
            self._head(HTTPStatus.INTERNAL_SERVER_ERROR, {"Content-Length": "0"})
            return
        if found is None:
            self._head(HTTPStatus.NOT_FOUND, {"Content-Length": "0"})
            return
        etag = f'"{digest}"'
        headers = {"ETag": etag, "Accept-Ranges": "bytes"}
        if _lists(self.headers.get("If-None-Match"), etag):
            self._head(HTTPStatus.NOT_MODIFIED, headers)
            return
        first, last, status = 0, size - 1, HTTPStatus.OK
        if self.headers.get("If-Range", etag) == etag and (asked := _range(self.headers.get("Range"), size)):
            first, last = asked
            status = HTTPStatus.PARTIAL_CONTENT
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
            if first > last:
                status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
                headers |= {"Content-Range": f"bytes */{size}", "Content-Length": "0"}
                self._head(status, headers)
                return
        headers["Content-Length"] = str(last - first + 1)
        headers["Content-Type"] = "application/octet-stream"
        if isinstance(found, Path):
            if (day := self.server.dated(self.path)) is not None:
                headers["Last-Modified"] = format_datetime(datetime.combine(day, time(), UTC), usegmt=True)
            headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(found.name, safe='')}"
        self._head(status, headers)
        if with_body:
            self._send(found, first, last - first + 1)

    def _head(self, status: HTTPStatus, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")  # no thread outlives its answer
        self.end_headers()

    def _send(self, found: Path | bytes, first: int, length: int) -> None:
        if isinstance(found, bytes):
            self.wfile.write(found[first : first + length])
            return
        with found.open("rb") as f:
            f.seek(first)
            while length > 0 and (chunk := f.read(min(_CHUNK, length))):
                self.wfile.write(chunk)
                length -= len(chunk)


def _lists(header: str | None, etag: str) -> bool:
    tags = {t.strip().removeprefix("W/") for t in (header or "").split(",")}
    return etag in tags or "*" in tags


def _range(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte asked for; first > last when there is none; None when the header is to be ignored."""
    m = re.fullmatch(r"bytes=(\d*)-(\d*)", header or "")
    if m is None or not (m[1] or m[2]):
        return None
    if not m[1]:
        return max(0, size - int(m[2])), size - 1
    first, last = int(m[1]), min(int(m[2] or size), size - 1)
    if m[2] and int(m[2]) < first:
        return None
    return first, last


def _measure(found: Path | bytes) -> tuple[int, str]:
    """Size and SHA-256."""
    if isinstance(found, bytes):
        return len(found), hashlib.sha256(found).hexdigest()
    stat = found.stat()
    return stat.st_size, _file_digest(found, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=1024)
def _file_digest(path: Path, size: int, mtime_ns: int) -> str:
    """Hashed once as long as size and time stay."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
