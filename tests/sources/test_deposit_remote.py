"""Deposits over SFTP and S3, against servers on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import paramiko
import pytest
from protocols import POLICY, refused, source
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from qpv_data.problems import FeedError, Problem
from qpv_data.sources.deposit.pickup import pick_up

BODY = b"code;n\nQN09901A;3\n"
SECRET = "partenaire:sesame-4242"


def clock() -> datetime:
    return datetime.now(UTC)


class Accounts(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        good = f"{username}:{password}" == SECRET
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def get_allowed_auths(self, username: str) -> str:
        return "password"


class Files(paramiko.SFTPServerInterface):
    """Version 3: a renaming does not replace, as OpenSSH's does not."""

    root = Path()

    def _at(self, path: str) -> Path:
        return self.root / self.canonicalize(path).lstrip("/")

    def list_folder(self, path: str) -> Any:
        try:
            return [paramiko.SFTPAttributes.from_stat(p.lstat(), p.name) for p in self._at(path).iterdir()]
        except OSError as e:
            return paramiko.SFTPServer.convert_errno(e.errno or 1)

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(self._at(path).stat())
        except OSError as e:
            return paramiko.SFTPServer.convert_errno(e.errno or 1)

    lstat = stat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        try:
            file = os.fdopen(os.open(self._at(path), flags, 0o644), "rb" if not flags & os.O_WRONLY else "wb")
        except OSError as e:
            return paramiko.SFTPServer.convert_errno(e.errno or 1)
        handle = paramiko.SFTPHandle(flags)
        handle.readfile = handle.writefile = file  # type: ignore[attr-defined]
        handle.stat = lambda: paramiko.SFTPAttributes.from_stat(os.fstat(file.fileno()))  # type: ignore[method-assign]
        return handle

    def _tried(self, action: Any) -> int:
        try:
            action()
        except OSError as e:
            return paramiko.SFTPServer.convert_errno(e.errno or 1)
        return paramiko.SFTP_OK

    def remove(self, path: str) -> int:
        return self._tried(self._at(path).unlink)

    def mkdir(self, path: str, attr: Any) -> int:
        return self._tried(self._at(path).mkdir)

    def rename(self, oldpath: str, newpath: str) -> int:
        def move() -> None:
            os.link(self._at(oldpath), self._at(newpath))
            self._at(oldpath).unlink()

        return self._tried(move)


@contextmanager
def sftp(root: Path) -> Iterator[tuple[int, str]]:
    """Port and key fingerprint of a server whose `/` is `root`."""
    key = paramiko.RSAKey.generate(2048)
    digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
    listening = socket.create_server(("127.0.0.1", 0))
    files = type("Here", (Files,), {"root": root})

    def serve() -> None:
        while True:
            try:
                conn, _ = listening.accept()
            except OSError:
                return
            transport = paramiko.Transport(conn)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, files)
            try:
                transport.start_server(server=Accounts())
            except (paramiko.SSHException, EOFError):
                continue

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listening.getsockname()[1], f"SHA256:{digest}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def over_sftp(port: int, key: str, **more: Any) -> Any:
    keys = {
        "url": f"sftp://127.0.0.1:{port}/depot", "motif": "livraison-*.csv", "ecriture": "stable", "cle_hote": key,
        "secret": "QPV_SECRET_DEPOT", "hote_interne": "127.0.0.1", "attente_s": 0, **more,
    }  # fmt: skip
    return source(type="depot", **keys)


def emptied(declared: Any, into: Path, known: bool = False) -> list[bytes]:
    found = []
    for picked in pick_up(declared, jeu="essai", into=into, policy=POLICY, clock=clock, known=known):
        found.append(picked.fetched.path.read_bytes())
        assert picked.acknowledge("essai-v1")
    return found


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QPV_SECRET_DEPOT", SECRET)
    (tmp_path / "serveur" / "depot").mkdir(parents=True)
    (tmp_path / "serveur" / "depot" / "livraison-1.csv").write_bytes(BODY)
    return tmp_path / "serveur"


