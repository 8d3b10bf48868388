"""Whether the coordinates that a service gives are in the declared order: longitude or easting first."""

from __future__ import annotations

from typing import Any

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from qpv_data.clause.source import SourceWfs
from qpv_data.problems import FeedError, Problem

_SWAPPED = "le service donne latitude avant longitude : demander un autre `source.crs`, ou prévenir le producteur"


class AxesWatch:
    """Sees every feature; `conclude` says that the known one was among them."""

    def __init__(self, source: SourceWfs, jeu: str) -> None:
        self._source, self._jeu = source, jeu
        self._met = source.point_connu is None
        self._box = None if source.emprise is None else shapely.box(*source.emprise)

    def see(self, feature: dict[str, Any]) -> None:
        """Raises FeedError crs_inattendu; format_inattendu when the geometry cannot be read."""
        told = feature.get("geometry")
        if told is None:
            return
        try:
            geometry = shape(told)
        except (ShapelyError, AttributeError, KeyError, TypeError, ValueError, IndexError):
            message = "géométrie GeoJSON illisible"
            raise FeedError(self._jeu, Problem.FORMAT_INATTENDU, message, "prévenir le producteur") from None
        if geometry.is_empty:
            return
        if self._box is not None and not self._box.covers(shapely.box(*geometry.bounds)):
            x0, y0, x1, y1 = geometry.bounds
            if self._box.covers(shapely.box(y0, x0, y1, x1)):
                raise self._error("un objet n'est dans l'emprise qu'axes échangés", _SWAPPED)
            raise self._error("un objet est hors de l'emprise déclarée", "corriger `source.emprise` ou `source.crs`")
        self._compare(feature, geometry)

    def conclude(self) -> None:
        """Raises FeedError when the known feature never came."""
        if not self._met:
            message = "l'objet de `point_connu` n'est pas dans la couche : le système ne peut être vérifié"
            raise self._error(message, "corriger `source.point_connu`, ou vérifier le millésime de la couche")

    def _compare(self, feature: dict[str, Any], geometry: BaseGeometry) -> None:
        known = self._source.point_connu
        properties = feature.get("properties")
        if known is None or not isinstance(properties, dict) or str(properties.get(known.propriete)) != known.valeur:
            return
        self._met = True
        if geometry.distance(shapely.Point(known.x, known.y)) <= known.tolerance:
            return
        if geometry.distance(shapely.Point(known.y, known.x)) <= known.tolerance:
            raise self._error("l'objet de `point_connu` n'est à sa place qu'axes échangés", _SWAPPED)
        raise self._error("l'objet de `point_connu` n'est pas à sa place", "corriger `source.crs` ou `point_connu`")

    def _error(self, message: str, remede: str) -> FeedError:
        return FeedError(self._jeu, Problem.CRS_INATTENDU, message, remede)
