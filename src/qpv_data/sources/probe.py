"""Whether a source answers, without downloading it: one request through the same guard, the same secrets as a fetch."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from socket import socket
from typing import Any
from urllib.parse import urlsplit

import requests

from qpv_data.clause.source import Source, SourceDatagouv, SourceDepot, SourceGbfs, SourceOpendatasoft, SourceWfs
from qpv_data.problems import FeedError, Problem
from qpv_data.sources.deposit.opening import open_deposit
from qpv_data.sources.http import Guard, Reach, RefusedUrlError, get, open_session, redact
from qpv_data.sources.secrets import Access, access_of

_TIMEOUT, _WHOLE, _AGAIN = (5.0, 10.0), 20.0, 1.0
_LATER = "réessayer plus tard ; si cela dure, prévenir le producteur"
_ADDRESS = "vérifier `source` dans la clause"
_FILES = frozenset({"text/html", "application/xhtml+xml"})


@dataclass(frozen=True)
class Probed:
    """What one request found. `probleme`: null when the source answers. `horloge`: what its server says that time is,
    less what this machine says, in seconds. `certificat`: the day (UTC) when its certificate ends."""

    jeu: str
    periode: str | None
    url: str
    probleme: Problem | None = None
    message: str = ""
    remede: str = ""
    secondes: float = 0.0
    horloge: float | None = None
    certificat: datetime | None = None

    @property
    def hote(self) -> str:
        """The host, or the name of the deposit."""
        return urlsplit(self.url).hostname or self.url


def probe(
    source: Source, jeu: str, periode: str | None, transport: Callable[[str], str] | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Probed:  # fmt: skip
    """Ask a source, its slots filled, whether it answers. `transport`: a mirror's. Never raises for its faults."""
    url = redact(source.adresse(jeu))
    start = time.monotonic()
    try:
        if isinstance(source, SourceDepot) and (transport is None or source.is_here()):
            open_deposit(source, jeu, clock)[0].entries()
            return Probed(jeu, periode, url, secondes=time.monotonic() - start)
        access = Access() if transport is not None else access_of(source, jeu)
        address = transport(source.adresse(jeu)) if transport is not None else access.address(_asked(source, jeu))
        reach = None if transport is not None else Reach(source.hote_interne)
        answer = _answer(jeu, address, access, reach, clock)
    except FeedError as e:
        return Probed(jeu, periode, url, e.probleme, e.message, e.remede, time.monotonic() - start)
    except OSError as e:  # a deposit whose folder cannot be read
        message, remedy = f"dépôt illisible ({e.strerror or type(e).__name__})", "vérifier le réseau et les droits"
        return Probed(jeu, periode, url, Problem.DEPOT_INACCESSIBLE, message, remedy, time.monotonic() - start)
    return Probed(jeu, periode, url, secondes=time.monotonic() - start, horloge=answer[0], certificat=answer[1])


def _asked(source: Source, jeu: str) -> str:
    """The lightest address that only answers when the source does."""
    match source:
        case SourceOpendatasoft():
            return source.catalogue
        case SourceDatagouv():
            return source.api
        case SourceWfs():
            return source.requete(COUNT="1")
        case SourceGbfs():
            return source.url
        case _:
            return source.adresse(jeu)


class _Noting(Guard):
    """A guard that keeps the certificate of the last peer."""

    certificate: dict[str, Any] | None = None

    def watch(self, sock: socket) -> None:
        super().watch(sock)
        if isinstance(sock, ssl.SSLSocket):
            self.certificate = sock.getpeercert()


def _answer(
    jeu: str, address: str, access: Access, reach: Reach | None, clock: Callable[[], datetime]
) -> tuple[float | None, datetime | None]:
    """(clock of the server, end of its certificate). One more try when the network faltered. Raises FeedError."""
    for last in (False, True):
        with closing(_Noting(_WHOLE, reach)) as guard, open_session(guard, "qpv-data (sonde)") as session:
            try:
                with get(session, guard, address, {}, _TIMEOUT, access.headers) as answer:
                    _judge(jeu, answer)
                    return _clock_of(answer, clock), _end_of(guard.certificate)
            except RefusedUrlError as e:
                raise FeedError(jeu, Problem.URL_REFUSEE, str(e), _ADDRESS) from None
            except requests.exceptions.SSLError:
                message, remedy = "certificat refusé ou chiffrement impossible", "vérifier le certificat du serveur"
                raise FeedError(jeu, Problem.SOURCE_INJOIGNABLE, message, remedy) from None
            except ValueError:
                raise FeedError(jeu, Problem.URL_REFUSEE, "adresse mal formée", _ADDRESS) from None
            except requests.exceptions.RequestException as e:
                if last:  # its text may hold the address and its secrets
                    message = f"pas de réponse ({type(e).__name__})"
                    raise FeedError(jeu, Problem.SOURCE_INJOIGNABLE, message, _LATER) from None
        time.sleep(_AGAIN)
    raise AssertionError("the last try returns or raises")


def _judge(jeu: str, answer: requests.Response) -> None:
    status = answer.status_code
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if status < 400 and kind not in _FILES:
        return
    if status < 400:
        message = "page HTML à la place des données"
        raise FeedError(jeu, Problem.FORMAT_INATTENDU, message, _ADDRESS)
    if status in (404, 410):
        raise FeedError(jeu, Problem.SOURCE_ABSENTE, f"réponse {status}", _ADDRESS)
    rights = "vérifier les droits d'accès, et la variable de `source.secret`"
    remedy = rights if status in (401, 403) else _LATER
    raise FeedError(jeu, Problem.SOURCE_INJOIGNABLE, f"réponse {status}", remedy)


def _clock_of(answer: requests.Response, clock: Callable[[], datetime]) -> float | None:
    try:
        said = parsedate_to_datetime(answer.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return ((said if said.tzinfo else said.replace(tzinfo=UTC)) - clock()).total_seconds()


def _end_of(certificate: dict[str, Any] | None) -> datetime | None:
    end = (certificate or {}).get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(end)), UTC) if end else None
