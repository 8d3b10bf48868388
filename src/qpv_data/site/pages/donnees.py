"""Files to take away, and what their columns mean."""

from __future__ import annotations

import io

from qpv_data.exports.csv import write_csv
from qpv_data.exports.folder import AudienceFolder
from qpv_data.exports.readable import NUMBER, STATE
from qpv_data.exports.words import words
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
    _csv(site, shared)
    taken = _copies(site, folder) if files else []
    dictionary = [(name, said.table, sorted(said.colonnes.items())) for name, said in sorted(words().items())]
    site.page(
        "donnees.html", "donnees.html.j2", titre="Données", fichiers=taken, dictionnaire=dictionary,
        themes=shared.themes(), poids=weights(site, shared),
    )  # fmt: skip


def _csv(site: Site, shared: Shared) -> None:
    """All the values of the site's quarters, an indicator a file: names and states in words."""
    release = shared.release
    _choose(release)
    query = release.sql("csv")
    for level in shared.niveaux.par_indicateur.values():
        sink = io.BytesIO()
        release.open.execute("SET VARIABLE indicateur = ?", [level.indicateur.id])
        write_csv(release.open, query, sink)
        site.bytes(f"donnees/csv/{level.indicateur.fichier}.csv", sink.getvalue())


def _choose(release: Release) -> None:
    """The quarters of the site, for the query to keep, and how numbers and states are written."""
    release.open.execute(NUMBER)
    release.open.execute(STATE)
    release.open.execute("CREATE OR REPLACE TEMP TABLE quartiers_du_site (zonage VARCHAR, code_zone VARCHAR)")
    release.open.executemany(
        "INSERT INTO quartiers_du_site VALUES (?, ?)", [[z.zonage, z.code] for z in release.quartiers]
    )


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


def weights(site: Site, shared: Shared) -> dict[str, int]:
    """File of an indicator → bytes of its CSV."""
    sizes = {}
    for level in shared.niveaux.par_indicateur.values():
        name = level.indicateur.fichier
        sizes[name] = (site.out / f"donnees/csv/{name}.csv").stat().st_size
    return sizes
