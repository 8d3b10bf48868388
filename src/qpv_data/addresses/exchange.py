"""Requests to a geocoder: patient, bounded, never redirected, and silent about what they carry."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies, select_proxy

from qpv_data import __version__
from qpv_data.addresses.hosts import allowed_peers, is_loopback
from qpv_data.addresses.model import OutageError, Service
from qpv_data.sources.download import retry_after
from qpv_data.sources.http import AddressKind, Guard, RefusedUrlError, address_kind, open_session, read_some

_CHUNK = 1 << 16
# urllib3 writes the path of each request here at level DEBUG: with it, the address.
_CHATTY = logging.getLogger("urllib3.connectionpool")
_TRANSIENT = (408, 429, 500, 502, 503, 504)


class ServerFaultError(OutageError):
    """The server stumbles (500) on this request, try after try; it may well answer another."""


@dataclass(frozen=True)
class Patience:
    """Seconds, and tries of one request. `attente`: the first pause, doubled each time; `attente_max` also bounds
    what the server may ask (Retry-After). `duree_max` bounds one exchange, pauses included."""

    essais: int = 5
    attente: float = 0.5
    attente_max: float = 120.0
    connexion: float = 5.0
    lecture: float = 60.0
    duree_max: float = 900.0


@dataclass(frozen=True)
class _Try:
    """How one try ended: the body, or why not. `attente`: what the server asks for; `encore`: worth another try."""

    body: bytes | None = None
    faute: str = ""
    attente: float = 0.0
    encore: bool = False
    interne: bool = False


class Exchange:
    """A conversation with one service. `pause` and `horloge` are replaced in tests.

    What requests raise holds the address asked for: such an exception is dropped where it is caught, and no error
    raised here is chained to one.
    """

    def __init__(
        self,
        service: Service,
        patience: Patience,
        pause: Callable[[float], None] = time.sleep,
        horloge: Callable[[], float] = time.monotonic,
    ) -> None:
        self._patience, self._pause, self._horloge = patience, pause, horloge
        self._guard = _Peers(patience.duree_max, allowed_peers(service))
        self._session = open_session(self._guard, f"qpv-data/{__version__}")
        host = urlsplit(service.url).hostname or ""
        inside = is_loopback(host) or service.geocodeur == "addok"
        # A geocoder of our own is never reached through a proxy, which would see the addresses.
        self._session.trust_env = not inside
        proxied = not inside and bool(select_proxy(service.url, get_environ_proxies(service.url)))
        self._guard.hop(0, host, proxied=proxied)
        self._limit = horloge() + patience.duree_max

    def __enter__(self) -> Self:
        _CHATTY.addFilter(self._hush)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._guard.close()
        self._session.close()
        _CHATTY.removeFilter(self._hush)

    def _hush(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING

    def ask(self, method: str, url: str, taille_max: int, **content: Any) -> bytes:
        """The body of a 200 answer, at most `taille_max` bytes. Raises OutageError, ServerFaultError."""
        wait = self._patience.attente
        for number in range(1, self._patience.essais + 1):
            found = self._try(method, url, taille_max, content)
            if found.body is not None:
                return found.body
            patient = min(max(wait, found.attente), self._patience.attente_max)
            last = number == self._patience.essais or not found.encore
            if found.attente > self._patience.attente_max:
                raise OutageError(f"{found.faute}, et demande d'attendre {found.attente:.0f} s")
            if last or self._horloge() + patient > self._limit:
                kind = ServerFaultError if found.interne else OutageError
                raise kind(f"{found.faute} ({number} essai{'s' if number > 1 else ''})")
            self._pause(patient)
            wait *= 2
        raise AssertionError("a policy allows at least one try")

    def _try(self, method: str, url: str, taille_max: int, content: Mapping[str, Any]) -> _Try:
        timeout = (self._patience.connexion, self._patience.lecture)
        try:
            answer = self._session.request(
                method, url, **content, auth=_nobody, stream=True, allow_redirects=False, timeout=timeout
            )
        except RefusedUrlError as e:
            return _Try(faute=str(e))
        except requests.exceptions.SSLError:
            return _Try(faute="certificat refusé ou chiffrement impossible")
        except (requests.exceptions.RequestException, ValueError) as e:
            return self._late() or _Try(faute=f"pas de réponse ({type(e).__name__})", encore=True)
        with answer:
            return self._judge(answer) or self._read(answer, taille_max)

    def _judge(self, answer: requests.Response) -> _Try | None:
        """None: the body is worth reading."""
        status = answer.status_code
        if status == 200:
            if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
                return _Try(faute="réponse compressée sans avoir été demandée ainsi")
            return None
        if 300 <= status < 400:
            return _Try(faute=f"redirection refusée ({status})")
        again = status in _TRANSIENT
        return _Try(
            faute=f"réponse {status}",
            attente=retry_after(answer.headers) if again else 0.0,
            encore=again,
            interne=status == 500,
        )

    def _read(self, answer: requests.Response, taille_max: int) -> _Try:
        body = bytearray()
        while True:
            try:
                data = read_some(answer, _CHUNK)
            except EOFError as e:
                return self._late() or _Try(faute=f"réponse coupée ({e})", encore=True)
            if late := self._late():
                return late
            body += data
            if len(body) > taille_max:
                return _Try(faute=f"réponse de plus de {taille_max} octets")
            if not data:
                length = answer.headers.get("Content-Length", "")
                if length.isdecimal() and int(length) != len(body):
                    return _Try(faute="réponse coupée", encore=True)
                return _Try(body=bytes(body))

    def _late(self) -> _Try | None:
        return _Try(faute="délai total dépassé") if self._guard.expired else None


class _Peers(Guard):
    """Refuses, on the socket itself, a network where the service cannot be: a name may resolve to anything."""

    def __init__(self, seconds: float, kinds: frozenset[AddressKind]) -> None:
        self._kinds = kinds
        super().__init__(seconds)

    def _judge(self, ip: str) -> None:
        kind = address_kind(ip)
        if kind not in self._kinds:
            allowed = " ou ".join(sorted(self._kinds))
            raise RefusedUrlError(f"le géocodeur est à une adresse {kind} ({allowed} permise)")


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """No credentials, and none from .netrc."""
    return request
