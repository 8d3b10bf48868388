"""What is read once and that every page draws on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from qpv_data.exports.readable import THEMES
from qpv_data.site.events import Event
from qpv_data.site.former import Former, former
from qpv_data.site.french import sort_key
from qpv_data.site.levels import Level, Levels, levels
from qpv_data.site.maps import Outline, nearest
from qpv_data.site.model import Indicator, Zone
from qpv_data.site.plans import Plan, plans
from qpv_data.site.reading import Release, outlines
from qpv_data.site.signals import Signal, Signals, signals
from qpv_data.zonages.territories import load_territories

HEADLINES = 8


@dataclass(frozen=True)
class Shared:
    """Of one release and one territory. `tete`: the indicators that are told first, the same for every quarter."""

    release: Release
    niveaux: Levels
    contours: Mapping[str, Outline]
    communes: Mapping[str, Outline]
    centres: Mapping[str, tuple[float, float]]
    tete: tuple[Level, ...]
    origines: Mapping[str, list[dict[str, Any]]]
    """Code of a quarter → the links of its perimeter to the generation before."""
    anterieurs: Former
    """What is known of the generation before and of no quarter in force."""
    evenements: Mapping[str, Sequence[Event]]
    certificat: Mapping[str, Any] | None
    """What goes with the release, as it was written; None when nothing does."""
    signaux: Signals
    """What stands out among all quarters of the release, those of other territories included."""

    @cached_property
    def signaux_par_quartier(self) -> dict[tuple[str, str], list[Signal]]:
        """(zonage, code) → what stands out there."""
        found: dict[tuple[str, str], list[Signal]] = {}
        for signal in self.signaux.signals:
            found.setdefault((signal.zoning, signal.zone), []).append(signal)
        return found

    @cached_property
    def fond(self) -> list[Outline]:
        """The communes' perimeters, by code: what maps are drawn over."""
        return [self.communes[c] for c in sorted(self.communes)]

    @cached_property
    def plans(self) -> list[Plan]:
        """The maps of all quarters, without colours."""
        return plans(self.release.quartiers, self.contours, self.fond)

    @cached_property
    def territoires(self) -> dict[str, str]:
        """Territories of the quarters → their names, that which has most quarters first."""
        held = [p.territoire for p in self.plans] + sorted({z.territoire or "" for z in self.release.quartiers})
        names = {t.id: t.nom for t in load_territories()}
        return {t: names.get(t, t) for t in held}

    def nom(self, zoning: str, code: str) -> str:
        zone = self.release.zones.get((zoning, code))
        return zone.nom if zone else code

    def themes(self) -> list[tuple[str, list[Level]]]:
        """Themes in the order of their words, with their indicators in that of their titles."""
        found: dict[str, list[Level]] = {}
        for level in self.niveaux.par_indicateur.values():
            found.setdefault(level.indicateur.theme, []).append(level)
        order = sorted(found, key=theme_key)
        return [(name, sorted(found[name], key=lambda v: sort_key(v.indicateur.titre))) for name in order]


def shared(release: Release, events: Sequence[Event], certificate: Mapping[str, Any] | None) -> Shared:
    """Read it."""
    found = levels(release)
    own = outlines(release, list(release.quartiers))
    around = sorted(
        {c for z in release.quartiers for c in found.membres.get((z.zonage, z.code), {}).get("commune", ())}
    )
    ground = outlines(release, [z for c in around if (z := release.zones.get(("commune", c))) is not None])
    by_quarter: dict[str, list[Event]] = {}
    for event in events:
        by_quarter.setdefault(event.code_zone, []).append(event)
    return Shared(
        release, found, own, ground, {c: o.centre for c, o in own.items()}, headlines(found), _origins(release),
        former(release, found.par_indicateur), by_quarter, certificate, signals(release.open),
    )  # fmt: skip


def headlines(found: Levels, count: int = HEADLINES) -> tuple[Level, ...]:
    """Indicators told first: one a theme, then a second of each, until there are `count`.

    Within a theme, what compares (means, shares, rates) before amounts, what more quarters have a published value of
    before what fewer have, then by title. The choice is of the whole site, so that two sheets read alike.
    """
    by_theme: dict[str, list[Level]] = {}
    for level in found.par_indicateur.values():
        if level.visibles:
            by_theme.setdefault(level.indicateur.theme, []).append(level)
    queues = []
    for name in sorted(by_theme, key=theme_key):
        queues.append(sorted(by_theme[name], key=_interest))
    kept: list[Level] = []
    while len(kept) < count and any(queues):
        for queue in queues:
            if queue and len(kept) < count:
                kept.append(queue.pop(0))
    order = {id(level): n for n, level in enumerate(kept)}
    return tuple(sorted(kept, key=lambda v: (theme_key(v.indicateur.theme), order[id(v)])))


def theme_key(name: str) -> str:
    """Themes in the order of their words."""
    return sort_key(THEMES.get(name, name))


def _interest(level: Level) -> tuple[bool, int, str]:
    told = len(level.visibles)
    indicator: Indicator = level.indicateur
    return not indicator.comparable, -told, indicator.titre


def _origins(release: Release) -> dict[str, list[dict[str, Any]]]:
    wanted: set[tuple[str, str]] = {(z.zonage, z.code) for z in release.quartiers}
    found: dict[str, list[dict[str, Any]]] = {}
    for row in release.rows("SELECT * FROM passages ORDER BY code_arrivee, part_arrivee DESC NULLS LAST, code_depart"):
        if (row["zonage_arrivee"], row["code_arrivee"]) in wanted:
            found.setdefault(row["code_arrivee"], []).append(row)
    return found


def neighbours(site: Shared, zone: Zone, count: int = 4) -> list[Zone]:
    """The quarters nearest to one, centre to centre."""
    by_code = {z.code: z for z in site.release.quartiers}
    return [by_code[c] for c in nearest(zone, site.centres, count)]
