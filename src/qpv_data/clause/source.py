"""Where a feed comes from: one model a protocol, told apart by `type`; a bare `url` is a file over HTTP.

`{periode}`, `{annee}`, `{trimestre}` and `{mois}` in the keys that say which resource make one delivery a period.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlencode

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from qpv_data.clause.source_common import Adresse, Hote, Prefixe, SourceCommune
from qpv_data.clause.source_deposit import SourceDepot
from qpv_data.clause.vocabulary import CodeEpsg, Modele, Texte

__all__ = [
    "PointConnu",
    "Source",
    "SourceCommune",
    "SourceDatagouv",
    "SourceDepot",
    "SourceDido",
    "SourceGbfs",
    "SourceHttp",
    "SourceOpendatasoft",
    "SourceWfs",
]


class SourceHttp(SourceCommune):
    """A file over HTTP(S), a GTFS archive for one."""

    A_PERIODE = ("url",)
    type: Literal["http"] = "http"
    url: Adresse

    def adresse(self, jeu: str) -> str:
        return self.url


class SourceOpendatasoft(SourceCommune):
    """A dataset of an Opendatasoft portal, whole, through its exports (Explore API v2.1)."""

    A_PERIODE = ("jeu_de_donnees", "filtre")
    EN_LIGNE = "domaine"
    type: Literal["opendatasoft"]
    domaine: Hote
    jeu_de_donnees: Annotated[str, StringConstraints(pattern=r"^[\w@{}-]+$")]
    export: Literal["csv", "parquet", "geojson", "json"]
    selection: tuple[Texte, ...] = Field(default=(), description="ODSQL select; all fields without it")
    filtre: Texte | None = Field(default=None, description="ODSQL where")
    tri: Texte | None = Field(default=None, description="ODSQL order_by")

    @property
    def catalogue(self) -> str:
        """The dataset's entry in the portal's catalogue."""
        return f"{self._en_ligne()}/api/explore/v2.1/catalog/datasets/{quote(self.jeu_de_donnees, safe='@')}"

    def adresse(self, jeu: str) -> str:
        query = {"select": ",".join(self.selection), "where": self.filtre, "order_by": self.tri}
        if self.export == "csv":
            query |= {"delimiter": ";", "use_labels": "false"}
        asked = urlencode({k: v for k, v in query.items() if v}, quote_via=quote)
        return f"{self.catalogue}/exports/{self.export}" + (f"?{asked}" if asked else "")

    @property
    def comptage(self) -> str:
        """The address that only counts the records that `filtre` keeps."""
        return f"{self.catalogue}/records?{urlencode({'where': self.filtre, 'limit': '0'}, quote_via=quote)}"


class SourceDatagouv(SourceCommune):
    """A resource of data.gouv.fr (or of any udata site), found by dataset and title: its link may move."""

    A_PERIODE = ("jeu_de_donnees", "ressource")
    EN_LIGNE = "hote"
    type: Literal["datagouv"]
    jeu_de_donnees: Annotated[str, StringConstraints(pattern=r"^[\w{}-]+$")] = Field(description="slug or id")
    ressource: Texte = Field(description="title of the resource; * and ? are allowed")
    format_ressource: Texte | None = Field(default=None, description="its format in the catalogue, among namesakes")
    hote: Hote = "www.data.gouv.fr"

    @property
    def api(self) -> str:
        """The dataset in the API."""
        return f"{self._en_ligne()}/api/1/datasets/{quote(self.jeu_de_donnees, safe='')}/"

    def adresse(self, jeu: str) -> str:
        query = {"ressource": self.ressource, "format": self.format_ressource}
        asked = urlencode({k: v for k, v in query.items() if v}, quote_via=quote)
        return f"{self._en_ligne()}/datasets/{quote(self.jeu_de_donnees, safe='')}/?{asked}"


class SourceDido(SourceCommune):
    """A datafile of DiDo, the statistics of the ministry in charge of housing: one vintage, the columns asked for."""

    A_PERIODE = ("fichier", "millesime")
    EN_LIGNE = "hote"
    type: Literal["dido"]
    fichier: Annotated[str, StringConstraints(pattern=r"^[\w{}-]+$")] = Field(description="rid of the datafile")
    millesime: Texte = Field(description="vintage, such as 2025-01")
    champs: tuple[Prefixe, ...] = Field(default=(), description="columns asked for; all without it")
    filtres: dict[Prefixe, Texte] = Field(default_factory=dict, description="column to condition, such as eq:31555")
    nom_des_colonnes: bool = Field(default=True, description="withColumnName: the header holds names")
    hote: Hote = "data.statistiques.developpement-durable.gouv.fr"

    def adresse(self, jeu: str) -> str:
        query = {
            "millesime": self.millesime,
            "columns": ",".join(self.champs),
            "withColumnName": str(self.nom_des_colonnes).lower(),
            "withColumnDescription": "false",
            "withColumnUnit": "false",
            **self.filtres,
        }
        asked = urlencode({k: v for k, v in query.items() if v}, quote_via=quote, safe=",:")
        return f"{self._en_ligne()}/dido/api/v1/datafiles/{quote(self.fichier, safe='')}/csv?{asked}"


class PointConnu(Modele):
    """A feature whose place is known: the one whose `propriete` is `valeur` lies within `tolerance` of (x, y), or
    holds it. In the source's CRS: longitude or easting first."""

    propriete: Texte
    valeur: Texte
    x: float
    y: float
    tolerance: Annotated[float, Field(ge=0)] = 0.0


