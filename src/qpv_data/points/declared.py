"""Where a file says that its points are: the columns that the caller names, and what GeoParquet itself declares."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from qpv_data.points.coordinates import Where
from qpv_data.points.reading import Source
from qpv_data.problems import FeedError, Problem


def where_of(
    sources: Sequence[Source],
    *,
    x: str | None,
    y: str | None,
    geometrie: str | None,
    crs: str | None,
    colonne_epsg: str | None,
    decimale: str,
) -> Where:
    """Where the points of `sources` are. The CRS has no default: it is given, or the file's own.

    Raises FeedError: source_absente, colonne_inconnue, crs_inattendu.
    """
    if not sources:
        raise FeedError("locate", Problem.SOURCE_ABSENTE, "aucun fichier de points", "donner un fichier ou un dossier")
    first = sources[0]
    if (x is None) != (y is None) or (x is not None and geometrie is not None):
        message = "les points sont en --x et --y, ou dans une colonne --geometrie"
        raise FeedError(first.nom, Problem.COLONNE_INCONNUE, message, "nommer les deux colonnes, ou la troisième")
    if x is None and geometrie is None:
        geometrie = first.geo.get("primary_column")
        if geometrie is None:
            message = (
                f"rien ne dit où sont les coordonnées ; colonnes : {', '.join(map(repr, first.schema.names[:40]))}"
            )
            raise FeedError(first.nom, Problem.COLONNE_INCONNUE, message, "donner --x et --y")
    said = _crs_of_files(sources, geometrie) if geometrie is not None else None
    if crs is not None and colonne_epsg is not None:
        raise _crs_error(first, "--crs et --colonne-epsg se contredisent", "donner l'un des deux")
    if crs is None and colonne_epsg is None:
        if said is None:
            raise _crs_error(first, "le système de coordonnées des points n'est pas dit", "donner --crs EPSG:…")
        crs = said
    elif crs is not None:
        crs = _read(first, crs)
        if said is not None and said != crs:
            from qpv_data.zonages.crs import same_crs

            if not same_crs(said, crs):
                message = f"le fichier se dit en {said.splitlines()[0][:80]}, et non en {crs}"
                raise _crs_error(first, message, "retirer --crs, ou corriger le fichier")
    return Where(x, y, geometrie, crs, colonne_epsg, decimale)


def _crs_error(source: Source, message: str, remedy: str) -> FeedError:
    return FeedError(source.nom, Problem.CRS_INATTENDU, message, remedy)


def _read(source: Source, text: str) -> str:
    """The CRS that a caller names; numbers of EPSG are not looked up until a point needs it."""
    if text.upper().startswith("EPSG:") and text[5:].isdigit():
        number = f"EPSG:{int(text[5:])}"
        if number in ("EPSG:4326", "EPSG:2154"):
            return number
        from qpv_data.clause.vocabulary import places_points

        if places_points(int(text[5:])):
            return number
    else:
        from pyproj import CRS
        from pyproj.exceptions import CRSError

        from qpv_data.sources.vector import authority

        try:
            known = authority(CRS.from_user_input(text).to_wkt())
        except CRSError:
            known = None
        if known is not None:
            return known
    raise _crs_error(source, f"système de coordonnées inconnu : {text}", "écrire par exemple EPSG:4326")


def _crs_of_files(sources: Sequence[Source], column: str) -> str | None:
    found: dict[str | None, str] = {}
    for source in sources:
        found.setdefault(_crs_of(source.geo, column), source.nom)
    if len(found) > 1:
        names = ", ".join(found.values())
        raise _crs_error(sources[0], f"des fichiers de systèmes différents : {names}", "les traiter séparément")
    return next(iter(found))


def _crs_of(geo: dict[str, Any], column: str) -> str | None:
    """The CRS of a GeoParquet column: longitude and latitude when it does not speak of it, None when it is null."""
    if column not in geo.get("columns", {}):
        return None
    said = geo["columns"][column].get("crs", "OGC:CRS84")
    if said is None:
        return None
    identity = said.get("id", {}) if isinstance(said, dict) else {}
    if said == "OGC:CRS84" or identity.get("authority") == "OGC":
        return "EPSG:4326"
    if identity.get("authority") == "EPSG":
        return f"EPSG:{identity['code']}"
    from pyproj import CRS

    from qpv_data.sources.vector import authority

    return authority(CRS.from_user_input(json.dumps(said)).to_wkt())