def test_a_file_over_sftp_is_picked_up_once_with_its_receipt(root: Path, tmp_path: Path) -> None:
    (root / "depot" / "livraison-2.csv.filepart").write_bytes(b"inacheve")
    (root / "depot" / "livraison-3.csv").symlink_to("/etc/passwd")
    with sftp(root) as (port, key):
        assert emptied(over_sftp(port, key), tmp_path / "w") == [BODY]
        assert emptied(over_sftp(port, key), tmp_path / "w", known=True) == []
    [receipt] = (root / "depot" / "recus").iterdir()
    assert json.loads(receipt.read_text())["sha256"] == hashlib.sha256(BODY).hexdigest()


def test_two_workers_over_sftp_share_the_files(root: Path, tmp_path: Path) -> None:
    bodies = {b"ligne %d" % n for n in range(8)} | {BODY}
    for n, body in enumerate(sorted(bodies - {BODY})):
        (root / "depot" / f"livraison-x{n}.csv").write_bytes(body)
    taken: list[bytes] = []
    with sftp(root) as (port, key):

        def work(name: str) -> None:
            taken.extend(emptied(over_sftp(port, key), tmp_path / name, known=True))

        def careful(name: str) -> None:
            try:
                work(name)
            except FeedError as e:
                assert e.probleme is Problem.EXECUTION_EN_COURS

        threads = [threading.Thread(target=careful, args=(f"w{n}",)) for n in range(2)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        taken += emptied(over_sftp(port, key), tmp_path / "fin", known=True)
    assert sorted(taken) == sorted(bodies)
    assert len(list((root / "depot" / "recus").glob("*.json"))) == len(bodies)


def test_another_server_or_a_wrong_password_is_refused_without_telling_it(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sftp(root) as (port, key):
        other = "SHA256:" + base64.b64encode(b"\1" * 32).decode().rstrip("=")
        with refused(Problem.DEPOT_INACCESSIBLE, "SFTP"):
            emptied(over_sftp(port, other), tmp_path / "w")
        monkeypatch.setenv("QPV_SECRET_DEPOT", "partenaire:faux-secret")
        with pytest.raises(Exception, match="depot_inaccessible") as caught:
            emptied(over_sftp(port, key), tmp_path / "w")
        assert "faux-secret" not in str(caught.value)
        monkeypatch.setenv("QPV_SECRET_DEPOT", "sans deux points")
        with refused(Problem.SECRET_ABSENT, "identifiant:secret"):
            emptied(over_sftp(port, key), tmp_path / "w")


def test_a_deposit_on_a_private_network_is_declared(root: Path, tmp_path: Path) -> None:
    with sftp(root) as (port, key):
        declared = over_sftp(port, key).model_copy(update={"hote_interne": None})
        with refused(Problem.URL_REFUSEE, "boucle locale"):
            emptied(declared, tmp_path / "w")


class Bucket:
    """What S3 promises and no more: whole objects, listings of the moment, `If-None-Match: *` (unless careless)."""

    def __init__(self, careless: bool = False) -> None:
        self.objects: dict[str, bytes] = {}
        self.careless, self.lock = careless, threading.Lock()

    def __call__(self, request: Request) -> Response:
        key = unquote(request.path).removeprefix("/seau").removeprefix("/")
        with self.lock:
            if request.method == "GET" and not key:
                return Response(self._listing(request.args.get("prefix", "")), content_type="application/xml")
            if request.method == "PUT":
                if request.headers.get("If-None-Match") == "*" and key in self.objects and not self.careless:
                    return Response(_error("PreconditionFailed"), 412, content_type="application/xml")
                self.objects[key] = _unchunked(request)
                return Response("", headers={"ETag": f'"{hashlib.md5(self.objects[key]).hexdigest()}"'})
            if request.method == "DELETE":
                self.objects.pop(key, None)
                return Response("", 204)
            if request.method == "POST":  # several at once
                for name in list(self.objects):
                    if f"<Key>{name}</Key>".encode() in request.get_data():
                        del self.objects[name]
                return Response("<DeleteResult/>", content_type="application/xml")
            if key not in self.objects:
                return Response(_error("NoSuchKey"), 404, content_type="application/xml")
            return self._object(request, key)

    def _object(self, request: Request, key: str) -> Response:
        body = self.objects[key]
        headers = {"ETag": f'"{hashlib.md5(body).hexdigest()}"', "Last-Modified": "Tue, 02 Jul 2024 09:00:00 GMT"}
        if (asked := request.headers.get("Range")) and body:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            part = body[int(first) : int(last or len(body)) + 1]
            told = f"bytes {first}-{int(first) + len(part) - 1}/{len(body)}"
            return Response(part, 206, headers={**headers, "Content-Range": told})
        return Response(body, headers=headers)  # of a HEAD, the server keeps the length alone

    def _listing(self, prefix: str) -> str:
        names = [k for k in sorted(self.objects) if k.startswith(prefix)]
        direct = [k for k in names if "/" not in k.removeprefix(prefix)]
        folders = sorted({prefix + k.removeprefix(prefix).split("/")[0] + "/" for k in names if k not in direct})
        contents = "".join(
            f"<Contents><Key>{k}</Key><Size>{len(self.objects[k])}</Size><LastModified>2024-07-02T09:00:00.000Z"
            f"</LastModified><ETag>&quot;{hashlib.md5(self.objects[k]).hexdigest()}&quot;</ETag></Contents>"
            for k in direct
        )
        shared = "".join(f"<CommonPrefixes><Prefix>{f}</Prefix></CommonPrefixes>" for f in folders)
        return (
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>seau</Name>'
            f"<IsTruncated>false</IsTruncated>{contents}{shared}</ListBucketResult>"
        )


def _error(code: str) -> str:
    return f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'


def _unchunked(request: Request) -> bytes:
    """The body, out of the signed chunks that clients may send it in."""
    data = request.get_data()
    if "aws-chunked" not in request.headers.get("Content-Encoding", ""):
        return data
    body = b""
    while data:
        size, _, rest = data.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        if not length:
            break
        body, data = body + rest[:length], rest[length + 2 :]
    return body


def over_s3(server: HTTPServer, bucket: Bucket) -> Any:
    server.clear()
    for path in ("/seau", "/seau/"):
        server.expect_request(path).respond_with_handler(bucket)
    server.expect_request(re.compile("/seau/.*")).respond_with_handler(bucket)
    return source(
        type="depot", url="s3://seau/depot", motif="livraison-*.csv", ecriture="stable", secret="QPV_SECRET_DEPOT",
        hote_interne="127.0.0.1", point_acces=f"http://127.0.0.1:{server.port}", region="fr-par",
    )  # fmt: skip


def test_an_object_is_picked_up_once_with_its_receipt(
    httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QPV_SECRET_DEPOT", "cle:sesame-4242")
    bucket = Bucket()
    bucket.objects["depot/livraison-1.csv"] = BODY
    declared = over_s3(httpserver, bucket)
    assert emptied(declared, tmp_path / "w") == [BODY]
    assert emptied(declared, tmp_path / "w", known=True) == []
    [name] = [k for k in bucket.objects if k.startswith("depot/recus/")]
    assert json.loads(bucket.objects[name])["livraison"] == "essai-v1"
    bucket.objects["depot/livraison-1.csv"] = BODY + b"QN09902B;1\n"
    assert emptied(declared, tmp_path / "w") == [BODY + b"QN09902B;1\n"]


def test_a_service_that_ignores_if_none_match_is_refused(
    httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QPV_SECRET_DEPOT", "cle:sesame-4242")
    bucket = Bucket(careless=True)
    bucket.objects["depot/livraison-1.csv"] = BODY
    with refused(Problem.DEPOT_INACCESSIBLE, "deux fois"):
        emptied(over_s3(httpserver, bucket), tmp_path / "w")
    assert list(bucket.objects) == ["depot/livraison-1.csv"]
