"""Index an extract of the BAN and serve it with Addok, on loopback only, until interrupted: see docs/adresses.md.

Everything is under one folder (data/addok): Addok's own environment, the index, Redis's socket. Redis listens on no
port. An index is built aside and moved whole: a build that is cut leaves the previous one as it was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from qpv_data.addresses.ban import write_documents
from qpv_data.problems import FeedError

ICI = Path(__file__).resolve().parent
HOTE = "127.0.0.1"
# What the documents are made of: a new version of it is a new index.
VERSION = "1"
_INSTALL = "installer Redis : sudo apt-get install redis-server (son service peut rester arrêté)"
_GIVE = (
    "donner un extrait de la BAN : make addok BAN=chemin/adresses-31.csv.gz\n"
    "(format CSV national, un fichier par département, plusieurs chemins permis ; voir docs/adresses.md)"
)


class UnusableError(Exception):
    """The geocoder cannot be served; the message says what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when interrupted while serving, 2 when nothing could be served."""
    parser = argparse.ArgumentParser(description="Géocodeur Addok, en local, sur un extrait de la BAN.")
    parser.add_argument("--ban", type=Path, nargs="*", default=[], help="extraits CSV de la BAN (.csv ou .csv.gz)")
    parser.add_argument("--dossier", type=Path, default=Path("data/addok"))
    parser.add_argument("--port", type=int, default=7878)
    parser.add_argument("--installer", action="store_true", help="installer l'environnement d'Addok, et rien d'autre")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if given.installer:
            environment(given.dossier.resolve())
            return 0
        serve(given.ban, given.dossier.resolve(), given.port)
    except (UnusableError, FeedError) as e:
        print(e, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Géocodeur arrêté.", file=sys.stderr)
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def serve(extracts: Sequence[Path], folder: Path, port: int) -> None:
    """Serve the index of these extracts until interrupted, building it when it is not there."""
    if not extracts:
        raise UnusableError(_GIVE)
    redis = shutil.which("redis-server")
    if redis is None:
        raise UnusableError(f"redis-server introuvable : {_INSTALL}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOTE, port))
        except OSError as e:
            message = f"le port {port} est pris ({e.strerror}) : arrêter ce qui l'occupe, ou ADDOK_PORT=7879"
            raise UnusableError(message) from e
    binaries = environment(folder)
    index = built(extracts, folder, redis, binaries)
    facts = json.loads((index / "index.json").read_text("utf-8"))
    with running_redis(redis, index), running_addok(binaries, index, port) as addok:
        print(
            f"Géocodeur prêt : http://{HOTE}:{port} ({facts['adresses']} adresses). Ctrl-C pour l'arrêter.", flush=True
        )
        code = addok.wait()
    raise UnusableError(f"Addok s'est arrêté (code {code})")


def environment(folder: Path) -> Path:
    """The folder of Addok's own executables, installed from the pinned list when it has changed."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    wanted = ICI / "requirements.txt"
    digest = hashlib.sha256(wanted.read_bytes() + sys.version.encode()).hexdigest()
    place, stamp = folder / "venv", folder / "venv" / ".installe"
    if not (stamp.is_file() and stamp.read_text("utf-8") == digest):
        print("Installation d'Addok dans son propre environnement (une fois)…", flush=True)
        venv.EnvBuilder(clear=True, with_pip=True).create(place)
        command = [place / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        done = subprocess.run([*command, "--require-hashes", "-r", wanted], check=False)  # noqa: S603 - our own list
        if done.returncode != 0:
            raise UnusableError(
                "Addok n'a pas pu être installé : voir le message de pip (un compilateur C est parfois demandé :"
                " sudo apt-get install build-essential python3-dev)"
            )
        stamp.write_text(digest, "utf-8")
    return place / "bin"


def built(extracts: Sequence[Path], folder: Path, redis: str, binaries: Path) -> Path:
    """The folder of the index of these very extracts. Others are removed once it is there."""
    digest = hashlib.sha256(VERSION.encode())
    for path in (*extracts, ICI / "configuration.py", ICI / "requirements.txt"):
        if not path.is_file():
            raise UnusableError(f"{path} introuvable\n{_GIVE}")
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    index = folder / f"index-{digest.hexdigest()[:16]}"
    if not index.is_dir():
        fresh = folder / "index.part"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        _build(extracts, fresh, redis, binaries)
        fresh.rename(index)
        for other in folder.glob("index-*"):
            if other != index:
                shutil.rmtree(other)
    return index


def _build(extracts: Sequence[Path], fresh: Path, redis: str, binaries: Path) -> None:
    start = time.monotonic()
    documents = fresh / "documents.json"
    report = write_documents(extracts, documents, fresh)
    refused = ", ".join(f"{reason} : {n}" for reason, n in report.rejetees.items()) or "aucune"
    print(
        f"BAN : {report.lues} lignes = {report.adresses} adresses + {report.doubles} autres positions"
        f" + {sum(report.rejetees.values())} rejetées ({refused})",
        flush=True,
    )
    with running_redis(redis, fresh):
        command = [str(binaries / "addok"), "batch", documents.name]
        done = subprocess.run(command, cwd=fresh, env=_surroundings(), check=False, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words
        if done.returncode != 0:
            raise UnusableError(f"Addok n'a pas pu indexer l'extrait (code {done.returncode})")
        if _ask_redis(fresh, b"SAVE") != b"+OK":
            raise UnusableError("Redis n'a pas pu écrire l'index : libérer de la place")
    documents.unlink()
    facts = {"adresses": report.adresses, "documents": report.documents, "secondes": round(time.monotonic() - start, 1)}
    (fresh / "index.json").write_text(json.dumps(facts) + "\n", "utf-8")
    print(f"Index de {report.documents} documents construit en {facts['secondes']} s.", flush=True)


def _surroundings() -> dict[str, str]:
    """Addok's environment: its own paths, relative to the index's folder, and nothing of the project's."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TMPDIR")}
    return {
        **kept,
        "PYTHONUTF8": "1",
        "ADDOK_CONFIG_MODULE": str(ICI / "configuration.py"),
        "ADDOK_LOG_DIR": ".",
        "REDIS_SOCKET": "redis.sock",  # relative: the path of a socket has 108 characters at most
        "SQLITE_DB_PATH": "documents.db",
    }


@contextmanager
def running_redis(redis: str, index: Path) -> Iterator[None]:
    """A Redis of our own, on a socket of the index's folder and no port, ended with the block."""
    options = {
        "port": "0", "unixsocket": "redis.sock", "unixsocketperm": "600", "dir": ".", "dbfilename": "index.rdb",
        "save": "", "appendonly": "no", "daemonize": "no", "loglevel": "warning", "logfile": "",
    }  # fmt: skip
    command = [redis, *(word for name, value in options.items() for word in (f"--{name}", value))]
    with _running(command, index) as process:
        _until(lambda: _ask_redis(index, b"PING") == b"+PONG", process, "Redis", 120)
        yield


@contextmanager
def running_addok(binaries: Path, index: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Addok behind gunicorn on loopback, answering, ended with the block."""
    command = [
        str(binaries / "gunicorn"), "--config", str(ICI / "gunicorn_conf.py"), "--bind", f"{HOTE}:{port}",
        "addok.http.wsgi",
    ]  # fmt: skip
    with _running(command, index) as process:
        _until(lambda: _healthy(port), process, "Addok", 60)
        yield process


@contextmanager
def _running(command: Sequence[str], index: Path) -> Iterator[subprocess.Popen[bytes]]:
    # A session of its own: Ctrl-C reaches us alone, and we end Addok before its Redis.
    process = subprocess.Popen(  # noqa: S603 - our own words
        command, cwd=index, env=_surroundings(), stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until(ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str, seconds: float) -> None:
    limit = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None or time.monotonic() > limit:
            raise UnusableError(f"{name} ne démarre pas (voir le message ci-dessus)")
        time.sleep(0.05)


def _ask_redis(index: Path, command: bytes) -> bytes:
    """One command, one line of answer; b"" when nobody answers yet."""
    here = Path.cwd()
    os.chdir(index)  # for the short name of the socket
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(600)
            client.connect("redis.sock")
            client.sendall(command + b"\r\n")
            return client.recv(4096).strip()
    except OSError:
        return b""
    finally:
        os.chdir(here)


def _healthy(port: int) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{HOTE}:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
