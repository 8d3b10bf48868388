"""Which geocoder may be asked, from where: personal addresses never leave the premises."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from qpv_data.addresses.model import Service
from qpv_data.sources.networks import AddressKind


@dataclass(frozen=True)
class Fault:
    """`cle`: the key of the clause (or the option) at fault."""

    cle: str
    message: str
    remede: str


def faults(service: Service) -> Iterator[Fault]:
    """Everything that forbids asking this service, in the order of the keys."""
    public = service.geocodeur == "geoplateforme"
    if public and service.personnelles:
        message = "des adresses personnelles ne sont jamais envoyées à un service public"
        yield Fault("geocodeur", message, "garder `addok`, chez soi (make addok)")
    split = _split(service.url)
    if split is None:
        yield Fault("url", "adresse de géocodeur mal formée", "écrire par exemple http://127.0.0.1:7878")
        return
    host = split.hostname or ""
    if split.username is not None or split.query or split.fragment:
        yield Fault("url", "ni identifiant, ni `?`, ni `#` dans l'adresse", "ne garder que l'hôte, le port, le chemin")
    if public:
        if service.hote_interne is not None:
            yield Fault("hote_interne", "`hote_interne` accompagne `addok`, et lui seul", "l'enlever")
        if split.scheme != "https" and not is_loopback(host):
            yield Fault("url", "la Géoplateforme n'est jointe que par https", "écrire https://…")
    elif not is_loopback(host) and host != (service.hote_interne or "").lower():
        message = f"{host} n'est ni cette machine, ni l'hôte interne déclaré"
        yield Fault("url", message, "écrire http://127.0.0.1:7878, ou déclarer `hote_interne`")


def allowed_peers(service: Service) -> frozenset[AddressKind]:
    """The kinds of network where the service may really be, whatever its name resolves to."""
    host = urlsplit(service.url).hostname or ""
    if is_loopback(host):
        return frozenset({AddressKind.BOUCLE})
    if service.geocodeur == "addok":
        return frozenset({AddressKind.BOUCLE, AddressKind.PRIVEE})
    return frozenset({AddressKind.PUBLIQUE})


def is_loopback(host: str) -> bool:
    """Whether this name is the machine itself, by its very spelling: a name that resolves to it is not."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(url: str) -> SplitResult | None:
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        return None
    if split.scheme not in ("http", "https") or not split.hostname or port == 0 or any(c.isspace() for c in url):
        return None
    return split
