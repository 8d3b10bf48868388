"""What of a sheet goes on its second page of paper: a page holds what it holds, and the rest is said to be on screen.

Heights are in CSS pixels of the print style of ressources/site.css (A4, 184 mm by 273 mm inside the margins), letters
counted at the widest of the usual fonts: nothing here measures, so there is room left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from qpv_data.site.french import period as words_of

ROOM = 1010
"""Of the 1,032 pixels of the page, most of the footer taken off: rows are reckoned a little high."""
THEME, LINE, AROUND = 26, 14, 6
SMALL = 13
SOURCES, EVENTS, BREAKS, SIGNALS = 10, 4, 3, 3
"""As many of each on paper."""

Themes = Sequence[tuple[str, Sequence[Mapping[str, Any]]]]


def kept(themes: Themes, room: float, period: str, heads: int) -> tuple[frozenset[str], float]:
    """Ids of the indicators that fit in `room`: the first of each theme, then the second of each, and so on; what is
    left of it.

    `period`: the one that the page says once for all rows; `heads`: how many comparators have a column.
    """
    chosen: set[str] = set()
    longest = max((len(rows) for _, rows in themes), default=0)
    for rank in range(longest):
        for _, rows in themes:
            if rank >= len(rows):
                continue
            cost = height(rows[rank], period, heads)
            cost += 0 if any(r["indicateur"].id in chosen for r in rows) else THEME
            if cost <= room:
                room -= cost
                chosen.add(rows[rank]["indicateur"].id)
    return frozenset(chosen), room


def height(row: Mapping[str, Any], period: str, heads: int) -> float:
    """Of a row of a theme's table, whose columns are narrower when there are more of them."""
    title, told, moved = (37, 15, 26) if heads < 4 else (35, 11, 22)
    indicator, value = row["indicateur"], row["valeur"]
    figure = indicator.write(value.valeur) if value.valeur is not None else value.mots
    words = len(indicator.titre) + (0 if value.periode == period else 1 + len(words_of(value.periode)))
    return LINE * max(ceil(words / title), ceil(len(figure) / told), ceil(len(row["evolution"]) / moved), 1) + AROUND


def former(titles: Sequence[str], places: int, room: float) -> int:
    """How many rows of the table of the perimeters of before fit in what is left, their words and head counted."""
    letters = 80 - 14 * places
    room -= THEME + 5 * LINE
    for count, title in enumerate(titles):
        room -= LINE * ceil((len(title) + 20) / letters) + AROUND
        if room < 0:
            return count
    return len(titles)


def room(
    heads: Sequence[str], words: Sequence[str], events: Sequence[str], sources: Sequence[str], breaks: Sequence[str],
    signals: Sequence[str],
) -> float:  # fmt: skip
    """What the themes have, once the names of their columns, the page's words, signals, events, sources and breaks are
    told."""
    whole = [*words, *events[:EVENTS], *breaks[:BREAKS]]
    told = sum(ceil(len(w) / 100) for w in whole) + 3 * bool(events) + 2 * bool(words)
    told += sum(ceil(len(w) / 105) + 1 for w in signals[:SIGNALS]) + 3 * bool(signals)
    halves = sum(ceil(len(s) / 46) for s in sources[:SOURCES])
    head = max((ceil(len(h) / (24 // len(heads))) for h in heads), default=1)
    return ROOM - SMALL * (len(heads) > 3) - LINE * head - SMALL * (told + ceil((halves + 1) / 2) + 5) - 2 * AROUND
