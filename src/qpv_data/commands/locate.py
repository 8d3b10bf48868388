"""`qpv-data locate`: any file of points, in any zones, outside the pipeline too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qpv_data.commands.locate_options import coherent, keep_inputs, legible
from qpv_data.commands.locate_output import counted, tell, written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qpv_data.points.files import Request
    from qpv_data.points.zoning import Zoning


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(locate)


def locate(
    points: Annotated[list[Path], typer.Argument(help="Fichiers Parquet, GeoParquet, CSV ou Arrow, ou leur dossier.")],
    x: Annotated[str | None, typer.Option("--x", help="Colonne des longitudes ou abscisses.")] = None,
    y: Annotated[str | None, typer.Option("--y", help="Colonne des latitudes ou ordonnées.")] = None,
    geometrie: Annotated[
        str | None, typer.Option(help="Colonne de points (GeoParquet) ; d'elle-même celle du fichier, sans --x ni --y.")
    ] = None,
    crs: Annotated[str | None, typer.Option("--crs", help="Système des points, par exemple EPSG:4326.")] = None,
    colonne_epsg: Annotated[str | None, typer.Option(help="Colonne du code EPSG, ligne par ligne.")] = None,
    zonage: Annotated[
        list[str] | None, typer.Option(help="Zonage connu, par exemple qpv2024 ; plusieurs en une passe.")
    ] = None,
    zonages: Annotated[
        Path | None, typer.Option(help="Dossier --out d'une exécution, où prendre les zonages ; sinon les clauses.")
    ] = None,
    clauses: Annotated[Path | None, typer.Option(help="Clauses des zonages. Défaut : referentiels/clauses.")] = None,
    miroir: Annotated[
        Path | None, typer.Option(help="Dossier ou table où les adresses des zonages sont résolues.")
    ] = None,
    zones: Annotated[Path | None, typer.Option(help="Fichier de polygones, à la place d'un zonage connu.")] = None,
    code: Annotated[str | None, typer.Option(help="Colonne du code dans --zones.")] = None,
    zones_crs: Annotated[str | None, typer.Option(help="Système de --zones, si le fichier n'en dit rien.")] = None,
    tampon: Annotated[
        list[float] | None,
        typer.Option(min=0.001, max=1e6, help="Élargir les zones, en mètres ; ajoute un zonage par valeur."),
    ] = None,
    sortie: Annotated[Path | None, typer.Option("--sortie", "-o", help="Fichier à écrire, .parquet ou .csv.")] = None,
    compte: Annotated[bool, typer.Option("--compte", help="Compter par zone au lieu d'écrire des lignes.")] = False,
    par: Annotated[str | None, typer.Option(help="Avec --compte : compter aussi par cette colonne.")] = None,
    somme: Annotated[list[str] | None, typer.Option(help="Avec --compte : sommer cette colonne.")] = None,
    regle: Annotated[
        str, typer.Option(help="couvre : un point du bord est dedans ; contient : il ne l'est pas.")
    ] = "couvre",
    tous: Annotated[
        bool, typer.Option("--tous", help="Ajouter `codes`, tous ceux des zones qui tiennent le point.")
    ] = False,
    distance: Annotated[
        float | None,
        typer.Option(
            min=0.001, help="Ajouter `distance_limite_m`, à la limite la plus proche, jusqu'à tant de mètres."
        ),
    ] = None,
    corriger_axes: Annotated[
        bool, typer.Option("--corriger-axes", help="Échanger x et y là où l'échange seul met le point en France.")
    ] = False,
    decimale: Annotated[str, typer.Option(help="Marque décimale des coordonnées écrites en texte.")] = ".",
    separateur: Annotated[str | None, typer.Option(help="Séparateur du CSV. Défaut : reconnu à l'en-tête.")] = None,
    encodage: Annotated[str, typer.Option(help="Encodage du CSV.")] = "utf-8",
    prefixe: Annotated[str, typer.Option(help="Préfixe des colonnes ajoutées.")] = "",
    fils: Annotated[int | None, typer.Option(min=1, help="Fils d'exécution. Défaut : tous les cœurs.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="N'afficher que les erreurs.")] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Dire le bilan en JSON ; avec --compte sans -o, sur la sortie d'erreur."),
    ] = False,
) -> None:
    """Mettre chaque point dans sa zone : dedans, dehors, ou de lieu inconnu avec la raison.

    La sortie garde les colonnes reçues et ajoute `code` (nul hors zone), `localisation` (dedans, dehors, inconnu) et
    `localisation_motif` (nul sauf si inconnu). Un point du bord est dedans ; de plusieurs zones, le plus petit code.
    Avec --compte, une ligne par zone et catégorie : `code`, la catégorie, `nombre`, `somme_COLONNE`.

    Exemple : qpv-data locate points.parquet --x lon --y lat --crs EPSG:4326 --zonage qpv2024 -o lieux.parquet
    """
    from qpv_data.refusals import errors_told

    coherent(zonage, zones, code, compte, par, somme, sortie, regle)
    separateur = legible(decimale, separateur, zonage, tampon)
    with errors_told():
        opened = _zonings(zonage or [], zonages, clauses, miroir, zones, code, zones_crs, tampon or [])
        where = {"x": x, "y": y, "geometrie": geometrie, "crs": crs, "colonne_epsg": colonne_epsg, "decimale": decimale}
        request = _request(
            points, where, opened, regle, corriger_axes, tous, distance, prefixe, fils, separateur, encodage
        )
        keep_inputs(points, zones, sortie)
        absent: list[dict[str, int]] = [{} for _ in request.asked]
        if compte:
            outcomes, absent = counted(request, par, list(dict.fromkeys(somme or [])), sortie)
        else:
            outcomes = written(request, sortie)
        if not quiet:
            tell(request, outcomes, absent, sortie, as_json)


def _zonings(
    names: Sequence[str],
    folder: Path | None,
    clauses: Path | None,
    miroir: Path | None,
    zones: Path | None,
    code: str | None,
    zones_crs: str | None,
    buffers: Sequence[float],
) -> list[Zoning]:
    widths = [0.0, *buffers]
    if zones is not None:
        from qpv_data.points.opening import open_zones

        return [open_zones(zones, code or "", zones_crs, width) for width in widths]
    from qpv_data.points.known import composed_folder, open_zoning
    from qpv_data.surroundings import default_clauses, now

    found = []
    for name in names:
        root = (clauses or default_clauses()).resolve()
        inner = folder or composed_folder(name, root, miroir.resolve() if miroir else None, now())
        found += [open_zoning(inner, name, width) for width in widths]
    return found


def _request(
    points: list[Path],
    where: dict[str, Any],
    zonings: list[Zoning],
    regle: Any,
    corriger: bool,
    tous: bool,
    distance: float | None,
    prefixe: str,
    fils: int | None,
    separateur: str | None,
    encodage: str,
) -> Request:
    from qpv_data.cores import cores
    from qpv_data.points.batch import Placer
    from qpv_data.points.declared import where_of
    from qpv_data.points.files import Asked, Request
    from qpv_data.points.metric import Margins
    from qpv_data.points.reading import files_of, open_source

    sources = tuple(open_source(p, separateur=separateur, encodage=encodage) for p in files_of(points))
    asked = []
    for zoning in zonings:
        alone = len(zonings) == 1
        stem = "" if alone else f"{zoning.nom}_"
        names = f"{stem}code" if alone else zoning.nom, f"{stem}localisation", f"{stem}localisation_motif"
        columns = (prefixe + names[0], prefixe + names[1], prefixe + names[2])
        every = f"{prefixe}{stem}codes" if tous else None
        far = None if distance is None else (f"{prefixe}{stem}distance_limite_m", Margins(zoning, distance))
        asked.append(Asked(Placer(zoning, regle=regle, corriger_axes=corriger), columns, every, far))
    return Request(sources, where_of(sources, **where), tuple(asked), fils or cores())
