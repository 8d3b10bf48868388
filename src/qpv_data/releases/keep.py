"""Sign a release off, withdraw it, put old ones away. Readers see one state or the other; a tombstone is left."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from qpv_data.problems import Problem
from qpv_data.releases import channels, journal
from qpv_data.releases.layout import ARCHIVES, MANIFEST, TOMBSTONE, releases_in, said
from qpv_data.releases.policy import Politique
from qpv_data.replacing import replacing
from qpv_data.runs import RunError


def sign_off(release: Path, by: str, day: date) -> None:
    """Make a release the stable one, and say who signed. Raises RunError: it is not there, or `by` may not sign by the
    policy that the release was published under."""
    finish(release.parent)
    releases = _there(release)
    told = said(release).get("politique")
    policy = Politique.model_validate(told) if told is not None else None
    if policy is not None and not any(by.endswith(s) for s in policy.validation.signataires):
        listed = ", ".join(policy.validation.signataires)
        message = f"`{by}` ne finit par aucune des fonctions qui signent : {listed}"
        raise RunError(Problem.VALIDATION_REFUSEE, message, "écrire par exemple « prénom nom, fonction »")
    signed = {e.publication for e in journal.signed(releases)}
    if release.name not in signed:
        journal.add(releases, journal.Event(journal.VALIDEE, release.name, day.isoformat(), par=by))
    channels.point(releases, channels.STABLE, release.name)


def withdraw_release(release: Path, why: str, day: date) -> list[str]:
    """Take a release from its readers: a tombstone says why, and the channels go back to the one before, if any.

    What it said is out: it is put away, its owner's alone, and the next releases go on hiding around it. Returns the
    releases that are there and were made after it: their `revisions` may repeat figures that it said.
    """
    releases = release.parent
    finish(releases)
    gone = {(e.publication, e.motif) for e in journal.taken_away(releases) if e.evenement == journal.RETIREE}
    if (release.name, why) not in gone:  # else it is asked again, by whoever a kill cut short
        _there(release)
        _take_away(release, journal.Event(journal.RETIREE, release.name, day.isoformat(), motif=why))
    published = [e.publication for e in journal.events(releases) if e.evenement == journal.PUBLIEE]
    there = {r.name for r in releases_in(releases)}
    return [name for name in published[published.index(release.name) + 1 :] if name in there]


def put_old_ones_away(releases: Path, policy: Politique | None, day: date) -> list[str]:
    """Apply the rule of retention; returns what was put away. Channels keep what they point to."""
    if policy is None:
        return []
    pointed = {channels.current(releases, c) for c in (channels.STABLE, channels.PROVISOIRE)}
    old = journal.ordered(releases)[: -policy.conservation.publications]
    gone = [r for r in old if r.name not in pointed]
    why = f"plus de {policy.conservation.publications} publications depuis"
    for release in gone:
        _take_away(release, journal.Event(journal.ARCHIVEE, release.name, day.isoformat(), motif=why))
    return [r.name for r in gone]


def _there(release: Path) -> Path:
    if release.is_symlink() or release not in releases_in(release.parent):
        message = f"{release.name} n'est pas une publication de {release.parent}"
        raise RunError(Problem.PUBLICATION_ABSENTE, message, "donner releases/<publication> ; voir qpv-data releases")
    return release.parent


def finish(releases: Path) -> None:
    """End what a kill left half done: what is half written goes, what the journal says is gone is put away. Only
    whoever holds the run's folder may."""
    channels.sweep(releases)
    for event in journal.taken_away(releases):
        if not (releases / event.publication / TOMBSTONE).is_file():
            _put_away(releases / event.publication, event)


def _take_away(release: Path, event: journal.Event) -> None:
    """The journal first: a release that it says is gone is put away by whoever comes next, if a kill comes between."""
    journal.add(release.parent, event)
    _put_away(release, event)


def _put_away(release: Path, event: journal.Event) -> None:
    """Each step is there to be made, or was made by who was killed after it."""
    releases = release.parent
    gone = {e.publication for e in journal.taken_away(releases)}
    left = [r for r in journal.ordered(releases) if r.name not in gone]
    signed = {e.publication for e in journal.signed(releases)}
    for channel, found in (
        (channels.STABLE, [r for r in left if r.name in signed]),
        (channels.PROVISOIRE, left),
    ):
        if channels.shows(releases, channel, release.name):
            channels.point(releases, channel, found[-1].name if found else None)
    archives = releases.parent / ARCHIVES
    archives.mkdir(mode=0o700, exist_ok=True)
    if (release / MANIFEST).is_file():
        release.rename(archives / release.name)
    release.mkdir(exist_ok=True)
    with replacing(release / TOMBSTONE) as draft:
        told = {"publication": event.publication, "le": event.le, "evenement": event.evenement, "motif": event.motif}
        draft.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8")
