"""Files to take away, and what their columns mean."""

from __future__ import annotations

import io

from qpv_data.exports.csv import write_csv
from qpv_data.exports.folder import AudienceFolder
from qpv_data.exports.readable import NUMBER, STATE
from qpv_data.exports.words import words
from qpv_data.site.french import sort_key
from qpv_data.site.model import Indicator
from qpv_data.site.reading import BASE, Release
from qpv_data.site.shared import Shared
from qpv_data.site.writing import Site

_TITLES = {
    "commune": "communes", "epci": "intercommunalités", "contrat": "contrats de ville", "iris": "IRIS",
    "unite_urbaine": "unités urbaines", "territoire": "ensemble du territoire", "departement": "départements",
    "region": "régions", "non_localise": "enregistrements sans lieu connu, par commune",
}  # fmt: skip


def write(site: Site, shared: Shared, folder: AudienceFolder, files: bool) -> None:
    """`donnees.html`, a CSV an indicator, and the release's own files unless they are not wanted."""
    before = _before(shared)
    _csv(site, shared, before)
    taken = _copies(site, folder) if files else []
    dictionary = [(name, said.table, sorted(said.colonnes.items())) for name, said in sorted(words().items())]
    site.page(
        "donnees.html", "donnees.html.j2", titre="Données", fichiers=taken, dictionnaire=dictionary,
        themes=shared.themes(), avant=before, poids=weights(site, shared, before),
    )  # fmt: skip


def _csv(site: Site, shared: Shared, before: list[Indicator]) -> None:
    """All the values of the site's quarters, an indicator a file: names and states in words. `before`: those of which
    only the quarters that these come from have values."""
    release = shared.release
    release.open.execute(NUMBER)
    release.open.execute(STATE)
    own = [level.indicateur for level in shared.niveaux.par_indicateur.values()]
    for places, indicators in (([(z.zonage, z.code) for z in release.quartiers], own), (_origins(shared), before)):
        _choose(release, places)
        for indicator in indicators:
            sink = io.BytesIO()
            release.open.execute("SET VARIABLE indicateur = ?", [indicator.id])
            write_csv(release.open, release.sql("csv"), sink)
            site.bytes(f"donnees/csv/{indicator.fichier}.csv", sink.getvalue())


def _before(shared: Shared) -> list[Indicator]:
    """Indicators of the perimeters that the site's quarters come from, and of none of these."""
    names = {name for place in _origins(shared) for name in shared.anterieurs.get(place, ())}
    return sorted((shared.release.indicateurs[name] for name in names), key=lambda i: (sort_key(i.titre), i.id))


def _origins(shared: Shared) -> list[tuple[str, str]]:
    links = [link for of in shared.origines.values() for link in of if link["code_depart"]]
    return sorted({(link["zonage_depart"], link["code_depart"]) for link in links})


def _choose(release: Release, places: list[tuple[str, str]]) -> None:
    """The quarters for the query to keep."""
    release.open.execute("CREATE OR REPLACE TEMP TABLE quartiers_du_site (zonage VARCHAR, code_zone VARCHAR)")
    if places:
        release.open.executemany("INSERT INTO quartiers_du_site VALUES (?, ?)", places)


def _copies(site: Site, folder: AudienceFolder) -> list[tuple[str, str, int]]:
    """(path, what it is, bytes) of the release's files: the database, the tables, the series a zoning a file."""
    found: list[tuple[str, str, int]] = []
    base = folder.dossier / BASE
    if base.is_file():
        target = f"donnees/{BASE}"
        found.append((target, "Toute la publication, en une base DuckDB", site.copy(target, base)))
    for path in folder.series():
        zoning = path.parent.name.removeprefix("zonage=")
        target = f"donnees/parquet/series_{zoning}.parquet"
        title = _TITLES.get(
            zoning, f"quartiers de {zoning.removeprefix('qpv')}" if zoning.startswith("qpv") else zoning
        )
        found.append((target, f"Séries : {title}", site.copy(target, path)))
    said = words()
    for name in folder.tables():
        target = f"donnees/parquet/{name}.parquet"
        found.append((target, said[name].table if name in said else name, site.copy(target, folder.path(name))))
    return found


def weights(site: Site, shared: Shared, before: list[Indicator]) -> dict[str, int]:
    """File of an indicator → bytes of its CSV."""
    names = [i.fichier for i in (*(v.indicateur for v in shared.niveaux.par_indicateur.values()), *before)]
    return {name: (site.out / f"donnees/csv/{name}.csv").stat().st_size for name in names}
