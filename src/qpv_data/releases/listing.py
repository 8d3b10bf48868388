"""Find releases by what a person types, and list those of a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qpv_data.problems import Problem
from qpv_data.releases import channels, journal
from qpv_data.releases.layout import MANIFEST, audiences, said
from qpv_data.runs import RunError, locked


def listing(releases: Path) -> list[dict[str, Any]]:
    """Every release ever published in a folder, in the order of its journal: a row each."""
    if not releases.is_dir():
        raise RunError(Problem.PUBLICATION_ABSENTE, f"{releases} : pas de dossier", "donner le --out d'une exécution")
    pointed = {c: channels.current(releases, c) for c in (channels.STABLE, channels.PROVISOIRE)}
    gone = {e.publication: e for e in journal.events(releases) if e.evenement in (journal.RETIREE, journal.ARCHIVEE)}
    signed = {e.publication: e for e in journal.signed(releases)}
    published = {e.publication: e.le for e in journal.events(releases) if e.evenement == journal.PUBLIEE}
    there = [r.name for r in journal.ordered(releases)]
    rows = []
    for name in dict.fromkeys([*published, *there]):
        left, by = gone.get(name), signed.get(name)
        rows.append(
            {
                "publication": name,
                "publiee_le": published.get(name),
                "canaux": [c for c, held in pointed.items() if held == name],
                "audiences": [d.value for d in audiences(releases / name)],
                "validee_le": by.le if by else None,
                "validee_par": by.par if by else None,
                "etat": left.evenement if left else "presente",
                "partie_le": left.le if left else None,
                "motif": left.motif if left else None,
            }
        )
    return rows


def existing(folder: Path) -> Path:
    """The release that was typed, its pointer resolved once. Raises RunError."""
    resolved = folder.resolve()
    if not (resolved / MANIFEST).is_file():
        message = f"{folder} : pas de {MANIFEST}"
        raise RunError(Problem.PUBLICATION_ABSENTE, message, "donner releases/<publication> ; voir qpv-data releases")
    return resolved


def part_of(folder: Path, audience: str | None) -> Path:
    """The folder of one audience of a release: the one named, else the narrowest; a folder of one audience is itself.

    Raises RunError when the release has none of that name, or the folder is another audience's.
    """
    root = existing(folder)
    named = [d.value for d in audiences(root)]
    if not named:
        own = said(root)["diffusion"]
        if audience not in (None, own):
            message = f"{folder} est fait pour {own}, et non pour {audience}"
            raise RunError(Problem.PUBLICATION_ABSENTE, message, "donner la publication, ou cette audience")
        return root
    if audience is not None and audience not in named:
        message = f"{root.name} n'a pas d'audience {audience} ; elle a {', '.join(named)}"
        raise RunError(Problem.PUBLICATION_ABSENTE, message, "choisir une de celles-là")
    return root / (audience or named[-1])


def both(before: Path, after: Path, audience: str | None) -> tuple[Path, Path]:
    """The folders of one audience of two releases. Raises RunError when they share none."""
    roots = existing(before), existing(after)
    if audience is None and all(audiences(r) for r in roots):
        shared = [d.value for d in audiences(roots[0]) if d in audiences(roots[1])]
        if not shared:
            message = f"{before.name} et {after.name} n'ont pas d'audience en commun"
            raise RunError(Problem.PUBLICATION_ABSENTE, message, "comparer deux publications d'un même dossier")
        audience = shared[-1]
    return part_of(before, audience), part_of(after, audience)


@contextmanager
def held(publication: Path) -> Iterator[Path]:
    """A release of a run's folder, while nothing else writes there. One that the journal says was taken away may be
    named: what took it away may have been killed."""
    named = publication.resolve()
    gone = {e.publication for e in journal.taken_away(named.parent)}
    root = named if named.name in gone else existing(publication)
    with locked(root.parent.parent):
        yield root