class SourceWfs(SourceCommune):
    """A layer of a WFS 2.0 service, page after page, as GeoJSON."""

    A_PERIODE = ("url", "couche", "filtre")
    type: Literal["wfs"]
    url: Adresse
    couche: Texte = Field(description="typeNames")
    crs: CodeEpsg = Field(description="system asked for and checked")
    tri: Texte = Field(description="sortBy: without an order, pages may overlap or leave gaps")
    page: Annotated[int, Field(ge=1, le=50_000)] = 1_000
    filtre: Texte | None = Field(default=None, description="CQL_FILTER, where the service knows it")
    proprietes: tuple[Texte, ...] = Field(default=(), description="propertyName: the geometry's name included")
    sortie: Texte = "application/json"
    emprise: tuple[float, float, float, float] | None = Field(
        default=None, description="xmin, ymin, xmax, ymax that hold every feature; longitude or easting first"
    )
    point_connu: PointConnu | None = None

    @model_validator(mode="after")
    def _axes_can_be_told(self) -> Self:
        if self.emprise is None and self.point_connu is None:
            raise ValueError("déclarer `emprise` ou `point_connu` : l'ordre des axes se vérifie")
        if self.emprise is not None:
            x0, y0, x1, y1 = self.emprise
            if not (x0 < x1 and y0 < y1):
                raise ValueError("`emprise` s'écrit xmin, ymin, xmax, ymax")
            if self.point_connu is None and max(x0, y0) <= min(x1, y1):
                raise ValueError("cette `emprise` coupe la sienne aux axes échangés : déclarer aussi `point_connu`")
        return self

    def requete(self, **more: str) -> str:
        """A GetFeature address."""
        query = {
            "SERVICE": "WFS",
            "VERSION": "2.0.0",
            "REQUEST": "GetFeature",
            "TYPENAMES": self.couche,
            "SRSNAME": self.crs,
            "OUTPUTFORMAT": self.sortie,
            "SORTBY": self.tri,
            "PROPERTYNAME": ",".join(self.proprietes),
            "CQL_FILTER": self.filtre,
            **more,
        }
        asked = urlencode({k: v for k, v in query.items() if v}, quote_via=quote, safe=":,/")
        return f"{self.url}{'&' if '?' in self.url else '?'}{asked}"

    def adresse(self, jeu: str) -> str:
        return self.requete()


class SourceGbfs(SourceCommune):
    """Shared bikes and the like: the stations of a GBFS service, and their state at the time of reading."""

    A_PERIODE = ("url",)
    type: Literal["gbfs"]
    url: Adresse = Field(description="gbfs.json, the auto-discovery file")
    langue: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$")] = "fr"

    def adresse(self, jeu: str) -> str:
        return f"{self.url}{'&' if '?' in self.url else '?'}vue=stations"


def _kind(value: Any) -> Any:
    """A source without `type` is a file over HTTP."""
    return value.get("type", "http") if isinstance(value, dict) else getattr(value, "type", "http")


Source = Annotated[
    Annotated[SourceHttp, Tag("http")]
    | Annotated[SourceOpendatasoft, Tag("opendatasoft")]
    | Annotated[SourceDatagouv, Tag("datagouv")]
    | Annotated[SourceDido, Tag("dido")]
    | Annotated[SourceWfs, Tag("wfs")]
    | Annotated[SourceGbfs, Tag("gbfs")]
    | Annotated[SourceDepot, Tag("depot")],
    Discriminator(_kind),
]
