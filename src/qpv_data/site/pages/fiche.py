"""The sheet of one quarter: who it is, eight figures, its themes, what happened there, where it all comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from markupsafe import Markup

from qpv_data.periods import parse_period
from qpv_data.site import charts, maps, paper
from qpv_data.site.french import listed, period, plural, short_period, signed, with_unit
from qpv_data.site.levels import Level
from qpv_data.site.model import EXPLAINED, STATES, Indicator, Series, Value, Zone
from qpv_data.site.reading import sheets
from qpv_data.site.shared import Shared, neighbours
from qpv_data.site.writing import Site, digest

CHARTS = 32
"""Indicators of a sheet that are drawn; the others have a row, a small line and a page of their own."""
MOST = 5
"""Columns of what a theme's values are compared with."""
PERIODS = 12
"""Periods of the table beside a chart."""
NATURES = {
    "inchange": "périmètre inchangé depuis {ancien}",
    "modifie": "périmètre de {ancien}, modifié",
    "scinde": "issu de la division de {ancien}",
    "fusionne": "réunit {ancien}",
    "recompose": "recomposé à partir de {ancien}",
    "recouvrement": "recouvre une partie de {ancien}",
    "nouveau": "nouveau quartier, sans prédécesseur",
    "indetermine": "lien avec la génération précédente non établi",
}


@dataclass(frozen=True)
class Beside:
    """What a figure is compared with: the words, the value, the gap in words (none when there is nothing to say)."""

    nom: str
    genre: str
    valeur: Value | None
    ecart: str


@dataclass(frozen=True)
class Card:
    """One headline figure."""

    indicateur: Indicator
    valeur: Value
    compares: tuple[Beside, ...]
    dessin: Markup
    serie: Markup
    evolution: str


def write(site: Site, shared: Shared) -> None:
    """Every sheet, those that changed being rendered."""
    known = digest(shared.tete, shared.release.publication, site.commun)
    for zone, series in sheets(shared.release, shared.release.quartiers):
        path = f"quartiers/{zone.fichier}.html"
        content = content_of(shared, zone, series)
        if not site.same(path, digest(known, zone, content)):
            site.page(path, "fiche.html.j2", zone=zone, **content)


def content_of(shared: Shared, zone: Zone, series: Mapping[str, Series]) -> dict[str, Any]:
    """What the sheet's template is given."""
    told = {k: s for k, s in series.items() if k in shared.niveaux.par_indicateur and s.meaningful}
    near = neighbours(shared, zone)
    cards = [card(shared, zone, level, told.get(level.indicateur.id)) for level in shared.tete]
    themes = list(_themes(shared, zone, told))
    words = words_of(cards, themes)
    origins = sources([s.indicateur for s in told.values()])
    broken = [(s.indicateur, p, why) for s in told.values() for p, why in sorted(s.ruptures.items())]
    events = shared.evenements.get(zone.code, ())
    heads = compared_with(themes)
    room = paper.room(
        heads, [f"{w} : {why}" for w, why in words],
        [f"{e.ecrite} {e.nature} : {e.titre} ({e.source})" for e in events],
        [f"{i.producteur}, livraison du 00 septembre 0000 ({i.licence})" for i in origins],
        [f"{i.titre}, 0e trimestre 0000 : rupture de série. {why}" for i, _, why in broken],
    )  # fmt: skip
    return {
        "titre": zone.nom,
        "identite": identity(shared, zone),
        "population": population(shared, zone),
        "carte": _map(shared, zone, near),
        "voisins": near,
        "cartes": cards,
        "themes": themes,
        "comparateurs": heads,
        "comparent": {name: {n for row in rows for n in row["par_nom"]} for name, rows in themes},
        "sur_papier": paper.kept(themes, room, shared.release.publication["periode"], len(heads)),
        "papier": paper,
        "mots": words,
        "evenements": events,
        "sources": origins,
        "ruptures": broken,
    }


