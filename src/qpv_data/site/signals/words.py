"""What the sentences of signals need beyond `site.french`: units in euros, points, spans of time, quotes."""

from __future__ import annotations

from qpv_data.site.french import FINE, MINUS, has_rank, number, period, signed, singular, under_two, with_article

__all__ = ["MINUS", "NARROW", "SPACE", "between", "during", "number", "period", "points", "quoted", "signed", "unit",
           "with_unit"]  # fmt: skip

SPACE, NARROW = "\u00a0", FINE


def unit(text: str) -> str:
    """A unit as it is read after a figure."""
    return text.replace("EUR", "€")


def with_unit(figure: str, of: str) -> str:
    """A figure and its unit, on one line."""
    return f"{figure}{SPACE}{unit(singular(of) if under_two(figure) else of)}" if of else figure


def points(figure: str, size: float) -> str:
    """A gap between two percentages: singular under 2."""
    return f"{figure}{SPACE}{'points' if abs(size) >= 2 else 'point'}"


def during(code: str) -> str:
    """« au 2ᵉ trimestre 2024 », « en 2024 », « en mars 2024 »."""
    return f"{'au' if has_rank(code) else 'en'} {period(code)}"


def between(first: str, last: str) -> str:
    """« entre le 2ᵉ trimestre 2023 et le 2ᵉ trimestre 2024 », « entre 2023 et 2024 »."""
    return f"entre {with_article(first)} et {with_article(last)}"


def quoted(text: str) -> str:
    """« text », held together; the text is left as it is."""
    return f"«{SPACE}{text}{SPACE}»"
