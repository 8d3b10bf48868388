"""The journal of intents: what is about to be destroyed, on disk before anything is, then each thing that was.

preuves/.intention.jsonl, its owner's alone, removed once the proof is written. A purge that was killed leaves it: the
next one finishes what it says and proves it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qpv_data.replacing import replacing
from qpv_data.retention.items import Item
from qpv_data.retention.terms import Forme

_NAME = ".intention.jsonl"


@dataclass(frozen=True)
class Intent:
    """What a purge that did not end meant to destroy; `faits`: when each thing was, UTC, ISO 8601."""

    depuis: str
    items: tuple[Item, ...]
    faits: dict[tuple[str, str, str], str]


def pending(folder: Path) -> Intent | None:
    """The intent of a purge that did not end; None when there is none. Lines cut short are not read."""
    path = folder / _NAME
    if not path.is_file():
        return None
    items, done, since = list[Item](), dict[tuple[str, str, str], str](), ""
    for text in path.read_text("utf-8", errors="replace").split("\n"):
        try:
            line: dict[str, Any] = json.loads(text)
        except ValueError:
            continue
        if "depuis" in line:
            since = line["depuis"]
        elif "intention" in line:
            told = line["intention"]
            items.append(Item(**{**told, "forme": Forme(told["forme"])}))
        elif "fait" in line:
            done[tuple(line["fait"])] = line["le"]
    return Intent(since, tuple(items), done)


def announce(folder: Path, intent: Intent) -> None:
    """Write the whole intent, on disk before it returns. What an earlier one had done stays told."""
    lines: list[dict[str, Any]] = [{"depuis": intent.depuis}]
    lines += [{"intention": asdict(item)} for item in intent.items]
    lines += [{"fait": list(key), "le": when} for key, when in intent.faits.items()]
    with replacing(folder / _NAME) as draft:
        draft.touch(mode=0o600)
        draft.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")


def tell_done(folder: Path, items: Sequence[Item], when: str) -> None:
    """Add that these were destroyed, on disk before it returns."""
    text = "".join(json.dumps({"fait": list(item.cle), "le": when}, ensure_ascii=False) + "\n" for item in items)
    handle = os.open(folder / _NAME, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(handle, text.encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def close(folder: Path) -> None:
    """The proof is written: nothing is pending any more."""
    (folder / _NAME).unlink(missing_ok=True)
