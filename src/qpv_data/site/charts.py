"""Charts of a series, with its words, or without beside a figure.

A value that is hidden, missing or broken is drawn as what it is: a hatched band, an open gap, a dashed line. No chart
says what the table beside it does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from qpv_data.site.events import Event
from qpv_data.site.french import number, period, short_period
from qpv_data.site.model import Indicator, Series, Value
from qpv_data.site.svg import coordinate, exact, figure, hidden_figure, polyline, room_of, tag, text, ticks

WIDTH, HEIGHT = 340.0, 150.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 12.0, 12.0, 24.0
"""Room around a chart; more on the left when its figures need it."""
DOTS = 12
"""Periods of a chart whose values have a dot each; a line beside a figure has none."""
SPARK = (96.0, 24.0)


@dataclass(frozen=True)
class Scale:
    """From values to a coordinate, linear."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        if self.high == self.low:
            return (self.start + self.end) / 2
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def series_chart(series: Series, name: str, events: Sequence[Event] = ()) -> Markup:
    """A series by period, with its bounds, breaks, hidden and missing values, and the events of its place."""
    values, indicator = series.valeurs, series.indicateur
    low, high = _extent(values, indicator)
    y = Scale(low, high, HEIGHT - BOTTOM, TOP)
    figures = [(t, exact(t)) for t in ticks(low, high, 3)]
    left = max(LEFT, room_of([words for _, words in figures]))
    x = _abscissas(values, left, WIDTH - RIGHT)
    step = (WIDTH - RIGHT - left) / max(len(values) - 1, 1)
    marks = [_grid(y, figures, left), _hidden_bands(values, x, min(step, 40.0), left), _bounds(values, x, y)]
    marks.append(_broken(series, x))
    marks.extend(_runs(values, x, y, DOTS))
    marks += [_period_labels(values, x), _events(values, events, left)]
    return figure(WIDTH, HEIGHT, "".join(marks), f"{indicator.titre}, par période", name, described(series))


def described(series: Series) -> str:
    """The series in a sentence, for those who do not see the chart."""
    shown = [v for v in series.valeurs if v.valeur is not None]
    if not shown:
        return "Aucune valeur publiée."
    first, last = shown[0], shown[-1]
    unit = series.indicateur.write
    words = f"{period(last.periode)} : {unit(last.valeur)}"
    if len(shown) > 1:
        words = f"{period(first.periode)} : {unit(first.valeur)} ; {words}"
    hidden = sum(v.cachee for v in series.valeurs)
    return f"{words}." + (f" {number(hidden)} période{'s' if hidden > 1 else ''} sans valeur dite." if hidden else "")


def spark(values: Sequence[Value], indicator: Indicator) -> Markup:
    """A series without words, beside its figure."""
    shown = [v for v in values if v.valeur is not None]
    if len(shown) < 2:
        return Markup("")
    low, high = _extent(values, indicator)
    width, height = SPARK
    y, x = Scale(low, high, height - 3, 3), _abscissas(values, 3.0, width - 4)
    return hidden_figure(width, height, "".join(_runs(values, x, y, 0)), "etincelle")


def _extent(values: Sequence[Value], indicator: Indicator) -> tuple[float, float]:
    """Amounts start at zero; means, shares and rates have the room that they need."""
    shown = [x for v in values for x in (v.valeur, v.basse, v.haute) if x is not None]
    if not shown:
        return 0.0, 1.0
    low, high = min(shown), max(shown)
    if not indicator.comparable:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        room = abs(low) * 0.1 or 1.0
        return (low - room if indicator.comparable else min(low, 0.0)), high + room
    room = (high - low) * 0.12
    floor = low - room if indicator.comparable else low
    return (max(floor, 0.0) if low >= 0 else floor), high + room


def _abscissas(values: Sequence[Value], start: float, end: float) -> list[float]:
    """Periods at the distance of their first days: a missing one leaves its place."""
    if not values:
        return []
    days = [v.debut.toordinal() for v in values]
    x = Scale(days[0], days[-1], start, end)
    return [x(d) for d in days]


