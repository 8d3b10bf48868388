"""What stands out, quarter by quarter, with how sure it is and what it does not prove."""

from __future__ import annotations

from qpv_data.site.french import number, sort_key
from qpv_data.site.model import slug
from qpv_data.site.shared import Shared
from qpv_data.site.signals import Kind, Signal, Untested
from qpv_data.site.writing import Site

KINDS = {
    Kind.LEVEL: "niveau, comparé aux autres quartiers",
    Kind.CHANGE: "évolution, comparée à celle des autres quartiers",
    Kind.OWN: "évolution, comparée aux précédentes du même quartier",
    None: "toute comparaison",
}


def write(site: Site, shared: Shared) -> None:
    """`signaux.html`."""
    found = shared.signaux
    site.page(
        "signaux.html", "signaux.html.j2", titre="Signaux", groupes=by_quarter(shared), resume=found.summary,
        comparaisons=number(found.comparisons), ecartes=reasons(found.untested), slug=slug,
    )  # fmt: skip


def by_quarter(shared: Shared) -> list[tuple[str, str, list[Signal]]]:
    """(name, file, signals) of the site's quarters that have some, by name: this is no ranking."""
    found = []
    for zone in sorted(shared.release.quartiers, key=lambda z: (sort_key(z.appel), z.code)):
        if own := shared.signaux_par_quartier.get((zone.zonage, zone.code)):
            found.append((zone.appel, zone.fichier, own))
    return found


def reasons(left: tuple[Untested, ...]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Reason → what was not compared for it: an indicator, and which comparison."""
    found: dict[str, list[tuple[str, str]]] = {}
    for one in left:
        found.setdefault(one.reason, []).append((one.title, KINDS[one.kind]))
    return sorted(found.items())
