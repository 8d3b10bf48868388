"""Where a partner puts files, declared: a folder, an SFTP server or an S3-compatible bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import quote, unquote, urlsplit

from pydantic import Field, StringConstraints, field_validator, model_validator

from qpv_data.clause.source_common import Adresse, Prefixe, SourceCommune


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