def identity(shared: Shared, zone: Zone) -> list[tuple[str, str]]:
    """Rows of the table of identity."""
    members = shared.niveaux.membres.get((zone.zonage, zone.code), {})
    rows = [("Code", zone.code)]
    for zoning, one, many in (
        ("commune", "Commune", "Communes"), ("epci", "Intercommunalité", "Intercommunalités"),
        ("contrat", "Contrat de ville", "Contrats de ville"),
    ):  # fmt: skip
        if codes := members.get(zoning):
            rows.append((one if len(codes) == 1 else many, listed([shared.nom(zoning, c) for c in codes])))
    rows.append(("Génération", f"quartiers de {zone.zonage.removeprefix('qpv')}"))
    if lineage := lineage_of(shared, zone):
        rows.append(("Origine", lineage))
    return rows


def population(shared: Shared, zone: Zone) -> str:
    """Of the perimeter's own file, or else the indicator that gives it: a reading in inhabitants."""
    if zone.population is not None:
        return plural(zone.population, "habitant")
    for level in shared.niveaux.par_indicateur.values():
        i, value = level.indicateur, level.valeurs.get(zone.code)
        if (i.nature, i.unite) == ("releve", "habitants") and value is not None and value.valeur is not None:
            return f"{i.write(value.valeur)} ({i.producteur}, {period(level.periode)})"
    return "non connue"


def lineage_of(shared: Shared, zone: Zone) -> str:
    """The quarter's link to the generation before, in words."""
    links = shared.origines.get(zone.code, [])
    if not links:
        return ""
    words = NATURES.get(links[0]["nature"], "lien avec la génération précédente : " + str(links[0]["nature"]))
    kept = [k for k in links if k["nature"] == links[0]["nature"] and k["code_depart"]]
    names = [f"{shared.nom(k['zonage_depart'], k['code_depart'])} ({k['code_depart']})" for k in kept]
    return words.format(ancien=listed(names))


def card(shared: Shared, zone: Zone, level: Level, series: Series | None) -> Card:
    """A headline: the value at the indicator's last period, what it is compared with, where it stands, its series."""
    indicator = level.indicateur
    value = level.valeurs.get(zone.code) or Value(level.periode, _day(level), None, "absente")
    compared = compares(shared, zone, level, value)
    marks = [(b.genre, b.valeur.valeur) for b in compared if b.valeur is not None and b.valeur.valeur is not None]
    drawn = charts.position(level, value.valeur, [(k, v) for k, v in marks if v is not None and k == "commune"])
    line = charts.spark(series.valeurs, indicator) if series else Markup("")
    return Card(
        indicator, value, compared, drawn if indicator.comparable else Markup(""), line, evolution(series, value)
    )


def compares(shared: Shared, zone: Zone, level: Level, value: Value) -> tuple[Beside, ...]:
    """Communes, intercommunality and all quarters, of an indicator that compares."""
    if not level.indicateur.comparable:
        return ()
    found = []
    for zoning in ("commune", "epci"):
        for code, other in shared.niveaux.beside(zone, zoning, level.indicateur.id):
            if other.etat != "sans_objet":
                found.append(Beside(shared.nom(zoning, code), zoning, other, gap(level.indicateur, value, other)))
    if level.quantiles is not None:
        median = Value(level.periode, _day(level), level.quantiles[2], "normale")
        found.append(Beside("médiane des quartiers", "quartiers", median, gap(level.indicateur, value, median)))
    return tuple(found)


def compared_with(themes: Sequence[tuple[str, Sequence[Mapping[str, Any]]]]) -> list[str]:
    """Names of what the rows of a sheet are compared with, a column each: the median last, MOST at most."""
    order = {"commune": 0, "epci": 1, "quartiers": 2}
    found = {b.nom: order[b.genre] for _, rows in themes for row in rows for b in row["par_nom"].values()}
    names = sorted(found, key=lambda n: found[n])
    return names if len(names) <= MOST else [*names[: MOST - 1], names[-1]]


