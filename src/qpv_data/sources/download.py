"""The body of one resource, over as many tries as it takes: resumed when the server can prove it is the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path

import requests

from qpv_data.problems import FeedError, Problem
from qpv_data.sources.http import Guard, RefusedUrlError, get, read_some, redact

_CHUNK = 1 << 18
_TRANSIENT = (429, 500, 502, 503, 504)
LATER = "relancer plus tard ; si cela dure, prévenir le producteur"
ADDRESS = "vérifier `source.url` dans la clause"


class TryAgainError(Exception):
    """A fault that another try may cure. `attente`: seconds that the server asks for."""

    def __init__(self, probleme: Problem, message: str, attente: float = 0.0) -> None:
        self.probleme, self.message, self.attente = probleme, message, attente
        super().__init__(message)


@dataclass(frozen=True)
class Body:
    """A body received to its end. `proven`: by its announced length or its chunks; else HTTP cannot tell.

    `headers` are the last answer's, `final_url` the address after redirections.
    """

    headers: Mapping[str, str]
    final_url: str
    proven: bool


@dataclass
class Download:
    """What lasts from one try to the next: the bytes in `part`, and the resource that they are the start of.

    `url` names the resource in messages, `address` is read (a mirror's, perhaps). Sizes in bytes, `timeout` is
    (connect, read) in seconds. `conditions` are sent with a request for the whole body, `secrets` with every request
    to the address's own origin.
    """

    jeu: str
    url: str
    address: str
    part: Path
    taille_max: int
    timeout: tuple[float, float]
    conditions: Mapping[str, str]
    session: requests.Session
    guard: Guard
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    mirrored: bool = False
    have: int = 0
    total: int | None = None
    etag: str | None = None

    def error(self, probleme: Problem, message: str, remede: str) -> FeedError:
        return FeedError(self.jeu, probleme, f"{redact(self.url)} : {message}", remede)

    def slow(self) -> FeedError:
        message = f"délai total dépassé, {self.have} octets reçus"
        return self.error(Problem.SOURCE_TROP_LENTE, message, LATER)

    def too_big(self) -> FeedError:
        remede = "vérifier la source, ou relever `source.taille_max_mo`"
        return self.error(Problem.SOURCE_TROP_GRANDE, f"plus de {self.taille_max} octets", remede)

    def restart(self) -> None:
        """Forget what was received."""
        self.have, self.total, self.etag = 0, None, None

    def attempt(self) -> Body | None:
        """One try. None: the source has not changed (`conditions`). Raises TryAgainError, FeedError."""
        if resuming := bool(self.have and self.etag):
            headers: Mapping[str, str] = {"Range": f"bytes={self.have}-", "If-Range": str(self.etag)}
        else:
            self.restart()
            headers = self.conditions
        try:
            with get(self.session, self.guard, self.address, headers, self.timeout, self.secrets) as answer:
                if answer.status_code == 304 and self.conditions and not resuming:
                    return None
                self._judge(answer, resuming=resuming)
                proven = self._receive(answer)
                return Body(answer.headers, answer.url, proven)
        except RefusedUrlError as e:
            raise self.error(Problem.URL_REFUSEE, str(e), ADDRESS) from None
        except requests.exceptions.SSLError:
            message = "certificat refusé ou chiffrement impossible"
            raise self.error(Problem.SOURCE_INJOIGNABLE, message, "vérifier le certificat du serveur") from None
        except ValueError:
            raise self.error(Problem.URL_REFUSEE, "adresse mal formée", ADDRESS) from None
        except requests.exceptions.RequestException as e:
            # its text may hold the address and its secrets: only its name is shown
            raise TryAgainError(Problem.SOURCE_INJOIGNABLE, f"pas de réponse ({type(e).__name__})") from None

    def _judge(self, answer: requests.Response, *, resuming: bool) -> None:
        """Let through a whole body, or exactly the rest that was asked for."""
        status, headers = answer.status_code, answer.headers
        if resuming and status == 206:
            m = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", ""))
            total = int(m[2]) if m and m[2] != "*" else self.total
            same = headers.get("ETag", self.etag) == self.etag and total == (self.total or total)
            if m and int(m[1]) == self.have and same:
                self.total = total
                return
        if resuming and status in (206, 412, 416):
            self.restart()
            raise TryAgainError(Problem.SOURCE_TRONQUEE, "reprise refusée par le serveur")
        if status == 200:
            self.restart()
            etag = headers.get("ETag", "")
            self.etag = etag if etag.startswith('"') else None  # a weak one does not prove the same bytes
            return
        if status in (404, 410):
            mirrored = "ajouter le fichier au miroir, ou " if self.mirrored else ""
            raise self.error(Problem.SOURCE_ABSENTE, f"réponse {status}", mirrored + ADDRESS)
        if status in _TRANSIENT:
            raise TryAgainError(Problem.SOURCE_INJOIGNABLE, f"réponse {status}", retry_after(headers))
        remede = "vérifier l'adresse et les droits d'accès"
        raise self.error(Problem.SOURCE_INJOIGNABLE, f"réponse {status}", remede)

    def _receive(self, answer: requests.Response) -> bool:
        """Append the body to `part`. True when its end is proven; raises TryAgainError when it is cut."""
        chunked = "chunked" in answer.headers.get("Transfer-Encoding", "").lower()
        length = answer.headers.get("Content-Length", "")
        if not chunked and length.isdecimal():
            self.total = self.have + int(length)
        if (self.total or 0) > self.taille_max:
            raise self.too_big()
        with self.part.open("r+b" if self.have else "wb") as out:
            out.seek(self.have)
            while data := self._read(answer):
                out.write(data)
                self.have += len(data)
                if self.have > self.taille_max:
                    raise self.too_big()
        if self.total is not None and self.have != self.total:
            raise self._cut("fin prématurée")
        return chunked or self.total is not None

    def _read(self, answer: requests.Response) -> bytes:
        try:
            data = read_some(answer, _CHUNK)
        except EOFError as e:
            raise self._cut(str(e)) from None
        if self.guard.expired:  # a socket that the guard cuts looks like an end
            raise self.slow()
        return data

    def _cut(self, why: str) -> TryAgainError:
        expected = f" sur {self.total}" if self.total is not None else ""
        message = f"réponse coupée après {self.have} octets{expected} ({why})"
        return TryAgainError(Problem.SOURCE_TRONQUEE, message)


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that the server asks to wait; a date counts from the server's own, so no clock is read. 0
    when it asks nothing."""
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value[:9])
    try:
        delta = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        return 0.0
    return max(0.0, delta.total_seconds())
