"""Make the site: read the release, write every page, take away what is no longer there."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qpv_data.exports.folder import AudienceFolder
from qpv_data.problems import Problem
from qpv_data.site import writing
from qpv_data.site.addresses.gather import Counts
from qpv_data.site.events import read_events
from qpv_data.site.french import bare
from qpv_data.site.pages import adresse, carto, comparer, donnees, fiche, indicateur, partenariat, signaux, territoire
from qpv_data.site.reading import Release, certificate, opened
from qpv_data.site.shared import shared
from qpv_data.site.writing import HERE, Site, SiteError, StageWatcher, nobody

RUBRIQUES = (
    ("index.html", "Territoire"), ("adresse.html", "Mon adresse"), ("comparer.html", "Comparer"),
    ("indicateurs.html", "Indicateurs"), ("signaux.html", "Signaux"), ("partenariat.html", "Partenariat"),
    ("donnees.html", "Données"),
)  # fmt: skip


PAGES = (territoire, indicateur, comparer, signaux, partenariat, fiche)


@dataclass(frozen=True)
class Options:
    """What whoever builds a site may say. `contact`: an address (mailto: or https:) to tell of an error at; `nom`: of
    the territory, when the release's own words for it will not do."""

    territoire: str | None = None
    evenements: Path | None = None
    contact: str | None = None
    nom: str | None = None
    telechargements: bool = True
    adresses: tuple[Path, ...] = ()
    """Extracts of the Base Adresse Nationale: public reference data."""


@dataclass(frozen=True)
class Built:
    """What was done. Counts of files."""

    accueil: Path
    quartiers: int
    ecrites: int
    gardees: int
    otees: int
    octets: int
    adresses: Counts | None = None


def build(folder: AudienceFolder, out: Path, options: Options, watch: StageWatcher = nobody) -> Built:
    """Write in `out` the site of an audience's release. Twice gives the same bytes; what did not change is not written.

    Raises SiteError for a territory without quarters, a folder that holds something else, or events that are wrong.
    """
    watch("lecture", 0, 2)
    with (
        tempfile.TemporaryDirectory(prefix=".site-", dir=_parent(out)) as work,
        opened(folder, Path(work), options.territoire) as release,
    ):
        watch("lecture", 1, 2)
        if not release.quartiers:
            raise _no_quarter(release, options.territoire)
        events = read_events(options.evenements, {z.code for z in release.quartiers}) if options.evenements else []
        site = writing.begin(out, common(folder, release, options))
        site.suivi = watch
        out.chmod(folder.rights())
        whole = shared(release, events, certificate(folder))
        watch("lecture", 2, 2)
        _resources(site)
        carto.write_scripts(site, whole)
        for page in PAGES:
            page.write(site, whole)
        donnees.write(site, whole, folder, options.telechargements)
        counts = adresse.write(site, whole, options.adresses, Path(work))
    gone = site.finish()
    size = sum((out / p).stat().st_size for p in {*site.ecrites, *site.gardees})
    return Built(
        out / "index.html", len(release.quartiers), len(site.ecrites), len(site.gardees), len(gone), size, counts
    )


def common(folder: AudienceFolder, release: Release, options: Options) -> dict[str, Any]:
    """What every page is told."""
    public = release.publication["diffusion"]
    return {
        "publication": release.publication,
        "avertissement": "" if public == "ouvert" else folder.warning(),
        "diffuseur": place(release, None),
        "nom_site": f"Observatoire des quartiers · {options.nom or place(release, options.territoire)}",
        "rubriques": RUBRIQUES,
        "contact": options.contact,
    }


def place(release: Release, territory: str | None) -> str:
    """The territory's name: that of the EPCI or contrat asked for, or who publishes."""
    if territory is not None:
        for zoning in ("epci", "contrat"):
            if zone := release.zones.get((zoning, territory)):
                return zone.nom
        return territory
    said: str = release.publication["diffuseur"]
    own = {_plain(z.nom): z.nom for z in release.zones.values() if z.famille in ("commune", "epci", "contrat")}
    words = own.get(_plain(said), said.replace("-", " ").replace("_", " "))
    return words[:1].upper() + words[1:]


def _plain(name: str) -> str:
    """A name without accents, capitals nor signs: what an identifier keeps of it."""
    return "".join(c for c in bare(name) if c.isascii() and c.isalnum())


def _no_quarter(release: Release, territory: str | None) -> SiteError:
    if territory is None:
        message = f"{release.publication['publication']} n'a aucun quartier"
        return SiteError(Problem.PERIMETRES_INVALIDES, message, "publier avec un zonage de quartiers")
    codes = sorted({c for zoning in ("epci", "contrat") for (z, c) in release.zones if z == zoning})
    shown = ", ".join(codes[:10]) + ("…" if len(codes) > 10 else "")
    message = f"aucun quartier de {release.publication['publication']} n'est dans {territory!r}"
    return SiteError(Problem.REFERENCE_INCONNUE, message, f"donner le code d'un EPCI ou d'un contrat, parmi {shown}")


def _resources(site: Site) -> None:
    held = HERE / "ressources"
    for path in sorted(held.rglob("*")):
        if path.is_file():
            site.bytes(f"ressources/{path.relative_to(held).as_posix()}", path.read_bytes())


def _parent(out: Path) -> Path:
    out.parent.mkdir(parents=True, exist_ok=True)
    return out.parent
