"""The sheet of one quarter: who it is, eight figures, its themes, what happened there, where it all comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from qpv_data.site import charts, maps, paper, standing
from qpv_data.site.beside import Beside, compares, evolution, per_inhabitant
from qpv_data.site.french import period, rounded
from qpv_data.site.levels import Level
from qpv_data.site.model import EXPLAINED, STATES, Indicator, Series, Value, Zone
from qpv_data.site.pages import comparer
from qpv_data.site.pages.identite import before, identity, population
from qpv_data.site.reading import Sheet
from qpv_data.site.shared import Shared, neighbours
from qpv_data.site.side_by_side import write_all
from qpv_data.site.signals import Signal
from qpv_data.site.writing import Site, digest

FIRST = ("commune", "epci", "comparables", "mediane")
"""Comparators that are told first; the others are with the series."""
CHARTS = 32
"""Indicators of a sheet that are drawn; the others have a row, a small line and a page of their own."""
MOST = 5
"""Columns of what a theme's values are compared with."""
PERIODS = 12
"""Periods of the table beside a chart."""


@dataclass(frozen=True)
class Card:
    """One headline figure."""

    indicateur: Indicator
    valeur: Value
    compares: tuple[Beside, ...]
    par_habitant: str
    dessin: Markup
    serie: Markup
    evolution: str


def write(site: Site, shared: Shared) -> None:
    """Every sheet, those that changed being rendered."""
    levels = shared.niveaux.par_indicateur.values()
    medians = [v.quantiles and rounded(v.quantiles[2], v.indicateur.decimales) for v in levels]
    known = digest(
        [(v.indicateur, v.periode) for v in levels], medians,
        [(v.indicateur.id, v.quantiles, v.bornes) for v in shared.tete], site.commun,
    )  # fmt: skip
    write_all(site, shared, write_sheet, known)


def write_sheet(site: Site, shared: Shared, sheet: Sheet, known: str) -> None:
    """One sheet, and what the page that compares is told of it. `known`: a digest of what all sheets are made from."""
    zone = sheet.zone
    own = digest(known, sheet, _around(shared, zone))
    path, script = f"quartiers/{zone.fichier}.html", f"donnees/quartiers/{zone.fichier}.js"
    kept = [site.same(path, own), site.same(script, own)]
    if not all(kept):
        site.page(path, "fiche.html.j2", zone=zone, **content_of(shared, sheet))
        comparer.write_quarter(site, shared, sheet, script)


def _around(shared: Shared, zone: Zone) -> Any:
    """All that a sheet says and that is neither in its series nor in all sheets."""
    members = shared.niveaux.membres.get((zone.zonage, zone.code), {})
    near = [(z, shared.contours.get(z.code)) for z in (zone, *neighbours(shared, zone))]
    ground = [(c, shared.communes.get(c)) for c in members.get("commune", ())]
    return (
        members,
        near,
        ground,
        shared.origines.get(zone.code),
        before(shared, zone),
        shared.evenements.get(zone.code),
        signals_of(shared, zone),
    )


def content_of(shared: Shared, sheet: Sheet) -> dict[str, Any]:
    """What the sheet's template is given."""
    zone = sheet.zone
    told = {k: s for k, s in sheet.series.items() if k in shared.niveaux.par_indicateur and s.meaningful}
    near = neighbours(shared, zone)
    cards = [card(sheet, level) for level in shared.tete]
    themes = list(_themes(shared, sheet, told))
    places, old = before(shared, zone)
    words = words_of(cards, themes, [v for r in old for v in r.valeurs if v is not None])
    origins = sources([s.indicateur for s in told.values()] + [r.indicateur for r in old])
    broken = [(s.indicateur, p, why) for s in told.values() for p, why in sorted(s.ruptures.items())]
    events = shared.evenements.get(zone.code, ())
    heads = compared_with(themes)
    room = paper.room(
        heads, [f"{w} : {why}" for w, why in words],
        [f"{e.ecrite} {e.nature} : {e.titre} ({e.source})" for e in events],
        [f"{i.producteur}, livraison du 00 septembre 0000 ({i.licence})" for i in origins],
        [f"{i.titre}, 0e trimestre 0000 : rupture de série. {why}" for i, _, why in broken],
        [s.sentence for s in signals_of(shared, zone)],
    )  # fmt: skip
    on_paper, left = paper.kept(themes, room, shared.release.publication["periode"], len(heads))
    return {
        "titre": zone.appel,
        "identite": identity(shared, zone),
        "population": population(shared, zone),
        "carte": _map(shared, zone, near),
        "voisins": near,
        "cartes": cards,
        "themes": themes,
        "comparateurs": heads,
        "comparent": {name: {n for row in rows for n in row["par_nom"]} for name, rows in themes},
        "avant": places,
        "anterieurs": old,
        "anterieurs_sur_papier": paper.former([r.indicateur.titre for r in old], len(places), left),
        "sur_papier": on_paper,
        "papier": paper,
        "mots": words,
        "signaux": signals_of(shared, zone),
        "evenements": events,
        "sources": origins,
        "ruptures": broken,
    }


