"""Many releases of one series: what an earlier one already says of a feed at a period is read once.

A release repeats an earlier one, of the same audience, when every row of the feed at that period is the same, and so
are the catalogue, the perimeters and the policy that give rows their meaning. Nothing is lost: the first is known to
be said until the last that repeats it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qpv_data.attaque.measures import divisors, protected
from qpv_data.attaque.published import Digest, Release, digests, largest_of, read_catalogue, with_rows

Said = tuple[Any, ...]


@dataclass(frozen=True)
class Ledger:
    """Releases without their values, from the oldest to the newest, and a digest of what each says."""

    folders: tuple[Path, ...]
    releases: tuple[Release, ...]
    said: tuple[dict[tuple[str, str], Digest], ...]

    def jeux(self) -> list[str]:
        """The feeds that some release protects."""
        return sorted({str(r["jeu"]) for release in self.releases for r in release.catalogue.values() if protected(r)})

    def feed(self, jeu: str) -> list[Release]:
        """The releases with their rows of one feed, and of what it divides by, less the periods that they repeat."""
        until: list[dict[str, int]] = [{} for _ in self.releases]
        first: dict[tuple[str, str], tuple[Said, int]] = {}
        periods: list[list[str]] = []
        for number, release in enumerate(self.releases):
            own = [i for i, r in release.catalogue.items() if r["jeu"] == jeu]
            beside = sorted({name for i in own for name in divisors(release.catalogue[i])})
            held = sorted({p for i, p in self.said[number] if i in set(own)})
            meaning = self._meaning(number, own, beside)
            periods.append([])
            for period in held:
                told = (meaning, tuple((i, self.said[number].get((i, period))) for i in own))
                before = first.get((release.audience, period))
                if before is not None and before[0] == told:
                    until[before[1]][period] = number
                else:
                    first[release.audience, period] = told, number
                    periods[-1].append(period)
        return [
            replace(with_rows(r, folder, jeu, chosen), until=last)
            for r, folder, chosen, last in zip(self.releases, self.folders, periods, until, strict=True)
        ]

    def told(self, jeu: str) -> Said:
        """All that the attack of a feed reads, but the zonings: two ledgers that tell the same are attacked once."""
        named: dict[str, int] = {}
        told = []
        for number, release in enumerate(self.releases):
            own = [i for i, r in release.catalogue.items() if r["jeu"] == jeu]
            beside = sorted({name for i in own for name in divisors(release.catalogue[i])})
            rows = tuple((key, digest) for key, digest in sorted(self.said[number].items()) if key[0] in set(own))
            audience = named.setdefault(release.audience, len(named))
            largest = tuple((i, release.largest.get(i)) for i in (*own, *beside))
            told.append((release.name, release.of, audience, self._meaning(number, own, beside), rows, largest))
        return tuple(told)

    def _meaning(self, number: int, own: Sequence[str], beside: Sequence[str]) -> Said:
        """What rows of a feed are read with."""
        release = self.releases[number]
        divided = tuple(item for item in self.said[number].items() if item[0][0] in set(beside))
        catalogue = tuple(
            (i, tuple(sorted(release.catalogue[i].items(), key=lambda p: p[0])))
            for i in (*own, *beside)
            if i in release.catalogue
        )
        axes = tuple((key, axis) for key, axis in release.axes.items() if key[0] in set(own))
        same = next(n for n, other in enumerate(self.releases) if other.zoning == release.zoning)
        return release.zeros_published, same, divided, catalogue, axes


def read_ledger(
    folders: Sequence[Path], zeros_published: bool | None = None, known_faces: dict[str, Any] | None = None
) -> Ledger:
    """Read what every release is about. `zeros_published`: in place of what the manifests say. `known_faces`: those of
    ledgers read before."""
    faces: dict[str, Any] = {} if known_faces is None else known_faces
    releases, said = [], []
    for folder in folders:
        told = digests(folder)
        release = replace(read_catalogue(folder, faces), largest=largest_of(told))
        releases.append(release if zeros_published is None else replace(release, zeros_published=zeros_published))
        said.append(told)
    return Ledger(tuple(folders), tuple(releases), tuple(said))
