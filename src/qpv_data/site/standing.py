"""Charts of one period: where a quarter stands among the others, how all of them are spread, the parts of a total.

As those of series, they say nothing that the table beside them does not.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from qpv_data.site.charts import WIDTH, Scale
from qpv_data.site.french import number
from qpv_data.site.levels import Level
from qpv_data.site.model import Indicator, Value
from qpv_data.site.svg import exact, figure, hidden_figure, room_of, tag, text, ticks

LABELS = 165.0
"""Room of the names of modalities."""


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
