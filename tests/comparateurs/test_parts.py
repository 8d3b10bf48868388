"""Where a quarter is: shares of its inhabitants when they are published, else of its area from published contours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import shapely
from quartiers_inventes import asked, quarter, release, zone

from qpv_data.projection import moved_points
from qpv_data.zonages.model import Member
from qpv_data.zonages.tables import members_table

X, Y = 574_000.0, 6_279_000.0
_COMMUNES = "SELECT code_comparateur, part, origine_part FROM comparateurs WHERE sorte = 'commune' ORDER BY ALL"


def drawn(x: float, y: float, width: float, height: float) -> dict[str, Any]:
    """A rectangle, in metres from (X, Y): its contour as a release publishes it."""
    metres = shapely.box(X + x, Y + y, X + x + width, Y + y + height)
    lon, lat = moved_points("EPSG:2154", "EPSG:4326", *shapely.get_coordinates(metres).T)
    contour = shapely.Polygon(list(zip(lon, lat, strict=True)))
    sides = dict(zip(("xmin", "ymin", "xmax", "ymax"), contour.bounds, strict=True))
    return {"epsg": 2154, "superficie_m2": metres.area, "geometrie": shapely.to_wkb(contour), "bbox": sides}


def straddling(parts: Mapping[str, float | None], **more: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """A quarter of 400 m, 100 m of which are in the commune of the west."""
    west, east = (
        zone("commune", "01001", **drawn(-1000, -1000, 1100, 2000)),
        zone("commune", "01002", **drawn(100, -1000, 1100, 2000)),
    )
    return [west, east, *quarter("Q0", parts, **{**drawn(0, 0, 400, 300), **more})]


def shares(rows: list[tuple[str, Mapping[str, Any]]], sql: str = _COMMUNES) -> list[tuple[Any, ...]]:
    with release(rows) as con:
        return [tuple(row.values()) for row in asked(con, sql)]


def test_communes_share_a_quarter_by_its_area_when_nobody_counts_its_inhabitants() -> None:
    found = shares(straddling({"01001": None, "01002": None}))
    assert [(c, o) for c, _, o in found] == [("01001", "surface"), ("01002", "surface")]
    assert [p for _, p, _ in found] == pytest.approx([0.25, 0.75], abs=1e-4)
    assert sum(p for _, p, _ in found) == pytest.approx(1, abs=1e-6)


def test_they_share_it_by_its_inhabitants_when_they_are_counted_in_all_of_them() -> None:
    assert shares(straddling({"01001": 0.9, "01002": 0.1})) == [
        ("01001", 0.9, "population"),
        ("01002", 0.1, "population"),
    ]
    assert {o for *_, o in shares(straddling({"01001": 0.9, "01002": None}))} == {"surface"}


def test_a_quarter_in_one_commune_is_in_it_whole_without_any_contour() -> None:
    assert shares(list(quarter("Q0", {"01001": None}))) == [("01001", 1.0, "entier")]


@pytest.mark.parametrize("missing", ["contour", "commune", "ground"])
def test_no_share_is_told_when_the_contours_do_not_hold_the_quarter(missing: str) -> None:
    rows = straddling({"01001": None, "01002": None})
    if missing == "contour":
        rows = [
            (t, {**r, "geometrie": None}) if r.get("code_zone") == "Q0" and t == "zones" else (t, r) for t, r in rows
        ]
    elif missing == "commune":
        rows = rows[1:]
    else:  # the communes end before the quarter does
        rows[1] = zone("commune", "01002", **drawn(100, -1000, 150, 2000))
    assert shares(rows) == [("01001", None, None), ("01002", None, None)]


def test_a_drawn_perimeter_is_a_comparator_of_the_quarters_that_it_holds_and_not_of_a_neighbour() -> None:
    rows = [
        *straddling({"01001": None, "01002": None}),
        zone("projet", "whole", "autre", **drawn(-10, -10, 500, 500)),
        zone("conseil", "half", "autre", **drawn(200, -50, 900, 900)),
        zone("conseil", "beside", "autre", **drawn(400, 0, 300, 300)),
    ]
    found = shares(rows, "SELECT code_comparateur, sorte, round(part, 3), origine_part FROM comparateurs"
                         " WHERE sorte = 'perimetre_local' ORDER BY ALL")  # fmt: skip
    assert found == [("half", "perimetre_local", 0.5, "surface"), ("whole", "perimetre_local", 1, "entier")]


def test_inhabitants_of_a_composition_become_shares_when_every_commune_tells() -> None:
    def told(*people: int | None) -> list[float | None]:
        members = [Member("qpv2024", "Q0", f"0100{n}", "composition", p) for n, p in enumerate(people)]
        return members_table([*members, Member("qpv2024", "Q0", "01000", "declare")])["part_population"].to_pylist()

    assert told(300, 700) == [0.3, 0.7]
    assert told(300, None) == [None, None]
    assert told(0, 0) == [None, None]
    assert told(1, 1, 1) == [0.333333] * 3
