"""data.gouv.fr and other udata sites: the resource of a dataset by its title, wherever its link has moved."""

from __future__ import annotations

import fnmatch
import hashlib
import unicodedata
from collections.abc import Mapping
from typing import Any

from qpv_data.clause.source import SourceDatagouv
from qpv_data.fetch import Fetched, Previous
from qpv_data.problems import Problem, listed
from qpv_data.sources.asking import Asking

_ALGORITHMS = {"sha1": "sha1", "sha256": "sha256", "sha512": "sha512", "md5": "md5"}
_DECLARE = "corriger `source.ressource` (`*` et `?` permis), ou ajouter `source.format_ressource`"


def resource(asking: Asking, source: SourceDatagouv, previous: Previous | None) -> Fetched:
    """The only resource of that title, held to the checksum of the catalogue when it has one.

    Raises FeedError: ressource_introuvable, ressource_ambigue (titles listed), source_alteree.
    """
    found = _chosen(asking, source)
    url = found.get("url")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        message = "la ressource n'a pas d'adresse http(s)"
        raise asking.error(Problem.RESSOURCE_INTROUVABLE, source.api, message, "prévenir le producteur")
    got = asking.file(url, previous=previous, sha256=source.sha256)
    _hold_checksum(asking, got, found)
    return got


def _chosen(asking: Asking, source: SourceDatagouv) -> Mapping[str, Any]:
    answer = asking.document(source.api)
    resources = answer.get("resources") if isinstance(answer, dict) else None
    if not isinstance(resources, list):
        message = "la réponse ne liste pas de ressources"
        raise asking.error(Problem.FORMAT_INATTENDU, source.api, message, "vérifier `source.jeu_de_donnees`")
    known = [r for r in resources if isinstance(r, dict) and isinstance(r.get("title"), str)]
    matching = [r for r in known if _plain(r["title"]) == _plain(source.ressource)]
    matching = matching or [r for r in known if _matches(r["title"], source.ressource)]
    if source.format_ressource:
        wanted = _plain(source.format_ressource)
        matching = [r for r in matching if _plain(str(r.get("format") or "")) == wanted]
    if len(matching) == 1:
        return matching[0]
    shown = listed((_shown(r) for r in matching or known), 20) or "aucune"
    if matching:
        message = f"{len(matching)} ressources répondent à {source.ressource!r} : {shown}"
        raise asking.error(Problem.RESSOURCE_AMBIGUE, source.api, message, _DECLARE)
    message = f"aucune ressource ne répond à {source.ressource!r} ; titres du jeu : {shown}"
    raise asking.error(Problem.RESSOURCE_INTROUVABLE, source.api, message, _DECLARE)


def _plain(text: str) -> str:
    """Titles are typed by hand: case, spaces and composition of accents do not tell them apart."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _matches(title: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(_plain(title), _plain(pattern).replace("[", "[[]"))


def _shown(found: Mapping[str, Any]) -> str:
    title = "".join(c for c in str(found["title"]) if c.isprintable())[:80]
    return f"{title!r} ({str(found.get('format') or '?')[:10]})"


def _hold_checksum(asking: Asking, got: Fetched, found: Mapping[str, Any]) -> None:
    told = found.get("checksum")
    if got.inchangee or not isinstance(told, dict):
        return
    algorithm, value = _ALGORITHMS.get(str(told.get("type", "")).lower()), str(told.get("value", "")).lower()
    if algorithm is None or not value:
        return
    with got.path.open("rb") as file:
        digest = hashlib.file_digest(file, algorithm).hexdigest()
    if digest != value:
        got.path.unlink()
        message = f"empreinte {algorithm} {digest[:12]}…, le catalogue annonce {value[:12]}…"
        remede = "relancer ; si cela dure, le catalogue ou le fichier est faux : prévenir le producteur"
        raise asking.error(Problem.SOURCE_ALTEREE, got.url, message, remede)