def card(sheet: Sheet, level: Level) -> Card:
    """A headline: the value at the indicator's last period, what it is compared with, where it stands, its series."""
    indicator, code = level.indicateur, sheet.zone.code
    series = sheet.series.get(indicator.id)
    value = level.valeurs.get(code) or Value(level.periode, level.debut, None, "absente")
    held = sheet.compares.get(indicator.id, ())
    compared = tuple(b for b in compares(level, value, held) if b.genre in FIRST)
    marks = [(b.genre, b.valeur) for b in compared if b.valeur is not None and b.genre == "commune"]
    drawn = standing.position(level, value.valeur, marks) if indicator.comparable else Markup("")
    line = charts.spark(series.valeurs, indicator) if series else Markup("")
    return Card(indicator, value, compared, per_inhabitant(level, held), drawn, line, evolution(series, value))


def compared_with(themes: Sequence[tuple[str, Sequence[Mapping[str, Any]]]]) -> list[str]:
    """Names of what the rows of a sheet are compared with, a column each: the quarters last, MOST at most."""
    order = {genre: n for n, genre in enumerate(FIRST)}
    found = {b.nom: order[b.genre] for _, rows in themes for row in rows for b in row["par_nom"].values()}
    names = sorted(found, key=lambda n: found[n])
    return names if len(names) <= MOST else [*names[: MOST - 1], names[-1]]


def words_of(
    cards: Sequence[Card], themes: Sequence[tuple[str, Sequence[Mapping[str, Any]]]], others: Sequence[Value] = ()
) -> list[tuple[str, str]]:
    """The words that say a value's state in this sheet, each with what it means: a tooltip is not read by all."""
    values = [*(c.valeur for c in cards), *others]
    for _, rows in themes:
        for row in rows:
            values += [row["valeur"], *row["tableau"], *(v for _, v in row["modalites"])]
    return [(words, EXPLAINED[state]) for state, words in STATES.items()
            if state in EXPLAINED and any(v.etat == state for v in values)]  # fmt: skip


def _themes(shared: Shared, sheet: Sheet, told: Mapping[str, Series]) -> Any:
    drawn = 0
    for name, levels in shared.themes():
        rows = []
        for level in levels:
            series = told.get(level.indicateur.id)
            if series is None:
                continue
            few = drawn < CHARTS
            drawn += few
            rows.append(_row(shared, sheet, level, series, few))
        if rows:
            yield name, rows


def _row(shared: Shared, sheet: Sheet, level: Level, series: Series, draw: bool) -> dict[str, Any]:
    """One indicator of a theme."""
    code, held = sheet.zone.code, sheet.compares.get(level.indicateur.id, ())
    value = level.valeurs.get(code) or Value(level.periode, level.debut, None, "absente")
    beside = compares(level, value, held)
    name = f"s-{level.indicateur.fichier}"
    several = draw and len(series.valeurs) > 1
    return {
        "indicateur": level.indicateur,
        "valeur": value,
        "evolution": evolution(series, value, short=True),
        "etincelle": charts.spark(series.valeurs, level.indicateur),
        "par_nom": {b.nom: b for b in beside if b.genre in FIRST},
        "autres": beside if draw else (),
        "par_habitant": per_inhabitant(level, held),
        "serie": charts.series_chart(series, name, shared.evenements.get(code, ())) if several else Markup(""),
        "tableau": series.valeurs[-PERIODS:] if draw else (),
        "modalites": series.modalites if draw else (),
        "barres": standing.bars(series.modalites, level.indicateur, f"m-{level.indicateur.fichier}",
                              f"{level.indicateur.titre}, {period(level.periode)}, par modalité")
        if draw and series.modalites else Markup(""),
    }  # fmt: skip


def signals_of(shared: Shared, zone: Zone) -> list[Signal]:
    """What stands out in a quarter."""
    return shared.signaux_par_quartier.get((zone.zonage, zone.code), [])


def sources(indicators: Sequence[Indicator]) -> list[Indicator]:
    """One indicator a feed, in the order of their producers: what each says of its feed, said once."""
    by_feed = {(i.producteur, i.recue_le, i.licence, i.perime): i for i in indicators}
    return sorted(by_feed.values(), key=lambda i: (i.producteur, i.jeu))


def _map(shared: Shared, zone: Zone, near: Sequence[Zone]) -> Markup:
    return maps.around(zone, near, shared.contours, shared.fond, lambda z: f"{z.fichier}.html", "carte")
