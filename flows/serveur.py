"""A Prefect server of one's own on loopback, that says nothing and lives no longer than who started it.

Prefect's own ephemeral server shares the terminal and survives a killed parent. This one writes to a log file and
leaves when its standard input ends, however the parent ended.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.request import ProxyHandler, build_opener

START_TIMEOUT = 120.0  # seconds; a first start, which makes the database, takes 10 to 15 on two idle cores
STOP_TIMEOUT = 5.0
LOCK_TIMEOUT = 10.0  # the server of a run that was killed needs a moment to leave
READY = "pret"  # file of a home whose server has answered once: its database is whole


class ServerError(Exception):
    """The server did not start: why, and what to do."""


class Server:
    """A server that is starting. Its address, `api`, is known at once; `wait` returns when it answers."""

    def __init__(self, process: subprocess.Popen[bytes], home: Path) -> None:
        """Raises ServerError when the process ends before it has an address."""
        self._process, self._home = process, home
        assert process.stdout is not None
        line = process.stdout.readline().strip()  # ends with the process: never hangs
        if not line:
            raise self._failed("s'est arrêté au démarrage")
        self.api = f"http://127.0.0.1:{int(line)}/api"

    def wait(self) -> None:
        """Return when the API answers. Raises ServerError."""
        deadline = time.monotonic() + START_TIMEOUT
        opener = build_opener(ProxyHandler({}))
        while (left := deadline - time.monotonic()) > 0 and self._process.poll() is None:
            try:
                with opener.open(f"{self.api}/health", timeout=left):
                    (self._home / READY).touch()
                    return
            except OSError:  # refused, cut or late
                time.sleep(0.1)
        raise self._failed("ne répond pas")

    def _failed(self, what: str) -> ServerError:
        return ServerError(f"le serveur Prefect {what} → lire {self._home / 'serveur.log'}, ou enlever ce dossier")


@contextmanager
def serving(home: Path, settings: Mapping[str, str]) -> Iterator[Server]:
    """Start a server over the database of `home`, with `settings` as its environment; stop it at the end.

    Raises ServerError when `home` cannot be written, when another server holds it, or when its database is held or
    damaged. One that is gone is made anew: it tells of runs, and holds nothing that they need.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        log = (home / "serveur.log").open("ab")
    except OSError as e:
        raise ServerError(f"{home} : {e.strerror} → choisir un dossier où écrire") from e
    with log:
        _hold(log, home)
        log.truncate(0)
        if not (home / READY).exists():  # left half-made by a run killed at its first start
            for file in home.glob("prefect.db*"):
                file.unlink()
        _hold_database(home / "prefect.db")
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.serveur"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=Path(__file__).resolve().parents[1],
            env=dict(settings),
            start_new_session=True,  # Ctrl-C reaches the run alone, which then stops its server
        )
    with process:
        try:
            yield Server(process, home)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()


def _hold(log: BinaryIO, home: Path) -> None:
    """Lock the log: the server inherits it, and with it the lock, until it ends."""
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise ServerError(f"une autre exécution se sert de {home} → attendre sa fin") from None
            time.sleep(0.1)
        else:
            return


def _hold_database(base: Path) -> None:
    """Try to write to the database, and change nothing: a server would wait two minutes to say less."""
    if not base.exists():
        return
    try:
        with closing(sqlite3.connect(base, timeout=LOCK_TIMEOUT, isolation_level=None)) as con:
            con.execute("BEGIN IMMEDIATE")
            con.execute("SELECT count(*) FROM sqlite_master")
            con.execute("ROLLBACK")
    except sqlite3.OperationalError as e:
        if e.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise ServerError(f"{base} est tenue par un autre programme → arrêter le serveur qui s'en sert") from e
        raise ServerError(f"{base} ne peut être écrite ({e}) → vérifier la place et les droits du dossier") from e
    except sqlite3.DatabaseError as e:
        remedy = "l'enlever : elle ne garde que l'historique des passages, et une neuve la remplace"
        raise ServerError(f"{base} est abîmée ({e}) → {remedy}") from e


def _leave_with_the_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_TIMEOUT - 2)
    os._exit(0)


def main() -> None:
    """The server's own process: print the port, then serve until standard input ends."""
    threading.Thread(target=_leave_with_the_parent, daemon=True).start()
    listener = socket.create_server(("127.0.0.1", 0))
    with os.fdopen(os.dup(1), "w") as answer:
        os.dup2(2, 1)  # whatever the server prints goes to the log
        answer.write(f"{listener.getsockname()[1]}\n")

    import uvicorn

    config = uvicorn.Config("prefect.server.api.server:create_app", factory=True, log_level="error", lifespan="on")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
