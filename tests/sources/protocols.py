"""A source asked over real sockets, as `receive` asks it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from qpv_data.clause.source import Source
from qpv_data.fetch import Fetched, FetchPolicy
from qpv_data.problems import FeedError, Problem
from qpv_data.sources.obtain import obtain

POLICY = FetchPolicy(connexion=2, lecture=2, duree_max=20, essais=3, attente=0.001)
_ADAPTER: TypeAdapter[Any] = TypeAdapter(Source)


def source(**keys: Any) -> Any:
    """The model of a declared source; on loopback unless `hote_interne` says otherwise."""
    return _ADAPTER.validate_python(keys)


def local(**keys: Any) -> Any:
    """A source whose server is on this machine, and says so."""
    return source(hote_interne="127.0.0.1", **keys)


class Pauses(list[float]):
    """The waits asked for, none of them spent."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def ask(declared: Any, into: Path, **more: Any) -> Fetched:
    return obtain(declared, jeu="essai", into=into, policy=POLICY, **{"pause": Pauses(), **more})


@contextmanager
def refused(problem: Problem, *words: str, into: Path | None = None) -> Iterator[FeedError]:
    """The source is refused for `problem`; the message holds `words`, and nothing is left in `into`."""
    with pytest.raises(FeedError) as caught:
        yield None  # type: ignore[misc]
    error = caught.value
    assert error.probleme is problem, str(error)
    assert error.remede
    for word in words:
        assert word in error.message, error.message
    if into is not None and into.exists():
        assert [p.name for p in into.iterdir()] == []
