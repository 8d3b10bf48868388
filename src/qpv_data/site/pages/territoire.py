"""The first page: the map of the quarters, headline figures, what is new."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from qpv_data.periods import parse_period
from qpv_data.site.french import period, plural, sort_key
from qpv_data.site.levels import Level
from qpv_data.site.model import Value
from qpv_data.site.pages import carto
from qpv_data.site.reading import Row
from qpv_data.site.shared import Shared
from qpv_data.site.writing import Site

_CHANGES = {
    "apparue": ("valeur nouvelle", "valeurs nouvelles"),
    "disparue": ("valeur qui n'est plus publiée", "valeurs qui ne sont plus publiées"),
    "modifiee": ("valeur corrigée", "valeurs corrigées"),
    "cachee": ("valeur désormais cachée", "valeurs désormais cachées"),
    "montree": ("valeur qui n'est plus cachée", "valeurs qui ne sont plus cachées"),
    "statut": ("changement de statut", "changements de statut"),
    "qualite": ("changement de qualité", "changements de qualité"),
}


_CAUSES = {
    "nouvelle_livraison": "nouvelle livraison", "version_de_clause": "nouvelle version de la clause",
    "logiciel": "calcul corrigé", "secret": "protection d'autres chiffres",
}  # fmt: skip


def write(site: Site, shared: Shared) -> None:
    """`index.html`."""
    chosen = first(shared)
    publication = shared.release.publication
    site.page(
        "index.html", "territoire.html.j2", titre="Territoire", quartiers=shared.release.quartiers,
        niveau=chosen, carte=carto.drawn(shared, chosen, "carte", "quartiers/") if chosen else "",
        legende=carto.legend(chosen) if chosen else [], rang=carto.ranking(shared, chosen) if chosen else [],
        themes=shared.themes(), tete=[headline(shared, level) for level in shared.tete], nouveautes=news(shared),
        manquent=feeds(shared, publication["jeux_absents"]), perimes=feeds(shared, publication["jeux_perimes"]),
        attendues=shared.release.rows("SELECT * FROM calendrier WHERE periode > ? ORDER BY prevue_le LIMIT 1",
                                      publication["periode"]),
    )  # fmt: skip


def feeds(shared: Shared, said: str | None) -> list[str]:
    """Feeds that the release names by their ids, some with a period, in words."""
    titles = {r["clause"]: r["titre"] for r in shared.release.rows("SELECT clause, titre FROM clauses")}
    named = [part.split() for part in (said or "").split(",") if part.strip()]
    return [", ".join([titles.get(name, name), *map(_period, rest)]) for name, *rest in named]


def _period(code: str) -> str:
    try:
        return period(code)
    except ValueError:
        return code


def first(shared: Shared) -> Level | None:
    """What the map shows before anything is chosen: the first headline that compares."""
    return next((v for v in shared.tete if v.indicateur.comparable), shared.tete[0] if shared.tete else None)


def headline(shared: Shared, level: Level) -> dict[str, Any]:
    """An indicator over the territory: the quarters' least, median and greatest, and the zones around."""
    around: list[tuple[str, Value]] = []
    if level.indicateur.comparable:
        members = (shared.niveaux.membres.get((z.zonage, z.code), {}) for z in shared.release.quartiers)
        held = {c: v for m in members for c in m.get("epci", ())
                if (v := shared.niveaux.epci.get(c, {}).get(level.indicateur.id)) is not None}  # fmt: skip
        for code, value in sorted(held.items(), key=lambda pair: pair[0])[:3]:
            if value.etat != "sans_objet":
                around.append((shared.nom("epci", code), value))
    shown = level.visibles
    return {
        "indicateur": level.indicateur, "periode": level.periode, "autour": around,
        "mediane": level.quantiles[2] if level.quantiles else None, "extremes": extremes(shown), "publiees": len(shown),
        "cachees": sum(v.cachee for v in level.valeurs.values()),
        "noms": {z.code: z for z in shared.release.quartiers},
    }  # fmt: skip


def extremes(shown: Sequence[tuple[str, float]]) -> list[tuple[str, list[str], float]]:
    """Which quarters have the greatest value and which the least, those that are equal together; `shown`: sorted."""
    if not shown:
        return []
    found = []
    for words, value in (("le plus haut", shown[0][1]), ("le plus bas", shown[-1][1])):
        found.append((words, [code for code, v in shown if v == value], value))
    return found if found[0][2] != found[1][2] else [("partout", found[0][1], found[0][2])]


def news(shared: Shared) -> dict[str, Any]:
    """What changed in the site's quarters since the release before, an indicator a line, each nature with its cause.

    From the published table of changes alone. `avant`: the release before, None when the table does not name it.
    """
    wanted = {(z.zonage, z.code) for z in shared.release.quartiers}
    rows = shared.release.named("nouveautes")
    found: dict[str, dict[tuple[str, str | None], list[Row]]] = {}
    for r in rows:
        if (r["zonage"], r["code_zone"]) in wanted:
            found.setdefault(r["indicateur"], {}).setdefault((r["nature"], r["cause"]), []).append(r)
    lines = []
    for name, kinds in found.items():
        indicator = shared.release.indicateurs.get(name)
        page = indicator.fichier if indicator and name in shared.niveaux.par_indicateur else None
        lines.append((indicator.titre if indicator else name, page, [_told(*k, kinds[k]) for k in _order(kinds)]))
    before = rows[0]["publication_precedente"] if rows else None
    return {"avant": before, "lignes": sorted(lines, key=lambda line: (sort_key(line[0]), line[0]))}


def _order(kinds: Iterable[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
    place = {nature: n for n, nature in enumerate(_CHANGES)}
    return sorted(kinds, key=lambda k: (place.get(k[0], len(place)), k[0], k[1] or ""))


def _told(nature: str, cause: str | None, rows: Sequence[Row]) -> str:
    one, many = _CHANGES.get(nature, ("changement", "changements"))
    first = min((r["premiere"] for r in rows), key=_by_time)
    last = max((r["derniere"] for r in rows), key=_by_time)
    spans = period(first) if first == last else f"{period(first)} – {period(last)}"
    quarters = plural(len({r["code_zone"] for r in rows}), "quartier", "quartiers")
    words = f"{plural(sum(r['lignes'] for r in rows), one, many)} dans {quarters} ({spans})"
    return f"{words}\u00a0: {_CAUSES.get(cause, cause.replace('_', ' '))}" if cause else words


def _by_time(code: str) -> tuple[date, str]:
    return parse_period(code).fin, code
