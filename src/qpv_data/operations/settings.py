"""What the operator declares: `exploitation.yml`, beside the folder of clauses. Unlike publication.yml it is not
published; no secret stands in it, only the names of the environment variables that hold them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, StringConstraints, model_validator

from qpv_data.clause.source_common import Adresse, Variable
from qpv_data.clause.vocabulary import Modele, Texte
from qpv_data.declared import read_declared
from qpv_data.sources.networks import secret_parts

NAME = "exploitation.yml"
Moment = Literal["echec", "defaut", "publication", "toujours"]
Courrier = Annotated[str, StringConstraints(pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$")]


class Webhook(Modele):
    """A JSON text posted to an address. `url_secrete`: the variable that holds the address, when who knows it may
    write; `secret`: the one that holds a token, sent as `Authorization: Bearer`."""

    type: Literal["webhook"]
    quand: tuple[Moment, ...] = Field(min_length=1)
    url: Adresse | None = None
    url_secrete: Variable | None = None
    hote_interne: Texte | None = None
    secret: Variable | None = None

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) == (self.url_secrete is None):
            raise ValueError("déclarer `url`, ou `url_secrete`, le nom d'une variable")
        if self.url is not None and secret_parts(self.url):
            raise ValueError("cette adresse contient un secret : déclarer `url_secrete`")
        return self


class Courriel(Modele):
    """A message over SMTP. `secret`: the variable that holds `identifiant:mot de passe`."""

    type: Literal["courriel"]
    quand: tuple[Moment, ...] = Field(min_length=1)
    serveur: Texte
    port: Annotated[int, Field(ge=1, le=65_535)]
    chiffrement: Literal["tls", "starttls", "aucun"]
    de: Courrier
    a: tuple[Courrier, ...] = Field(min_length=1)
    secret: Variable | None = None

    @model_validator(mode="after")
    def _no_password_in_clear(self) -> Self:
        if self.secret is not None and self.chiffrement == "aucun":
            raise ValueError("un mot de passe ne part pas en clair : `chiffrement` tls ou starttls")
        return self


Notification = Annotated[Webhook | Courriel, Discriminator("type")]


class Exploitation(Modele):
    """Who is told, and when."""

    notifications: tuple[Notification, ...] = ()


def operation_of(clauses: Path) -> Exploitation:
    """What stands beside a folder of clauses; nothing when there is no file. Raises InvalidDeclarationError."""
    path = clauses.parent / NAME
    return read_declared(path, Exploitation, f"corriger {NAME}") if path.is_file() else Exploitation()
