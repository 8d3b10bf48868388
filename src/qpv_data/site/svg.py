"""SVG by hand: few marks, names of classes for colours so that both themes and paper have theirs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal

from markupsafe import Markup, escape

from qpv_data.site.french import number

_NAMES = {"class_": "class", "text_anchor": "text-anchor"}
"""Attributes whose names are not those of Python."""


def coordinate(x: float) -> str:
    """A coordinate with one decimal at most, without a superfluous zero."""
    return f"{x:.1f}".removesuffix(".0")


def tag(name: str, body: str = "", **attributes: object) -> str:
    """An element. Attributes: numbers and texts, these escaped; None is left out."""
    written = ""
    for k, v in attributes.items():
        if v is not None:
            said = coordinate(v) if isinstance(v, float) else str(v) if isinstance(v, int) else escape(v)
            written += f' {_NAMES.get(k, k)}="{said}"'
    return f"<{name}{written}>{body}</{name}>" if body else f"<{name}{written}/>"


def text(x: float, y: float, words: str, **attributes: str) -> str:
    """A text, escaped."""
    return tag("text", str(escape(words)), x=float(x), y=float(y), **attributes)


def polyline(points: Iterable[tuple[float, float]], **attributes: str) -> str:
    """A line through points."""
    drawn = " ".join(f"{coordinate(x)},{coordinate(y)}" for x, y in points)
    return tag("polyline", "", points=drawn, **attributes)


def figure(
    width: float, height: float, body: str, title: str, name: str, described: str = "", links: bool = False
) -> Markup:
    """A whole drawing with its name and its description for those who do not see it. `name`: unique in its page;
    `links`: it holds some, which an image may not."""
    told = f"<title id={name}-t>{escape(title)}</title>"
    labelled = f"{name}-t"
    if described:
        told += f"<desc id={name}-d>{escape(described)}</desc>"
        labelled += f" {name}-d"
    box = f"0 0 {coordinate(width)} {coordinate(height)}"
    role = "group" if links else "img"
    drawn = f'<svg viewBox="{box}" role="{role}" aria-labelledby="{labelled}">{told}{body}</svg>'
    return Markup(drawn)  # noqa: S704  made of `tag` and `text`, which escape


def hidden_figure(width: float, height: float, body: str, classes: str = "") -> Markup:
    """A drawing that says nothing that the text beside it does not say."""
    named = f' class="{classes}"' if classes else ""
    box = f"0 0 {coordinate(width)} {coordinate(height)}"
    drawn = f'<svg{named} viewBox="{box}" aria-hidden="true" focusable="false">{body}</svg>'
    return Markup(drawn)  # noqa: S704  made of `tag` and `text`, which escape


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round values between `low` and `high`, about `count` of them, zero included when it is inside."""
    if not high > low:
        return [low]
    raw = (high - low) / max(count, 1)
    power = 10.0 ** _floor_log(raw)
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw * 0.999)
    first, last = math.ceil(low / step), math.floor(high / step + 1e-9)
    decimals = max(2 - _floor_log(raw), 0)
    return [round(n * step, decimals) for n in range(first, last + 1)]


def exact(tick: float) -> str:
    """A round value with the decimals that it has: 2.5 is not « 3 », nor 0.25 « 0,3 »."""
    return number(tick, max(-int(Decimal(repr(tick)).normalize().as_tuple().exponent), 0))


def room_of(texts: Sequence[str]) -> float:
    """How wide the longest of these texts is on a chart, with some room beside it, in units of a drawing."""
    return max((sum(_wide(c) for c in words) for words in texts), default=0.0) + 10


def _wide(character: str) -> float:
    """In a wide fount: readers have their own."""
    narrow, broad = character in " \u202f,.'’il", character in "MWmwŒœ%@"
    return 4.0 if narrow else 11.0 if broad else 8.0 if character.isupper() else 7.1


def _floor_log(x: float) -> int:
    power = 0
    while x >= 10:
        x, power = x / 10, power + 1
    while x < 1:
        x, power = x * 10, power - 1
    return power
