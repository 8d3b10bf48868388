"""Figures, units and periods in French."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from qpv_data.periods import Frequence, parse_period

SPACE, NARROW, MINUS = "\u00a0", "\u202f", "\u2212"
_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip


def number(x: float, decimals: int) -> str:
    """A figure: thousands apart by a narrow space, decimal comma, a true minus; zero has no sign."""
    rounded = Decimal(repr(float(x))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)
    text = f"{abs(rounded):,.{decimals}f}".replace(",", NARROW).replace(".", ",")
    return f"{MINUS}{text}" if rounded < 0 else text


def signed(x: float, decimals: int) -> str:
    """A change, with its sign."""
    text = number(x, decimals)
    return text if text.startswith(MINUS) or not text.strip("0,") else f"+{text}"


def unit(text: str) -> str:
    """A unit as it is read after a figure."""
    return text.replace("EUR", "€")


def with_unit(figure: str, of: str) -> str:
    """A figure and its unit, on one line."""
    return f"{figure}{SPACE}{unit(of)}" if of else figure


def points(figure: str, size: float) -> str:
    """A gap between two percentages: singular under 2."""
    return f"{figure}{SPACE}{'points' if abs(size) >= 2 else 'point'}"


def period(code: str) -> str:
    """`2024-T2` → « 2ᵉ trimestre 2024 ». Raises ValueError for what is no period."""
    read = parse_period(code)
    rank = f"{read.rang}{'ᵉʳ' if read.rang == 1 else 'ᵉ'}"
    if read.frequence is Frequence.A:
        return f"{read.annee:04d}"
    if read.frequence is Frequence.M:
        return f"{_MONTHS[read.rang - 1]} {read.annee:04d}"
    return f"{rank} {'trimestre' if read.frequence is Frequence.T else 'semestre'} {read.annee:04d}"


def during(code: str) -> str:
    """« au 2ᵉ trimestre 2024 », « en 2024 », « en mars 2024 »."""
    return f"{'au' if parse_period(code).frequence in (Frequence.T, Frequence.S) else 'en'} {period(code)}"


def between(first: str, last: str) -> str:
    """« entre le 2ᵉ trimestre 2023 et le 2ᵉ trimestre 2024 », « entre 2023 et 2024 »."""
    article = "le " if parse_period(first).frequence in (Frequence.T, Frequence.S) else ""
    return f"entre {article}{period(first)} et {article}{period(last)}"


def quoted(text: str) -> str:
    """« text », held together; the text is left as it is."""
    return f"«{SPACE}{text}{SPACE}»"
