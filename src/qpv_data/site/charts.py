"""Charts of a series, of a position among the quarters, and of the parts of a total.

A value that is hidden, missing or broken is drawn as what it is: a hatched band, an open gap, a dashed line. No chart
says what the table beside it does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from qpv_data.site.events import Event
from qpv_data.site.french import number, period, short_period
from qpv_data.site.levels import Level
from qpv_data.site.model import Indicator, Series, Value
from qpv_data.site.svg import coordinate, exact, figure, hidden_figure, polyline, room_of, tag, text, ticks

WIDTH, HEIGHT = 340.0, 150.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 12.0, 12.0, 24.0
"""Room around a chart; more on the left when its figures need it."""
LABELS = 165.0
"""Room of the names of modalities."""
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


def position(level: Level, value: float | None, marks: Sequence[tuple[str, float]] = ()) -> Markup:
    """Where a value stands among those of all quarters: a line from the first to the last tenth, a box for the middle
    half, a tick for the median, a dot for the quarter. `marks`: (class, value) of what else is told, as diamonds."""
    if level.quantiles is None:
        return Markup("")
    ends = [level.bornes[0], level.bornes[-1]] if level.bornes else [level.quantiles[0], level.quantiles[-1]]
    known = [*ends, *(v for _, v in marks), *([] if value is None else [value])]
    width, middle = 220.0, 13.0
    x = Scale(min(known), max(known), 6.0, width - 6)
    tenth, quarter, median, three, nine = (x(q) for q in level.quantiles)
    body = [
        tag("line", x1=x(ends[0]), x2=x(ends[1]), y1=middle, y2=middle, class_="fil"),
        tag("line", x1=tenth, x2=nine, y1=middle, y2=middle, class_="moustache"),
        tag("rect", x=quarter, y=middle - 6, width=max(three - quarter, 0.5), height=12, class_="boite"),
        tag("line", x1=median, x2=median, y1=middle - 6, y2=middle + 6, class_="mediane"),
    ]
    for kind, at in marks:
        body.append(tag("path", d=f"M{x(at):.1f} {middle - 6}l4.5 6-4.5 6-4.5-6z", class_=f"repere r-{kind}"))
    if value is not None:
        body.append(tag("circle", cx=x(value), cy=middle, r=5, class_="ici"))
    return hidden_figure(width, 2 * middle, "".join(body), "position")


def bars(parts: Sequence[tuple[str, Value]], indicator: Indicator, name: str, title: str) -> Markup:
    """The modalities of an indicator, a bar each, hidden ones hatched."""
    shown = [v.valeur for _, v in parts if v.valeur is not None]
    top = max([*shown, 0.0]) or 1.0
    low = min([*shown, 0.0])
    width, row = WIDTH, 22.0
    labels = [_cut(label, LABELS) for label, _ in parts]
    left = room_of(labels)
    x = Scale(low, top, left, width - room_of([indicator.write(v, unit=False) for v in shown]))
    body = []
    for i, (label, (_, v)) in enumerate(zip(labels, parts, strict=True)):
        y = i * row + 4
        body.append(text(left - 6, y + 11, label, text_anchor="end", class_="etiquette"))
        if v.valeur is None:
            words = v.mots
            if v.cachee:
                body.append(tag("rect", x=x(0), y=y, width=40, height=14, class_="cache"))
            body.append(
                text(x(0) + (46 if v.cachee else 4), y + 11, _cut(words, width - x(0) - 50), class_="etiquette pale")
            )
            continue
        start, end = sorted((x(0), x(v.valeur)))
        body.append(tag("rect", x=start, y=y, width=max(end - start, 0.5), height=14, class_="barre"))
        body.append(text(end + 5, y + 11, indicator.write(v.valeur, unit=False), class_="etiquette"))
    told = " ; ".join(
        f"{label} : {indicator.write(v.valeur) if v.valeur is not None else v.mots}" for label, v in parts
    )
    return figure(width, len(parts) * row + 4, "".join(body), title, name, told)


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


def _cut(label: str, room: float) -> str:
    """As much of a label as there is room for."""
    kept = label
    while kept and room_of([kept + "…" if kept != label else kept]) > room:
        kept = kept[:-1].rstrip()
    return label if kept == label else kept + "…"


def distribution(level: Level, name: str) -> Markup:
    """How many quarters have how much: classes of equal width, the median marked. Nothing under FEW values."""
    shown = [v for _, v in level.visibles]
    if level.quantiles is None or not level.bornes:
        return Markup("")
    low, high = min(shown), max(shown)
    count = max(5, min(20, round(len(shown) ** 0.5) * 2))
    width, height, foot = 640.0, 170.0, 28.0
    counts = [0] * count
    for v in shown:
        counts[min(int((v - low) / (high - low) * count), count - 1)] += 1
    figures = [(t, exact(t)) for t in ticks(low, high, 6)]
    room = room_of([words for _, words in figures])
    kept = figures[:: 1 + int(room * len(figures) // width)]
    left, right = max(40.0, room / 2), width - max(16.0, room / 2)
    x, y = Scale(low, high, left, right), Scale(0, max(counts), height - foot, 14)
    step = (right - left) / count
    body = [
        tag("rect", x=left + n * step + 1, y=y(c), width=step - 2, height=height - foot - y(c), class_="barre")
        for n, c in enumerate(counts)
        if c
    ]
    body += [text(x(t), height - 10, words, text_anchor="middle", class_="etiquette") for t, words in kept]
    body += [text(left - 6, y(t) + 4, exact(t), text_anchor="end", class_="etiquette") for t in ticks(0, max(counts), 3)
             if t == int(t)]  # fmt: skip
    median = level.quantiles[2]
    body.append(tag("line", x1=x(median), x2=x(median), y1=6, y2=height - foot, class_="rupture"))
    body.append(text(x(median) + 4, 12, "médiane", class_="etiquette"))
    write = level.indicateur.write
    told = (f"{number(len(shown))} quartiers de {write(low)} à {write(high)} ; la moitié sous {write(median)}, "
            f"huit sur dix entre {write(level.quantiles[0])} et {write(level.quantiles[4])}.")  # fmt: skip
    return figure(width, height, "".join(body), f"Répartition des quartiers : {level.indicateur.titre}", name, told)