def _grid(y: Scale, figures: Sequence[tuple[float, str]], left: float) -> str:
    drawn = []
    for t, words in figures:
        drawn.append(tag("line", x1=left, x2=WIDTH - RIGHT, y1=y(t), y2=y(t), class_="grille"))
        drawn.append(text(left - 6, y(t) + 4, words, text_anchor="end", class_="etiquette"))
    return "".join(drawn)


def _hidden_bands(values: Sequence[Value], x: Sequence[float], width: float, left: float) -> str:
    drawn = []
    for v, at in zip(values, x, strict=True):
        if v.cachee:
            start, end = max(at - width / 2, left), min(at + width / 2, WIDTH)
            drawn.append(tag("rect", x=start, y=TOP, width=end - start, height=HEIGHT - TOP - BOTTOM, class_="cache"))
    return "".join(drawn)


def _bounds(values: Sequence[Value], x: Sequence[float], y: Scale) -> str:
    return "".join(
        tag("line", x1=at, x2=at, y1=y(v.basse), y2=y(v.haute), class_="bornes")
        for v, at in zip(values, x, strict=True)
        if v.basse is not None and v.haute is not None and v.haute > v.basse
    )


def _broken(series: Series, x: Sequence[float]) -> str:
    drawn = []
    for i, v in enumerate(series.valeurs):
        if v.rupture:
            at = (x[i] + x[i - 1]) / 2 if i else x[i]
            drawn.append(tag("line", x1=at, x2=at, y1=TOP, y2=HEIGHT - BOTTOM, class_="rupture"))
    return "".join(drawn)


def _runs(values: Sequence[Value], x: Sequence[float], y: Scale, dots_up_to: int) -> list[str]:
    """Lines between neighbours that are both told and compare; a dot for each when there are no more than `dots_up_to`,
    for one that has no line, and for the last."""
    runs: list[list[tuple[float, float]]] = [[]]
    dots: list[tuple[float, float]] = []
    for v, at in zip(values, x, strict=True):
        if v.valeur is None or v.rupture:
            runs.append([])
        if v.valeur is not None:
            runs[-1].append((at, y(v.valeur)))
            dots.append((at, y(v.valeur)))
    drawn = [polyline(run, class_="courbe") for run in runs if len(run) > 1]
    alone = {run[0] for run in runs if len(run) == 1}
    kept = dots if len(values) <= dots_up_to else [d for d in dots if d in alone]
    if dots:
        kept = [*kept, dots[-1]] if dots[-1] not in kept else kept
    drawn += [tag("circle", cx=cx, cy=cy, r=3 if (cx, cy) == dots[-1] else 2, class_="point") for cx, cy in kept]
    return drawn


def _events(values: Sequence[Value], events: Sequence[Event], left: float) -> str:
    """A small triangle under the day of each event that is in the chart's time."""
    if len(values) < 2:
        return ""
    x = Scale(values[0].debut.toordinal(), values[-1].debut.toordinal(), left, WIDTH - RIGHT)
    drawn = []
    for e in events:
        if values[0].debut <= e.quand <= values[-1].debut:
            path = f"M{coordinate(x(e.quand.toordinal()))} {HEIGHT - BOTTOM}l4 7h-8z"
            drawn.append(tag("path", tag("title", str(escape(f"{e.ecrite} : {e.titre}"))), d=path, class_="evenement"))
    return "".join(drawn)


def _period_labels(values: Sequence[Value], x: Sequence[float]) -> str:
    """The first, the last and, when there is room, some between."""
    if not values:
        return ""
    last = len(values) - 1
    kept = {0, last} if last else {0}
    if last >= 3:
        kept.add(last // 2)
    drawn = []
    for i in sorted(kept):
        anchor = "start" if i == 0 and last else "end" if i == last and last else "middle"
        drawn.append(text(x[i], HEIGHT - 6, short_period(values[i].periode), text_anchor=anchor, class_="etiquette"))
    return "".join(drawn)
