"""What of a sheet goes on its second page of paper: a page holds what it holds, and the rest is said to be on screen.

Heights are in CSS pixels of the print style of ressources/site.css (A4, 184 mm by 273 mm inside the margins), letters
counted at the widest of the usual fonts: nothing here measures, so there is room left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

ROOM = 940
"""Of the 1,032 pixels of the page, the footer and what is badly guessed taken off."""
THEME, LINE, AROUND = 30, 14, 5
SMALL = 13
SOURCES, EVENTS, BREAKS = 10, 4, 3
"""As many of each on paper."""

Themes = Sequence[tuple[str, Sequence[Mapping[str, Any]]]]


def kept(themes: Themes, room: float) -> frozenset[str]:
    """Ids of the indicators that fit in `room`: the first of each theme, then the second of each, and so on."""
    chosen: set[str] = set()
    longest = max((len(rows) for _, rows in themes), default=0)
    for rank in range(longest):
        for _, rows in themes:
            if rank >= len(rows):
                continue
            cost = height(rows[rank]) + (0 if any(r["indicateur"].id in chosen for r in rows) else THEME)
            if cost <= room:
                room -= cost
                chosen.add(rows[rank]["indicateur"].id)
    return frozenset(chosen)


def height(row: Mapping[str, Any]) -> float:
    """Of a row of a theme's table."""
    indicator, value = row["indicateur"], row["valeur"]
    beside = sum(len(f"{b.nom} : {indicator.write(b.valeur.valeur)} · ") for b in row["compares"])
    told = indicator.write(value.valeur) if value.valeur is not None else value.mots
    lines = max(
        ceil((len(indicator.titre) + 18) / 40), ceil(len(told) / 14), ceil(len(row["evolution"]) / 26),
        ceil(beside / 36), 1,
    )  # fmt: skip
    return LINE * lines + AROUND


def room(words: Sequence[str], events: Sequence[str], sources: Sequence[str], breaks: Sequence[str]) -> float:
    """What the themes have, once the page's words, its events, its breaks and its sources are told."""
    whole = [*words, *events[:EVENTS], *breaks[:BREAKS]]
    told = sum(ceil(len(w) / 105) for w in whole) + 2 * bool(events)
    halves = sum(ceil(len(s) / 48) for s in sources[:SOURCES])
    return ROOM - SMALL * (told + ceil((halves + 1) / 2) + 5)
