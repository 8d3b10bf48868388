"""One source being asked, over as many requests as its protocol takes: each goes through `fetch`, with its checks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from qpv_data.fetch import Fetched, FetchPolicy, Previous, fetch
from qpv_data.problems import FeedError, Problem
from qpv_data.sources.http import Reach, origin_of, redact
from qpv_data.sources.secrets import Access

DOCUMENT_MAX = 50_000_000


@dataclass(frozen=True)
class Asking:
    """`declared`: the address whose origin is told the secret, and no other. `policy.duree_max` bounds the whole,
    from the making of this object; `transport` is a mirror's, without which the network is read."""

    jeu: str
    declared: str
    into: Path
    policy: FetchPolicy
    transport: Callable[[str], str] | None = None
    access: Access = field(default_factory=Access)
    reach: Reach = field(default_factory=Reach)
    pause: Callable[[float], None] = time.sleep
    horloge: Callable[[], float] = time.monotonic
    debut: float = field(default_factory=time.monotonic)

    def file(self, url: str, *, previous: Previous | None = None, sha256: str | None = None, most: int = 0) -> Fetched:
        """The resource at `url`, of at most `most` bytes when it is given. Raises FeedError."""
        left = self.policy.duree_max - (self.horloge() - self.debut)
        if left <= 0:
            message = f"{redact(url)} : délai total dépassé"
            raise FeedError(self.jeu, Problem.SOURCE_TROP_LENTE, message, "relancer plus tard")
        size = min(self.policy.taille_max, most) if most else self.policy.taille_max
        return fetch(
            url,
            jeu=self.jeu,
            into=self.into,
            policy=replace(self.policy, duree_max=left, taille_max=size),
            transport=self.transport,
            previous=previous,
            sha256=sha256,
            access=self.access if self._is_declared(url) else None,
            reach=self.reach,
            pause=self.pause,
        )

    def document(self, url: str, most: int = DOCUMENT_MAX) -> Any:
        """A JSON answer, whole in memory: `most` bytes bound it. Raises FeedError, format_inattendu for one."""
        return self.parsed(self.read(url, most), url)

    def read(self, url: str, most: int = DOCUMENT_MAX) -> bytes:
        """The bytes of an answer, of which nothing stays on disk."""
        got = self.file(url, most=most)
        data = got.path.read_bytes()
        got.path.unlink()
        return data

    def parsed(self, data: bytes, url: str) -> Any:
        """JSON, or FeedError; NaN and infinities are no JSON."""
        try:
            return json.loads(data.decode("utf-8-sig"), parse_constant=_no_constant)
        except (ValueError, RecursionError) as e:
            message = f"{redact(url)} : réponse JSON illisible ({type(e).__name__})"
            raise FeedError(self.jeu, Problem.FORMAT_INATTENDU, message, "prévenir le producteur") from None

    def error(self, probleme: Problem, url: str, message: str, remede: str) -> FeedError:
        """A fault of the resource at `url`."""
        return FeedError(self.jeu, probleme, f"{redact(url)} : {message}", remede)

    def _is_declared(self, url: str) -> bool:
        try:
            return origin_of(url) == origin_of(self.declared)
        except ValueError:
            return False


def _no_constant(name: str) -> None:
    raise ValueError(name)
