"""`qpv-data geocoder`: the addresses of any file, outside the pipeline too."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from qpv_data.addresses.geocode import GeocodeReport


class OuiNon(StrEnum):
    """An answer that has no default."""

    OUI = "oui"
    NON = "non"


class Choix(StrEnum):
    """The geocoders."""

    ADDOK = "addok"
    GEOPLATEFORME = "geoplateforme"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(geocoder)


def geocoder(
    fichier: Annotated[Path, typer.Argument(help="Fichier Parquet, ou CSV avec son en-tête.")],
    adresse: Annotated[list[str], typer.Option(help="Colonne de l'adresse ; répéter l'option pour un numéro à part.")],
    donnees_personnelles: Annotated[
        OuiNon, typer.Option(help="Ces adresses sont-elles des données personnelles ? Sans réponse par défaut.")
    ],
    sortie: Annotated[Path, typer.Option("--sortie", "-o", help="Fichier Parquet à écrire.")],
    code_commune: Annotated[
        str | None, typer.Option(help="Colonne du code Insee : l'adresse n'est cherchée que là.")
    ] = None,
    code_postal: Annotated[str | None, typer.Option(help="Colonne du code postal, où le précédent manque.")] = None,
    x: Annotated[str | None, typer.Option("--x", help="Colonne de la longitude d'un point déjà connu.")] = None,
    y: Annotated[str | None, typer.Option("--y", help="Colonne de sa latitude.")] = None,
    crs: Annotated[str | None, typer.Option("--crs", help="Système de ce point, par exemple EPSG:4326.")] = None,
    service: Annotated[
        Choix, typer.Option("--geocodeur", help="addok : chez soi ; geoplateforme : public, jamais pour des personnes.")
    ] = Choix.ADDOK,
    url: Annotated[str | None, typer.Option(help="Adresse du géocodeur. Défaut : http://127.0.0.1:7878.")] = None,
    hote_interne: Annotated[
        str | None, typer.Option(help="Hôte du réseau interne où est Addok, répété de --url.")
    ] = None,
    separateur: Annotated[str | None, typer.Option(help="Séparateur du CSV. Défaut : reconnu à l'en-tête.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="N'afficher que les erreurs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Dire le bilan en JSON.")] = False,
) -> None:
    """Donner un point à chaque adresse, ou dire pourquoi il n'y en a pas.

    La sortie garde les lignes et ajoute adresse_x et adresse_y (EPSG:4326), adresse_score, adresse_type,
    adresse_distance_m, adresse_libelle (sauf données personnelles) et adresse_motif. Un lieu est un numéro trouvé
    avec un score de 0,8 au moins, dans la commune de la ligne ; le reste est de lieu inconnu, avec son motif.

    Exemple : qpv-data geocoder adresses.csv --adresse adresse --code-commune insee --donnees-personnelles non
    -o points.parquet
    """
    from qpv_data.addresses.command import geocode_file, point_columns, service_asked
    from qpv_data.addresses.feeds import outage
    from qpv_data.addresses.questions import AddressColumns
    from qpv_data.refusals import errors_told

    with errors_told():
        columns = AddressColumns(tuple(adresse), code_commune, code_postal, point_columns(x, y, crs))
        asked = service_asked(service.value, url, hote_interne, personnelles=donnees_personnelles is OuiNon.OUI)
        report = geocode_file(fichier, sortie, columns=columns, service=asked, separateur=separateur)
        if not quiet:
            _tell(report, sortie, as_json)
        if report.panne is not None:
            raise outage(report, service.value)


def _tell(report: GeocodeReport, sortie: Path, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({**asdict(report), "sortie": str(sortie)}, ensure_ascii=False))
        return
    typer.echo(f"{report.lus} lignes = {report.acceptes} lieux + {sum(report.motifs.values())} de lieu inconnu")
    for reason, count in report.motifs.items():
        typer.echo(f"  {reason} : {count}")
    typer.echo(f"Écrit : {sortie}")
