"""Open the deposit that a clause declares: where it may be, who it must be, and with what it is opened."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from qpv_data.clause.source import SourceDepot
from qpv_data.problems import FeedError, Problem
from qpv_data.sources.deposit.claims import Claims, LeaseClaims, LockClaims
from qpv_data.sources.deposit.store import FolderStore, S3Store, SftpStore, Store
from qpv_data.sources.http import Reach, address_kind
from qpv_data.sources.secrets import secret_of, user_and_password

_TIMEOUT = 30.0


def open_deposit(source: SourceDepot, jeu: str, clock: Callable[[], datetime]) -> tuple[Store, Claims]:
    """The store and its claims. Raises FeedError: depot_inaccessible, secret_absent, url_refusee."""
    split = urlsplit(source.url)
    if source.protocole == "file":
        folder = Path(unquote(split.path))
        if not folder.is_dir():
            raise unreachable(jeu, "le dossier du dépôt n'existe pas", "le créer, ou corriger `source.url`")
        store = FolderStore(folder)
        return store, LockClaims(store)
    secret = secret_of(source, jeu)
    assert secret is not None, "the model asks for it"
    user, key = user_and_password(secret, jeu, source.secret)
    try:
        opened = _sftp(source, jeu, user, key) if source.protocole == "sftp" else _s3(source, jeu, user, key)
    except ImportError:
        message = "les paquets des dépôts distants ne sont pas installés"
        raise unreachable(jeu, message, "pip install 'qpv-data[depots]'") from None
    return opened, LeaseClaims(opened, source.bail_s, clock)


def unreachable(jeu: str, message: str, remede: str) -> FeedError:
    """The deposit cannot be used."""
    return FeedError(jeu, Problem.DEPOT_INACCESSIBLE, message, remede)


def _sftp(source: SourceDepot, jeu: str, user: str, key: str) -> Store:
    import paramiko
    from fsspec.implementations.sftp import SFTPFileSystem

    class Declared(paramiko.MissingHostKeyPolicy):
        """The one key that the clause declares; known_hosts is not read."""

        def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
            digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
            if f"SHA256:{digest}" != str(source.cle_hote).rstrip("="):
                raise paramiko.SSHException("host key")

    split = urlsplit(source.url)
    host, port = split.hostname or "", split.port or 22
    known = {"key_filename": key} if source.secret_fichier else {"password": key}
    try:
        fs = SFTPFileSystem(
            host, port=port, sock=_reached(source, jeu, host, port), username=user, allow_agent=False,
            look_for_keys=False, timeout=_TIMEOUT, banner_timeout=_TIMEOUT, auth_timeout=_TIMEOUT,
            host_key_policy=Declared(), skip_instance_cache=True, **known,
        )  # fmt: skip
    except (paramiko.SSHException, OSError, EOFError, ValueError) as e:
        # the text of the fault may hold what was sent
        message = f"connexion SFTP refusée ({type(e).__name__})"
        raise unreachable(jeu, message, "vérifier `cle_hote`, le compte et sa variable") from None
    return SftpStore(fs, unquote(split.path))


def _s3(source: SourceDepot, jeu: str, user: str, key: str) -> Store:
    import s3fs

    address = urlsplit(source.point_acces or "https://s3.amazonaws.com")
    host, port = address.hostname or "", address.port or (443 if address.scheme == "https" else 80)
    _reached(source, jeu, host, port).close()
    client: dict[str, Any] = {"region_name": source.region} if source.region else {}
    if source.point_acces:
        client["endpoint_url"] = source.point_acces
    fs = s3fs.S3FileSystem(
        key=user, secret=key, client_kwargs=client, use_listings_cache=False, skip_instance_cache=True,
        config_kwargs={"connect_timeout": _TIMEOUT, "read_timeout": _TIMEOUT},
    )  # fmt: skip
    split = urlsplit(source.url)
    return S3Store(fs, unquote(split.netloc + split.path))


def _reached(source: SourceDepot, jeu: str, host: str, port: int) -> socket.socket:
    """A connection whose peer, really reached, is where the clause says that it may be."""
    try:
        sock = socket.create_connection((host, port), _TIMEOUT)
    except OSError as e:
        raise unreachable(jeu, f"dépôt injoignable ({type(e).__name__})", "vérifier l'hôte et le réseau") from None
    kind = address_kind(sock.getpeername()[0])
    if not Reach(source.hote_interne).admits(host, kind):
        sock.close()
        message = f"l'hôte du dépôt est à une adresse {kind}, que la clause n'a pas déclarée"
        raise FeedError(jeu, Problem.URL_REFUSEE, message, "déclarer `source.hote_interne`, ou corriger `source.url`")
    return sock
