"""One HTTP exchange, guarded: which addresses may be reached, how long it may take, what may be said of it."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests.utils import get_auth_from_url, get_environ_proxies, select_proxy
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3 import exceptions as urllib3_errors
from urllib3.connection import HTTPConnection, HTTPSConnection

from qpv_data.sources.networks import AddressKind, Reach, address_kind, literal_kind, redact

__all__ = [
    "AddressKind",
    "Guard",
    "Reach",
    "RefusedUrlError",
    "address_kind",
    "get",
    "may_follow",
    "open_session",
    "origin_of",
    "read_some",
    "redact",
]

REDIRECTIONS_MAX = 5


class RefusedUrlError(Exception):
    """The address may not be reached. The message is fit for readers."""


def may_follow(origin: AddressKind, target: AddressKind) -> bool:
    """A redirection goes to public addresses, or stays within the kind of network that the clause named."""
    return target in (AddressKind.PUBLIQUE, origin)


def _addresses(host: str) -> set[str]:
    """What `host` resolves to; nothing when it does not, and connecting will say so."""
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return set()


class Guard:
    """Watches the connections of one fetch: refuses peers, and cuts whatever lasts beyond `seconds`.

    A read timeout does not bound a body (nor headers) fed drop by drop: only closing the socket does.
    """

    def __init__(self, seconds: float, reach: Reach | None = None) -> None:
        """`reach`: where a declared address may lead; None when whoever calls chose the address: redirections then
        stay within its kind of network."""
        self.expired = False
        self._reach, self._host, self._number = reach, "", 0
        self._origin: AddressKind | None = None
        self._proxied = False
        self._sock: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self._timer.start()

    def close(self) -> None:
        self._timer.cancel()

    def hop(self, number: int, host: str, *, proxied: bool) -> None:
        """Before each request: 0 is the address that the clause names, later ones are redirections.

        Every address of a redirection's host is judged before any is tried.
        """
        self._proxied, self._host, self._number = proxied, host, number
        if number == 0:
            self._origin = None
        if self._reach is None and number == 0:
            return
        if proxied:  # the proxy resolves names: what a spelling says is judged all the same
            if self._reach is not None and literal_kind(host) is not None:
                self._judge("127.0.0.1" if literal_kind(host) is AddressKind.BOUCLE else host)
            return
        for ip in _addresses(host):
            self._judge(ip)

    def admit(self, sock: socket.socket) -> None:
        """Judge the peer really reached: a name may resolve to something else the next time."""
        if not self._proxied:  # else the peer is the proxy, whose own rules apply
            try:
                self._judge(sock.getpeername()[0])
            except RefusedUrlError:
                sock.close()
                raise

    def _judge(self, ip: str) -> None:
        kind = address_kind(ip)
        if self._reach is not None:
            if not self._reach.admits(self._host, kind):
                what = "redirection vers" if self._number else "l'hôte est à"
                raise RefusedUrlError(f"{what} une adresse {kind}, que la clause n'a pas déclarée (`hote_interne`)")
        elif self._origin is None:
            self._origin = kind
        elif not may_follow(self._origin, kind):
            raise RefusedUrlError(f"redirection d'une adresse {self._origin} vers une adresse {kind}")

    def watch(self, sock: socket.socket) -> None:
        self._sock = sock
        if self.expired:
            self._expire()

    def _expire(self) -> None:
        self.expired = True
        if self._sock is not None:
            try:
                socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
            except OSError:
                self._sock = None  # already closed


def open_session(guard: Guard, agent: str) -> requests.Session:
    """A session whose connections `guard` watches. It never retries, redirects or reads .netrc by itself."""
    session = requests.Session()
    session.headers.update({"User-Agent": agent, "Accept": "*/*", "Accept-Encoding": "identity"})
    adapter = _GuardedAdapter(guard)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


@contextmanager
def get(
    session: requests.Session,
    guard: Guard,
    url: str,
    headers: Mapping[str, str],
    timeout: tuple[float, float],
    secrets: Mapping[str, str] | None = None,
) -> Iterator[requests.Response]:
    """The answer at the end of at most five redirections, body unread.

    `secrets`: headers for the origin of `url` alone; a redirection elsewhere does not take them along.
    Raises RefusedUrlError, and the errors of requests.
    """
    first = origin_of(url)
    for number in range(REDIRECTIONS_MAX + 1):
        sent = {**headers, **(secrets or {})} if origin_of(url) == first else headers
        answer = _get_one(session, guard, number, url, sent, timeout)
        try:
            target = session.get_redirect_target(answer)
            if target is None:
                yield answer
                return
            url = urljoin(url, target)
        finally:
            answer.close()
    raise RefusedUrlError(f"plus de {REDIRECTIONS_MAX} redirections")


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: to whom a secret is told. Raises ValueError on a malformed address."""
    split = urlsplit(url)
    default = {"http": 80, "https": 443}.get(split.scheme)
    return split.scheme, (split.hostname or "").lower(), split.port or default


def read_some(answer: requests.Response, amount: int) -> bytes:
    """What has arrived, at most `amount` bytes, as sent on the wire; b"" at the end.

    Raises EOFError when the body ends before its announced length, or is ill-formed.
    """
    try:
        data: bytes | None = answer.raw.read1(amount, decode_content=False)
        return data or b""
    except (urllib3_errors.HTTPError, http.client.HTTPException, OSError, ValueError) as e:
        raise EOFError(type(e).__name__) from None


def _get_one(
    session: requests.Session,
    guard: Guard,
    number: int,
    url: str,
    headers: Mapping[str, str],
    timeout: tuple[float, float],
) -> requests.Response:
    split = urlsplit(url)
    if split.scheme not in ("http", "https") or not split.hostname:
        raise RefusedUrlError(f"seules les adresses http et https sont lues ({split.scheme or 'sans schéma'})")
    loopback = split.hostname in ("localhost", "::1") or split.hostname.startswith("127.")
    session.trust_env = not loopback  # a mirror is never reached through the proxy
    guard.hop(number, split.hostname, proxied=not loopback and bool(select_proxy(url, get_environ_proxies(url))))
    user = get_auth_from_url(url) if number == 0 else ("", "")
    return session.get(
        url,
        headers=dict(headers),
        auth=HTTPBasicAuth(*user) if any(user) else _no_netrc,
        stream=True,
        allow_redirects=False,
        timeout=timeout,
    )


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, guard: Guard) -> None:
        self._pools = _pools(guard)
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _pools(guard: Guard) -> dict[str, Any]:
    """Connection pools that show every socket to `guard`: before TLS to judge it, after it to cut it."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            sock = super()._new_conn()
            guard.admit(sock)
            return sock

        def connect(self) -> None:
            super().connect()
            guard.watch(self.sock)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            sock = super()._new_conn()
            guard.admit(sock)
            return sock

        def connect(self) -> None:
            super().connect()
            guard.watch(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
