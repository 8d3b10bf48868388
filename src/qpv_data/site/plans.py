"""Maps of all quarters, a territory each: drawn once, coloured anew for each indicator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from qpv_data.site.maps import MANY, TALLEST, TOO_SMALL, WIDTH, Outline, Plane, linked, plane
from qpv_data.site.model import Zone
from qpv_data.site.svg import coordinate, figure, tag

SMALL = (260.0, 200.0)
"""Room of the territories that come after the first."""

Style = Callable[[Zone], tuple[str, str]]


@dataclass(frozen=True)
class Plan:
    """The map of one territory, without its colours. `marques`: each quarter and its mark, up to its class."""

    territoire: str
    largeur: float
    hauteur: float
    fond: str
    marques: tuple[tuple[Zone, str, str], ...]


def plans(quarters: Sequence[Zone], outlines: Mapping[str, Outline], ground: Sequence[Outline]) -> list[Plan]:
    """A map a territory, that which has most quarters first and larger than the others; quarters without contour are
    in none."""
    groups: dict[str, list[Zone]] = {}
    for zone in quarters:
        if zone.code in outlines:
            groups.setdefault(zone.territoire or "", []).append(zone)
    order = sorted(groups, key=lambda t: (-len(groups[t]), t))
    return [_plan(t, groups[t], outlines, ground, (WIDTH, TALLEST) if n == 0 else SMALL) for n, t in enumerate(order)]


def _plan(
    territory: str, quarters: Sequence[Zone], outlines: Mapping[str, Outline], ground: Sequence[Outline],
    room: tuple[float, float],
) -> Plan:  # fmt: skip
    own = plane([outlines[z.code].boite for z in quarters], *room).box
    near = [o for o in ground if o.meets(own)]
    boxes = [outlines[z.code].boite for z in quarters]
    view = plane(boxes if len(quarters) > MANY else [*(o.boite for o in near), *boxes], *room)
    behind = "".join(tag("path", d=d, class_="commune") for o in near if (d := view.path(o)))
    return Plan(
        territory, view.width, view.height, behind, tuple((z, *_mark(view, outlines[z.code])) for z in quarters)
    )


def _mark(view: Plane, outline: Outline) -> tuple[str, str]:
    """The name of an element and its place: a disc for what would be too small to see."""
    if view.extent(outline) < TOO_SMALL:
        x, y = view.middle(outline)
        return "circle", f'cx="{coordinate(x)}" cy="{coordinate(y)}" r="{coordinate(TOO_SMALL / 2)}"'
    return "path", f'd="{view.path(outline)}"'


def coloured(plans: Sequence[Plan], style: Style, title: str, name: str, link: Callable[[Zone], str],
             named: Mapping[str, str]) -> Markup:  # fmt: skip
    """The maps with the class and the words (for the pointer) that `style` gives each quarter; `named`: territories.

    With many quarters, links are left to the list: a reader would tab through all of them.
    """
    drawn = Markup("")
    for n, plan in enumerate(plans):
        body, few = [plan.fond], len(plan.marques) <= MANY
        for zone, element, place in plan.marques:
            kind, words = style(zone)
            mark = f'<{element} {place} class="quartier {kind}"><title>{escape(words)}</title></{element}>'
            body.append(linked(link(zone), words, mark, zone.code) if few else mark)
        where = named.get(plan.territoire, plan.territoire)
        whole = f"{title} ({where})" if len(plans) > 1 else title
        drawn += figure(plan.largeur, plan.hauteur, "".join(body), whole, f"{name}-{n}" if n else name, links=few)
    return drawn
