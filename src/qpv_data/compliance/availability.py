"""The availability of each resource: when it answered, when it did not, for how long.

Between two tries a resource is taken to be as the first one found it; before the first one nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from qpv_data.compliance.journal import Attempt, Probe
from qpv_data.compliance.states import NOTHING_CAME


@dataclass(frozen=True)
class Spell:
    """A time during which a resource answered, or did not for `probleme`. `a` is null for the last one."""

    de: datetime
    a: datetime | None
    disponible: bool
    probleme: str | None = None


@dataclass(frozen=True)
class Availability:
    """One resource: its tries, their spells from the oldest, and the share of the last days that it answered.

    `part`: from 0 to 1 of the time known within the window, null when none is. `plus_longue`: the longest failure.
    """

    jeu: str
    periode: str | None
    url: str
    essais: int
    echecs: int
    part: float | None
    plus_longue: timedelta
    histoire: tuple[Spell, ...]


def availability(tries: Iterable[Attempt | Probe], maintenant: datetime, jours: int = 30) -> list[Availability]:
    """The resources that these tries and probes asked for, by feed, period and address; `jours`: how far back `part`
    looks."""
    asked: dict[tuple[str, str, str], list[Attempt | Probe]] = {}
    for attempt in tries:
        asked.setdefault((attempt.jeu, attempt.periode or "", attempt.url), []).append(attempt)
    return [_resource(group, maintenant, timedelta(days=jours)) for _, group in sorted(asked.items())]


def _resource(tries: Sequence[Attempt | Probe], now: datetime, window: timedelta) -> Availability:
    spells = _spells(sorted(tries, key=lambda a: datetime.fromisoformat(a.quand)))
    failures = [(s.a or max(now, s.de)) - s.de for s in spells if not s.disponible]
    return Availability(
        jeu=tries[0].jeu,
        periode=tries[0].periode,
        url=tries[0].url,
        essais=len(tries),
        echecs=sum(not _answered(a) for a in tries),
        part=_share(spells, now, now - window),
        plus_longue=max(failures, default=timedelta()),
        histoire=spells,
    )


def _spells(tries: Sequence[Attempt | Probe]) -> tuple[Spell, ...]:
    found: list[Spell] = []
    for attempt in tries:
        when, up = datetime.fromisoformat(attempt.quand), _answered(attempt)
        problem = None if up else attempt.probleme
        if found and (found[-1].disponible, found[-1].probleme) == (up, problem):
            continue
        if found:
            found[-1] = Spell(found[-1].de, when, found[-1].disponible, found[-1].probleme)
        found.append(Spell(when, None, up, problem))
    return tuple(found)


def _share(spells: Sequence[Spell], now: datetime, since: datetime) -> float | None:
    known, up = timedelta(), timedelta()
    for spell in spells:
        length = min(spell.a or now, now) - max(spell.de, since)
        if length > timedelta():
            known += length
            up += length if spell.disponible else timedelta()
    if known:
        return up / known
    # A single try, just now: what it found is all that is known.
    return float(spells[-1].disponible) if spells else None


def _answered(attempt: Attempt | Probe) -> bool:
    return attempt.probleme not in NOTHING_CAME
