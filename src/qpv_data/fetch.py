"""Fetch: the only stage that reads the network. Complete or nothing.

Size, checksum and container are verified; a cut body is resumed; an unchanged source is not downloaded again.
"""

from __future__ import annotations

import hashlib
import random
import re
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from qpv_data.problems import FeedError, Problem
from qpv_data.sources.archive import Unpacker
from qpv_data.sources.container import NO_DATA, Limits, safe_name, sniff, verify
from qpv_data.sources.download import ADDRESS, LATER, Body, Download, TryAgainError
from qpv_data.sources.http import Guard, Reach, open_session, redact
from qpv_data.sources.secrets import Access


@dataclass(frozen=True)
class FetchPolicy:
    """How patient a fetch is. Bytes and seconds; `duree_max` bounds one fetch, all its tries included.

    `attente` is the first pause between tries, doubled each time; `attente_max` also caps Retry-After.
    """

    taille_max: int = 4_000_000_000
    essais: int = 5
    attente: float = 1.0
    attente_max: float = 120.0
    connexion: float = 10.0
    lecture: float = 60.0
    duree_max: float = 3_600.0
    agent: str = "qpv-data"
    limites: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.essais < 1:
            raise ValueError("a policy allows at least one try")


class Previous(Protocol):
    """What is known of the last delivery; land's `Delivery` is one."""

    @property
    def fichier(self) -> Path: ...
    @property
    def sha256(self) -> str: ...
    @property
    def taille(self) -> int: ...
    @property
    def nom_fichier(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def etag(self) -> str | None: ...
    @property
    def last_modified(self) -> str | None: ...


@dataclass(frozen=True)
class Fetched:
    """A complete resource. `url` is the clause's, without its secrets, never a mirror's address.

    `inchangee`: the source says that nothing changed; `path` is then the previous delivery's file.
    """

    path: Path
    sha256: str
    taille: int
    nom_fichier: str
    url: str
    etag: str | None
    last_modified: str | None
    inchangee: bool = False


def fetch(
    url: str,
    *,
    jeu: str,
    into: Path,
    policy: FetchPolicy,
    transport: Callable[[str], str] | None = None,
    previous: Previous | None = None,
    sha256: str | None = None,
    access: Access | None = None,
    reach: Reach | None = None,
    pause: Callable[[float], None] = time.sleep,
    horloge: Callable[[], float] = time.monotonic,
    hasard: Callable[[], float] = random.random,
) -> Fetched:
    """Download `url` into the folder `into`, under a name that starts with its SHA-256.

    `transport` gives the address really read (a mirror's). `sha256` is the one that the clause declares. `access`
    is what the source asks to be let in, `reach` where its address may lead: neither matters to a mirror.
    Raises FeedError, of the closed list: source_*, url_refusee, conteneur_*, format_inattendu,
    ecriture_impossible. Nothing is left in `into` then.
    """
    part = into / f".{hashlib.sha256(url.encode()).hexdigest()[:16]}.part"
    if previous is not None and (previous.url != redact(url) or sha256 not in (None, previous.sha256)):
        previous = None
    known = Access() if access is None or transport is not None else access
    address, timeout = transport(url) if transport else known.address(url), (policy.connexion, policy.lecture)
    limit = horloge() + policy.duree_max
    with (
        closing(Guard(policy.duree_max, None if transport else reach)) as guard,
        open_session(guard, policy.agent) as session,
    ):
        conditions = _conditions(previous)
        size, mirrored = policy.taille_max, transport is not None
        download = Download(jeu, url, address, part, size, timeout, conditions, session, guard, known.headers, mirrored)

        def attempt() -> Fetched:
            body = download.attempt()
            return _accept(download, body, policy, sha256) if body else _unchanged(previous)

        try:
            into.mkdir(parents=True, exist_ok=True)
            return _patiently(attempt, download, policy, limit, pause, horloge, hasard)
        except OSError as e:
            message = f"écriture impossible : {e.strerror or type(e).__name__}"
            remede = "libérer de la place, vérifier les droits du dossier de travail"
            raise download.error(Problem.ECRITURE_IMPOSSIBLE, message, remede) from e
        finally:
            with suppress(OSError):
                part.unlink()


def _patiently(
    attempt: Callable[[], Fetched],
    download: Download,
    policy: FetchPolicy,
    limit: float,
    pause: Callable[[float], None],
    horloge: Callable[[], float],
    hasard: Callable[[], float],
) -> Fetched:
    """Try until it works, the tries are used up, or `limit` (on `horloge`) comes before the next one."""
    number = 0
    while True:
        number += 1
        try:
            return attempt()
        except TryAgainError as fault:
            if download.guard.expired or horloge() >= limit:
                raise download.slow() from None
            backoff = policy.attente * 2 ** (number - 1) * (0.5 + hasard())
            wait = min(max(backoff, fault.attente), policy.attente_max)
            if number == policy.essais or horloge() + wait >= limit:
                message = f"{fault.message}, {number} essai{'s' if number > 1 else ''}"
                raise download.error(fault.probleme, message, LATER) from None
        pause(wait)


def _conditions(previous: Previous | None) -> dict[str, str]:
    if previous is None:
        return {}
    pairs = {"If-None-Match": previous.etag, "If-Modified-Since": previous.last_modified}
    return {name: value for name, value in pairs.items() if value}


def _unchanged(previous: Previous | None) -> Fetched:
    assert previous is not None, "a 304 only answers conditions, which come from a previous delivery"
    p = previous
    return Fetched(p.fichier, p.sha256, p.taille, p.nom_fichier, p.url, p.etag, p.last_modified, inchangee=True)


def _accept(download: Download, body: Body, policy: FetchPolicy, sha256: str | None) -> Fetched:
    """Decode, check, name. A body whose end HTTP could not prove is tried again when its container is cut."""
    part, jeu = download.part, download.jeu
    _decode(download, body.headers.get("Content-Encoding", "").strip().lower(), policy)
    with part.open("rb") as f:
        digest = hashlib.file_digest(f, "sha256").hexdigest()
    if (kind := sniff(part)) in NO_DATA:
        message = f"{NO_DATA[kind]} à la place des données"
        raise download.error(Problem.FORMAT_INATTENDU, message, ADDRESS)
    try:
        verify(part, jeu=jeu, limite=policy.limites)
    except FeedError as e:
        if body.proven or e.probleme is not Problem.CONTENEUR_INVALIDE:
            raise
        download.restart()
        raise TryAgainError(e.probleme, f"{e.message}, longueur non annoncée") from None
    if sha256 is not None and digest != sha256:
        message = f"empreinte {digest[:12]}…, la clause déclare {sha256[:12]}…"
        raise download.error(Problem.SOURCE_ALTEREE, message, "vérifier le fichier avec son producteur")
    final = body.final_url if download.address == download.url else download.url
    name, size = _name(final, body.headers.get("Content-Disposition", "")), part.stat().st_size
    path = part.replace(part.with_name(f"{digest[:16]}-{name}"))
    etag, modified = body.headers.get("ETag"), body.headers.get("Last-Modified")
    return Fetched(path, digest, size, name, redact(download.url), etag, modified)


def _decode(download: Download, encoding: str, policy: FetchPolicy) -> None:
    """Undo a Content-Encoding that was not asked for; lengths and resuming were on the encoded bytes."""
    if encoding in ("", "identity"):
        return
    if encoding not in ("gzip", "x-gzip"):
        message = f"codage de contenu {encoding[:20]!r} non demandé"
        raise download.error(Problem.FORMAT_INATTENDU, message, "prévenir le producteur")
    unpacker = Unpacker(download.jeu, policy.limites)
    try:
        with unpacker.gzip(download.part) as stream:
            decoded = unpacker.write(stream, download.part.with_suffix(".decoded"))
    except FeedError as e:
        if e.probleme is not Problem.CONTENEUR_INVALIDE:
            raise
        download.restart()
        raise TryAgainError(Problem.SOURCE_TRONQUEE, "codage gzip illisible ou tronqué") from None
    decoded.replace(download.part)
    if download.part.stat().st_size > policy.taille_max:
        raise download.too_big()


def _name(url: str, disposition: str) -> str:
    """A safe file name: what the server proposes, else the end of the address."""
    if m := re.search(r"filename\*\s*=\s*utf-8''([^;\s]+)", disposition, re.IGNORECASE):
        return safe_name(unquote(m[1]))
    if m := re.search(r'filename\s*=\s*"?([^";]+)', disposition, re.IGNORECASE):
        return safe_name(m[1])
    return safe_name(unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2]))
