"""One feed of the ledger as systems: its counts together, for ratios link them, and each amount apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from qpv_data.attaque.builder import Builder, Trust
from qpv_data.attaque.measures import Kind, Measure, Place, is_count, k_of, limit_of, measured, protected, providers
from qpv_data.attaque.places import zone_equations
from qpv_data.attaque.published import Exact, Release
from qpv_data.attaque.slices import Slice
from qpv_data.attaque.times import time_equations
from qpv_data.attaque.vintages import Vintage

Key = tuple[Measure, Place, int]


@dataclass
class Feed:
    """The systems of one feed, over all its periods and vintages."""

    jeu: str
    vintages: list[Vintage]
    kinds: dict[Measure, Kind]
    builders: list[Builder]

    def name(self, measure: Measure, place: Place) -> str:
        """How a person reads a cell."""
        modality = f" [{place.axis}={place.modality}]" if place.axis else ""
        return f"{self.kinds[measure].label}{modality} {place.zoning} {place.zone} {place.period}"


def feeds(ledger: Sequence[Vintage], releases: Sequence[Release]) -> list[Feed]:
    """Every feed with its systems."""
    found = described(ledger, releases)
    for feed in found:
        counts = [m for m in feed.kinds if feed.kinds[m].count]
        groups = ([counts] if counts else []) + [[m] for m in feed.kinds if not feed.kinds[m].count]
        feed.builders = [build(feed, group, releases) for group in groups]
    return found


def described(ledger: Sequence[Vintage], releases: Sequence[Release]) -> list[Feed]:
    """Every feed, with its measures and without its systems."""
    by_jeu: dict[str, list[Vintage]] = {}
    for vintage in ledger:
        by_jeu.setdefault(vintage.jeu, []).append(vintage)
    return [Feed(jeu, states, _kinds(jeu, states, releases), []) for jeu, states in by_jeu.items()]


def _kinds(jeu: str, states: Sequence[Vintage], releases: Sequence[Release]) -> dict[Measure, Kind]:
    """How each measure of the feed is protected: the strictest k of the indicators that publish it."""
    values: dict[Measure, list[tuple[str, str]]] = {}
    for release in releases:
        for indicator, row in release.catalogue.items():
            if row["jeu"] == jeu and protected(row):
                for measure, column in providers(row):
                    values.setdefault(measure, []).append((indicator, column))
    catalogue = {i: r for release in releases for i, r in release.catalogue.items()}
    present: dict[Measure, list[Exact | None]] = {}
    for state in states:
        for (measure, _), cell in state.cells.items():
            present.setdefault(measure, []).append(cell.value)
    found = {}
    for measure in sorted(present):
        by = [measure.apart] if measure.apart else []
        columns = [(i, c) for i, c in values.get(Measure(*_bare(measure)), []) if not by or i in by]
        said = [p for p in columns if limit_of(catalogue[p[0]]) == measure.limit] or columns
        first = min(said, key=lambda p: (catalogue[p[0]]["nature"] not in ("compte", "somme"), p))
        row = catalogue[first[0]]
        plain = row["nature"] in ("compte", "somme")
        given = [v for v in present[measure] if v is not None]
        found[measure] = Kind(
            k=k_of(measure, [catalogue[i] for i, _ in columns]),
            count=is_count(measure, row, given),
            label=first[0] if plain else f"{first[1].replace('numerateur', 'numérateur')} de {first[0]}",
            flow=row["nature_temporelle"] == "flux",
            signed=any(v < 0 for v in given),
            cumul=row["nature_temporelle"] == "cumul",
        )
    return found


def _bare(measure: Measure) -> tuple[str, str, str, str]:
    return measure.jeu, measure.filtre, measure.kind, measure.expression


def build(feed: Feed, group: Sequence[Measure], releases: Sequence[Release]) -> Builder:
    """The system of some measures of a feed."""
    builder = Builder()
    wanted = set(group)
    for state in feed.vintages:
        for (measure, place), cell in state.cells.items():
            if measure not in wanted:
                continue
            kind = feed.kinds[measure]
            at = builder.cell(
                (measure, place, state.number), feed.name(measure, place), kind.count, kind.k, kind.signed
            )
            if cell.value is not None:
                builder.know(at, cell.value)
            elif cell.hidden:
                builder.hidden[at] = True
                if cell.surely and kind.count:
                    builder.low[at] = 1
            if cell.value is None and cell.bounds is not None and kind.count:
                low, high = cell.bounds
                builder.low[at], builder.high[at] = max(low, builder.low[at] or low), high
                builder.derivable[at], builder.reasons[at] = not cell.hidden, cell.reason
        _equations(feed, builder, state, wanted, _meaning(state, releases))
    time_equations(feed.kinds, feed.vintages, wanted, builder)
    return builder


def _meaning(state: Vintage, releases: Sequence[Release]) -> Release:
    """What the figures of a vintage are read with: the catalogues of all that say it, the last perimeters."""
    sources = [releases[n] for n in state.sources if n < len(releases)] or [releases[-1]]
    catalogue = {i: row for release in sources for i, row in release.catalogue.items()}
    return replace(sources[-1], catalogue=catalogue)


def _equations(feed: Feed, builder: Builder, state: Vintage, wanted: set[Measure], release: Release) -> None:
    slices: dict[tuple[Measure, str, str], set[tuple[str, str]]] = {}
    wholes: dict[tuple[Measure, str, str, str], list[int]] = {}
    for measure, place in state.cells:
        if measure in wanted:
            slices.setdefault((measure, place.axis, place.modality), set()).add((place.zoning, place.zone))
            if place.axis:
                at = builder.at[measure, place, state.number]
                wholes.setdefault((measure, place.axis, place.zoning, place.zone), []).append(at)
    for (measure, axis, modality), present in slices.items():
        if measure.limit or (measure.kind != "somme" and not feed.kinds[measure].count):
            continue
        zone_equations(_slice(feed, builder, state, release, measure, axis, modality, present))
    for (measure, axis, zoning, zone), parts in wholes.items():
        whole = builder.at.get((measure, Place("", "", zoning, zone, state.period), state.number))
        if whole is not None and measure.kind == "somme":
            builder.row(f"{feed.kinds[measure].label} : ensemble = {axis}", [whole], parts, Trust.BREAKDOWN)
    _unpublished_wholes(feed, builder, state, list(slices))
    _complements(feed, builder, state, wanted, release)


def _unpublished_wholes(
    feed: Feed, builder: Builder, state: Vintage, slices: Sequence[tuple[Measure, str, str]]
) -> None:
    """Ground that no row publishes divides into the same breakdowns: nobody there is nobody of any kind."""
    modalities: dict[tuple[Measure, str], list[str]] = {}
    for measure, axis, modality in slices:
        if axis and measure.kind == "somme":
            modalities.setdefault((measure, axis), []).append(modality)
    names = [key[5] for key in builder.at if len(key) == 6 and key[3:5] == (state.period, state.number)]  # type: ignore[arg-type, index]
    for (measure, axis), found in sorted(modalities.items()):
        for name in dict.fromkeys(names):
            whole = builder.at.get((measure, "", "", state.period, state.number, name))
            parts = [builder.at.get((measure, axis, m, state.period, state.number, name)) for m in sorted(found)]
            if whole is not None and None not in parts:
                label = f"{feed.kinds[measure].label} : ensemble = {axis}"
                builder.row(label, [whole], [p for p in parts if p is not None], Trust.BREAKDOWN)


def _slice(
    feed: Feed,
    builder: Builder,
    state: Vintage,
    release: Release,
    measure: Measure,
    axis: str,
    modality: str,
    present: set[tuple[str, str]],
) -> Slice:
    kind = feed.kinds[measure]

    def find(zoning: str, zone: str) -> int | None:
        if (zoning, zone) not in present:
            return None
        return builder.at[measure, Place(axis, modality, zoning, zone, state.period), state.number]

    label = f"{kind.label} [{axis}={modality}]" if axis else kind.label

    def virtual(name: str) -> int:
        key = (measure, axis, modality, state.period, state.number, name)
        return builder.cell(key, f"{label} {name} {state.period}", kind.count, kind.k, kind.signed)

    additive = measure.kind == "somme"
    return Slice(builder, release.zoning, kind.label, additive, find, virtual, label, state.period)


def _complements(feed: Feed, builder: Builder, state: Vintage, wanted: set[Measure], release: Release) -> None:
    """The other side of a share: denominator − numerator is a population too."""
    for indicator, row in release.catalogue.items():
        if row["jeu"] != feed.jeu or row["nature"] != "part" or not protected(row):
            continue
        pair = [m for m, _ in providers(row)]
        for measure, place in state.cells:
            family = release.zoning.family.get(place.zoning)
            top, bottom = (measured(m, row, family) for m in pair)
            if measure != top or not {top, bottom} <= wanted or not all(feed.kinds[m].count for m in (top, bottom)):
                continue
            whole = builder.at.get((bottom, place, state.number))
            if whole is not None:
                part = builder.at[measure, place, state.number]
                name = f"{indicator}, complément, {place.zoning} {place.zone} {place.period}"
                other = builder.cell((indicator, "complément", place, state.number), name, True, feed.kinds[measure].k)
                builder.derivable[other] = True
                builder.row(f"{indicator} : complément", [whole], [part, other])
