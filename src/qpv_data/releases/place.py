"""Bring a whole release before its readers: on disk first, then in its place, then pointed to."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

from qpv_data.releases import channels, journal
from qpv_data.releases.layout import number_of


def next_name(releases: Path, period: str) -> str:
    """The id of the next release of a period: numbers of those that were withdrawn or put away are not taken again."""
    taken = [number_of(p.name) for p in releases.glob(f"{period}-r[0-9]*") if p.is_dir()]
    return f"{period}-r{max(taken, default=0) + 1}"


def put(draft: Path, target: Path, day: date) -> None:
    """Move `draft`, on the same disk, to `target`; killed at any point, readers have the previous release whole."""
    sync(draft)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft.rename(target)
    journal.add(target.parent, journal.Event(journal.PUBLIEE, target.name, day.isoformat()))
    channels.point(target.parent, channels.PROVISOIRE, target.name)


def sync(folder: Path) -> None:
    """Write every file of a folder to the disk, those that audiences share once."""
    done: set[int] = set()
    for path in [*sorted(folder.rglob("*")), folder]:
        if path.is_symlink():
            continue  # a name, which goes to the disk with its folder; it may lead nowhere yet
        inode = path.stat().st_ino
        if inode in done:
            continue
        done.add(inode)
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
