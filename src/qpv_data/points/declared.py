"""Where a file says that its points are: the columns that the caller names, and what GeoParquet itself declares."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa

from qpv_data.points.coordinates import Where, is_text
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


def require(nom: str, schema: pa.Schema, where: Where, others: Sequence[str] = ()) -> None:
    """Check that the columns to read, and `others`, are there, once each, and can say what is asked of them.

    Raises FeedError: all that is missing, met twice, or of a type that is no coordinate.
    """
    names = schema.names
    wanted = tuple(dict.fromkeys([*where.columns, *others]))
    if absent := [c for c in wanted if c not in names]:
        listed = ", ".join(map(repr, names[:40])) + (", …" if len(names) > 40 else "")
        message = f"colonnes absentes : {', '.join(map(repr, absent))} ; le fichier a : {listed}"
        raise FeedError(nom, Problem.COLONNE_INCONNUE, message, "donner le nom exact d'une colonne")
    if twice := [c for c in wanted if names.count(c) > 1]:
        message = f"colonnes en double : {', '.join(map(repr, twice))}"
        raise FeedError(nom, Problem.ENTETE_INATTENDU, message, "les renommer")
    wrong = [c for c in (where.x, where.y) if c is not None and not _says_number(schema.field(c).type)]
    wrong += [c for c in (where.geometrie,) if c is not None and not _says_point(schema.field(c).type)]
    if wrong:
        said = ", ".join(f"{c!r} ({str(schema.field(c).type)[:60]})" for c in dict.fromkeys(wrong))
        remedy = "donner des nombres ou des textes à --x et --y, ou des points à --geometrie"
        raise FeedError(nom, Problem.VALEUR_INVALIDE, f"des colonnes ne sont pas des coordonnées : {said}", remedy)


def _says_number(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return bool(number or is_text(kind) or pa.types.is_null(kind))


def _says_point(kind: pa.DataType) -> bool:
    """WKB, or native points: x and y apart, or together."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_struct(kind):
        fields = {f.name: f.type for f in kind}
        return all(n in fields and pa.types.is_floating(fields[n]) for n in "xy")
    if pa.types.is_fixed_size_list(kind):
        return bool(kind.list_size >= 2 and pa.types.is_floating(kind.value_type))
    wkb = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_null)
    return any(of(kind) for of in wkb)


def _crs_error(source: Source, message: str, remedy: str) -> FeedError:
    return FeedError(source.nom, Problem.CRS_INATTENDU, message, remedy)


def _read(source: Source, text: str) -> str:
    """The CRS that a caller names; numbers of EPSG are not looked up until a point needs it."""
    if text.upper().startswith("EPSG:") and text[5:].isdecimal():
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
            said = CRS.from_user_input(text)
        except CRSError:
            said = None
        # Neither a height nor a geocentric system places a point on the ground.
        if said is not None and (said.is_geographic or said.is_projected):
            return authority(said.to_wkt()) or said.to_wkt()
    raise _crs_error(source, f"système de coordonnées inconnu : {text}", "écrire par exemple EPSG:4326")


def _crs_of_files(sources: Sequence[Source], column: str) -> str | None:
    found: dict[str | None, str] = {}
    for source in sources:
        found.setdefault(_crs_of(source, column), source.nom)
    if len(found) > 1:
        names = ", ".join(found.values())
        raise _crs_error(sources[0], f"des fichiers de systèmes différents : {names}", "les traiter séparément")
    return next(iter(found))


def _crs_of(source: Source, column: str) -> str | None:
    """The CRS of a GeoParquet column: longitude and latitude when it does not speak of it, None when it is null."""
    if column not in source.geo.get("columns", {}):
        return None
    said = source.geo["columns"][column].get("crs", "OGC:CRS84")
    if said is None:
        return None
    identity = said.get("id", {}) if isinstance(said, dict) else {}
    if said == "OGC:CRS84" or (identity.get("authority"), identity.get("code")) == ("OGC", "CRS84"):
        return "EPSG:4326"
    if identity.get("authority") == "EPSG":
        return f"EPSG:{identity['code']}"
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    from qpv_data.sources.vector import authority

    try:
        read = CRS.from_user_input(said if isinstance(said, str) else json.dumps(said))
    except CRSError as e:
        raise _crs_error(source, "le système que le fichier déclare est illisible", "corriger le fichier") from e
    return authority(read.to_wkt())
