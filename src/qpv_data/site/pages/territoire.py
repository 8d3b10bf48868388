"""The first page: the map of the quarters, headline figures, what is new."""

from __future__ import annotations

from typing import Any

from qpv_data.site.french import period, plural
from qpv_data.site.levels import Level
from qpv_data.site.model import Value
from qpv_data.site.pages import carto
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


def write(site: Site, shared: Shared) -> None:
    """`index.html`."""
    chosen = first(shared)
    site.page(
        "index.html", "territoire.html.j2", titre="Territoire", quartiers=shared.release.quartiers,
        niveau=chosen, carte=carto.drawn(shared, chosen, "carte", "quartiers/") if chosen else "",
        legende=carto.legend(chosen) if chosen else [], rang=carto.ranking(shared, chosen) if chosen else [],
        themes=shared.themes(), tete=[headline(shared, level) for level in shared.tete], nouveautes=news(shared),
        attendues=shared.release.rows("SELECT * FROM calendrier WHERE periode > ? ORDER BY prevue_le LIMIT 1",
                                      shared.release.publication["periode"]),
    )  # fmt: skip


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
        "mediane": level.quantiles[2] if level.quantiles else None, "haut": shown[0] if shown else None,
        "bas": shown[-1] if shown else None, "publiees": len(shown),
        "cachees": sum(v.cachee for v in level.valeurs.values()),
        "noms": {z.code: z for z in shared.release.quartiers},
    }  # fmt: skip


def news(shared: Shared) -> dict[str, Any]:
    """What changed since the release before, an indicator a line; from the published table of changes alone."""
    rows = shared.release.named("nouveautes")
    by_indicator: dict[str, list[str]] = {}
    before = rows[0]["publication_precedente"] if rows else None
    for r in rows:
        indicator = shared.release.indicateurs.get(r["indicateur"])
        title = indicator.titre if indicator else r["indicateur"]
        one, many = _CHANGES.get(r["nature"], ("changement", "changements"))
        spans = period(r["premiere"]) if r["premiere"] == r["derniere"] else (
            f"{period(r['premiere'])} – {period(r['derniere'])}"
        )  # fmt: skip
        by_indicator.setdefault(title, []).append(f"{plural(r['lignes'], one, many)} ({spans})")
    return {"avant": before, "lignes": sorted(by_indicator.items())}
