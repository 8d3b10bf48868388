"""The journal of a folder of releases: what was published, signed off, withdrawn and put away, in order.

releases/journal.jsonl is for readers, and lines are only added. A release that a kill left without its line is there
all the same: its folder says so, and the next line comes after it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from qpv_data.releases.layout import number_of, releases_in, said
from qpv_data.replacing import replacing

NAME = "journal.jsonl"
PUBLIEE, VALIDEE, RETIREE, ARCHIVEE = "publiee", "validee", "retiree", "archivee"


@dataclass(frozen=True)
class Event:
    """One line. `le`: a day, never a time. `par`: who signed, as they wish to be named; `motif`: why, in words."""

    evenement: str
    publication: str
    le: str
    par: str | None = None
    motif: str | None = None


def add(releases: Path, event: Event) -> None:
    """Add a line, on disk before it returns; first, those of releases that are there without one."""
    known = {e.publication for e in events(releases) if e.evenement == PUBLIEE}
    own = {event.publication} if event.evenement == PUBLIEE else set()
    left = [r for r in releases_in(releases) if r.name not in known | own]
    again = event.evenement != VALIDEE and (event.evenement, event.publication) in _told_of(releases)
    _append(releases, [*_late(left), *([] if again else [event])])


def _told_of(releases: Path) -> set[tuple[str, str]]:
    return {(e.evenement, e.publication) for e in events(releases)}


def catch_up(releases: Path) -> None:
    """Add the lines of releases that a kill left without one."""
    known = {e.publication for e in events(releases) if e.evenement == PUBLIEE}
    _append(releases, _late([r for r in releases_in(releases) if r.name not in known]))


def _late(left: Sequence[Path]) -> list[Event]:
    return [Event(PUBLIEE, r.name, said(r)["publiee_le"]) for r in sorted(left, key=said_on)]


def _append(releases: Path, lines: Sequence[Event]) -> None:
    if lines:
        text = "".join(json.dumps(_told(e), ensure_ascii=False) + "\n" for e in lines)
        path = releases / NAME
        before = path.read_text("utf-8") if path.is_file() else ""
        with replacing(path) as draft:
            draft.write_text(before + text, "utf-8")


def events(releases: Path) -> list[Event]:
    """Every line, oldest first."""
    path = releases / NAME
    return [Event(**json.loads(line)) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []


def ordered(releases: Path) -> list[Path]:
    """The releases that are there, in the order in which readers had them."""
    rank = {e.publication: n for n, e in enumerate(events(releases)) if e.evenement == PUBLIEE}
    return sorted(releases_in(releases), key=lambda r: (rank.get(r.name, len(rank) + 1), *said_on(r)))


def last(releases: Path) -> str | None:
    """The last release that is there, or None."""
    found = ordered(releases)
    return found[-1].name if found else None


def taken_away(releases: Path) -> list[Event]:
    """What was withdrawn or put away, oldest first: the line is there before the release is gone."""
    return [e for e in events(releases) if e.evenement in (RETIREE, ARCHIVEE)]


def withdrawn(releases: Path) -> frozenset[str]:
    """The releases that were withdrawn."""
    return frozenset(e.publication for e in events(releases) if e.evenement == RETIREE)


def signed(releases: Path) -> Sequence[Event]:
    """Sign-offs, oldest first."""
    return [e for e in events(releases) if e.evenement == VALIDEE]


def _told(event: Event) -> dict[str, str]:
    return {k: v for k, v in asdict(event).items() if v is not None}


def said_on(release: Path) -> tuple[str, int, str]:
    """What orders releases of which the journal says nothing."""
    return said(release)["publiee_le"], number_of(release.name), release.name
