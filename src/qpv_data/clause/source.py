"""Where a feed comes from: one model a protocol, told apart by `type`; a bare `url` is a file over HTTP.

`{periode}`, `{annee}`, `{trimestre}` and `{mois}` in the keys that say which resource make one delivery a period.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import quote, unquote, urlencode, urlsplit

from pydantic import Discriminator, Field, StringConstraints, Tag, field_validator, model_validator

from qpv_data.clause.vocabulary import CodeEpsg, Modele, Texte
from qpv_data.periods import parse_period
from qpv_data.sources.networks import AddressKind, literal_kind, secret_parts

_SLOTS = {"periode", "annee", "trimestre", "mois"}
Adresse = Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
Hote = Annotated[str, StringConstraints(pattern=r"^(https?://)?[A-Za-z0-9.-]+(:[0-9]{1,5})?$")]
Variable = Annotated[str, StringConstraints(pattern=r"^QPV_SECRET_[A-Z0-9_]{1,48}$")]
Prefixe = Annotated[str, StringConstraints(pattern=r"^[\w.@-]+$")]


class SourceCommune(Modele):
    """What every source may say. `secret` names an environment variable: a value never stands in a clause."""

    A_PERIODE: ClassVar[tuple[str, ...]] = ()
    EN_LIGNE: ClassVar[str] = "url"

    a_confirmer: bool = Field(default=False, description="the address could not be verified")
    membre: Texte | None = Field(default=None, description="file inside the archive; * and ? are allowed")
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    taille_max_mo: Annotated[int, Field(gt=0, le=100_000)] = 4_000
    hote_interne: Texte | None = Field(
        default=None, description="the source's host, when it is on this machine or on a private network"
    )
    secret: Variable | None = Field(default=None, description="environment variable that holds the secret")
    secret_envoi: Literal["jeton", "apikey", "entete", "parametre", "utilisateur"] | None = None
    secret_nom: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")] | None = None

    @property
    def par_periode(self) -> bool:
        """Whether each period is a delivery of its own."""
        return any("{" in text for text in self._slotted())

    def pour(self, periode: str | None) -> Self:
        """The source of one period, its slots filled."""
        if periode is None:
            return self
        period = parse_period(periode)
        slots = {
            "periode": periode,
            "annee": str(period.annee),
            "trimestre": str(period.rang),
            "mois": f"{period.rang:02d}",
        }
        filled = {}
        for name in self.A_PERIODE:
            text = getattr(self, name)
            for slot, value in slots.items():
                text = text.replace("{" + slot + "}", value) if text else text
            filled[name] = text
        return self.model_copy(update=filled)

    def adresse(self, jeu: str) -> str:
        """The one address that names the whole resource, for readers and mirrors; it holds no secret."""
        raise NotImplementedError

    def _slotted(self) -> Iterator[str]:
        return (text for name in self.A_PERIODE if (text := getattr(self, name)))

    @model_validator(mode="after")
    def _known_slots(self) -> Self:
        for text in self._slotted():
            if unknown := set(re.findall(r"\{(.*?)\}", text)) - _SLOTS:
                raise ValueError(f"champ inconnu dans l'adresse : {', '.join(sorted(unknown))}")
        return self

    @model_validator(mode="after")
    def _secret_is_told_how(self) -> Self:
        named = self.secret_envoi in ("entete", "parametre")
        if self.secret is None and (self.secret_envoi or self.secret_nom):
            raise ValueError("`secret_envoi` et `secret_nom` accompagnent `secret`, le nom d'une variable")
        if named != (self.secret_nom is not None):
            raise ValueError("`secret_nom` accompagne les envois `entete` et `parametre`, et eux seuls")
        return self

    @model_validator(mode="after")
    def _address_is_public_or_declared(self) -> Self:
        address = self._en_ligne()
        try:
            split = urlsplit(address)
            host, port = (split.hostname or "").lower(), split.port
        except ValueError:
            raise ValueError("adresse mal formée") from None
        if not host or port == 0:
            raise ValueError("adresse sans hôte, ou de port nul")
        if found := secret_parts(address):
            raise ValueError(
                f"un secret ne s'écrit pas dans une clause ({', '.join(found)}) : déclarer `secret`, le nom d'une"
                " variable d'environnement"
            )
        if self.hote_interne is not None and self.hote_interne.lower() != host:
            raise ValueError(f"`hote_interne` répète l'hôte de l'adresse, {host}")
        kind = literal_kind(host)
        if kind is AddressKind.LIEN_LOCAL:
            raise ValueError("une adresse de lien local n'est jamais lue")
        if kind not in (None, AddressKind.PUBLIQUE) and self.hote_interne is None:
            raise ValueError(f"{host} n'est pas une adresse publique : le confirmer par `hote_interne: {host}`")
        return self

    def _en_ligne(self) -> str:
        address: str = getattr(self, self.EN_LIGNE)
        return address if "://" in address else f"https://{address}"


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


class SourceDepot(SourceCommune):
    """A deposit where a partner puts files: a folder, an SFTP server or an S3-compatible bucket."""

    A_PERIODE = ("motif",)
    type: Literal["depot"]
    url: Annotated[str, StringConstraints(pattern=r"^(file:///|sftp://|s3://)\S+$")]
    motif: Annotated[str, StringConstraints(pattern=r"^[^/\\]+$")] = Field(
        description="name of the file; * and ? are allowed, {periode} and the like are read from it"
    )
    ecriture: Literal["stable", "renommage", "temoin"] = Field(description="how the partner shows that a file is whole")
    attente_s: Annotated[float, Field(ge=0, le=600)] = Field(
        default=10.0, description="stable: seconds during which size and date must not move"
    )
    bail_s: Annotated[int, Field(ge=60, le=86_400)] = Field(
        default=7_200, description="sftp, s3: after this time a worker that said nothing more is held for dead"
    )
    point_acces: Adresse | None = Field(default=None, description="s3: address of the service")
    region: Prefixe | None = Field(default=None, description="s3: region, where the service asks for one")
    cle_hote: Annotated[str, StringConstraints(pattern=r"^SHA256:[A-Za-z0-9+/]{43}=?$")] | None = Field(
        default=None, description="sftp: fingerprint of the server's key, as ssh-keygen -l shows it"
    )
    secret_fichier: bool = Field(default=False, description="sftp: the secret is user:path of a private key")

    @property
    def protocole(self) -> str:
        """`file`, `sftp` or `s3`."""
        return self.url.partition(":")[0]

    def is_here(self) -> bool:
        """Whether it is a folder that this machine has."""
        return self.protocole == "file" and Path(unquote(urlsplit(self.url).path)).is_dir()

    def adresse(self, jeu: str) -> str:
        return f"depot://{jeu}/{quote(self.motif, safe='*?')}"

    @model_validator(mode="after")
    def _what_each_store_needs(self) -> Self:
        if self.protocole == "sftp" and (self.cle_hote is None or self.secret is None):
            raise ValueError("un dépôt sftp déclare `secret` et `cle_hote`, l'empreinte de la clé du serveur")
        if self.protocole != "sftp" and (self.cle_hote is not None or self.secret_fichier):
            raise ValueError("`cle_hote` et `secret_fichier` accompagnent un dépôt sftp")
        if self.protocole == "s3" and self.secret is None:
            raise ValueError("un dépôt s3 déclare `secret` (identifiant:clé)")
        if self.protocole != "s3" and (self.point_acces or self.region):
            raise ValueError("`point_acces` et `region` accompagnent un dépôt s3")
        if self.protocole == "file" and self.secret is not None:
            raise ValueError("un dossier n'a pas de `secret`")
        if self.secret_envoi is not None:
            raise ValueError("`secret_envoi` est pour HTTP : ici le secret s'écrit identifiant:mot de passe")
        if {"", ".", ".."} & set(self.url.partition("://")[2].strip("/").split("/")):
            raise ValueError("le chemin du dépôt n'a ni `..`, ni `.`, ni partie vide")
        return self

    def _en_ligne(self) -> str:
        if self.protocole == "s3":
            return self.point_acces or "https://s3.amazonaws.com"
        return self.url if self.protocole == "sftp" else "https://dossier.invalid"

    @field_validator("url")
    @classmethod
    def _no_secret_in_it(cls, url: str) -> str:
        if "@" in url.partition("://")[2].partition("/")[0]:
            raise ValueError("un identifiant ne s'écrit pas dans l'adresse : déclarer `secret`")
        return url


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
