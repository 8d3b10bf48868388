"""The journal of receptions: one line each time that a delivery is asked for, located, or only looked at.

journal/<jeu>.jsonl, its owner's alone: counts of rows tell of what is hidden, and never leave with a release. Lines
are only added; one that a full disk or a kill has cut short is left where it is, and not read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from qpv_data.replacing import add_lines

RECUES = frozenset({"recue", "inchangee"})


@dataclass(frozen=True)
class Attempt:
    """One try at a delivery. Times are UTC, ISO 8601.

    `statut`: see `Reception`. `livraison`: the delivery that the try brought, refused ones included, null when
    nothing came. `disponible_le`: the day from which the producer had it there. `entete`: the names of the columns
    received. `renseignes`: filled share of each conformed column. `derniere_periode`: the last that its records speak
    of, when their column says it.
    """

    quand: str
    jeu: str
    url: str
    clause_version: str
    statut: str
    periode: str | None = None
    livraison: str | None = None
    disponible_le: str | None = None
    probleme: str | None = None
    message: str | None = None
    remede: str | None = None
    recues: int = 0
    conformes: int = 0
    rejetees: Mapping[str, int] = field(default_factory=dict)
    entete: tuple[str, ...] = ()
    renseignes: Mapping[str, float] = field(default_factory=dict)
    derniere_periode: str | None = None

    @property
    def acceptee(self) -> bool:
        """Whether the delivery that this try brought is the one in use."""
        return self.statut in RECUES


@dataclass(frozen=True)
class Placement:
    """What became of the places of one delivery: `lus = situes + Σ inconnus`."""

    quand: str
    jeu: str
    livraison: str
    lus: int
    inconnus: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Probe:
    """One look at a resource, nothing downloaded. `probleme`: null when it answered."""

    quand: str
    jeu: str
    url: str
    periode: str | None = None
    probleme: str | None = None


@dataclass(frozen=True)
class Journal:
    """Each kind of lines, in the order in which they were written."""

    receptions: tuple[Attempt, ...]
    localisations: tuple[Placement, ...]
    sondes: tuple[Probe, ...] = ()

    def of(self, periode: str | None) -> tuple[Attempt, ...]:
        """The tries at the delivery of one period."""
        return tuple(a for a in self.receptions if a.periode == periode)


Entry = Attempt | Placement | Probe
_KINDS: dict[str, type[Entry]] = {"reception": Attempt, "localisation": Placement, "sonde": Probe}


def record(folder: Path, line: Entry) -> None:
    """Add one line to the journal of its feed, whole."""
    kind = next(name for name, known in _KINDS.items() if isinstance(line, known))
    content = {k: v for k, v in asdict(line).items() if v not in (None, {}, ())}
    text = json.dumps({"type": kind, **content}, ensure_ascii=False) + "\n"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / f"{line.jeu}.jsonl", os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        add_lines(handle, text)
    finally:
        os.close(handle)


def read_journal(folder: Path, jeu: str) -> Journal:
    """The journal of one feed; empty when nothing was ever asked for."""
    lines = list(_lines(folder / f"{jeu}.jsonl"))
    tries = tuple(line for line in lines if isinstance(line, Attempt))
    places = tuple(line for line in lines if isinstance(line, Placement))
    return Journal(tries, places, tuple(line for line in lines if isinstance(line, Probe)))


def _lines(path: Path) -> Iterator[Entry]:
    if not path.is_file():
        return
    for text in path.read_text("utf-8", errors="replace").split("\n"):
        try:
            content: dict[str, Any] = json.loads(text)
        except ValueError:
            continue  # cut short: see above
        model = _KINDS[content.pop("type")]
        known = {f.name for f in fields(model)}
        if "entete" in content:
            content["entete"] = tuple(content["entete"])
        yield model(**{k: v for k, v in content.items() if k in known})


def available_day(recue_le: str, last_modified: str | None) -> date:
    """The day (UTC) from which a delivery was there: what its server says of it, unless that is after we had it."""
    received = datetime.fromisoformat(recue_le).astimezone(UTC)
    if last_modified:
        try:
            said = parsedate_to_datetime(last_modified)
        except ValueError:
            return received.date()
        said = said.replace(tzinfo=said.tzinfo or UTC).astimezone(UTC)
        return min(said, received).date()
    return received.date()
