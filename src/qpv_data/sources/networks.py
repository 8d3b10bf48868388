"""Where an address leads, and what may be said of it: by its spelling alone, without a request."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode, urlsplit

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SECRETS = ("token", "key", "apikey", "api_key", "api-key", "access_token", "password", "signature", "sig")


class AddressKind(StrEnum):
    """Where an IP address leads."""

    PUBLIQUE = "publique"
    BOUCLE = "boucle locale"
    LIEN_LOCAL = "lien local"
    PRIVEE = "privée"


def address_kind(ip: str) -> AddressKind:
    """The kind of a textual IPv4 or IPv6 address; an IPv4 address carried by an IPv6 one is seen as itself."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        address = _carried(address) or address
    if address.is_loopback:
        return AddressKind.BOUCLE
    if address.is_link_local:
        return AddressKind.LIEN_LOCAL
    return AddressKind.PUBLIQUE if address.is_global and not address.is_multicast else AddressKind.PRIVEE


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a gateway reads in this one: mapped, 6to4, Teredo, NAT64."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def literal_kind(host: str) -> AddressKind | None:
    """The kind of network that a host's very spelling names; None for a name that only DNS can tell."""
    if host.rstrip(".").lower() == "localhost" or host.rstrip(".").lower().endswith(".localhost"):
        return AddressKind.BOUCLE
    try:
        return address_kind(host)
    except ValueError:
        return None


@dataclass(frozen=True)
class Reach:
    """Where an address that a clause or an API gave may lead: the public network, and `interne`, the one host on
    this machine or on a private network that the clause names. Link-local addresses (metadata of clouds) never."""

    interne: str | None = None

    def admits(self, host: str, kind: AddressKind) -> bool:
        """Whether `host`, found at an address of this kind, may be read."""
        if kind is AddressKind.PUBLIQUE:
            return True
        return kind is not AddressKind.LIEN_LOCAL and host.lower() == (self.interne or "").lower()


def secret_parts(url: str) -> list[str]:
    """What in this address is a secret: `utilisateur`, then the names of query parameters that hold one."""
    split = urlsplit(url)
    named = [name for name, value in parse_qsl(split.query) if name.lower() in _SECRETS and value]
    return (["utilisateur"] if "@" in split.netloc else []) + named


def redact(url: str) -> str:
    """The address, fit for messages and receipts: no user, no password, no key in the query."""
    try:
        split = urlsplit(url)
    except ValueError:
        return "adresse illisible"
    pairs = parse_qsl(split.query, keep_blank_values=True)
    if any(name.lower() in _SECRETS for name, _ in pairs):
        pairs = [(name, "***" if name.lower() in _SECRETS else value) for name, value in pairs]
        split = split._replace(query=urlencode(pairs, safe="*"))
    return split._replace(netloc=split.netloc.rpartition("@")[2]).geturl()