def gap(indicator: Indicator, value: Value, other: Value) -> str:
    """« +5,2 points », « −2,7 W »; a long unit stands beside the figure already. Nothing when one is not told."""
    if value.valeur is None or other.valeur is None:
        return ""
    unit = "points" if indicator.unite == "%" else indicator.unite if len(indicator.unite) <= 3 else None
    return with_unit(signed(value.valeur - other.valeur, indicator.decimales), unit)


def words_of(cards: Sequence[Card], themes: Sequence[tuple[str, Sequence[Mapping[str, Any]]]]) -> list[tuple[str, str]]:
    """The words that say a value's state in this sheet, each with what it means: a tooltip is not read by all."""
    values = [c.valeur for c in cards]
    for _, rows in themes:
        for row in rows:
            values += [row["valeur"], *row["tableau"], *(v for _, v in row["modalites"])]
    return [(words, EXPLAINED[state]) for state, words in STATES.items()
            if state in EXPLAINED and any(v.etat == state for v in values)]  # fmt: skip


def evolution(series: Series | None, value: Value, short: bool = False) -> str:
    """Since the same quarter of the year before, or else since the period before; never across a break."""
    if series is None or value.valeur is None:
        return ""
    values = list(series.valeurs)
    rank = next((i for i, v in enumerate(values) if v.periode == value.periode), None)
    if not rank:
        return ""
    year = next((i for i in range(rank) if values[i].debut.replace(year=values[i].debut.year + 1) == value.debut), None)
    before = values[year] if year is not None else values[rank - 1]
    since = values[(year if year is not None else rank - 1) + 1 : rank + 1]
    if before.valeur is None or any(v.rupture for v in since):
        return ""
    indicator = series.indicateur
    unit = "points" if indicator.unite == "%" else None
    moved = with_unit(signed(value.valeur - before.valeur, indicator.decimales), unit)
    return f"{moved} depuis {short_period(before.periode) if short else _article(before.periode)}"


def _article(code: str) -> str:
    words = period(code)
    return f"le {words}" if "trimestre" in words or "semestre" in words else words


def _themes(shared: Shared, zone: Zone, told: Mapping[str, Series]) -> Any:
    drawn = 0
    for name, levels in shared.themes():
        rows = []
        for level in levels:
            series = told.get(level.indicateur.id)
            if series is None:
                continue
            value = level.valeurs.get(zone.code) or Value(level.periode, _day(level), None, "absente")
            few = drawn < CHARTS
            drawn += few
            rows.append(_row(shared, zone, level, series, value, few))
        if rows:
            yield name, rows


def _row(shared: Shared, zone: Zone, level: Level, series: Series, value: Value, draw: bool) -> dict[str, Any]:
    """One indicator of a theme."""
    name = f"s-{level.indicateur.fichier}"
    several = draw and len(series.valeurs) > 1
    return {
        "indicateur": level.indicateur,
        "valeur": value,
        "evolution": evolution(series, value, short=True),
        "etincelle": charts.spark(series.valeurs, level.indicateur),
        "par_nom": {b.nom: b for b in compares(shared, zone, level, value)},
        "serie": charts.series_chart(series, name) if several else Markup(""),
        "tableau": series.valeurs[-PERIODS:] if draw else (),
        "modalites": series.modalites if draw else (),
        "barres": charts.bars(series.modalites, level.indicateur, f"m-{level.indicateur.fichier}",
                              f"{level.indicateur.titre}, {period(level.periode)}, par modalité")
        if draw and series.modalites else Markup(""),
    }  # fmt: skip


def sources(indicators: Sequence[Indicator]) -> list[Indicator]:
    """One indicator a feed, in the order of their producers: what each says of its feed, said once."""
    by_feed = {(i.producteur, i.recue_le, i.licence, i.perime): i for i in indicators}
    return sorted(by_feed.values(), key=lambda i: (i.producteur, i.jeu))


def _map(shared: Shared, zone: Zone, near: Sequence[Zone]) -> Markup:
    ground = [shared.communes[c] for c in sorted(shared.communes)]
    return maps.around(zone, near, shared.contours, ground, lambda z: f"{z.fichier}.html", "carte")


def _day(level: Level) -> date:
    return parse_period(level.periode).debut
