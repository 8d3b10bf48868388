"""One page an indicator, and the list of them."""

from __future__ import annotations

from qpv_data.site import standing
from qpv_data.site.pages import carto
from qpv_data.site.shared import Shared
from qpv_data.site.writing import Site, digest

NATURES = {
    "compte": "un nombre", "somme": "une somme", "moyenne": "une moyenne", "part": "une part", "taux": "un taux",
    "releve": "un chiffre relevé tel que son producteur le donne", "minimum": "un minimum", "maximum": "un maximum",
    "etendue": "un écart entre le plus petit et le plus grand",
}  # fmt: skip
TIMES = {
    "stock": "à la fin de la période", "flux": "sur toute la période", "moyenne": "en moyenne sur la période",
    "glissant": "sur un échantillon glissant",
}  # fmt: skip


def write(site: Site, shared: Shared) -> None:
    """`indicateurs.html` and `indicateurs/<id>.html`."""
    site.page("indicateurs.html", "indicateurs.html.j2", titre="Indicateurs", themes=shared.themes())
    known = digest(shared.release.publication, site.commun, shared.release.quartiers)
    for level in shared.niveaux.par_indicateur.values():
        i = level.indicateur
        path = f"indicateurs/{i.fichier}.html"
        if site.same(path, digest(known, level)):
            continue
        site.page(
            path, "indicateur.html.j2", titre=i.titre, niveau=level, i=i,
            nature=f"{NATURES.get(i.nature, i.nature)}, {TIMES.get(i.nature_temporelle, i.nature_temporelle)}",
            carte=carto.drawn(shared, level, "carte", "../quartiers/"), legende=carto.legend(level),
            rang=carto.ranking(shared, level), distribution=standing.distribution(level, "distribution"),
            cachees=sum(v.cachee for v in level.valeurs.values()),
        )  # fmt: skip
