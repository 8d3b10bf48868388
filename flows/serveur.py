"""A Prefect server of one's own on loopback, that says nothing and lives no longer than who started it.

Prefect's own ephemeral server shares the terminal and survives a killed parent. This one writes to a log file and
leaves when its standard input ends, however the parent ended.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

START_TIMEOUT = 120.0  # seconds; a cold start takes 10 to 15, on two busy cores
STOP_TIMEOUT = 5.0


class ServerError(Exception):
    """The server did not start: why, and where its log is."""


class Server:
    """A server that is starting. `wait` gives the address of its API once it answers."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process, self._log = process, log

    def wait(self) -> str:
        """Address of the API, which answers. Raises ServerError."""
        deadline = time.monotonic() + START_TIMEOUT
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()  # ends with the process: never hangs
        if not line:
            raise ServerError(f"le serveur Prefect s'est arrêté au démarrage → lire {self._log}")
        api = f"http://127.0.0.1:{int(line)}/api"
        opener = build_opener(ProxyHandler({}))
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with opener.open(f"{api}/health", timeout=5):
                    return api
            except (URLError, OSError):
                time.sleep(0.1)
        raise ServerError(f"le serveur Prefect ne répond pas → lire {self._log}")


@contextmanager
def serving(home: Path, settings: Mapping[str, str]) -> Iterator[Server]:
    """Start a server over the database of `home`, with `settings` as its environment, and stop it at the end."""
    home.mkdir(parents=True, exist_ok=True)
    log = home / "serveur.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.serveur"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sink,
            cwd=Path(__file__).resolve().parents[1],
            env=dict(settings),
            start_new_session=True,  # Ctrl-C reaches the run alone, which then stops its server
        )
    try:
        with process:
            try:
                yield Server(process, log)
            finally:
                assert process.stdin is not None
                process.stdin.close()
                try:
                    process.wait(STOP_TIMEOUT)
                except subprocess.TimeoutExpired:
                    process.kill()
    finally:
        process.wait()


def _leave_with_the_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_TIMEOUT - 2)
    os._exit(0)


def main() -> None:
    """The server's own process: print the port, then serve until standard input ends."""
    threading.Thread(target=_leave_with_the_parent, daemon=True).start()
    listener = socket.create_server(("127.0.0.1", 0))
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the server prints goes to the log
    print(listener.getsockname()[1], file=answer, flush=True)

    import uvicorn

    config = uvicorn.Config("prefect.server.api.server:create_app", factory=True, log_level="error", lifespan="on")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
