"""The log of what runs: JSON lines, one event each, journal/executions/<month>.jsonl, its owner's alone.

Times, counts of rows and sizes are in it, which a hidden figure may touch: it is private, and no release reads it. It
holds names of feeds, ids and words of closed lists, never a message nor a value. A line is written whole, in one call,
under a lock; one that a kill or a full disk has cut short is left where it is, and not read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from qpv_data.replacing import add_lines

FOLDER = "executions"
"""In the folder `journal` of a run."""

Event = Mapping[str, Any]


def line_of(event: Event) -> str:
    """One event as a line of JSON: what is not known is left out."""
    return json.dumps({k: v for k, v in event.items() if v not in (None, ())}, ensure_ascii=False)


def append(journal: Path, events: list[Event], *, durable: bool = False) -> None:
    """Add events to the log of their month (that of the first). `durable`: on disk before it returns."""
    folder = journal / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    name = f"{str(events[0]['quand'])[:7]}.jsonl"
    handle = os.open(folder / name, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        add_lines(handle, "".join(f"{line_of(e)}\n" for e in events), durable=durable)
    finally:
        os.close(handle)


def read_events(journal: Path, months: int | None = None) -> Iterator[dict[str, Any]]:
    """Every event that can be read, in the order in which they were written; of the last `months` that have any."""
    files = sorted((journal / FOLDER).glob("[0-9]*.jsonl"))
    for path in files[-months:] if months else files:
        for text in path.read_text("utf-8", errors="replace").split("\n"):
            try:
                content = json.loads(text)
            except ValueError:
                continue  # cut short: see above
            if isinstance(content, dict) and {"quand", "execution", "evenement"} <= content.keys():
                yield content
