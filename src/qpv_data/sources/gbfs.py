"""GBFS: stations and their state, from the auto-discovery file, as one JSON document."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from qpv_data.clause.source import SourceGbfs
from qpv_data.fetch import Fetched
from qpv_data.problems import Problem
from qpv_data.sources.asking import Asking
from qpv_data.sources.http import redact

_INFORMATION, _STATUS = "station_information", "station_status"


def stations(asking: Asking, source: SourceGbfs) -> Fetched:
    """`{"releve_le", "version", "stations": [{"station_id", "releve_le", "station_information", "station_status"}]}`,
    sorted by id.

    `releve_le` is the UTC instant that station_status gives for itself. A station that one file alone knows keeps
    the other null. Raises FeedError: ressource_introuvable, format_inattendu, doubled ids included.
    """
    discovery = asking.document(source.url)
    feeds = dict(_feeds(discovery, source.langue))
    absent = [name for name in (_INFORMATION, _STATUS) if name not in feeds]
    if absent:
        message = f"flux absents de l'auto-découverte : {', '.join(absent)} ; présents : {', '.join(sorted(feeds))}"
        raise asking.error(Problem.RESSOURCE_INTROUVABLE, source.url, message[:400], "vérifier `source.langue`")
    documents = {name: asking.document(feeds[name]) for name in (_INFORMATION, _STATUS)}
    known = {name: _by_id(asking, feeds[name], documents[name]) for name in documents}
    moment = _instant(asking, feeds[_STATUS], documents[_STATUS])
    rows = [
        {"station_id": i, "releve_le": moment, **{name: known[name].get(i) for name in known}}
        for i in sorted({*known[_INFORMATION], *known[_STATUS]})
    ]
    content = {"releve_le": moment, "version": str(discovery.get("version") or "1.0"), "stations": rows}
    data = json.dumps(content, ensure_ascii=False, sort_keys=True).encode()
    digest = hashlib.sha256(data).hexdigest()
    path = asking.into / f"{digest[:16]}-stations.json"
    path.write_bytes(data)
    return Fetched(path, digest, len(data), "stations.json", redact(source.adresse(asking.jeu)), None, None)


def _feeds(discovery: Any, language: str) -> Iterator[tuple[str, str]]:
    """Name and address of each feed: under a language before GBFS 3, straight under `data` since."""
    data = discovery.get("data") if isinstance(discovery, dict) else None
    if isinstance(data, dict) and "feeds" not in data:
        spoken = [v for v in data.values() if isinstance(v, dict)]
        data = data.get(language) or (spoken[0] if len(spoken) == 1 else None)
    listed = data.get("feeds") if isinstance(data, dict) else None
    for feed in listed if isinstance(listed, list) else ():
        if isinstance(feed, dict) and str(feed.get("url", "")).startswith(("http://", "https://")):
            yield str(feed.get("name")), str(feed["url"])


def _by_id(asking: Asking, url: str, document: Any) -> dict[str, Mapping[str, Any]]:
    data = document.get("data") if isinstance(document, dict) else None
    listed = data.get("stations") if isinstance(data, dict) else None
    if not isinstance(listed, list) or not all(isinstance(s, dict) and s.get("station_id") for s in listed):
        message = "pas de tableau `data.stations` dont chaque élément a un `station_id`"
        raise asking.error(Problem.FORMAT_INATTENDU, url, message, "prévenir le producteur")
    found = {str(s["station_id"]): s for s in listed}
    if len(found) != len(listed):
        message = f"{len(listed) - len(found)} stations en double"
        raise asking.error(Problem.FORMAT_INATTENDU, url, message, "prévenir le producteur")
    return found


def _instant(asking: Asking, url: str, document: Any) -> str:
    """ISO 8601, UTC: seconds since 1970 before GBFS 3, a date with its zone since."""
    told = document.get("last_updated")
    try:
        if isinstance(told, int) and not isinstance(told, bool):
            moment = datetime.fromtimestamp(told, UTC)
        else:
            moment = datetime.fromisoformat(str(told))
        if moment.tzinfo is None:
            raise ValueError("no time zone")
    except (ValueError, OverflowError, OSError):
        message = "`last_updated` ne dit pas de quand est l'état des stations"
        raise asking.error(Problem.FORMAT_INATTENDU, url, message, "prévenir le producteur") from None
    return moment.astimezone(UTC).isoformat(timespec="seconds")
