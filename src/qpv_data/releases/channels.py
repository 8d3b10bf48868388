"""Which release is the current one: two pointers, moved in one step each.

`provisoire` is the last release; `stable` the last that was signed off. Each is a link, for readers of this machine,
and beside it a file `<channel>.json` that says the same, for readers over HTTP, who see no links. A reader resolves it
once, then reads under that release. `qpv.duckdb` goes through `stable`, or `provisoire` as long as nothing was signed.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from qpv_data.releases.layout import DATABASE, narrowest
from qpv_data.replacing import replacing, sync_folder

PROVISOIRE, STABLE = "provisoire", "stable"


def current(releases: Path, channel: str) -> str | None:
    """The id of the release that a channel points to, or None."""
    link = releases / channel
    return link.readlink().name if link.is_symlink() else None


def point(releases: Path, channel: str, release: str | None) -> None:
    """Point a channel to a release, or to none. Readers see the old one or the new one."""
    link, said = releases / channel, releases / f"{channel}.json"
    if release is None:
        _follow(releases, apart=channel)  # before the pointer goes: readers of the database are never left without
        said.unlink(missing_ok=True)
        link.unlink(missing_ok=True)
    else:
        if current(releases, channel) != release:
            _link(link, release)
        text = json.dumps({"publication": release, "dossier": release}) + "\n"
        if not said.is_file() or said.read_text("utf-8") != text:
            with replacing(said) as draft:
                draft.write_text(text, "utf-8")
    _follow(releases)
    sync_folder(releases)


def sweep(releases: Path) -> None:
    """Take away what a killed run left half written beside releases and pointers. Only whoever holds the lock may."""
    for folder in (releases, releases.parent, *releases.glob("*-r[0-9]*")):
        for left in folder.glob(".*.part"):
            left.unlink()


def shows(releases: Path, channel: str, release: str) -> bool:
    """Whether a channel shows a release, to readers of this machine or over HTTP: a kill may leave the two apart."""
    said = releases / f"{channel}.json"
    over_http = json.loads(said.read_text("utf-8"))["publication"] if said.is_file() else None
    return release in (current(releases, channel), over_http)


def database_link(releases: Path) -> Path:
    """Where `qpv.duckdb` is, beside the folder of releases."""
    return releases.parent / DATABASE


def followed(releases: Path) -> str | None:
    """The id of the release that `qpv.duckdb` shows, or None."""
    return current(releases, STABLE) or current(releases, PROVISOIRE)


def _follow(releases: Path, apart: str | None = None) -> None:
    """Make `qpv.duckdb` go through the channel that readers follow, `apart` from the one that is to go."""
    channel = next((c for c in (STABLE, PROVISOIRE) if c != apart and current(releases, c) is not None), None)
    base = database_link(releases)
    if channel is None:
        base.unlink(missing_ok=True)
        return
    inside = narrowest(releases / channel).relative_to(releases)
    wanted = str(Path(releases.name) / inside / DATABASE)
    if not (base.is_symlink() and str(base.readlink()) == wanted):
        _link(base, wanted)


def _link(link: Path, target: str) -> None:
    """Replace a link, or a file of before, in one step. A folder stands there when a copy of the run's folder followed
    the links: it repeats a release that is there too, and makes way."""
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    draft = link.with_name(f".{link.name}.{os.getpid()}.part")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(link)
