"""What every source of a clause may say, whatever its protocol."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, model_validator

from qpv_data.clause.vocabulary import Modele, Texte
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

    @abstractmethod
    def adresse(self, jeu: str) -> str:
        """The one address that names the whole resource, for readers and mirrors; it holds no secret."""

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
