"""What the raw store remembers of its deliveries, destroyed ones included: enough never to receive them again.

raw/<jeu>/livraisons/<livraison>.json: the receipt that `land` writes. Once the raw file is destroyed a tombstone takes
its place, which keeps the number taken and the digest, and neither the name that the partner gave nor the address.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from qpv_data.replacing import replacing
from qpv_data.runs import UNIQUE

_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEPT = ("id", "jeu", "periode", "sha256", "taille", "recue_le", "clause_version", "diffusion", "last_modified")


@dataclass(frozen=True)
class Held:
    """A delivery that the raw store knows. `detruite_le`: the day (UTC, ISO) of its destruction, or None."""

    id: str
    jeu: str
    periode: str | None
    sha256: str
    taille: int
    recue_le: str
    clause_version: str
    detruite_le: str | None = None
    last_modified: str | None = None

    @property
    def nom(self) -> str:
        """Stem of its files."""
        return self.periode or UNIQUE

    @property
    def jour(self) -> date:
        """The day of its reception, UTC."""
        return datetime.fromisoformat(self.recue_le).astimezone(UTC).date()

    @property
    def numero(self) -> int:
        """Its number among those of its period, from 1; 0 for a name that says none."""
        number = self.id.rpartition("-v")[2]
        return int(number) if number.isdecimal() else 0


def known(raw: Path, jeu: str) -> tuple[tuple[Held, ...], tuple[str, ...]]:
    """(the deliveries of a feed, in the order of their reception; the names of the receipts that cannot be read)."""
    held, unreadable = list[Held](), list[str]()
    for path in sorted((raw / jeu / "livraisons").glob("*.json")):
        found = _read(path, jeu)
        if found is None:
            unreadable.append(path.stem)
        else:
            held.append(found)
    return tuple(sorted(held, key=lambda h: (h.recue_le, h.numero))), tuple(unreadable)


def destroyed(raw: Path, jeu: str, periode: str | None) -> tuple[Held, ...]:
    """The destroyed deliveries of one period of a feed, in the order of their reception."""
    return tuple(h for h in known(raw, jeu)[0] if h.periode == periode and h.detruite_le is not None)


def bury(raw: Path, held: Held, today: date) -> None:
    """Put a tombstone in the place of the receipt; one that is there stays."""
    path = raw / held.jeu / "livraisons" / f"{held.id}.json"
    told: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if "detruite_le" in told:
        return
    kept = {k: told[k] for k in _KEPT if k in told} | {"detruite_le": today.isoformat()}
    with replacing(path) as draft:
        draft.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", "utf-8")


def every_destroyed(raw: Path) -> Iterator[Held]:
    """The destroyed deliveries of every feed."""
    for folder in sorted(p for p in raw.glob("*") if p.is_dir() and not p.is_symlink()):
        yield from (h for h in known(raw, folder.name)[0] if h.detruite_le is not None)


def _read(path: Path, jeu: str) -> Held | None:
    try:
        told = json.loads(path.read_text("utf-8"))
        names = (*(k for k in _KEPT if k != "diffusion"), "detruite_le")
        held = Held(**{k: told.get(k) for k in names})
        sound = held.id == path.stem and held.jeu == jeu and _SHA256.fullmatch(held.sha256)
        plain = held.periode is None or re.fullmatch(r"[0-9A-Z-]+", held.periode)
        return held if sound and plain and held.jour else None
    except (OSError, ValueError, TypeError, AttributeError):
        return None
