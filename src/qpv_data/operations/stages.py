"""Say that a stage begins and ends, to whoever measures: the stages themselves read no clock and write no log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

SPARED = "repris"
"""The state of a stage that was not done again: it would have come out the same."""

Evenement = Literal["etape", "livraison", "jeu", "publication"]


@dataclass
class Stage:
    """A stage under way, that whoever runs it fills as it learns. Counts are rows, `octets` what came out of it.

    `evenement`: `etape` for one of the seven stages, the others for what they add up to: a delivery, a feed, a
    release. `etat`: `fait` unless it is said, or fails. No value of a record is ever in it.
    """

    etape: str
    jeu: str | None = None
    periode: str | None = None
    evenement: Evenement = "etape"
    livraison: str | None = None
    publication: str | None = None
    etat: str = "fait"
    probleme: str | None = None
    entrees: int | None = None
    sorties: int | None = None
    rejetees: int | None = None
    inconnues: int | None = None
    octets: int | None = None
    en_attente: tuple[str, ...] = ()


class Meter(Protocol):
    """Whoever measures."""

    def over(self, stage: Stage) -> AbstractContextManager[None]:
        """Measure `stage` while the context lasts."""


_METER: ContextVar[Meter | None] = ContextVar("meter", default=None)


@contextmanager
def stage(
    etape: str, jeu: str | None = None, periode: str | None = None, evenement: Evenement = "etape"
) -> Iterator[Stage]:
    """A stage, measured when somebody does; else nothing happens."""
    told, meter = Stage(etape, jeu, periode, evenement), _METER.get()
    with meter.over(told) if meter is not None else nullcontext():
        yield told


@contextmanager
def measured_by(meter: Meter) -> Iterator[None]:
    """Within this context, stages are measured by `meter`."""
    token = _METER.set(meter)
    try:
        yield
    finally:
        _METER.reset(token)


def bytes_in(*paths: Path) -> int:
    """The size of these files, and of those in these folders; what is not there weighs nothing."""
    files = [f for p in paths for f in (p.rglob("*") if p.is_dir() else [p])]
    return sum({(s.st_dev, s.st_ino): s.st_size for f in files if f.is_file() for s in [f.stat()]}.values())
