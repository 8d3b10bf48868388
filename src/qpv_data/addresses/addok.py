"""Addok, on loopback or on a declared on-premises host: one GET an address, two at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from qpv_data.addresses.exchange import Exchange, Patience, ServerFaultError
from qpv_data.addresses.model import SCORE_MIN, TYPE_ACCEPTE, Answer, OutageError, Question, Reply, Service, Unanswered
from qpv_data.addresses.reading import candidate

_SIZE_MAX = 1_000_000
# A loopback service that says nothing for that long is stuck.
PATIENCE = Patience(lecture=15.0)
# Asked when the server stumbles on an address: if it stumbles on this too, it is down.
_ORDINAIRE = Question("rue")
# Without a commune to filter on, another commune's house number within this score of the best is as good as it.
_MARGE = 0.1


class Addok:
    """The transport. `lot` questions at once, shared between `voies` threads, a conversation each.

    An answer's `rivale` comes from our own index (`ambigu`: the number and the street are twice in the commune), or
    from the next candidates when no commune was asked for.
    """

    lot = 500

    def __init__(
        self,
        service: Service,
        patience: Patience | None = None,
        voies: int = 2,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._service, self._patience, self._voies, self._pause = service, patience or PATIENCE, voies, pause
        self._url = service.url.rstrip("/") + "/search/"

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """See `Geocoder`."""
        size = -(-len(questions) // self._voies) or 1
        parts = [questions[i : i + size] for i in range(0, len(questions), size)]
        with ThreadPoolExecutor(max_workers=self._voies) as pool:
            return [reply for part in pool.map(self._talk, parts) for reply in part]

    def _talk(self, questions: Sequence[Question]) -> list[Reply]:
        replies: list[Reply] = []
        with Exchange(self._service, self._patience, self._pause) as exchange:
            for question in questions:
                try:
                    replies.append(self._one(exchange, question))
                except ServerFaultError:
                    self._one(exchange, _ORDINAIRE)
                    replies.append(Unanswered())
        return replies

    def _one(self, exchange: Exchange, question: Question) -> Reply:
        asked: dict[str, str] = {"q": question.texte, "autocomplete": "0"}
        if question.commune is not None:
            asked |= {"citycode": question.commune, "limit": "1"}
        elif question.code_postal is not None:
            asked |= {"postcode": question.code_postal, "limit": "3"}
        else:
            asked |= {"limit": "3"}
        return read_reply(exchange.ask("GET", self._url, _SIZE_MAX, params=asked), question)


def read_reply(body: bytes, question: Question) -> Answer | None:
    """What Addok answered. Raises OutageError for anything but an answer to this very question."""
    try:
        content = json.loads(body)
        features = content["features"]
        if content["type"] != "FeatureCollection" or content.get("query", question.texte) != question.texte:
            raise ValueError
        found = [_candidate(feature, question) for feature in features]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        found = None
    if found is None:  # out of the block above: the fault that it caught may quote the address
        raise OutageError("réponse qui n'est pas celle d'un Addok")
    if not found:
        return None
    best, *others = found
    if question.commune is None and any(_rivals(best, other) for other in others):
        return replace(best, rivale=True)
    return best


def _candidate(feature: Any, question: Question) -> Answer:
    about = feature["properties"]
    lon, lat = feature["geometry"]["coordinates"]
    twice = about.get("ambigu")
    told_apart = question.code_postal is not None and question.code_postal == about.get("postcode")
    return candidate(
        lon=lon, lat=lat, score=about["score"], type_=about["type"], label=about["label"],
        communes=(about.get("citycode"), about.get("oldcitycode")), postcode=about.get("postcode"),
        rival=twice == "toujours" or (twice == "sans_code_postal" and not told_apart),
    )  # fmt: skip


def _rivals(best: Answer, other: Answer) -> bool:
    close = other.type == TYPE_ACCEPTE and other.score >= max(SCORE_MIN, best.score - _MARGE)
    return close and not set(other.communes) & set(best.communes)
