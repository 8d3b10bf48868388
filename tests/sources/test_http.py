"""What may be reached, and what may be said of an address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qpv_data.sources.http import AddressKind, address_kind, may_follow, redact


@pytest.mark.parametrize(
    ("ip", "kind"),
    [
        ("8.8.8.8", AddressKind.PUBLIQUE),
        ("2a01:e0a::1", AddressKind.PUBLIQUE),
        ("127.0.0.1", AddressKind.BOUCLE),
        ("127.9.9.9", AddressKind.BOUCLE),
        ("::1", AddressKind.BOUCLE),
        ("::ffff:127.0.0.1", AddressKind.BOUCLE),
        ("169.254.169.254", AddressKind.LIEN_LOCAL),
        ("fe80::1%eth0", AddressKind.LIEN_LOCAL),
        ("10.0.0.1", AddressKind.PRIVEE),
        ("172.16.0.1", AddressKind.PRIVEE),
        ("192.168.1.1", AddressKind.PRIVEE),
        ("::ffff:192.168.1.1", AddressKind.PRIVEE),
        ("fd00::1", AddressKind.PRIVEE),
        ("100.64.0.1", AddressKind.PRIVEE),
        ("0.0.0.0", AddressKind.PRIVEE),
        ("224.0.0.1", AddressKind.PRIVEE),
        ("255.255.255.255", AddressKind.PRIVEE),
    ],
)
def test_an_address_leads_where_its_range_says(ip: str, kind: AddressKind) -> None:
    assert address_kind(ip) is kind


@given(st.sampled_from(AddressKind), st.sampled_from(AddressKind))
def test_a_redirection_goes_out_or_stays_never_in(origin: AddressKind, target: AddressKind) -> None:
    assert may_follow(origin, target) == (target is AddressKind.PUBLIQUE or target is origin)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://d.example/a?b=1&c=%20", "https://d.example/a?b=1&c=%20"),
        ("https://moi:mdp@d.example/a", "https://d.example/a"),
        ("https://d.example/a?apiKey=x&b=1", "https://d.example/a?apiKey=***&b=1"),
        ("https://d.example/a?b=&TOKEN=x", "https://d.example/a?b=&TOKEN=***"),
        ("https://d.example:8443/a?key=", "https://d.example:8443/a?key=***"),
        ("https://[mal", "adresse illisible"),
    ],
)
def test_an_address_is_shown_without_its_secrets_and_otherwise_untouched(url: str, shown: str) -> None:
    assert redact(url) == shown


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1))
def test_no_secret_survives(secret: str) -> None:
    secret = f"zq{secret}qz"
    url = f"https://{secret}:{secret}@d.example/a?token={secret}&key={secret}&apikey={secret}"
    assert secret not in redact(url)
    assert redact(redact(url)) == redact(url)
