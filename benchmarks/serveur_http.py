"""A static server with range requests that counts what it gives: for the benchmark and the tests of reading over HTTP.

The standard library's has no ranges. This one has the two forms that readers use: `bytes=a-b` and `bytes=-n`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

_BLOCK = 1 << 16
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass
class Served:
    """What a server has given since the last `clear`: bytes of bodies, and the path of each request."""

    adresse: str
    octets: int = 0
    chemins: list[str] = field(default_factory=list)

    def clear(self) -> None:
        self.octets = 0
        self.chemins.clear()


@contextmanager
def serving(root: Path) -> Iterator[Served]:
    """Serve the files under `root` on the loopback interface until the block ends."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, body: bool) -> None:
            asked = unquote(urlsplit(self.path).path).lstrip("/")
            path = root / asked
            if ".." in asked.split("/") or not path.is_file():
                self.send_error(404)
                return
            size = path.stat().st_size
            start, stop = _span(self.headers.get("Range"), size)
            partial = (start, stop) != (0, size)
            self.send_response(206 if partial else 200)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(stop - start))
            if partial:
                self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{size}")
            self.end_headers()
            with lock:
                served.chemins.append(self.path)
            if body:
                with path.open("rb") as content, suppress(ConnectionError):  # a reader may hang up
                    content.seek(start)
                    for first in range(start, stop, _BLOCK):
                        block = content.read(min(_BLOCK, stop - first))
                        with lock:  # before the reader may have it all, and look at the count
                            served.octets += len(block)
                        self.wfile.write(block)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the counts are the log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Served(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _span(asked: str | None, size: int) -> tuple[int, int]:
    """The bytes [start, stop) that a Range header asks for, within the file; all of them without one."""
    found = _RANGE.fullmatch(asked or "")
    if not found or found[0] == "bytes=-":
        return 0, size
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1 if last else size)
