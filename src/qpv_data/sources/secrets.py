"""What a source asks to be let in: read from the environment when it is needed, and told to that source alone."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from qpv_data.problems import FeedError, Problem

if TYPE_CHECKING:
    from qpv_data.clause.source import SourceCommune


@dataclass(frozen=True)
class Access:
    """Headers and query parameters that hold a secret. Its text shows none of them."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)

    def address(self, url: str) -> str:
        """The address with its secret parameters, for the request alone: it is never shown nor kept."""
        if not self.query:
            return url
        split = urlsplit(url)
        joined = "&".join(part for part in (split.query, urlencode(self.query, quote_via=quote)) if part)
        return split._replace(query=joined).geturl()


def secret_of(source: SourceCommune, jeu: str, environ: Mapping[str, str] | None = None) -> str | None:
    """The value of the declared environment variable; None when the source declares none.

    Raises FeedError secret_absent when it is declared and the environment lacks it.
    """
    if source.secret is None:
        return None
    value = (os.environ if environ is None else environ).get(source.secret, "")
    if not value or not value.isprintable():
        message = f"la variable d'environnement {source.secret} est absente, vide ou illisible"
        remede = "la définir là où la chaîne s'exécute ; jamais dans la clause"
        raise FeedError(jeu, Problem.SECRET_ABSENT, message, remede)
    return value


def user_and_password(secret: str, jeu: str, variable: str | None) -> tuple[str, str]:
    """The two sides of `identifiant:mot de passe`. Raises FeedError, without the value."""
    user, colon, password = secret.partition(":")
    if not (user and colon and password):
        message = f"la variable {variable} n'a pas la forme identifiant:secret"
        raise FeedError(jeu, Problem.SECRET_ABSENT, message, "la redéfinir sous cette forme")
    return user, password


def access_of(source: SourceCommune, jeu: str, environ: Mapping[str, str] | None = None) -> Access:
    """How the source's secret is shown to it over HTTP. Raises FeedError secret_absent."""
    secret = secret_of(source, jeu, environ)
    if secret is None:
        return Access()
    if not secret.isascii():
        message = f"la variable {source.secret} contient autre chose que de l'ASCII"
        raise FeedError(jeu, Problem.SECRET_ABSENT, message, "vérifier sa valeur")
    way = source.secret_envoi or "jeton"
    if way == "parametre":
        return Access(query={str(source.secret_nom): secret})
    if way == "entete":
        return Access(headers={str(source.secret_nom): secret})
    if way == "utilisateur":
        user_and_password(secret, jeu, source.secret)
        return Access(headers={"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"})
    scheme = "Apikey" if way == "apikey" else "Bearer"
    return Access(headers={"Authorization": f"{scheme} {secret}"})
