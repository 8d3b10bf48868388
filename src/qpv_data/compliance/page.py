"""The report as a page: one file, no script, nothing fetched; it opens from a message and prints on A4."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Template
from markupsafe import Markup, escape

from qpv_data.templates import template

RANGES = 40
_STATES = {
    "attendue": "attendue",
    "recue": "reçue dans les délais",
    "en_retard": "reçue en retard",
    "refusee": "refusée",
    "manquante": "manquante",
    "anterieure": "antérieure à la clause",
}


def report_page(content: Mapping[str, Any]) -> str:
    """HTML of a report; every text of a partner is escaped."""
    return _template().render(r=content)


def in_french(count: int | None) -> str:
    """12 345, with narrow no-break spaces."""
    return "—" if count is None else f"{count:,}".replace(",", "\u202f")


def share(part: float | None) -> str:
    """0.987 → 98,7 %; what is nearly all is never shown as all."""
    if part is None:
        return "—"
    shown = min(100 * part, 99.9) if part < 1 else 100.0
    text = f"{max(shown, 0.1) if part > 0 else 0:.1f}".replace(".", ",").removesuffix(",0")
    return f"{text}\u202f%"


def day(text: str | date | None) -> str:
    """2024-12-31 → 31/12/2024."""
    if text is None:
        return "—"
    return (text if isinstance(text, date) else date.fromisoformat(text[:10])).strftime("%d/%m/%Y")


def ranges(lines: Iterable[int], shown: int = RANGES) -> str:
    """2, 3, 4, 9 → « 2 à 4, 9 », the first `shown` of them."""
    runs = []
    for _, group in groupby(enumerate(sorted(lines)), key=lambda pair: pair[1] - pair[0]):
        numbers = [n for _, n in group]
        runs.append(str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} à {numbers[-1]}")
    return ", ".join(runs[:shown]) + (", …" if len(runs) > shown else "")


def marked(text: str) -> Markup:
    """Words between backticks as code; the rest escaped."""
    parts = re.split(r"`([^`]*)`", text)
    return Markup("").join(Markup("<code>{}</code>").format(p) if n % 2 else escape(p) for n, p in enumerate(parts))


@cache
def _template() -> Template:
    filters: dict[str, Callable[..., Any]] = {
        "nombre": in_french, "part": share, "jour": day, "lignes": ranges, "mots": marked, "etat": _STATES.__getitem__,
    }  # fmt: skip
    return template(Path(__file__).parent / "rapport.html.j2", filters)
