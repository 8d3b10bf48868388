"""Obtain what a source holds for one delivery, whatever its protocol: one file, ready to land."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from qpv_data.clause.source import (
    Source,
    SourceDatagouv,
    SourceDepot,
    SourceGbfs,
    SourceOpendatasoft,
    SourceWfs,
)
from qpv_data.fetch import Fetched, FetchPolicy, Previous
from qpv_data.problems import FeedError, Problem
from qpv_data.sources import datagouv, gbfs, opendatasoft, wfs
from qpv_data.sources.asking import Asking
from qpv_data.sources.http import Reach
from qpv_data.sources.secrets import Access, access_of

Transport = Callable[[str], str]


def obtain(
    source: Source,
    *,
    jeu: str,
    into: Path,
    policy: FetchPolicy,
    transport: Transport | None = None,
    previous: Previous | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Fetched:
    """The delivery of `source`, whose slots are filled, in the folder `into`. Deposits are not obtained but picked up.

    Under a mirror (`transport`), the file at the source's own address (`Source.adresse`) is the delivery; without
    it, the protocol is followed, and the mirror answers each request. Raises FeedError.
    """
    access = Access() if transport is not None else access_of(source, jeu)
    url = source.adresse(jeu)
    declared = url if isinstance(source, SourceDepot) else _declared(source, jeu)
    asking = Asking(jeu, declared, into, policy, transport, access, Reach(source.hote_interne), pause)
    if transport is not None:
        try:
            return asking.file(url, previous=previous, sha256=source.sha256)
        except FeedError as e:
            if e.probleme is not Problem.SOURCE_ABSENTE or isinstance(source, SourceDepot):
                raise
    return _ask(asking, source, previous)


def _declared(source: Source, jeu: str) -> str:
    return source.api if isinstance(source, SourceDatagouv) else source.adresse(jeu)


def _ask(asking: Asking, source: Source, previous: Previous | None) -> Fetched:
    match source:
        case SourceOpendatasoft():
            return opendatasoft.export(asking, source, previous)
        case SourceDatagouv():
            return datagouv.resource(asking, source, previous)
        case SourceWfs():
            return _held(source, asking, wfs.layer(asking, source))
        case SourceGbfs():
            return _held(source, asking, gbfs.stations(asking, source))
        case _:
            return asking.file(source.adresse(asking.jeu), previous=previous, sha256=source.sha256)


def _held(source: Source, asking: Asking, got: Fetched) -> Fetched:
    if source.sha256 not in (None, got.sha256):
        message = f"empreinte {got.sha256[:12]}…, la clause déclare {str(source.sha256)[:12]}…"
        raise asking.error(Problem.SOURCE_ALTEREE, got.url, message, "vérifier avec le producteur")
    return got
